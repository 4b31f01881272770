//! The cipher by itself: standard input to standard output.

use std::time::SystemTime;

use citcall_client::additive::{AdditiveStream, DecryptError, Freshness};
use clap::Args;
use serde_json::json;

use crate::exit::{Done, Failure};
use crate::input::{standard_input, text};
use crate::output::{self, Form};
use crate::secret::Source;

/// The two keys.
#[derive(Debug, Args)]
pub(crate) struct Keys {
    /// The cipher's client id: the account's user id (inferred)
    #[arg(long, value_name = "ID")]
    client_id: String,
    /// The cipher's secret: the API key, env:NAME or file:PATH
    #[arg(long, value_name = "SOURCE")]
    secret: Source,
}

/// An encryption.
#[derive(Debug, Args)]
pub(crate) struct Encrypt {
    #[command(flatten)]
    keys: Keys,
    /// The time inside, in Unix seconds [default: now]
    #[arg(long, value_name = "UNIX")]
    at: Option<u64>,
}

/// A decryption.
#[derive(Debug, Args)]
pub(crate) struct Decrypt {
    #[command(flatten)]
    keys: Keys,
    #[command(flatten)]
    clock: Window,
}

/// How far the time inside may lie from the receiver's.
#[derive(Debug, Args)]
pub(crate) struct Window {
    /// The receiver's time, in Unix seconds [default: now]
    #[arg(long, value_name = "UNIX")]
    now: Option<u64>,
    /// How many seconds the time inside may lie away from it
    #[arg(long, value_name = "SECONDS", default_value_t = 480)]
    pub(super) window: u64,
    /// Do not judge the time inside
    #[arg(long)]
    pub(super) any_time: bool,
}

impl Keys {
    fn stream(&self) -> Result<AdditiveStream, Failure> {
        if self.secret == Source::Stdin {
            return Err(Failure::usage(
                "standard input is the text: give the secret as env:NAME or file:PATH",
            ));
        }
        let secret = self.secret.text()?;
        AdditiveStream::new(&self.client_id, secret.expose())
            .map_err(|e| Failure::not_sent(e.to_string()))
    }
}

impl Window {
    pub(super) fn now(&self) -> u64 {
        self.now.unwrap_or_else(now)
    }
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}

pub(super) fn encrypt(encrypt: &Encrypt, form: Form) -> Done {
    let (stream, bytes) = (encrypt.keys.stream()?, standard_input()?);
    let at = encrypt.at.unwrap_or_else(now);
    let ciphertext = stream.encrypt(text(&bytes)?, at).map_err(|e| {
        Failure::not_sent(e.to_string()).help("write such characters as \\uXXXX in the JSON")
    })?;
    match form {
        Form::Table => output::line(&ciphertext),
        Form::Json => output::json(&json!({ "at": at, "ciphertext": ciphertext })),
    }
}

pub(super) fn decrypt(decrypt: &Decrypt, form: Form) -> Done {
    let (stream, bytes) = (decrypt.keys.stream()?, standard_input()?);
    let clock = &decrypt.clock;
    let freshness = if clock.any_time {
        Freshness::Unchecked
    } else {
        Freshness::Within {
            now: clock.now(),
            seconds: clock.window,
        }
    };
    let message = stream.decrypt(text(&bytes)?, freshness).map_err(|e| {
        let failure = Failure::not_sent(e.to_string());
        match e {
            DecryptError::Expired { .. } => {
                failure.help("check the clock, or add --any-time to read an old message")
            }
            DecryptError::BadTimestamp | DecryptError::MissingTimestamp => {
                failure.help("check --client-id and --secret")
            }
            _ => failure.help("check that nothing was lost or changed in copying"),
        }
    })?;
    match form {
        Form::Table => output::octets(message.text().as_bytes()),
        Form::Json => output::json(&json!({ "sent_at": message.sent_at, "text": message.text() })),
    }
}
