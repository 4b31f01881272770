//! The commands that cost: each is sent once, and its outcome is the exit code.

use std::num::NonZeroU32;

use clap::Args;
use cowrie_client::{Client, Network, Redeemed, parse_msisdn};
use serde_json::{Value, json};
use telco_core::{Amount, Msisdn, NotSent, Pin, Reference, SecretBytes, Submission, TopupReceipt};

use super::{Account, naira};
use crate::config::{Settings, confirm_spend};
use crate::exit::{Done, Failure, accepted};
use crate::input::{reference, valid};
use crate::interrupt::answered;
use crate::output::{self, Form};
use crate::secret::Source;

/// One spending call.
#[derive(Debug, Args)]
struct Spend {
    #[command(flatten)]
    account: Account,
    /// Your own id of this one operation, never used for another. Made up and printed if you give none
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

const SETTLE: &str = "it may have happened: do not send it again under another reference; ask `telco cowrie check --reference …` \
                      after 2, 5, 10, 20 and 40 seconds";
const SETTLE_REDEEM: &str = "the PIN may be spent: do not send it again under another reference; `telco cowrie check \
                             --reference …` may find it, but whether it sees redeemed PINs is not known: if it does not, ask \
                             Cowrie's staff";
const SETTLE_PINS: &str = "the PINs may have been bought, and Cowrie has no lookup for them: only its staff can tell; do not \
                           order again under another reference";

impl Spend {
    /// Client and reference, after the question whether to spend at all.
    fn begin(&self, settings: &Settings, what: &str) -> Result<(Client, Reference), Failure> {
        let client = self.account.client(settings)?;
        confirm_spend(&self.account.base_url(settings)?, what, self.yes)?;
        Ok((client, reference(self.reference.as_deref())?))
    }
}

impl Topup {
    /// Buys airtime.
    pub(super) async fn credit(&self, settings: &Settings, form: Form) -> Done {
        let (to, network, amount) = self.read()?;
        let what = format!("buys airtime of {amount} for {}", on(&to, &network));
        let (client, reference) = self.spend.begin(settings, &what)?;
        let call = client.credit(&reference, network, &to, amount);
        end(form, &reference, answered(&reference, SETTLE, call).await?)
    }

    fn read(&self) -> Result<(Msisdn, Network, Amount), Failure> {
        let (to, amount) = (
            valid(parse_msisdn(&self.msisdn))?,
            naira("--amount", &self.amount)?,
        );
        let network = network(self.net.as_deref(), &to)?;
        Ok((to, network, amount))
    }
}

impl Data {
    /// Buys a plan.
    pub(super) async fn buy(&self, settings: &Settings, form: Form) -> Done {
        let (to, network, price) = self.topup.read()?;
        let plan = self.bundle.as_deref().unwrap_or("data");
        let what = format!("buys {plan} of {price} for {}", on(&to, &network));
        let (client, reference) = self.topup.spend.begin(settings, &what)?;
        let call = client.data(&reference, network, &to, self.bundle.as_deref(), price);
        end(form, &reference, answered(&reference, SETTLE, call).await?)
    }
}

impl Pins {
    /// Buys PINs.
    pub(super) async fn buy(&self, settings: &Settings, form: Form) -> Done {
        let unit = naira("--unit", &self.unit)?;
        let what = match self.count.get() {
            1 => format!("buys a PIN of {unit}"),
            n => format!("buys {n} PINs of {unit} each"),
        };
        let (mut client, reference) = self.spend.begin(settings, &what)?;
        if let Some(label) = &self.message {
            client = client.with_pin_label(label)?;
        }
        let call = client.allocate(&reference, unit, self.count);
        let answer = answered(&reference, SETTLE_PINS, call).await?;
        if let Ok(Submission::Unknown(unknown)) = &answer {
            // As it came: it may be the only copy of PINs that were paid for.
            let failure = Failure::of_unknown(unknown, SETTLE_PINS);
            let text = unknown.answer().map(text);
            what_came(form, &failure, unknown.provisional(), text);
        }
        receipt(form, &accepted(&reference, answer, SETTLE_PINS)?);
        Ok(())
    }
}

impl Redeem {
    /// Spends a PIN.
    pub(super) async fn spend(&self, settings: &Settings, form: Form) -> Done {
        let to = valid(parse_msisdn(&self.msisdn))?;
        let network = network(self.net.as_deref(), &to)?;
        let pin = self.pin.text()?;
        let what = format!("spends a PIN on {}", on(&to, &network));
        let (client, reference) = self.spend.begin(settings, &what)?;
        // The PIN is no less a secret in the provider's words.
        let safe = |text: &str| hidden(text, Some(pin.expose()));
        let call = client.redeem(&reference, network, &to, &pin);
        let answer = answered(&reference, SETTLE_REDEEM, call).await?;
        if let Ok(Submission::Unknown(unknown)) = &answer {
            let text = unknown.answer().map(text).map(|text| safe(&text));
            what_came(
                form,
                &Failure::of_unknown(unknown, SETTLE_REDEEM),
                None,
                text,
            );
        }
        let redeemed: Redeemed = accepted(&reference, answer, SETTLE_REDEEM)?;
        output::keep(&output::facts_text(
            form,
            &[
                ("outcome", json!("accepted")),
                ("reference", json!(redeemed.reference.as_str())),
                ("message", json!(safe(&redeemed.message))),
            ],
        ));
        Ok(())
    }
}

/// Whose phone, for the question whether to spend.
fn on(to: &Msisdn, network: &Network) -> String {
    format!("{} on {}", to.masked(), network.code())
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
    let network: Network = valid(name.parse())?;
    if guess.is_some_and(|guess| guess != network) {
        output::note(
            "note: the number was first issued by another network; yours is used (numbers are ported)",
        );
    }
    Ok(network)
}

/// Of airtime or data: what it was, and the exit code.
fn end(
    form: Form,
    reference: &Reference,
    answer: Result<Submission<TopupReceipt>, NotSent>,
) -> Done {
    if let Ok(Submission::Unknown(unknown)) = &answer {
        let failure = Failure::of_unknown(unknown, SETTLE);
        let text = unknown.answer().map(masked);
        what_came(form, &failure, unknown.provisional(), text);
    }
    receipt(form, &accepted(reference, answer, SETTLE)?);
    Ok(())
}

fn receipt(form: Form, receipt: &TopupReceipt) {
    for warning in &receipt.warnings {
        output::note(&format!("warning: {warning}"));
    }
    let mut facts = vec![
        ("outcome", json!("accepted")),
        ("reference", json!(receipt.reference.as_str())),
        ("provider_id", json!(receipt.provider_id)),
        ("cost", amount(receipt.cost)),
        ("balance", amount(receipt.balance)),
    ];
    let names_it = |warning: &String| warning.contains("`answer`");
    if receipt.warnings.iter().any(names_it) {
        facts.push(("answer", json!(receipt.answer.as_ref().map(masked))));
    }
    with_pins(form, &mut facts, &receipt.pins);
}

/// The facts, and the PINs in the same document, or as a table of their own.
fn with_pins(form: Form, facts: &mut Vec<(&str, Value)>, pins: &[Pin]) {
    if form == Form::Json && !pins.is_empty() {
        let object = |pin: &Pin| {
            let (code, value) = (pin.code.expose(), amount(pin.face_value));
            json!({ "serial": pin.serial, "pin": code, "face_value": value })
        };
        facts.push(("pins", pins.iter().map(object).collect()));
    }
    let text = output::facts_text(form, facts);
    if form == Form::Json || pins.is_empty() {
        return output::keep(&text);
    }
    let row = |pin: &Pin| {
        let value = amount(pin.face_value);
        vec![json!(pin.serial), json!(pin.code.expose()), value]
    };
    let header = ["serial", "pin", "face value"];
    let table = output::rows_text(form, &header, pins.iter().map(row).collect());
    output::keep(&format!("{text}\n{table}"));
}

/// What came although the outcome is unknown: all of it, since an answer that could be read in part may hold more.
fn what_came(
    form: Form,
    failure: &Failure,
    receipt: Option<&TopupReceipt>,
    answer: Option<String>,
) {
    if receipt.is_none() && answer.is_none() {
        return;
    }
    let provider_id = receipt.and_then(|receipt| receipt.provider_id.as_deref());
    let mut facts = failure.facts();
    facts.extend([
        ("provider_id", json!(provider_id)),
        ("answer", json!(answer)),
    ]);
    let pins = receipt.map_or(&[][..], |receipt| &receipt.pins);
    with_pins(form, &mut facts, pins);
}

fn text(answer: &SecretBytes) -> String {
    String::from_utf8_lossy(answer.expose()).into_owned()
}

/// The same, with every phone number in it masked.
fn masked(answer: &SecretBytes) -> String {
    hidden(&text(answer), None)
}

/// The provider's words without what is nobody's business: the PIN, which is left out first since it may look like a number,
/// and every phone number. Either may be written in groups, such as `0803 123 4567`.
fn hidden(text: &str, pin: Option<&str>) -> String {
    let digits = |text: &str| text.replace(|c: char| !c.is_ascii_digit(), "");
    let text = pin.map_or_else(|| text.to_owned(), |pin| text.replace(pin, "***"));
    let pin = pin.map(digits);
    let instead = |group: &str| {
        let group = digits(group);
        if pin.as_ref() == Some(&group) {
            return Some("***".to_owned());
        }
        Some(parse_msisdn(&group).ok()?.masked().to_string())
    };
    let mut shown = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, found) = rest.split_at(start);
        shown.push_str(before);
        let hidden = groups(found).rev().find_map(|end| {
            let (group, after) = found.split_at(end);
            Some((instead(group)?, after))
        });
        let (group, after) = hidden.unwrap_or_else(|| {
            let end = groups(found).next().unwrap_or(found.len());
            let (group, after) = found.split_at(end);
            (group.to_owned(), after)
        });
        shown.push_str(&group);
        rest = after;
    }
    shown.push_str(rest);
    shown
}

/// Where the groups of digits end that may be one number with the first of them.
fn groups(text: &str) -> impl DoubleEndedIterator<Item = usize> {
    // More than `(+0092 34) 080-3123-4567` takes.
    const LONGEST: usize = 32;
    let is_between = |c: char| matches!(c, ' ' | '\u{a0}' | '-' | '.' | '(' | ')' | '/');
    let mut ends = Vec::new();
    let mut last = None;
    for (at, c) in text.char_indices() {
        if !c.is_ascii_digit() && last.is_some_and(|last: char| last.is_ascii_digit()) {
            ends.push(at);
        }
        if !(c.is_ascii_digit() || is_between(c)) || (at > LONGEST && !ends.is_empty()) {
            return ends.into_iter();
        }
        last = Some(c);
    }
    if last.is_some_and(|last| last.is_ascii_digit()) {
        ends.push(text.len());
    }
    ends.into_iter()
}

fn amount(amount: Option<Amount>) -> Value {
    json!(amount.map(|amount| amount.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_is_shown_in_an_answer() {
        for (answer, shown) in [
            (
                r#"{"msisdn":"2348031234567","id":4711,"charge":96.00}"#,
                r#"{"msisdn":"23480*****567","id":4711,"charge":96.00}"#,
            ),
            ("08031234567", "23480*****567"),
            ("for 08031234567.", "for 23480*****567."),
            ("0803 123 4567", "23480*****567"),
            ("+234 (0) 803-123-4567, 2 of 3", "+23480*****567, 2 of 3"),
            ("id 4711 0803.123.4567 / 17", "id 4711 23480*****567 / 17"),
            ("2026-03-08 12:34, 96.00", "2026-03-08 12:34, 96.00"),
            ("naïve \u{20a6}100", "naïve \u{20a6}100"),
            ("", ""),
        ] {
            assert_eq!(masked(&SecretBytes::new(answer.as_bytes())), shown);
        }
    }

    #[test]
    fn a_pin_is_hidden_before_it_is_taken_for_a_number() {
        let pin = "08031234567";
        for (answer, shown) in [
            ("PIN 08031234567 is spent", "PIN *** is spent"),
            ("0803-1234-567 to 0903 123 4567", "*** to 23490*****567"),
        ] {
            assert_eq!(hidden(answer, Some(pin)), shown);
        }
        assert_eq!(hidden("0803 1234", Some("0803 1234")), "***");
        let long = "7".repeat(100);
        assert_eq!(hidden(&long, None), long);
    }
}
