//! `telco cowrie …`: Nigeria's airtime, data and PINs.

mod offline;
mod spend;

use std::time::Duration;

use clap::{Args, Subcommand};
use cowrie_client::wire::RecordStatus;
use cowrie_client::{CheckAnswer, Client, ClientKey, Credentials};
use serde_json::{Value, json};
use telco_core::{Amount, Currency};

use crate::config::Settings;
use crate::exit::{Done, Failure};
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
    Credit(spend::Topup),
    /// Buy a data plan
    #[command(
        after_help = "Example (`telco cowrie plans` lists codes and prices):\n  telco cowrie data --msisdn 08031234567 --bundle 500mb1d --amount 350 --reference order-4712"
    )]
    Data(spend::Data),
    /// Ask what became of a top-up
    #[command(after_help = "Example:\n  telco cowrie check --reference order-4711")]
    Check(Check),
    /// Buy recharge PINs
    #[command(
        after_help = "Example (what is printed is the only copy):\n  telco cowrie pin --unit 200 --count 3 --reference order-4713 --output json > pins.json"
    )]
    Pin(spend::Pins),
    /// Spend a PIN on a number
    #[command(
        after_help = "Example:\n  telco cowrie redeem --msisdn 08031234567 --pin file:pin.txt --reference order-4714"
    )]
    Redeem(spend::Redeem),
    /// The data plans that the documentation prints: dated, never live prices
    Plans(offline::Plans),
    /// Print the signature of a request
    #[command(
        after_help = "Example:\n  telco cowrie sign --client-key env:K --nonce 20151110202513869 net=AIR msisdn=2348124661601 amount=100 xref=7734c7da7687442"
    )]
    Sign(offline::Sign),
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

/// A lookup.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Your reference of the top-up
    #[arg(long, value_name = "ID")]
    reference: String,
    #[command(flatten)]
    account: Account,
}

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
        let total = timeout(settings)?;
        let http = cowrie_client::http::Settings::default();
        let mut builder = Client::builder(credentials)
            .base_url(self.base_url(settings)?)
            .settings(http.with_timeouts(CONNECT.min(total), total));
        if let Some(waits) = section.text("lookup_after", None)? {
            builder = builder.poll_after(seconds(&waits)?);
        }
        Ok(builder.build()?)
    }
}

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a whole request may take, unless the settings say something else.
const TOTAL: Duration = Duration::from_secs(60);

/// How long a whole request may take.
pub(crate) fn timeout(settings: &Settings) -> Result<Duration, Failure> {
    let Some(text) = settings.of("cowrie").text("timeout", None)? else {
        return Ok(TOTAL);
    };
    let seconds = text.parse().ok().filter(|seconds| *seconds > 0);
    seconds.map(Duration::from_secs).ok_or_else(|| {
        Failure::not_sent("cowrie: timeout is no number of seconds").help("write it as 60")
    })
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

/// Whole naira, as a flag gives them.
pub(crate) fn naira(flag: &str, text: &str) -> Result<Amount, Failure> {
    Amount::parse_major(text, Currency::NGN).ok_or_else(|| {
        Failure::not_sent(format!(
            "{flag} is no amount: write whole naira in plain digits, such as 1000"
        ))
    })
}

/// Runs one command.
pub(crate) async fn run(command: &Cowrie, settings: &Settings, form: Form) -> Done {
    match command {
        Cowrie::Balance(account) => balance(account, settings, form).await,
        Cowrie::Credit(topup) => topup.credit(settings, form).await,
        Cowrie::Data(data) => data.buy(settings, form).await,
        Cowrie::Check(check) => look_up(check, settings, form).await,
        Cowrie::Pin(pins) => pins.buy(settings, form).await,
        Cowrie::Redeem(redeem) => redeem.spend(settings, form).await,
        Cowrie::Plans(plans) => plans.print(form),
        Cowrie::Sign(sign) => sign.print(settings, form),
    }
}

async fn balance(account: &Account, settings: &Settings, form: Form) -> Done {
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

async fn look_up(check: &Check, settings: &Settings, form: Form) -> Done {
    let answer = check
        .account
        .client(settings)?
        .check(&check.reference)
        .await
        .map_err(|e| Failure::of_read(&e))?;
    if let CheckAnswer::Found { ours, .. } = &answer
        && json!(ours) != Value::Bool(true)
    {
        output::note(
            "it is not shown that this record is the one you asked for: compare network, number and amount before you take anything \
             from it, and do not send again",
        );
    }
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
                ("reference_fits", json!(ours)),
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
