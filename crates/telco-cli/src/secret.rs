//! Secrets are given as sources, never as values: `env:NAME`, `file:PATH`, or `-` for standard input.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use telco_core::{Secret, SecretBytes};
use zeroize::Zeroizing;

use crate::exit::Failure;
use crate::input::standard_input;

/// Where a secret is read from.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// An environment variable, taken as it is.
    Env(String),
    /// A file; one final line end is dropped.
    File(PathBuf),
    /// Standard input; one final line end is dropped.
    Stdin,
    /// The value of a `TELCO_…` setting in the environment, which is no command line.
    Literal(Secret),
}

impl FromStr for Source {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            _ if text == "-" => Ok(Self::Stdin),
            Some(("env", name)) if !name.is_empty() => Ok(Self::Env(name.to_owned())),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            // The text is not repeated: it may be the secret itself.
            _ => Err(
                "a secret is given as a source, not as a value: write env:NAME for an environment variable, file:PATH \
                      for a file, or - for standard input (a command line is seen by everybody on the machine)",
            ),
        }
    }
}

impl Source {
    /// For a setting read from the environment: a source, or the secret itself.
    pub(crate) fn from_environment(value: String) -> Self {
        value
            .parse()
            .unwrap_or_else(|_| Self::Literal(Secret::new(value)))
    }

    /// Reads it as text.
    pub(crate) fn text(&self) -> Result<Secret, Failure> {
        let bytes = self.without_line_end()?;
        let text = std::str::from_utf8(&bytes).map_err(|_| self.fails("is not UTF-8 text"))?;
        Ok(Secret::new(text))
    }

    /// Reads it as octets: for keys that are no text.
    pub(crate) fn octets(&self) -> Result<SecretBytes, Failure> {
        let bytes = self.without_line_end()?;
        Ok(SecretBytes::new(bytes.as_slice()))
    }

    fn without_line_end(&self) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let mut bytes = self.read()?;
        if matches!(self, Self::File(_) | Self::Stdin) {
            drop_one_line_end(&mut bytes);
        }
        Ok(bytes)
    }

    /// Reads it untouched: for RSA keys, whose forms are told apart by their bytes.
    pub(crate) fn bytes(&self) -> Result<SecretBytes, Failure> {
        self.read().map(|bytes| SecretBytes::new(bytes.as_slice()))
    }

    fn read(&self) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let bytes = match self {
            Self::Env(name) => {
                let value = std::env::var_os(name).ok_or_else(|| self.fails("is not set"))?;
                value
                    .into_string()
                    .map_err(|_| self.fails("is not UTF-8 text"))?
                    .into_bytes()
            }
            Self::File(path) => {
                std::fs::read(path).map_err(|e| self.fails(&format!("cannot be read: {e}")))?
            }
            Self::Stdin => std::mem::take(&mut *standard_input()?),
            Self::Literal(secret) => secret.expose().as_bytes().to_vec(),
        };
        if bytes.is_empty() {
            return Err(self.fails("is empty"));
        }
        Ok(Zeroizing::new(bytes))
    }

    fn fails(&self, how: &str) -> Failure {
        let what = match self {
            Self::Env(name) => format!("the environment variable {name}"),
            Self::File(path) => format!("the file {}", path.display()),
            Self::Stdin => "standard input".to_owned(),
            Self::Literal(_) => "a setting in the environment".to_owned(),
        };
        Failure::not_sent(format!("{what} {how}"))
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Stdin => f.write_str("-"),
            Self::Literal(_) => f.write_str("***"),
        }
    }
}

/// One final LF or CRLF: what editors and `echo` add.
fn drop_one_line_end(bytes: &mut Vec<u8>) {
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_is_refused_without_being_repeated() {
        for literal in ["hunter2secret", "env:", "file:", "", "ENV:X", "http://x"] {
            let refusal = literal.parse::<Source>().unwrap_err();
            assert!(
                refusal.contains("env:NAME") && !refusal.contains("hunter2"),
                "{refusal}"
            );
        }
    }

    #[test]
    fn one_line_end_is_dropped_and_no_more() {
        for (before, after) in [
            ("a\n", "a"),
            ("a\r\n", "a"),
            ("a\n\n", "a\n"),
            ("a\r", "a\r"),
            (" a ", " a "),
        ] {
            let mut bytes = before.as_bytes().to_vec();
            drop_one_line_end(&mut bytes);
            assert_eq!(bytes, after.as_bytes(), "{before:?}");
        }
    }

    #[test]
    fn debug_shows_where_never_what() {
        assert_eq!(
            format!("{:?}", Source::from_environment("s3cret".into())),
            "***"
        );
        assert_eq!(
            format!("{:?}", Source::from_environment("env:K".into())),
            "env:K"
        );
    }
}
