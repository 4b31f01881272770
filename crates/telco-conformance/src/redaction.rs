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
    spellings: Vec<(String, String)>,
}

impl Canaries {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A secret: raw, base64 (both alphabets), hex, percent-encoded. `name` stands for it in findings.
    ///
    /// Give values of at least six characters: shorter ones occur by chance.
    #[must_use]
    pub fn secret(mut self, name: &str, value: &str) -> Self {
        let hex: String = value.bytes().map(|byte| format!("{byte:02x}")).collect();
        let percent: String = value.bytes().map(percent_encoded).collect();
        let upper_hex = hex.to_uppercase();
        for spelling in [
            value.to_owned(),
            STANDARD_NO_PAD.encode(value),
            URL_SAFE_NO_PAD.encode(value),
            hex,
            upper_hex,
            percent,
        ] {
            self.spellings.push((name.to_owned(), spelling));
        }
        self
    }

    /// A phone number: whole, and its last eight digits, which every national spelling ends in.
    #[must_use]
    pub fn number(mut self, name: &str, number: &Msisdn) -> Self {
        let digits = number.expose();
        let tail = digits
            .get(digits.len().saturating_sub(8)..)
            .unwrap_or(digits);
        for spelling in [digits, tail] {
            self.spellings.push((name.to_owned(), spelling.to_owned()));
        }
        self
    }

    /// Looks for all of them.
    ///
    /// # Errors
    /// Which one was found, without repeating it.
    pub fn search(&self, whereabouts: &str, text: &str) -> Result<(), String> {
        match self
            .spellings
            .iter()
            .find(|(_, spelling)| text.contains(spelling.as_str()))
        {
            Some((name, _)) => Err(format!("{name} appears in {whereabouts}")),
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

fn percent_encoded(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
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
/// (provider, operation, masked numbers) are shown by one or the other. A log that shows none of them would pass too easily,
/// whatever `Debug` shows: it fails.
pub fn redaction(
    canaries: &Canaries,
    values: &[(&str, &dyn Debug)],
    log: &str,
    must_show: &[&str],
) -> Report {
    let mut report = Report::default();
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
    let silent = !must_show.is_empty() && !must_show.iter().any(|safe| log.contains(safe));
    let heard = match silent {
        true => Err(format!("it shows none of {must_show:?}")),
        false => Ok(()),
    };
    report.check("the log is not silent", heard);
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_found() {
        let number = Msisdn::parse("2348031234567").unwrap();
        let canaries = Canaries::new()
            .secret("the key", "k/y+secret~")
            .number("the number", &number);
        for leak in [
            "key=k/y+secret~",
            "Basic ay95K3NlY3JldH4=",
            "6b2f792b7365637265747e",
            "6B2F792B7365637265747E",
            "?key=k%2Fy%2Bsecret~",
            "msisdn=2348031234567",
            "to 08031234567",
        ] {
            assert!(canaries.search("a log", leak).is_err(), "{leak}");
        }
        assert!(
            canaries
                .search("a log", "to 23480*****567 with Secret(***)")
                .is_ok()
        );
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
