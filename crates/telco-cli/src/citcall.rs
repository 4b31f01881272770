//! `telco citcall …`: Indonesia's missed-call codes.

mod callback;
mod cipher;
mod code;

use citcall_client::{Authorization, Client, Credentials, parse_msisdn, v3};
use clap::{Args, Subcommand, ValueEnum};
use telco_core::{Msisdn, Reference};
use telco_otp::{LocalOtp, OtpKey};

use std::sync::Arc;

use crate::config::{Settings, confirm_spend};
use crate::exit::{Done, Failure};
use crate::input::{reference, valid};
use crate::output::Form;
use crate::secret::Source;

const NAME: &str = "citcall";

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Citcall {
    /// Ring a phone once, and print the pending record that `verify` takes
    #[command(
        after_help = "Example:\n  head -c 32 /dev/urandom | base64 > otp.key\n  telco citcall call --msisdn 081234567890 --otp-key file:otp.key > pending.txt"
    )]
    Call(code::Call),
    /// Check what was typed: the last four digits of the caller, or the whole number
    #[command(
        after_help = "Example (the code is typed on standard input):\n  telco citcall verify --pending file:pending.txt --otp-key file:otp.key"
    )]
    Verify(code::Verify),
    /// Send a text message, plain or with a code (v3)
    #[command(
        after_help = "Examples:\n  telco citcall sms --msisdn 081234567890 --sender CITCALL --text 'Your parcel is here'\n  \
                      telco citcall sms --msisdn 081234567890 --sender CITCALL --text 'XXXXX is your number' --otp > pending.txt"
    )]
    Sms(code::Sms),
    /// Read a push of the provider from standard input
    #[command(after_help = "Examples:\n  telco citcall callback < push.json\n  \
                      telco citcall callback --client-id demo --secret env:S < encrypted-push.json")]
    Callback(callback::Push),
    /// Encrypt JSON text from standard input
    #[command(
        after_help = "Example:\n  printf %s '{\"a\":1}' | telco citcall encrypt --client-id demo --secret env:S --at 1519012727"
    )]
    Encrypt(cipher::Encrypt),
    /// Decrypt a ciphertext from standard input
    #[command(
        after_help = "Example:\n  telco citcall decrypt --client-id demo --secret env:S --any-time < ciphertext.txt"
    )]
    Decrypt(cipher::Decrypt),
}

/// Which of the two APIs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Api {
    /// Encrypted; codes are checked here
    V2,
    /// Plain JSON; the provider checks codes
    V3,
}

/// Which account, and where.
#[derive(Debug, Args)]
pub(crate) struct Account {
    /// Where the API is [TELCO_CITCALL_BASE_URL; default https://gateway.citcall.com, v3 https://pub.citcall.com]
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// Who calls; v2 only [TELCO_CITCALL_USER_ID]
    #[arg(long, value_name = "ID")]
    user_id: Option<String>,
    /// The API key: env:NAME, file:PATH or - [TELCO_CITCALL_API_KEY]
    #[arg(long, value_name = "SOURCE")]
    api_key: Option<Source>,
}

/// What codes are checked with on this side.
#[derive(Debug, Args)]
pub(crate) struct Codes {
    /// 32 random bytes or more, kept apart from pending records: env:NAME, file:PATH or - [TELCO_CITCALL_OTP_KEY]
    #[arg(long, value_name = "SOURCE")]
    otp_key: Option<Source>,
    /// Counts attempts; all that check codes share it [TELCO_CITCALL_OTP_STORE; default telco-otp.sqlite]
    #[arg(long, value_name = "FILE")]
    otp_store: Option<String>,
}

/// One spending call.
#[derive(Debug, Args)]
pub(crate) struct Spend {
    /// Whose phone
    #[arg(long, value_name = "NUMBER")]
    msisdn: String,
    /// Your own id of this one operation. Made up and printed if you give none
    #[arg(long, value_name = "ID")]
    reference: Option<String>,
    /// Do not ask before spending
    #[arg(long)]
    yes: bool,
}

impl Account {
    fn base_url(&self, settings: &Settings, default: &str) -> Result<String, Failure> {
        let given = settings
            .of(NAME)
            .text("base_url", self.base_url.as_deref())?;
        Ok(given.unwrap_or_else(|| default.to_owned()))
    }

    /// The v2 client and where it talks to.
    fn v2(&self, settings: &Settings) -> Result<(Client, String), Failure> {
        let section = settings.of(NAME);
        let base_url = self.base_url(settings, "https://gateway.citcall.com")?;
        let user_id = section.required("user_id", self.user_id.as_deref())?;
        let key = section.secret("api_key", self.api_key.as_ref())?;
        let client = Client::builder(Credentials::new(user_id, key)?).base_url(&base_url);
        Ok((client.build()?, base_url))
    }

    /// The v3 client and where it talks to.
    fn v3(&self, settings: &Settings) -> Result<(v3::Client, String), Failure> {
        let base_url = self.base_url(settings, "https://pub.citcall.com")?;
        let key = settings.of(NAME).secret("api_key", self.api_key.as_ref())?;
        let client = v3::Client::builder(Credentials::api_key(key)?)
            .authorization(Authorization::ApiKey)
            .base_url(&base_url);
        Ok((client.build()?, base_url))
    }
}

impl Codes {
    fn local(&self, settings: &Settings) -> Result<LocalOtp, Failure> {
        let section = settings.of(NAME);
        let key = section
            .required_source("otp_key", self.otp_key.as_ref())?
            .octets()?;
        let key = OtpKey::new("cli", key)?;
        let store = section.otp_store(self.otp_store.as_deref())?;
        Ok(LocalOtp::new(key, Arc::new(store)))
    }
}

impl Spend {
    fn to(&self) -> Result<Msisdn, Failure> {
        valid(parse_msisdn(&self.msisdn))
    }

    /// The reference, after the question whether to spend at all.
    fn begin(&self, base_url: &str, what: &str, to: &Msisdn) -> Result<Reference, Failure> {
        confirm_spend(base_url, &format!("{what} {}", to.masked()), self.yes)?;
        reference(self.reference.as_deref())
    }
}

/// Runs one command.
pub(crate) async fn run(command: &Citcall, settings: &Settings, form: Form) -> Done {
    match command {
        Citcall::Call(call) => code::call(call, settings, form).await,
        Citcall::Verify(verify) => code::verify(verify, settings, form).await,
        Citcall::Sms(sms) => code::sms(sms, settings, form).await,
        Citcall::Callback(push) => callback::read(push, form),
        Citcall::Encrypt(encrypt) => cipher::encrypt(encrypt, form),
        Citcall::Decrypt(decrypt) => cipher::decrypt(decrypt, form),
    }
}
