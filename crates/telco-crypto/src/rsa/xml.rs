//! Keys as .NET writes them: `<RSAKeyValue>` with base64 values, the form in which some providers register public keys.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use zeroize::Zeroizing;

use super::KeyError;
use super::der::{Components, Number, without_leading_zeros};
use crate::encoding::{base64, decode_base64_forgiving};

const NAMES: [&str; 8] = ["Modulus", "Exponent", "P", "Q", "DP", "DQ", "InverseQ", "D"];

pub(super) fn read(text: &str) -> Result<Components, KeyError> {
    let text = without_declaration(text);
    let upper = Zeroizing::new(text.to_ascii_uppercase());
    if upper.contains("<!DOCTYPE") || upper.contains("<!ENTITY") {
        return Err(KeyError::DtdForbidden);
    }
    match parse(text) {
        // Text copied out of a page is wrapped anywhere, even inside tag names. Without attributes no white space matters.
        Err(KeyError::MalformedXml) if !text.contains("=\"") => {
            parse(&Zeroizing::new(text.split_whitespace().collect::<String>()))
        }
        parsed => parsed,
    }
}

/// What encoding a declaration states does not matter: the octets have been read by what they are.
fn without_declaration(text: &str) -> &str {
    match text
        .strip_prefix("<?xml")
        .and_then(|rest| rest.split_once("?>"))
    {
        Some((_, document)) => document.trim_start(),
        None => text,
    }
}

fn parse(text: &str) -> Result<Components, KeyError> {
    let mut reader = Reader::from_str(text);
    let mut values: [Option<Zeroizing<String>>; NAMES.len()] = Default::default();
    let mut current = None;
    let mut depth = 0usize;
    let mut root_closed = false;
    loop {
        let event = reader.read_event().map_err(|_| KeyError::MalformedXml)?;
        match event {
            Event::Start(ref tag) | Event::Empty(ref tag) => {
                let name = local_name(tag)?;
                match depth {
                    0 if root_closed => return Err(KeyError::MalformedXml),
                    0 if name != "RSAKeyValue" && name != "RSAParameters" => {
                        return Err(KeyError::NotRsa);
                    }
                    1 => current = open_value(&name, &mut values)?,
                    _ => {}
                }
                let empty = matches!(event, Event::Empty(_));
                root_closed |= empty && depth == 0;
                if empty {
                    current = if depth == 1 { None } else { current };
                } else {
                    depth += 1;
                }
            }
            Event::End(_) => {
                depth = depth.saturating_sub(1);
                root_closed |= depth == 0;
                if depth == 1 {
                    current = None;
                }
            }
            Event::Text(text) => match slot(current, &mut values) {
                Some(value) => value.push_str(&text),
                None if depth == 0 && !text.trim().is_empty() => {
                    return Err(KeyError::MalformedXml);
                }
                None => {}
            },
            Event::CData(_) | Event::GeneralRef(_) if current.is_some() => {
                return Err(KeyError::InvalidBase64);
            }
            Event::DocType(_) => return Err(KeyError::DtdForbidden),
            Event::Eof => break,
            _ => {}
        }
    }
    if !root_closed {
        return Err(KeyError::MalformedXml);
    }
    let [n, e, p, q, dp, dq, q_inverse, d] = values;
    Ok(Components {
        n: number(n)?.ok_or(KeyError::MissingModulus)?,
        e: number(e)?.ok_or(KeyError::MissingExponent)?,
        p: number(p)?,
        q: number(q)?,
        dp: number(dp)?,
        dq: number(dq)?,
        q_inverse: number(q_inverse)?,
        d: number(d)?,
    })
}

fn local_name(tag: &BytesStart<'_>) -> Result<String, KeyError> {
    for attribute in tag.attributes() {
        attribute.map_err(|_| KeyError::MalformedXml)?;
    }
    Ok(tag.local_name().as_ref().to_owned())
}

fn open_value(
    name: &str,
    values: &mut [Option<Zeroizing<String>>],
) -> Result<Option<usize>, KeyError> {
    let Some(index) = NAMES.iter().position(|known| *known == name) else {
        return Ok(None);
    };
    match values.get_mut(index) {
        Some(value @ None) => {
            *value = Some(Zeroizing::default());
            Ok(Some(index))
        }
        _ => Err(KeyError::DuplicateElement),
    }
}

fn slot(
    current: Option<usize>,
    values: &mut [Option<Zeroizing<String>>],
) -> Option<&mut Zeroizing<String>> {
    values.get_mut(current?)?.as_mut()
}

/// Any white space inside is dropped; an empty value counts as missing.
fn number(text: Option<Zeroizing<String>>) -> Result<Option<Number>, KeyError> {
    let compact: Zeroizing<String> = Zeroizing::new(
        text.iter()
            .flat_map(|text| text.split_whitespace())
            .collect(),
    );
    let bytes =
        Zeroizing::new(decode_base64_forgiving(&compact).map_err(|_| KeyError::InvalidBase64)?);
    let digits = without_leading_zeros(&bytes);
    Ok((!digits.is_empty()).then(|| Zeroizing::new(digits.to_vec())))
}

/// One line, no declaration; each value in the fixed width given with it, as .NET does.
pub(super) fn write(values: &[(&str, &[u8], usize)]) -> Zeroizing<String> {
    let mut xml = Zeroizing::new(String::with_capacity(4096));
    xml.push_str("<RSAKeyValue>");
    for (name, number, width) in values {
        let digits = without_leading_zeros(number);
        let mut padded = Zeroizing::new(vec![0; width.saturating_sub(digits.len())]);
        padded.extend_from_slice(digits);
        let text = Zeroizing::new(base64(&padded));
        for part in ["<", name, ">", &text, "</", name, ">"] {
            xml.push_str(part);
        }
    }
    xml.push_str("</RSAKeyValue>");
    xml
}
