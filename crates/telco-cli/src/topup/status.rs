//! `telco topup status` and `resolve`: one top-up, its history, and a person's word on it.

use clap::Args;
use serde_json::{Value, json};
use telco_core::Reference;
use telco_ledger::{Operation, Recorded, State, Step, Store};

use super::job::Job;
use super::place::LedgerAt;
use super::summary::Summary;
use crate::config::Settings;
use crate::exit::{Done, Failure};
use crate::input::valid;
use crate::output::{self, Form};

/// A question.
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// A reference or a job; without it, all top-ups by state
    what: Option<String>,
    #[command(flatten)]
    ledger: LedgerAt,
}

/// An answer that only a person has.
#[derive(Debug, Args)]
pub(crate) struct Resolve {
    reference: String,
    #[command(flatten)]
    ledger: LedgerAt,
    /// It did happen
    #[arg(
        long,
        conflicts_with = "not_delivered",
        required_unless_present = "not_delivered"
    )]
    delivered: bool,
    /// It did not happen
    #[arg(long)]
    not_delivered: bool,
    /// Who says so
    #[arg(long)]
    who: String,
    /// How they know
    #[arg(long)]
    why: String,
}

impl Status {
    pub(super) async fn run(&self, settings: &Settings, form: Form) -> Done {
        let store = self.ledger.place(settings)?.reader().await?;
        let Some(what) = self.what.as_deref() else {
            return by_state(store.as_ref(), form).await;
        };
        if let Some(job) = Job::find(store.as_ref(), what).await? {
            return Summary::of(&job, store.as_ref()).await?.print(form);
        }
        let row = store.find(valid(Reference::new(what))?).await;
        let row = row.map_err(|e| Failure::of_ledger(&e))?.ok_or_else(|| {
            Failure::not_sent("this ledger has no such reference and no such job")
                .help("nothing was ever sent under it from here")
        })?;
        story(&row, store.as_ref(), &self.ledger.words(), form).await
    }
}

/// Every state that occurs.
async fn by_state(store: &dyn Store, form: Form) -> Done {
    let counts = store
        .count(None)
        .await
        .map_err(|e| Failure::of_ledger(&e))?;
    let rows = counts.rows.iter().map(|count| {
        vec![
            json!(count.state.as_str()),
            json!(count.delivered),
            json!(count.rows),
            json!(count.price.to_string()),
        ]
    });
    output::rows(
        form,
        &["state", "delivered", "rows", "price"],
        rows.collect(),
    )
}

async fn story(row: &Operation, store: &dyn Store, ledger: &str, form: Form) -> Done {
    let history = store.history(row.reference().clone()).await;
    let history = history.map_err(|e| Failure::of_ledger(&e))?;
    let product = &row.intent.product;
    let number = product
        .recipient()
        .map(|number| number.masked().to_string());
    let mut facts = vec![
        ("reference", json!(row.reference().as_str())),
        ("state", json!(row.state.as_str())),
        ("delivered", json!(row.delivered)),
        ("product", json!(product.kind().as_str())),
        ("number", json!(number)),
        ("price", json!(row.price().map(|price| price.to_string()))),
        ("account", json!(row.identity.to_string())),
        ("job", json!(row.job)),
        ("line", json!(row.line)),
        ("provider_id", json!(row.receipt.provider_id)),
        (
            "why",
            json!(row.why.as_ref().map(|why| why.message.as_str())),
        ),
        ("advice", json!(advice(row, ledger))),
    ];
    let events = history.iter().map(|event| {
        let by = event.who.as_deref().or(event.owner.as_deref());
        vec![
            json!(output::time(event.at)),
            json!(event.state.as_str()),
            json!(event.attempt),
            json!(by),
            json!(event.why),
        ]
    });
    const COLUMNS: [&str; 5] = ["at", "state", "attempt", "by", "why"];
    if form == Form::Json {
        let events: Vec<Value> = events
            .map(|row| {
                COLUMNS
                    .iter()
                    .map(|name| (*name).to_owned())
                    .zip(row)
                    .collect()
            })
            .collect();
        facts.push(("history", Value::from(events)));
        return output::facts(form, &facts);
    }
    output::facts(form, &facts)?;
    output::line("")?;
    output::rows(form, &COLUMNS, events.collect())
}

fn advice(row: &Operation, ledger: &str) -> Option<String> {
    let help = row.why.as_ref().and_then(|why| why.help.as_deref());
    let job = row
        .job
        .as_ref()
        .map_or_else(String::new, |job| format!(" {job}"));
    let resume = format!("`telco topup resume{job}{ledger}`");
    match row.state {
        State::Sending | State::Replaying | State::Unknown => Some(format!(
            "{resume} looks it up; never send it again under another reference"
        )),
        State::Unresolved => {
            let help = help.unwrap_or("ask the provider, then resolve it");
            Some(format!(
                "{help}: {}",
                resolve(row.reference().as_str(), ledger)
            ))
        }
        State::Planned => Some(format!("{resume} sends it")),
        _ => help.map(str::to_owned),
    }
}

/// How a person's word on a top-up is given. `ledger`: the words that name it.
pub(super) fn resolve(reference: &str, ledger: &str) -> String {
    format!(
        "`telco topup resolve {reference}{ledger} --delivered --who NAME --why REASON` (or --not-delivered)"
    )
}

/// How a top-up stands after a person's word, and whether that was taken.
type Verdict = (Option<State>, Option<bool>, Done);

impl Resolve {
    pub(super) async fn run(&self, settings: &Settings, form: Form) -> Done {
        let decided = self.decide(settings).await;
        let (state, delivered, done) = decided.unwrap_or_else(|why| (None, None, Err(why)));
        if done.is_ok() {
            output::note("resolved, with your name");
        }
        if done.is_ok() || form == Form::Json {
            let facts = [
                ("reference", json!(self.reference)),
                ("state", json!(state.map(|state| state.as_str()))),
                ("delivered", json!(delivered)),
                ("why", json!(done.as_ref().err().map(Failure::message))),
            ];
            output::keep(&output::facts_text(form, &facts));
        }
        done
    }

    async fn decide(&self, settings: &Settings) -> Result<Verdict, Failure> {
        let (who, why) = (self.who.trim(), self.why.trim());
        if who.is_empty() || why.is_empty() {
            return Err(Failure::usage(
                "say who decides (--who) and how they know (--why)",
            ));
        }
        let reference = valid(Reference::new(&self.reference))?;
        let place = self.ledger.place(settings)?;
        // A writer makes what is not there, and a verdict belongs into a ledger that is.
        drop(place.reader().await?);
        let store = place.writer().await?;
        let step = Step::Resolved {
            delivered: self.delivered,
            who: who.to_owned(),
            why: why.to_owned(),
        };
        let decided = store.decide(reference.clone(), step).await;
        if decided.map_err(|e| Failure::of_ledger(&e))? == Recorded::Done {
            return Ok((Some(State::Resolved), Some(self.delivered), Ok(())));
        }
        let row = store.find(reference).await;
        let row = row.map_err(|e| Failure::of_ledger(&e))?;
        let row = row.ok_or_else(|| Failure::not_sent("this ledger has no such reference"))?;
        let refusal = Failure::not_sent(format!(
            "only an unresolved top-up is resolved, and this one is {}",
            row.state
        ))
        .help(format!(
            "`telco topup status {}{}` shows how it stands, and who decided",
            self.reference,
            self.ledger.words()
        ));
        Ok((Some(row.state), row.delivered, Err(refusal)))
    }
}
