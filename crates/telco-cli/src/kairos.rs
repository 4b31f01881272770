//! `telco kairos …`: India's outbound calls.

mod call;
mod csv;
mod pull;
mod seal;

use clap::{Args, Subcommand, ValueEnum};
use kairos_client::envelope::{Envelope, PADDINGS, padding_named};
use kairos_client::{Finding, FlowId, Kind, Padding, PublicKey, SecurityId};
use serde_json::json;
use telco_core::{ErrorKind, NotSent, Reference, Submission};

use crate::config::{Settings, confirm};
use crate::exit::{Done, Failure, accepted};
use crate::interrupt::answered;
use crate::output::{self, Form};
use crate::secret::Source;

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Kairos {
    /// Place calls: one from flags, or many from a CSV file
    #[command(after_help = call::EXAMPLES)]
    Call(call::Place),
    /// Ask what became of calls, where the provider gave you a URL for that
    #[command(after_help = pull::EXAMPLES)]
    Pull(pull::Pull),
    /// Print the envelope around the JSON that comes in on standard input
    #[command(after_help = seal::EXAMPLES)]
    Seal(seal::Seal),
    /// Have the provider make a new RSA key pair for the flow: very likely, older public keys become useless
    #[command(
        after_help = "Example:\n  telco kairos generate-key-pair --yes --output json > answer.json\n\n\
            The answer is printed as it came, also where nobody can tell from it whether the pair was replaced (exit code 12): \
            keep it, it may hold the new public key."
    )]
    GenerateKeyPair(Ask),
    /// Find the RSA padding, with requests that cannot dial
    #[command(
        after_help = "Examples:\n  telco kairos probe --public-key flow.pem\n  telco kairos probe --public-key flow.pem --dialer\n\n\
            The name that it finds right goes into --padding of `call` and `seal`."
    )]
    Probe(Probe),
}

/// Which flow, and where.
#[derive(Debug, Args)]
pub(crate) struct Account {
    /// Where the API is [TELCO_KAIROS_BASE_URL; default: the provider's host for this kind]
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// The flow, eight letters and digits [TELCO_KAIROS_FLOW_ID]
    #[arg(long, value_name = "ID")]
    flow_id: Option<String>,
    /// The flow's secret: env:NAME, file:PATH or - [TELCO_KAIROS_SECURITY_ID]
    #[arg(long, value_name = "SOURCE")]
    security_id: Option<Source>,
}

/// How requests are encrypted.
#[derive(Debug, Args)]
pub(crate) struct Key {
    /// The flow's public key, a PEM or DER file [TELCO_KAIROS_PUBLIC_KEY_PATH]
    #[arg(long, value_name = "PATH")]
    public_key: Option<String>,
    /// The RSA padding: pkcs1v15, oaep_sha1, oaep_sha256, oaep_sha256_java, oaep_sha512 or oaep_sha512_java
    #[arg(long, value_name = "NAME", value_parser = padding, default_value = "pkcs1v15")]
    padding: Padding,
}

/// Something that is asked about first.
#[derive(Debug, Args)]
pub(crate) struct Ask {
    #[command(flatten)]
    account: Account,
    /// Do not ask first
    #[arg(long)]
    yes: bool,
}

/// A search for the padding.
#[derive(Debug, Args)]
pub(crate) struct Probe {
    #[command(flatten)]
    ask: Ask,
    /// The flow's public key, a PEM or DER file [TELCO_KAIROS_PUBLIC_KEY_PATH]
    #[arg(long, value_name = "PATH")]
    public_key: Option<String>,
    /// It is a dialer flow
    #[arg(long)]
    dialer: bool,
}

/// The endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum KindName {
    /// Multicast flows, sealed with the flow's public key
    #[default]
    Encrypted,
    /// Dialer flows, sealed with the flow's public key
    EncryptedDialer,
    /// Multicast flows, in plain
    RealTime,
    /// Multicast flows on the bulk host, in plain: no id per call comes back
    Bulk,
    /// Dialer flows, in plain
    Dialer,
}

impl From<KindName> for Kind {
    fn from(name: KindName) -> Self {
        match name {
            KindName::Encrypted => Self::EncryptedRealTime,
            KindName::EncryptedDialer => Self::EncryptedDialer,
            KindName::RealTime => Self::RealTime,
            KindName::Bulk => Self::Bulk,
            KindName::Dialer => Self::Dialer,
        }
    }
}

fn padding(name: &str) -> Result<Padding, String> {
    let known = || PADDINGS.map(|(name, ..)| name).join(", ");
    padding_named(name).ok_or_else(|| format!("no such padding; there are {}", known()))
}

impl Account {
    fn flow(&self, settings: &Settings) -> Result<FlowId, Failure> {
        let text = settings
            .of("kairos")
            .required("flow_id", self.flow_id.as_deref())?;
        Ok(FlowId::new(text).map_err(NotSent::because(ErrorKind::InvalidConfiguration))?)
    }

    /// Where it is, for the eyes.
    fn shown_url(&self, settings: &Settings, kind: Kind) -> Result<String, Failure> {
        Ok(self
            .given_url(settings)?
            .unwrap_or_else(|| kind.base_url().to_owned()))
    }

    fn given_url(&self, settings: &Settings) -> Result<Option<String>, Failure> {
        settings
            .of("kairos")
            .text("base_url", self.base_url.as_deref())
    }

    fn builder(&self, settings: &Settings, kind: Kind) -> Result<kairos_client::Builder, Failure> {
        let secret = settings
            .of("kairos")
            .secret("security_id", self.security_id.as_ref())?;
        let security = SecurityId::new(secret.expose())
            .map_err(NotSent::because(ErrorKind::InvalidConfiguration))?;
        let builder = kairos_client::Kairos::builder(self.flow(settings)?, security).kind(kind);
        Ok(match self.given_url(settings)? {
            Some(url) => builder.base_url(url),
            None => builder,
        })
    }
}

/// Reads the flow's public key.
fn public_key(path: Option<&str>, settings: &Settings) -> Result<PublicKey, Failure> {
    let path = settings.of("kairos").required("public_key_path", path)?;
    let bytes = std::fs::read(&path)
        .map_err(|e| Failure::not_sent(format!("the public key {path} cannot be read: {e}")))?;
    PublicKey::load(&bytes).map_err(|e| Failure::not_sent(format!("the public key {path}: {e}")))
}

/// Runs one command.
pub(crate) async fn run(command: &Kairos, settings: &Settings, form: Form) -> Done {
    match command {
        Kairos::Call(place) => call::run(place, settings, form).await,
        Kairos::Pull(question) => pull::run(question, settings, form).await,
        Kairos::Seal(options) => seal::run(options, settings),
        Kairos::GenerateKeyPair(ask) => generate_key_pair(ask, settings, form).await,
        Kairos::Probe(options) => probe(options, settings, form).await,
    }
}

const SETTLE_KEYS: &str = "the key pair may have been replaced: get the public key from the provider before you send again";

async fn generate_key_pair(ask: &Ask, settings: &Settings, form: Form) -> Done {
    let client = ask.account.builder(settings, Kind::RealTime)?.build()?;
    let host = ask.account.shown_url(settings, Kind::RealTime)?;
    let what =
        "replaces the flow's key pair, which very likely makes every older public key useless";
    confirm(&host, what, ask.yes)?;
    let reference = Reference::generate().map_err(NotSent::because(ErrorKind::Unavailable))?;
    let call = client.generate_key_pair(&reference);
    let answer = answered(&reference, SETTLE_KEYS, call).await?;
    if let Ok(Submission::Unknown(unknown)) = &answer
        && let Some(came) = unknown.answer()
    {
        // As it came: it may be the only copy of the new key.
        let mut facts = Failure::of_unknown(unknown, SETTLE_KEYS).facts();
        let came = String::from_utf8_lossy(came.expose());
        facts.push(("answer", json!(came)));
        output::keep(&output::facts_text(form, &facts));
    }
    let answer = accepted(&reference, answer, SETTLE_KEYS)?;
    output::note(
        "get the new public key from the provider: its answer does not hold it, as far as is known",
    );
    output::keep(&output::facts_text(
        form,
        &[
            ("outcome", json!("accepted")),
            ("code", json!(answer.code.number())),
            (
                "answer",
                json!(String::from_utf8_lossy(answer.answer.expose())),
            ),
        ],
    ));
    Ok(())
}

async fn probe(options: &Probe, settings: &Settings, form: Form) -> Done {
    let kind = if options.dialer {
        Kind::EncryptedDialer
    } else {
        Kind::EncryptedRealTime
    };
    let account = &options.ask.account;
    let client = account
        .builder(settings, kind)?
        .public_key(public_key(options.public_key.as_deref(), settings)?)
        .envelope(Envelope::default())
        .build()?;
    let what =
        "sends up to six requests with an empty list of calls, so that nobody can be dialled";
    confirm(&account.shown_url(settings, kind)?, what, options.ask.yes)?;
    let readings = client.probe().await.map_err(|e| Failure::of_read(&e))?;
    let found = readings
        .iter()
        .any(|reading| reading.finding == Finding::Right);
    let rows = readings.iter().map(|reading| {
        let finding = match reading.finding {
            Finding::Right => "right",
            Finding::ProbablyWrong => "probably wrong",
            _ => "nothing learnt",
        };
        vec![
            json!(reading.name),
            json!(finding),
            json!(reading.code.map(kairos_client::Code::number)),
            json!(reading.http_status),
        ]
    });
    output::rows(
        form,
        &["padding", "finding", "code", "http_status"],
        rows.collect(),
    )?;
    if found {
        Ok(())
    } else {
        Err(Failure::unread("no padding was found right").help(
            "401 and HTTP 403 mean that your address is not listed; otherwise the public key may be an old one",
        ))
    }
}
