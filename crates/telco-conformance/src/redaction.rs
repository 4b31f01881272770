//! Secrets and phone numbers appear nowhere: searched for in everything that a person or a log could see.

use std::error::Error as StdError;
use std::fmt::Debug;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use telco_core::Msisdn;
use tracing_subscriber::fmt::MakeWriter;

use crate::Report;

/// Values that must never be seen, in every spelling in which they might leak.
#[derive(Clone, Default)]
pub struct Canaries {
    /// Names and spellings.
    spellings: Vec<(String, String)>,
    /// Names and digits, which people write in groups.
    digits: Vec<(String, String)>,
}

impl Canaries {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A secret: raw, hex, percent-encoded, as a list of bytes, and in base64 (both alphabets) also where it is part of what
    /// was encoded, as a password is in `Authorization: Basic`. `name` stands for it in findings.
    ///
    /// Give values of at least six characters: shorter ones occur by chance.
    #[must_use]
    pub fn secret(mut self, name: &str, value: &str) -> Self {
        let all = spellings(value).into_iter();
        self.spellings
            .extend(all.map(|spelling| (name.to_owned(), spelling)));
        self
    }

    /// A phone number: whole, and its last eight digits, which every national spelling ends in; spelt as a
    /// [`secret`](Self::secret) may be, and in groups of digits, as in `0812-3456-7890`.
    #[must_use]
    pub fn number(mut self, name: &str, number: &Msisdn) -> Self {
        let digits = number.expose();
        let tail = digits
            .get(digits.len().saturating_sub(8)..)
            .unwrap_or(digits);
        self.digits.push((name.to_owned(), tail.to_owned()));
        self.secret(name, digits).secret(name, tail)
    }

    /// There is something to look for.
    pub(crate) fn any(&self) -> Result<(), String> {
        match self.spellings.is_empty() {
            true => Err("no canary is given: nothing was looked for".into()),
            false => Ok(()),
        }
    }

    /// Looks for all of them.
    ///
    /// # Errors
    /// Which one was found, without repeating it.
    pub fn search(&self, whereabouts: &str, text: &str) -> Result<(), String> {
        let joined = match self.digits.is_empty() {
            true => String::new(),
            false => digits_joined(text),
        };
        let within = |text: &str, all: &[(String, String)]| {
            let mut all = all.iter();
            let found = all.find(|(_, spelling)| text.contains(spelling.as_str()));
            found.map(|(name, _)| format!("{name} appears in {whereabouts}"))
        };
        match within(text, &self.spellings).or_else(|| within(&joined, &self.digits)) {
            Some(finding) => Err(finding),
            None => Ok(()),
        }
    }

    /// Looks for all of them in a value's `Debug`, plain and pretty.
    ///
    /// # Errors
    /// As [`search`](Self::search).
    pub fn search_debug(&self, whereabouts: &str, value: &dyn Debug) -> Result<(), String> {
        self.search(whereabouts, &format!("{value:?} {value:#?}"))
    }

    /// Looks for all of them in an error: `Debug`, `Display` and the whole chain of sources.
    ///
    /// # Errors
    /// As [`search`](Self::search).
    pub fn search_error(&self, whereabouts: &str, error: &dyn StdError) -> Result<(), String> {
        let mut link = Some(error);
        while let Some(current) = link {
            self.search(whereabouts, &format!("{current:?} {current:#?} {current}"))?;
            link = current.source();
        }
        Ok(())
    }
}

impl Debug for Canaries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Canaries")
            .field("spellings", &self.spellings.len())
            .finish()
    }
}

fn spellings(value: &str) -> Vec<String> {
    let hex: String = value.bytes().map(|byte| format!("{byte:02x}")).collect();
    let upper_hex = hex.to_uppercase();
    let percent = |hex: fn(u8) -> String| -> String {
        value
            .bytes()
            .map(|byte| match byte {
                b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
                byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
                byte => hex(byte),
            })
            .collect()
    };
    let bytes: Vec<String> = value.bytes().map(|byte| byte.to_string()).collect();
    let mut all = vec![
        value.to_owned(),
        value.escape_debug().to_string(),
        hex,
        upper_hex,
        percent(|byte| format!("%{byte:02X}")),
        percent(|byte| format!("%{byte:02x}")),
        bytes.join(", "),
    ];
    all.extend(in_base64(value));
    all
}

/// What base64 shows of a value whatever stands before and after it: each of three bytes may be its first, and the
/// characters that it shares with a neighbour are left out.
fn in_base64(value: &str) -> impl Iterator<Item = String> {
    /// Fewer characters occur by chance.
    const LEAST: usize = 6;
    let aligned = move |(before, shared): (usize, usize)| {
        let bytes = [&vec![0; before], value.as_bytes()].concat();
        let whole = bytes.len() * 8 / 6;
        [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD]
            .map(|alphabet| alphabet.encode(&bytes))
            .map(|text| text.get(shared..whole).unwrap_or_default().to_owned())
    };
    [(0, 0), (1, 2), (2, 3)]
        .into_iter()
        .flat_map(aligned)
        .filter(|text| text.len() >= LEAST)
}

/// The text without what people write between the digits of a number.
fn digits_joined(text: &str) -> String {
    const BETWEEN: &[char] = &[' ', '-', '.', '(', ')'];
    let mut joined = String::with_capacity(text.len());
    let mut held = String::new();
    for c in text.chars() {
        let after_digit = !held.is_empty() || joined.ends_with(|c: char| c.is_ascii_digit());
        if after_digit && BETWEEN.contains(&c) {
            held.push(c);
            continue;
        }
        if !c.is_ascii_digit() {
            joined.push_str(&held);
        }
        held.clear();
        joined.push(c);
    }
    joined + &held
}

/// Everything that is traced (at TRACE) or panicked in this process from here on.
///
/// Install it once per test program, before the first client is built: it is the process's subscriber, so that helper
/// threads are heard too.
#[derive(Debug, Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Begins to listen.
    ///
    /// # Errors
    /// Another subscriber is already installed in this process.
    pub fn install() -> Result<Self, String> {
        let log = Self::default();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(log.clone())
            .finish();
        tracing::subscriber::set_global_default(subscriber).map_err(|e| e.to_string())?;
        let panics = log.clone();
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            panics.bytes().extend(info.to_string().bytes());
            before(info);
        }));
        Ok(log)
    }

    /// All of it so far.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }

    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl io::Write for Log {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        self.bytes().extend(part);
        Ok(part.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// The redaction suite: no canary in the `Debug` of these values nor in this log, and the safe fields that must be there
/// (provider, operation, masked numbers) are shown by one or the other. What would pass too easily does not: no canary to look
/// for, or a log that shows none of the safe fields, whatever `Debug` shows.
pub fn redaction(
    canaries: &Canaries,
    values: &[(&str, &dyn Debug)],
    log: &str,
    must_show: &[&str],
) -> Report {
    let mut report = Report::default();
    report.check("there are secrets to look for", canaries.any());
    let mut shown = String::new();
    for (name, value) in values {
        let whereabouts = format!("Debug of {name}");
        report.check(
            format!("{whereabouts} holds no secret"),
            canaries.search_debug(&whereabouts, value),
        );
        shown.push_str(&format!("{value:?}"));
    }
    report.check("the log holds no secret", canaries.search("the log", log));
    for safe in must_show {
        let there = match log.contains(safe) || shown.contains(safe) {
            true => Ok(()),
            false => Err(format!("{safe:?} appears nowhere")),
        };
        report.check(format!("{safe:?} is shown"), there);
    }
    let heard = "the log is not silent";
    if must_show.is_empty() {
        report.left_out(heard, "no field is named that it must show");
    } else {
        let shows = match must_show.iter().any(|safe| log.contains(safe)) {
            true => Ok(()),
            false => Err(format!("it shows none of {must_show:?}")),
        };
        report.check(heard, shows);
    }
    report
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn every_spelling_is_found() {
        let number = Msisdn::parse("2348031234567").unwrap();
        let canaries = Canaries::new()
            .secret("the key", "k/y+secret~")
            .secret("a text", "two \"lines\"\n")
            .number("the number", &number);
        let mut leaks = [
            "key=k/y+secret~",
            "Basic ay95K3NlY3JldH4=",
            "6b2f792b7365637265747e",
            "6B2F792B7365637265747E",
            "?key=k%2Fy%2Bsecret~",
            "?key=k%2fy%2bsecret~",
            r#"text: "two \"lines\"\n""#,
            "msisdn=2348031234567",
            "to 08031234567",
            "0803-123-4567",
            "+234 (803) 123.45 67",
        ]
        .map(str::to_owned)
        .to_vec();
        leaks.push(format!("{:?}", b"key=k/y+secret~&a=b"));
        leaks.push(format!("{:?}", b"to=08031234567"));
        // Part of what was encoded, at each alignment.
        for before in ["", "u", "us", "user:"] {
            for after in ["", "&", "&b", "&b="] {
                for value in ["k/y+secret~", "08031234567"] {
                    let whole = format!("{before}{value}{after}");
                    leaks.push(STANDARD.encode(&whole));
                    leaks.push(URL_SAFE_NO_PAD.encode(&whole));
                }
            }
        }
        for leak in leaks {
            assert!(canaries.search("a log", &leak).is_err(), "{leak}");
        }
        for harmless in [
            "to 23480*****567 with Secret(***)",
            "2026-11-26T09:38:45.123456Z INFO 3123 4568",
            // Only what stands between digits is left out.
            "0803, 123, 4567",
            "0803-x-1234567",
        ] {
            assert_eq!(canaries.search("a log", harmless), Ok(()), "{harmless}");
        }
        let finding = canaries.search("a log", "k/y+secret~").unwrap_err();
        assert_eq!(finding, "the key appears in a log");
    }

    #[test]
    fn sources_are_searched_too() {
        let inner = std::io::Error::other("token-123456");
        let outer =
            telco_core::Error::answered(telco_core::ErrorKind::Other, "failed").with_source(inner);
        let canaries = Canaries::new().secret("the token", "token-123456");
        assert!(canaries.search_error("an error", &outer).is_err());
    }
}
