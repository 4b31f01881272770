//! DER and its armour: as much of both as the keys of this crate need.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A DER element that is being read.
pub(super) struct Der<'a>(pub(super) &'a [u8]);

impl<'a> Der<'a> {
    /// The content of the next element, if it has this tag; lengths of up to three octets, which is 16 MiB.
    pub(super) fn open(&mut self, tag: u8) -> Option<Der<'a>> {
        let (&[found, first], mut rest) = self.0.split_first_chunk::<2>()?;
        if found != tag {
            return None;
        }
        let mut length = usize::from(first);
        if first >= 0x80 {
            let octets = usize::from(first & 0x7f);
            let (long, after) = rest.split_at_checked(octets).filter(|_| octets <= 3)?;
            length = long
                .iter()
                .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
            rest = after;
        }
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(Der(content))
    }
}

pub(super) fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let length = unsigned(&length);
    let mut out = vec![tag];
    match length {
        [] => out.push(0),
        [short] if *short < 0x80 => out.push(*short),
        long => {
            out.push(0x80 | u8::try_from(long.len()).unwrap_or(0));
            out.extend(long);
        }
    }
    out.extend(content);
    out
}

/// Without leading zeros.
pub(super) fn unsigned(value: &[u8]) -> &[u8] {
    let zeros = value.iter().take_while(|byte| **byte == 0).count();
    value.get(zeros..).unwrap_or_default()
}

/// With leading zeros up to `width`.
pub(super) fn widen(value: &[u8], width: usize) -> Vec<u8> {
    let mut out = vec![0; width.saturating_sub(value.len())];
    out.extend(value);
    out
}

pub(super) fn armour(der: &[u8], label: &str) -> String {
    let mut pem = format!("-----BEGIN {label}-----\n");
    for (i, c) in STANDARD.encode(der).chars().enumerate() {
        if i > 0 && i % 64 == 0 {
            pem.push('\n');
        }
        pem.push(c);
    }
    pem + &format!("\n-----END {label}-----\n")
}

pub(super) fn unarmour(pem: &str, label: &str) -> Option<Vec<u8>> {
    let (_, rest) = pem.split_once(&format!("-----BEGIN {label}-----"))?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    let joined: String = body.split_ascii_whitespace().collect();
    STANDARD.decode(joined).ok()
}
