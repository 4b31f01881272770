//! `telco topup report`: one line per row, with its final state.

use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use telco_core::Product;
use telco_ledger::{Filter, Operation, State};

use super::job::Job;
use super::place::LedgerAt;
use super::summary::Summary;
use crate::config::Settings;
use crate::exit::{Done, Failure};
use crate::output::{self, Form};

/// Rows that are read at a time.
const PAGE: u32 = 1_000;

/// A report.
#[derive(Debug, Args)]
pub(crate) struct Report {
    /// Which job [default: the latest]
    job: Option<String>,
    #[command(flatten)]
    ledger: LedgerAt,
    /// Sums, or one line per row [default: summary; csv with --state or --numbers]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Only rows in this state, such as unresolved
    #[arg(long, value_parser = state)]
    state: Option<State>,
    /// Whole phone numbers instead of masked ones
    #[arg(long)]
    numbers: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Summary,
    Csv,
    /// JSON lines
    Json,
}

fn state(name: &str) -> Result<State, String> {
    State::from_name(name).ok_or_else(|| {
        let names: Vec<&str> = State::ALL.iter().map(|state| state.as_str()).collect();
        format!("no state; there are {}", names.join(", "))
    })
}

impl Report {
    pub(super) async fn run(&self, settings: &Settings, form: Form) -> Done {
        let format = self.format(form)?;
        let store = self.ledger.place(settings)?.reader().await?;
        let job = Job::named(store.as_ref(), self.job.as_deref()).await?;
        if format == Format::Summary {
            return Summary::of(&job, store.as_ref()).await?.print(form);
        }
        if format == Format::Csv {
            output::octets(csv_line(COLUMNS.iter().map(|name| (*name).to_owned())).as_bytes())?;
        }
        let mut filter = Filter::default().job(&job.id).at_most(PAGE);
        if let Some(state) = self.state {
            filter = filter.state(state);
        }
        loop {
            let page = store.list(filter.clone()).await;
            let page = page.map_err(|e| Failure::of_ledger(&e))?;
            let Some(last) = page.last() else { break };
            filter = filter.after(last.id);
            let text: String = page
                .iter()
                .map(|row| line(self.values(row), format))
                .collect();
            output::octets(text.as_bytes())?;
        }
        // Rows that never came into the ledger have their line too.
        let all = self.state.is_none();
        for left_out in job.left_out.iter().filter(|_| all) {
            let why = "no valid row: left out, never sent";
            let row = left_out_row(*left_out, "invalid", Some(false), why);
            output::octets(line(row, format).as_bytes())?;
        }
        for skipped in job.skipped.iter().filter(|_| all) {
            let why = "another job had sent the same: left out, not sent by this one";
            let row = left_out_row(skipped, "skipped", None, why);
            output::octets(line(row, format).as_bytes())?;
        }
        Ok(())
    }

    fn format(&self, form: Form) -> Result<Format, Failure> {
        let by_row = self.state.is_some() || self.numbers;
        Ok(match (self.format, form) {
            (Some(Format::Summary), _) if by_row => {
                return Err(Failure::usage(
                    "--state and --numbers choose rows, and a summary has none: say --format csv or json",
                ));
            }
            (None, _) if !by_row => Format::Summary,
            (None | Some(Format::Csv), Form::Json) => Format::Json,
            (None, Form::Table) => Format::Csv,
            (Some(format), _) => format,
        })
    }

    fn values(&self, row: &Operation) -> [Value; COLUMNS.len()] {
        let product = &row.intent.product;
        let number = product.recipient().map(|number| {
            if self.numbers {
                number.expose().to_owned()
            } else {
                number.masked().to_string()
            }
        });
        let plan = match product {
            Product::Data { plan, .. } => plan.as_deref(),
            _ => None,
        };
        [
            json!(row.line),
            json!(row.reference().as_str()),
            json!(number),
            json!(product.kind().as_str()),
            json!(product.operator().map(|operator| operator.as_str())),
            json!(plan),
            json!(row.price().and_then(telco_core::Amount::exact_major)),
            json!(row.state.as_str()),
            json!(row.delivered),
            json!(row.receipt.provider_id),
            json!(row.why.as_ref().map(|why| why.message.as_str())),
            json!(row.sent_at.and_then(output::time)),
        ]
    }
}

/// One row, in either form.
fn line(values: [Value; COLUMNS.len()], format: Format) -> String {
    if format == Format::Json {
        let names = COLUMNS.iter().map(|name| (*name).to_owned());
        let object: Value = names.zip(values).collect();
        return format!("{}\n", output::json_text(&object));
    }
    csv_line(values.into_iter().map(|value| match value {
        Value::Null => String::new(),
        Value::String(text) => text,
        other => other.to_string(),
    }))
}

/// A row that was left out of the job.
fn left_out_row(
    line: u64,
    state: &str,
    delivered: Option<bool>,
    why: &str,
) -> [Value; COLUMNS.len()] {
    COLUMNS.map(|column| match column {
        "line" => json!(line),
        "state" => json!(state),
        "delivered" => json!(delivered),
        "why" => json!(why),
        _ => Value::Null,
    })
}

const COLUMNS: [&str; 12] = [
    "line",
    "reference",
    "number",
    "product",
    "network",
    "plan",
    "amount",
    "state",
    "delivered",
    "provider_id",
    "why",
    "sent_at",
];

/// RFC 4180. A text that a spreadsheet would take for a formula is led by a quote mark, so that it stays a text.
fn csv_line(values: impl Iterator<Item = String>) -> String {
    let fields: Vec<String> = values
        .map(|value| {
            let value = output::clean(&value);
            let value = if value.starts_with(['=', '+', '-', '@', '\t', '\r']) {
                format!("'{value}")
            } else {
                value.into_owned()
            };
            if value.contains([',', '"', '\n', '\r']) {
                format!("\"{}\"", value.replace('"', "\"\""))
            } else {
                value
            }
        })
        .collect();
    format!("{}\n", fields.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_is_quoted_and_runs_no_formula() {
        let line = csv_line(
            ["a", "b,c", "say \"no\"", "=1+1", "", "\u{1b}[2Jx\r"]
                .map(str::to_owned)
                .into_iter(),
        );
        assert_eq!(
            line,
            "a,\"b,c\",\"say \"\"no\"\"\",'=1+1,,\u{FFFD}[2Jx\u{FFFD}\n"
        );
    }
}
