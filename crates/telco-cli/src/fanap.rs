//! `telco fanap …`: Iran's subscriptions by code.

mod key;

use std::time::{Duration, SystemTime};

use clap::{Args, Subcommand};
use fanap_client::otp::{CommitOutcome, commit_once};
use fanap_client::{
    Application, Client, Hash, PrivateKey, Service, ServiceKey, SignRequest, Signer,
    SubscriptionCheck, parse_msisdn,
};
use serde_json::json;
use telco_core::{
    Error, ErrorKind, Msisdn, OtpCode, OtpRequest, OtpSender as _, PendingOtp, RequestSigner as _,
    Submission,
};

use crate::config::{Settings, confirm_spend};
use crate::exit::{Done, Failure, accepted};
use crate::input::{reference, valid};
use crate::interrupt::answered;
use crate::output::{self, Form};
use crate::secret::Source;

const NAME: &str = "fanap";

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Fanap {
    /// Send a code to a subscriber, and print the pending record that `commit` takes
    #[command(
        after_help = "Example:\n  telco fanap start --phone 09120000000 --reference order-4711 > pending.txt"
    )]
    Start(Start),
    /// Confirm the code: subscribes, and charges the subscriber
    #[command(
        after_help = "Example (the code is typed on standard input):\n  telco fanap commit --pending file:pending.txt\n\n\
                      One operation is committed once by one store (--otp-store): a second commit of it sends nothing and \
                      exits 12, also while the first is on its way or after its answer was lost. A commit through another \
                      store, such as the default one of another folder, is sent. After a wrong code it may be tried again, \
                      five times in all."
    )]
    Commit(Commit),
    /// Ask whether a number is subscribed: costs nothing
    #[command(
        after_help = "Example:\n  telco fanap verification --phone 09120000000 --product-id 11035 --key file:private.xml"
    )]
    Verification(Verification),
    /// Print the signature of a date, base64
    #[command(
        after_help = "Example:\n  telco fanap sign --key file:private.xml --app-id your-app-id --tenant-id your.tenant.id --date 2018-09-24T12:01:27.938Z"
    )]
    Sign(Sign),
    /// Make, convert and check RSA keys
    #[command(subcommand)]
    Key(key::Key),
}

/// Which application and service, and where.
#[derive(Debug, Args)]
pub(crate) struct Account {
    /// Where the API is [TELCO_FANAP_BASE_URL; default https://sscp.sdp.fanap.plus]
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    #[command(flatten)]
    signing: Signing,
    /// Which service: env:NAME, file:PATH or - [TELCO_FANAP_SERVICE_KEY]
    #[arg(long, value_name = "SOURCE")]
    service_key: Option<Source>,
    /// Do not ask before spending
    #[arg(long)]
    yes: bool,
}

/// Who signs.
#[derive(Debug, Args)]
pub(crate) struct Signing {
    /// The application [TELCO_FANAP_APP_ID]
    #[arg(long, value_name = "ID")]
    app_id: Option<String>,
    /// Its tenant [TELCO_FANAP_TENANT_ID]
    #[arg(long, value_name = "ID")]
    tenant_id: Option<String>,
    #[command(flatten)]
    key: KeySource,
    /// Sign with SHA-256 instead of SHA-1
    #[arg(long)]
    sha256: bool,
}

/// The private key.
#[derive(Debug, Args)]
pub(crate) struct KeySource {
    /// The private key in any form: env:NAME, file:PATH or - [TELCO_FANAP_PRIVATE_KEY]
    #[arg(long = "key", alias = "private-key", value_name = "SOURCE")]
    key: Option<Source>,
}

/// A start.
#[derive(Debug, Args)]
pub(crate) struct Start {
    /// Whose phone
    #[arg(long, value_name = "NUMBER")]
    phone: String,
    /// Your own id of this one operation. Made up and printed if you give none
    #[arg(long, value_name = "ID")]
    reference: Option<String>,
    #[command(flatten)]
    account: Account,
}

/// A commit.
#[derive(Debug, Args)]
pub(crate) struct Commit {
    /// What `start` printed: env:NAME, file:PATH or -
    #[arg(long, value_name = "SOURCE")]
    pending: Source,
    /// The code that the subscriber received: env:NAME, file:PATH or -
    #[arg(long, value_name = "SOURCE", default_value = "-")]
    code: Source,
    /// Remembers which operations were committed, so that none is charged twice; all that commit share it
    /// [TELCO_FANAP_OTP_STORE; default telco-otp.sqlite]
    #[arg(long, value_name = "FILE")]
    otp_store: Option<String>,
    #[command(flatten)]
    account: Account,
}

/// A question.
#[derive(Debug, Args)]
pub(crate) struct Verification {
    /// Whose phone
    #[arg(long, value_name = "NUMBER")]
    phone: String,
    /// Which product [TELCO_FANAP_PRODUCT_ID]
    #[arg(long, value_name = "ID")]
    product_id: Option<String>,
    /// Where the platform is [TELCO_FANAP_VERIFICATION_URL; default https://api.sdp.fanap.plus]
    #[arg(long, value_name = "URL")]
    verification_url: Option<String>,
    #[command(flatten)]
    key: KeySource,
}

/// A signature.
#[derive(Debug, Args)]
pub(crate) struct Sign {
    /// The date, as it is sent
    #[arg(long)]
    date: String,
    #[command(flatten)]
    signing: Signing,
}

const SETTLE_START: &str = "a message may be on its way: if none arrives, start again";
const SETTLE_COMMIT: &str = "the subscriber may have been charged: do not commit again; ask `telco fanap verification`, wait for \
                             the provider's callback, or ask its support";

/// How long a commit is remembered: beyond any settling.
const REMEMBERED: Duration = Duration::from_secs(30 * 86_400);

impl KeySource {
    fn load(&self, settings: &Settings) -> Result<PrivateKey, Failure> {
        let source = settings
            .of(NAME)
            .required_source("private_key", self.key.as_ref())?;
        key::private(&source)
    }
}

impl Signing {
    fn ids(&self, settings: &Settings) -> Result<[String; 2], Failure> {
        let section = settings.of(NAME);
        Ok([
            section.required("app_id", self.app_id.as_deref())?,
            section.required("tenant_id", self.tenant_id.as_deref())?,
        ])
    }

    const fn hash(&self) -> Hash {
        if self.sha256 {
            Hash::Sha256
        } else {
            Hash::Sha1
        }
    }
}

impl Account {
    fn base_url(&self, settings: &Settings) -> Result<String, Failure> {
        let given = settings
            .of(NAME)
            .text("base_url", self.base_url.as_deref())?;
        Ok(given.unwrap_or_else(|| "https://sscp.sdp.fanap.plus".to_owned()))
    }

    /// The service, after the question whether to spend at all.
    fn service(&self, settings: &Settings, what: &str, whom: &Msisdn) -> Result<Service, Failure> {
        let base_url = self.base_url(settings)?;
        let [app_id, tenant_id] = self.signing.ids(settings)?;
        let service_key = settings
            .of(NAME)
            .secret("service_key", self.service_key.as_ref())?;
        let client = Client::builder(
            Application::new(&app_id, &tenant_id)?,
            self.signing.key.load(settings)?,
        )
        .base_url(&base_url)
        .hash(self.signing.hash())
        .build()?;
        let service = client.service(ServiceKey::new(service_key.expose())?);
        confirm_spend(&base_url, &format!("{what} {}", whom.masked()), self.yes)?;
        Ok(service)
    }
}

/// Runs one command.
pub(crate) async fn run(command: &Fanap, settings: &Settings, form: Form) -> Done {
    match command {
        Fanap::Start(start) => self::start(start, settings, form).await,
        Fanap::Commit(commit) => self::commit(commit, settings, form).await,
        Fanap::Verification(question) => verification(question, settings, form).await,
        Fanap::Sign(sign) => signature(sign, settings, form),
        Fanap::Key(command) => key::run(command, settings, form),
    }
}

async fn start(start: &Start, settings: &Settings, form: Form) -> Done {
    let to = valid(parse_msisdn(&start.phone))?;
    let service = start.account.service(settings, "sends a message to", &to)?;
    let request = OtpRequest::new(to, reference(start.reference.as_deref())?);
    let answer = answered(&request.reference, SETTLE_START, service.start(&request)).await?;
    let challenge = accepted(&request.reference, answer, SETTLE_START)?;
    let pending = challenge.pending.to_storage();
    match form {
        Form::Table => {
            output::keep(&pending);
            output::note(
                "a code is on its way; keep the line above on the server until it is typed",
            );
        }
        Form::Json => output::keep(&output::json_text(&json!({
            "outcome": "accepted",
            "reference": request.reference.as_str(),
            "correlation_id": challenge.provider_id,
            "pending": pending,
        }))),
    }
    Ok(())
}

async fn commit(commit: &Commit, settings: &Settings, form: Form) -> Done {
    if commit.pending == Source::Stdin && commit.code == Source::Stdin {
        return Err(Failure::usage(
            "standard input cannot be both the pending record and the code",
        ));
    }
    let stored = commit.pending.text()?;
    let pending = valid(PendingOtp::from_storage(stored.expose()))?;
    let service = commit
        .account
        .service(settings, "charges the subscriber", pending.to())?;
    let store = settings.of(NAME).otp_store(commit.otp_store.as_deref())?;
    let code = OtpCode::new(commit.code.text()?.expose());
    let forget_at = SystemTime::now() + REMEMBERED;
    let call = async {
        let outcome = commit_once(&store, &service, &pending, &code, forget_at).await?;
        Ok(match outcome {
            CommitOutcome::Done(answer) => answer,
            CommitOutcome::AlreadyClaimed => {
                let why = "it was committed before, or is just being: nothing was sent this time";
                let cause = Error::in_doubt(ErrorKind::Conflict, why);
                Submission::unknown(pending.reference(), cause)
            }
        })
    };
    let answer = answered(pending.reference(), SETTLE_COMMIT, call).await?;
    let subscription = accepted(pending.reference(), answer, SETTLE_COMMIT)?;
    output::keep(&output::facts_text(
        form,
        &[
            ("outcome", json!("accepted")),
            ("reference", json!(subscription.reference.as_str())),
            ("phone", json!(subscription.to.masked().to_string())),
            ("correlation_id", json!(subscription.provider_id)),
        ],
    ));
    Ok(())
}

async fn verification(question: &Verification, settings: &Settings, form: Form) -> Done {
    let to = valid(parse_msisdn(&question.phone))?;
    let section = settings.of(NAME);
    let product_id = section.required("product_id", question.product_id.as_deref())?;
    let product_id: u64 = product_id
        .parse()
        .map_err(|_| Failure::not_sent("a product id is a number"))?;
    let mut check = SubscriptionCheck::builder(product_id, question.key.load(settings)?);
    if let Some(url) = section.text("verification_url", question.verification_url.as_deref())? {
        check = check.base_url(url);
    }
    let state = check
        .build()?
        .ask(&to)
        .await
        .map_err(|e| Failure::of_read(&e))?;
    output::facts(
        form,
        &[
            ("subscribed", json!(state.is_subscribed)),
            ("ref_id", json!(state.ref_id)),
        ],
    )
}

fn signature(sign: &Sign, settings: &Settings, form: Form) -> Done {
    let [app_id, tenant_id] = sign.signing.ids(settings)?;
    let signer = Signer::new(sign.signing.key.load(settings)?).with_hash(sign.signing.hash());
    let request = SignRequest::new(&app_id, &tenant_id, &sign.date);
    let signature = signer.sign(&request)?;
    match form {
        Form::Table => output::line(signature.expose()),
        Form::Json => output::json(
            &json!({ "string_to_sign": request.text(), "signature": signature.expose() }),
        ),
    }
}
