//! `telco cowrie …`: Nigeria's airtime, data and PINs.

use std::num::NonZeroU32;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use cowrie_client::wire::RecordStatus;
use cowrie_client::{
    CheckAnswer, Client, ClientKey, Credentials, Network, SignRequest, Signer, parse_msisdn, plans,
};
use serde_json::{Value, json};
use telco_core::{
    Amount, Currency, ErrorKind, Msisdn, NotSent, Reference, RequestSigner as _, TopupReceipt,
};

use crate::config::{Settings, confirm_spend};
use crate::exit::{Done, Failure, accepted};
use crate::mor::pair;
use crate::output::{self, Form};
use crate::secret::Source;

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Cowrie {
    /// What the account holds
    Balance(Account),
    /// Buy airtime
    #[command(
        after_help = "Example:\n  telco cowrie credit --msisdn 08031234567 --amount 100 --reference order-4711"
    )]
    Credit(Topup),
    /// Buy a data plan
    Data(Data),
    /// Ask what became of a top-up
    Check(Check),
    /// Buy recharge PINs
    Pin(Pins),
    /// Spend a PIN on a number
    Redeem(Redeem),
    /// The data plans that the documentation prints: dated, never live prices
    Plans(Plans),
    /// Print the signature of a request
    #[command(
        after_help = "Example:\n  telco cowrie sign --client-key env:K --nonce 20151110202513869 net=AIR msisdn=2348124661601 amount=100 xref=7734c7da7687442"
    )]
    Sign(Sign),
}

/// Which account, and where.
#[derive(Debug, Default, Args)]
pub(crate) struct Account {
    /// Where the API is [TELCO_COWRIE_BASE_URL; default https://api.cowriesys.com]
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// Who calls [TELCO_COWRIE_CLIENT_ID]
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// The key, base64: env:NAME, file:PATH or - [TELCO_COWRIE_CLIENT_KEY]
    #[arg(long, value_name = "SOURCE")]
    client_key: Option<Source>,
}

/// One spending call.
#[derive(Debug, Args)]
pub(crate) struct Spend {
    #[command(flatten)]
    account: Account,
    /// Your own id of this one operation; the same again never means a second one. Made up and printed if you give none
    #[arg(long, value_name = "ID")]
    reference: Option<String>,
    /// Do not ask before spending
    #[arg(long)]
    yes: bool,
}

/// Airtime.
#[derive(Debug, Args)]
pub(crate) struct Topup {
    /// Whose phone
    #[arg(long, value_name = "NUMBER")]
    msisdn: String,
    /// Whole naira
    #[arg(long, value_name = "NAIRA")]
    amount: String,
    /// AIR, GLO, MTN or ETI; guessed from the number's prefix if you give none
    #[arg(long)]
    net: Option<String>,
    #[command(flatten)]
    spend: Spend,
}

/// A data plan.
#[derive(Debug, Args)]
pub(crate) struct Data {
    /// The plan's code, such as 500mb1d
    #[arg(long, value_name = "CODE")]
    bundle: Option<String>,
    #[command(flatten)]
    topup: Topup,
}

/// A lookup.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Your reference of the top-up
    #[arg(long, value_name = "ID")]
    reference: String,
    #[command(flatten)]
    account: Account,
}

/// PINs.
#[derive(Debug, Args)]
pub(crate) struct Pins {
    /// The face value of each, whole naira
    #[arg(long, value_name = "NAIRA")]
    unit: String,
    /// How many
    #[arg(long, default_value = "1")]
    count: NonZeroU32,
    /// A label that comes back with them
    #[arg(long)]
    message: Option<String>,
    #[command(flatten)]
    spend: Spend,
}

/// A redemption.
#[derive(Debug, Args)]
pub(crate) struct Redeem {
    /// Whose phone
    #[arg(long, value_name = "NUMBER")]
    msisdn: String,
    /// AIR, GLO, MTN or ETI; guessed from the number's prefix if you give none
    #[arg(long)]
    net: Option<String>,
    /// The PIN: env:NAME, file:PATH or -
    #[arg(long, value_name = "SOURCE")]
    pin: Source,
    #[command(flatten)]
    spend: Spend,
}

/// A catalogue.
#[derive(Debug, Args)]
pub(crate) struct Plans {
    /// Which documentation
    #[arg(long, value_enum, default_value_t)]
    catalogue: Catalogue,
    /// Only this network
    #[arg(long)]
    net: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Catalogue {
    /// 47 plans, named by their price
    #[value(name = "2018")]
    Year2018,
    /// 115 plans, named by a code
    #[default]
    #[value(name = "2025")]
    Year2025,
}

/// A signature.
#[derive(Debug, Args)]
pub(crate) struct Sign {
    /// The key, base64: env:NAME, file:PATH or -
    #[arg(long, value_name = "SOURCE")]
    client_key: Option<Source>,
    /// The nonce
    #[arg(long)]
    nonce: String,
    /// The query, in the order that is signed
    #[arg(value_name = "name=value", value_parser = pair)]
    params: Vec<(String, String)>,
}

const SETTLE: &str = "it may have happened: do not send it again under another reference; ask `telco cowrie check --reference …` \
                      after 2, 5, 10, 20 and 40 seconds";
const SETTLE_PINS: &str = "the PINs may have been bought, and Cowrie has no lookup for them: only its staff can tell; do not \
                           order again under another reference";

impl Account {
    /// Where its API is.
    pub(crate) fn base_url(&self, settings: &Settings) -> Result<String, Failure> {
        let given = settings
            .of("cowrie")
            .text("base_url", self.base_url.as_deref())?;
        Ok(given.unwrap_or_else(|| "https://api.cowriesys.com".to_owned()))
    }

    /// The client of this account.
    pub(crate) fn client(&self, settings: &Settings) -> Result<Client, Failure> {
        let section = settings.of("cowrie");
        let id = section.required("client_id", self.client_id.as_deref())?;
        let key = section.secret("client_key", self.client_key.as_ref())?;
        let credentials = Credentials::client(&id, ClientKey::from_base64(key.expose())?)?;
        let mut builder = Client::builder(credentials).base_url(self.base_url(settings)?);
        if let Some(waits) = section.text("lookup_after", None)? {
            builder = builder.poll_after(seconds(&waits)?);
        }
        builder.build().map_err(|e| Failure::of_read(&e))
    }
}

impl Spend {
    fn reference(&self) -> Result<Reference, Failure> {
        if let Some(text) = &self.reference {
            return Ok(Reference::new(text).map_err(NotSent::because(ErrorKind::InvalidInput))?);
        }
        let reference = Reference::generate().map_err(NotSent::because(ErrorKind::Unavailable))?;
        // Before anything is sent: whoever is interrupted can still ask what became of it.
        output::note(&format!("reference {reference}"));
        Ok(reference)
    }

    /// Client and reference, after the question whether to spend at all.
    fn begin(&self, settings: &Settings, what: &str) -> Result<(Client, Reference), Failure> {
        let client = self.account.client(settings)?;
        confirm_spend(&self.account.base_url(settings)?, what, self.yes)?;
        Ok((client, self.reference()?))
    }
}

/// `2,5,10`: how long after an unknown outcome it is looked up, each time.
fn seconds(list: &str) -> Result<Vec<Duration>, Failure> {
    let read = |text: &str| {
        let seconds = text.trim().parse().ok();
        seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
    };
    let waits: Option<Vec<_>> = list.split(',').map(read).collect();
    waits.ok_or_else(|| {
        Failure::not_sent("cowrie: lookup_after is no list of seconds")
            .help("write it as 2,5,10,20,40")
    })
}

fn number(text: &str) -> Result<Msisdn, Failure> {
    Ok(parse_msisdn(text).map_err(NotSent::because(ErrorKind::InvalidInput))?)
}

/// Whole naira.
pub(crate) fn naira(text: &str) -> Result<Amount, Failure> {
    Amount::parse_major(text, Currency::NGN).ok_or_else(|| {
        Failure::not_sent("not an amount: write whole naira in plain digits, such as 1000")
    })
}

fn network(named: Option<&str>, to: &Msisdn) -> Result<Network, Failure> {
    let guess = Network::suggest(to);
    let Some(name) = named else {
        let none = || {
            Failure::not_sent(
                "the number's prefix suggests no network: give --net AIR, GLO, MTN or ETI",
            )
        };
        return guess.ok_or_else(none);
    };
    let network: Network = name
        .parse()
        .map_err(NotSent::because(ErrorKind::InvalidInput))?;
    if guess.is_some_and(|guess| guess != network) {
        output::note(
            "note: the number was first issued by another network; yours is used (numbers are ported)",
        );
    }
    Ok(network)
}

/// Runs one command.
pub(crate) async fn run(command: &Cowrie, settings: &Settings, form: Form) -> Done {
    match command {
        Cowrie::Balance(account) => {
            let held = account
                .client(settings)?
                .balance()
                .await
                .map_err(|e| Failure::of_read(&e))?;
            let discount = held
                .discount_hundredths
                .map(|n| format!("{}.{:02} %", n / 100, n % 100));
            output::facts(
                form,
                &[
                    ("balance", json!(held.balance.to_string())),
                    ("discount", json!(discount)),
                ],
            )
        }
        Cowrie::Credit(topup) => {
            let (to, amount) = (number(&topup.msisdn)?, naira(&topup.amount)?);
            let network = network(topup.net.as_deref(), &to)?;
            let (client, reference) = topup.spend.begin(settings, "buys airtime")?;
            receipt(
                form,
                &accepted(
                    client.credit(&reference, network, &to, amount).await,
                    SETTLE,
                )?,
            )
        }
        Cowrie::Data(Data { bundle, topup }) => {
            let (to, price) = (number(&topup.msisdn)?, naira(&topup.amount)?);
            let network = network(topup.net.as_deref(), &to)?;
            let (client, reference) = topup.spend.begin(settings, "buys data")?;
            let answer = client
                .data(&reference, network, &to, bundle.as_deref(), price)
                .await;
            receipt(form, &accepted(answer, SETTLE)?)
        }
        Cowrie::Check(check) => look_up(check, settings, form).await,
        Cowrie::Pin(pins) => {
            let unit = naira(&pins.unit)?;
            let (mut client, reference) = pins.spend.begin(settings, "buys PINs")?;
            if let Some(label) = &pins.message {
                client = client.with_pin_label(label)?;
            }
            receipt(
                form,
                &accepted(
                    client.allocate(&reference, unit, pins.count).await,
                    SETTLE_PINS,
                )?,
            )
        }
        Cowrie::Redeem(redeem) => {
            let to = number(&redeem.msisdn)?;
            let network = network(redeem.net.as_deref(), &to)?;
            let pin = redeem.pin.text()?;
            let (client, reference) = redeem.spend.begin(settings, "spends a PIN")?;
            let redeemed = accepted(client.redeem(&reference, network, &to, &pin).await, SETTLE)?;
            output::facts(
                form,
                &[
                    ("reference", json!(redeemed.reference.as_str())),
                    ("message", json!(redeemed.message)),
                ],
            )
        }
        Cowrie::Plans(options) => catalogue(options, form),
        Cowrie::Sign(sign) => signature(sign, settings, form),
    }
}

fn receipt(form: Form, receipt: &TopupReceipt) -> Done {
    for warning in &receipt.warnings {
        output::note(&format!("warning: {warning}"));
    }
    let amount = |amount: Option<Amount>| json!(amount.map(|amount| amount.to_string()));
    output::facts(
        form,
        &[
            ("outcome", json!("accepted")),
            ("reference", json!(receipt.reference.as_str())),
            ("provider_id", json!(receipt.provider_id)),
            ("cost", amount(receipt.cost)),
            ("balance", amount(receipt.balance)),
        ],
    )?;
    if receipt.pins.is_empty() {
        return Ok(());
    }
    let pins = receipt.pins.iter().map(|pin| {
        let value = amount(pin.face_value);
        vec![json!(pin.serial), json!(pin.code.expose()), value]
    });
    output::rows(form, &["serial", "pin", "face value"], pins.collect())
}

async fn look_up(check: &Check, settings: &Settings, form: Form) -> Done {
    let answer = check
        .account
        .client(settings)?
        .check(&check.reference)
        .await
        .map_err(|e| Failure::of_read(&e))?;
    match answer {
        CheckAnswer::Found {
            record,
            status,
            stamp,
            ours,
        } => output::facts(
            form,
            &[
                ("found", Value::Bool(true)),
                ("status", word(&status)),
                ("provider_id", json!(record.provider_id)),
                (
                    "network",
                    json!(record.operator.map(|operator| operator.to_string())),
                ),
                (
                    "msisdn",
                    json!(record.recipient.map(|number| number.masked().to_string())),
                ),
                (
                    "amount",
                    json!(record.amount.map(|amount| amount.to_string())),
                ),
                ("stamp", json!(stamp)),
                ("reference_fits", Value::Bool(ours)),
            ],
        ),
        CheckAnswer::NotFound => {
            output::facts(form, &[("found", Value::Bool(false))])?;
            output::note("not on record yet: records become visible late, so this proves nothing");
            Ok(())
        }
    }
}

/// In the provider's words; nothing where it says nothing.
fn word(status: &RecordStatus) -> Value {
    match status {
        RecordStatus::Ok => json!("OK"),
        RecordStatus::Other(text) => json!(text),
        _ => Value::Null,
    }
}

fn catalogue(options: &Plans, form: Form) -> Done {
    let wanted: Option<Network> = options
        .net
        .as_deref()
        .map(str::parse)
        .transpose()
        .map_err(NotSent::because(ErrorKind::InvalidInput))?;
    let all: Vec<plans::Plan> = match options.catalogue {
        Catalogue::Year2018 => plans::plans_2018().collect(),
        Catalogue::Year2025 => plans::bundles_2025().collect(),
    };
    let rows = all
        .into_iter()
        .filter(|plan| {
            wanted
                .as_ref()
                .is_none_or(|network| *network == plan.network)
        })
        .map(|plan| {
            vec![
                json!(plan.network.code()),
                json!(plan.bundle),
                json!(plan.price.exact_major()),
            ]
        });
    output::rows(form, &["net", "bundle", "naira"], rows.collect())
}

fn signature(sign: &Sign, settings: &Settings, form: Form) -> Done {
    let key = settings
        .of("cowrie")
        .secret("client_key", sign.client_key.as_ref())?;
    let signer = Signer::new(ClientKey::from_base64(key.expose())?);
    let pairs: Vec<(&str, &str)> = sign
        .params
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let signature = signer.sign(&SignRequest::new(&sign.nonce, &pairs))?;
    match form {
        Form::Table => output::line(signature.expose()),
        Form::Json => {
            let query = pairs
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect::<Vec<_>>()
                .join("&");
            let text = if query.is_empty() {
                sign.nonce.clone()
            } else {
                format!("{}?{query}", sign.nonce)
            };
            output::json(&json!({ "string_to_sign": text, "signature": signature.expose() }))
        }
    }
}
