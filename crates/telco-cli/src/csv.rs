//! A CSV file, read a record at a time, strictly: what is guessed wrong here is money sent to somebody else.
//!
//! Comma, semicolon or tab; quoted fields, which may hold line breaks; a byte-order mark; LF or CRLF. UTF-8 only. A record
//! knows the line that it begins on. Nothing of this program is used here: the fuzz target takes this file as it is.

use std::io::{BufRead as _, BufReader, Read};

#[cfg(test)]
mod hostile;

/// Longest record in octets. A quote that is never closed must not swallow a million rows.
const LONGEST: usize = 64 * 1024;

/// Why a file cannot be read on.
#[derive(Debug)]
pub(crate) struct Broken {
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) help: Option<&'static str>,
}

impl Broken {
    fn at(line: u64, what: impl std::fmt::Display) -> Self {
        Self {
            message: format!("line {line}: {what}"),
            help: None,
        }
    }

    fn encoding(line: u64, what: &str) -> Self {
        Self::at(line, what).help("save the whole file as CSV UTF-8")
    }

    fn help(self, help: &'static str) -> Self {
        Self {
            help: Some(help),
            ..self
        }
    }
}

/// The records of a file.
pub(crate) struct Records<R> {
    input: BufReader<R>,
    line: u64,
    separator: char,
}

/// The fields between the separators of one record.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// The line that it begins on, from 1.
    pub(crate) line: u64,
    pub(crate) fields: Vec<String>,
}

impl<R: Read> Records<R> {
    /// Reads the header, which also says what separates the fields.
    pub(crate) fn new(input: R) -> Result<(Self, Record), Broken> {
        let mut records = Self {
            input: BufReader::with_capacity(LONGEST, input),
            line: 0,
            separator: ',',
        };
        let mut header = Vec::new();
        records.read_line(&mut header)?;
        let text = text(1, &header)?;
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
        if text.trim().is_empty() {
            return Err(Broken::at(1, "there is no header")
                .help("the first line names the columns, such as number"));
        }
        records.separator = [';', '\t']
            .into_iter()
            .find(|c| text.contains(*c))
            .unwrap_or(',');
        let fields = split(text, records.separator).map_err(|why| Broken::at(1, why))?;
        Ok((records, Record { line: 1, fields }))
    }

    /// The next record. Empty lines are none.
    pub(crate) fn next(&mut self) -> Result<Option<Record>, Broken> {
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            if !self.read_line(&mut bytes)? {
                return Ok(None);
            }
            if !bytes.trim_ascii().is_empty() {
                break;
            }
        }
        let line = self.line;
        let mut counted = 0;
        let mut quotes = 0_usize;
        loop {
            // Each line once: a quote that is never closed gathers lines until the limit.
            let new = bytes.get(counted..).unwrap_or_default();
            quotes += new.iter().filter(|byte| **byte == b'"').count();
            counted = bytes.len();
            if quotes.is_multiple_of(2) {
                break;
            }
            if !self.read_line(&mut bytes)? {
                return Err(Broken::at(
                    line,
                    "a quoted field begins here and never ends",
                ));
            }
        }
        let fields =
            split(text(line, &bytes)?, self.separator).map_err(|why| Broken::at(line, why))?;
        Ok(Some(Record { line, fields }))
    }

    /// Appends one line; `false` at the end of the file.
    fn read_line(&mut self, bytes: &mut Vec<u8>) -> Result<bool, Broken> {
        let before = bytes.len();
        let room = (LONGEST + 1).saturating_sub(before) as u64;
        self.line += 1;
        let read = self.input.by_ref().take(room).read_until(b'\n', bytes);
        let read =
            read.map_err(|e| Broken::at(self.line, format!("the file cannot be read: {e}")))?;
        if bytes.len() > LONGEST {
            return Err(Broken::at(
                self.line,
                "a row is longer than 64 KiB: a quote is not closed, or this is no CSV",
            ));
        }
        let new = bytes.get(before..).unwrap_or_default();
        text(self.line, new)?;
        Ok(read > 0)
    }
}

fn text(line: u64, bytes: &[u8]) -> Result<&str, Broken> {
    if bytes.contains(&0) {
        return Err(Broken::encoding(line, "there is a NUL octet, as in UTF-16"));
    }
    std::str::from_utf8(bytes).map_err(|_| Broken::encoding(line, "this is not UTF-8"))
}

/// RFC 4180, and white space around a field is dropped.
fn split(record: &str, separator: char) -> Result<Vec<String>, &'static str> {
    let record = record.strip_suffix('\n').unwrap_or(record);
    let mut rest = record.strip_suffix('\r').unwrap_or(record);
    let mut fields = Vec::new();
    loop {
        let (field, after) = match rest.trim_start_matches(' ').strip_prefix('"') {
            Some(quoted) => {
                let (field, after) = quoted_field(quoted)?;
                let after = after.trim_start_matches(' ');
                match after.strip_prefix(separator) {
                    Some(next) => (field, Some(next)),
                    None if after.is_empty() => (field, None),
                    None => return Err("there is text after a closing quote"),
                }
            }
            None => match rest.split_once(separator) {
                Some((field, next)) => (plain_field(field)?, Some(next)),
                None => (plain_field(rest)?, None),
            },
        };
        fields.push(field);
        match after {
            Some(next) => rest = next,
            None => return Ok(fields),
        }
    }
}

fn plain_field(field: &str) -> Result<String, &'static str> {
    if field.contains('"') {
        return Err("there is a quote inside a field that is not quoted");
    }
    if field.contains('\r') {
        return Err("there is a CR without LF: save the file with LF or CRLF line ends");
    }
    Ok(field.trim().to_owned())
}

/// Up to its closing quote; `""` is a quote.
fn quoted_field(mut rest: &str) -> Result<(String, &str), &'static str> {
    let mut field = String::new();
    while let Some((before, after)) = rest.split_once('"') {
        field.push_str(before);
        match after.strip_prefix('"') {
            Some(next) => {
                field.push('"');
                rest = next;
            }
            None => return Ok((field.trim().to_owned(), after)),
        }
    }
    Err("a quoted field never ends")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Vec<(u64, Vec<String>)>, String> {
        let run = || {
            let (mut records, header) = Records::new(bytes)?;
            let mut all = vec![(header.line, header.fields)];
            while let Some(record) = records.next()? {
                all.push((record.line, record.fields));
            }
            Ok(all)
        };
        run().map_err(|broken: Broken| broken.message)
    }

    fn fields(line: u64, fields: &[&str]) -> (u64, Vec<String>) {
        (line, fields.iter().map(|f| (*f).to_owned()).collect())
    }

    #[test]
    fn every_usual_form_is_read() {
        let wanted = vec![
            fields(1, &["number", "amount"]),
            fields(2, &["0803", "100"]),
        ];
        for text in [
            "number,amount\n0803,100\n",
            "number,amount\r\n0803,100\r\n",
            "\u{FEFF}number;amount\n0803;100",
            "number\tamount\n0803\t100\n",
            "\"number\",\"amount\"\n \"0803\" , 100 \n\n  \n",
        ] {
            assert_eq!(read(text.as_bytes()).unwrap(), wanted, "{text:?}");
        }
    }

    #[test]
    fn quotes_may_hold_separators_quotes_and_lines() {
        let all = read(b"a,b\n\"x, \"\"y\"\"\nz\",1\n,2\n").unwrap();
        assert_eq!(
            all,
            [
                fields(1, &["a", "b"]),
                fields(2, &["x, \"y\"\nz", "1"]),
                fields(4, &["", "2"])
            ]
        );
    }

    #[test]
    fn what_is_broken_is_refused_with_its_line() {
        let long = format!("a,b\n1,\"{}\n", "x,\n".repeat(40_000));
        for (bytes, told) in [
            (&b""[..], "line 1: there is no header"),
            (b"\n1,2\n", "line 1: there is no header"),
            (b"\xFF\xFEn\0", "line 1: there is a NUL octet, as in UTF-16"),
            (b"a,b\n1,2\nJos\xE9,2\n", "line 3: this is not UTF-8"),
            (b"a,b\n\"1\n2\n\xE9\",2\n", "line 4: this is not UTF-8"),
            (b"a,b\n1,\0\n", "line 2: there is a NUL"),
            (b"a,b\n1,\"2\n3,4\n", "line 2: a quoted field begins here"),
            (b"a,b\n1,2\"\"3\n", "line 2: there is a quote inside"),
            (b"a,b\n\"1\"x,2\n", "line 2: there is text after"),
            (b"a,b\r1,2\r", "line 1: there is a CR"),
            (long.as_bytes(), "longer than 64 KiB"),
        ] {
            let refusal = read(bytes).unwrap_err();
            assert!(refusal.contains(told), "{told}: {refusal}");
        }
    }

    #[test]
    fn hostile_files_are_read_or_refused() {
        let samples: &[&[u8]] = &[
            b"number,amount\r\n0803,100\r\n",
            "\u{FEFF}number;amount\n\"08;03\n\"\"\";100".as_bytes(),
        ];
        telco_conformance::hostile("files", samples, 500, hostile::file).assert_passed();
    }
}
