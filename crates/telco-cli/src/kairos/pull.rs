//! `telco kairos pull`: what became of calls, where the provider gave a URL for that.

use clap::Args;
use kairos_client::{ContactNumber, FetchAttempt, Kind, NumberPolicy};
use serde_json::{Map, Value, json};
use telco_core::Msisdn;

use super::Account;
use crate::config::Settings;
use crate::exit::{Done, Failure};
use crate::output::{self, Form};

pub(super) const EXAMPLES: &str = "Examples:\n  \
    telco kairos pull 6b1f0a52-3c1e-4b0c-9a8e-0d3f8f2a4c11 --last\n  \
    telco kairos pull --output json 6b1f0a52-3c1e-4b0c-9a8e-0d3f8f2a4c11 0c2d7e94-5a0b-4f6e-8d21-b7c3e1f50a66\n\n\
    All that the provider says is printed, with phone numbers masked, and with them other runs of ten digits or more; --numbers \
    prints them whole.";

/// A question about calls.
#[derive(Debug, Args)]
pub(crate) struct Pull {
    /// The ids that `call` printed
    #[arg(required = true, value_name = "CALL_ID")]
    ids: Vec<String>,
    /// Only the last attempt to reach each
    #[arg(long)]
    last: bool,
    /// Whole phone numbers instead of masked ones
    #[arg(long)]
    numbers: bool,
    /// The URL that the provider gave you [TELCO_KAIROS_PULL_URL]
    #[arg(long, value_name = "URL")]
    pull_url: Option<String>,
    #[command(flatten)]
    account: Account,
}

/// Runs it.
pub(super) async fn run(question: &Pull, settings: &Settings, form: Form) -> Done {
    let url = settings
        .of("kairos")
        .required("pull_url", question.pull_url.as_deref())?;
    let client = question
        .account
        .builder(settings, Kind::RealTime)?
        .pull_url(url)
        .build()?;
    let attempt = if question.last {
        FetchAttempt::Last
    } else {
        FetchAttempt::All
    };
    let records = client
        .pull(&question.ids, attempt)
        .await
        .map_err(|e| Failure::of_read(&e))?;
    if records.len() < question.ids.len() {
        output::note("the provider says nothing about some of these ids; that proves nothing");
    }
    let rows = records.into_iter().map(|record| {
        let other = if question.numbers {
            record.other
        } else {
            without_numbers(record.other)
        };
        vec![
            json!(record.phonon_uuid),
            json!(record.request_id),
            Value::Object(other),
        ]
    });
    output::rows(form, &["call_id", "request_id", "other"], rows.collect())
}

/// The caller's own reference of the call, which is shown everywhere: without it nobody knows which call this is.
const REFERENCE: &str = "client-identifier";

fn without_numbers(members: Map<String, Value>) -> Map<String, Value> {
    let member = |(name, value): (String, Value)| {
        let value = match name.as_str() {
            REFERENCE => value,
            _ => without_number(value),
        };
        (masked(&name), value)
    };
    members.into_iter().map(member).collect()
}

fn without_number(value: Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(without_numbers(members)),
        Value::Array(values) => values.into_iter().map(without_number).collect(),
        Value::String(text) => Value::String(masked(&text)),
        Value::Number(number) => {
            let text = number.to_string();
            let shown = masked(&text);
            if shown == text {
                Value::Number(number)
            } else {
                Value::String(shown)
            }
        }
        other => other,
    }
}

/// A number in India without its country code. A shorter run of digits is an amount, a duration or a day.
const DIGITS: usize = 10;

/// With each run of digits masked that may be a phone number; a text that is nothing else may have separators in it.
fn masked(text: &str) -> String {
    if let Ok(number) = ContactNumber::parse(text.trim(), NumberPolicy::DigitsOnly)
        && number.expose().len() >= DIGITS
    {
        return mask(number.expose());
    }
    let mut shown = String::with_capacity(text.len());
    for part in text.split_inclusive(|c: char| !c.is_ascii_digit()) {
        let digits = part.trim_end_matches(|c: char| !c.is_ascii_digit());
        if digits.len() < DIGITS {
            shown.push_str(part);
        } else {
            shown.push_str(&mask(digits));
            shown.push_str(part.strip_prefix(digits).unwrap_or_default());
        }
    }
    shown
}

fn mask(digits: &str) -> String {
    let number = digits.trim_start_matches('0');
    let zeros = digits.strip_suffix(number).unwrap_or_default();
    match Msisdn::parse(number) {
        Ok(number) => format!("{zeros}{}", number.masked()),
        Err(_) => "*".repeat(digits.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_masked_and_the_rest_stays() {
        for (text, shown) in [
            ("919812345678", "9198*****678"),
            ("+919812345678", "9198*****678"),
            ("9812345678", "981****678"),
            ("09812345678", "0981****678"),
            (" 98123 45678", "981****678"),
            ("+91 (98123)-45.678", "9198*****678"),
            (
                "called 9812345678, then 02212345678.",
                "called 981****678, then 0221****678.",
            ),
            ("12345678901234567", "*****************"),
            ("0000000000", "**********"),
            (
                "2022-01-23T08:02:53.311+05:30",
                "2022-01-23T08:02:53.311+05:30",
            ),
            ("2022-01-23 08:02:53", "2022-01-23 08:02:53"),
            ("123456789", "123456789"),
            ("NORMAL_CLEARING", "NORMAL_CLEARING"),
            ("\u{20b9}1,200", "\u{20b9}1,200"),
            ("", ""),
        ] {
            assert_eq!(masked(text), shown, "{text}");
        }
    }

    #[test]
    fn numbers_are_found_wherever_they_stand() {
        let record = json!({
            "client-identifier": "due-9812345678",
            "to": 919_812_345_678_u64,
            "duration": 12345,
            "tried": [{ "9812345678": true, "client-identifier": 7 }],
            "none": null,
        });
        let Value::Object(members) = record else {
            unreachable!()
        };
        let shown = json!({
            "client-identifier": "due-9812345678",
            "to": "9198*****678",
            "duration": 12345,
            "tried": [{ "981****678": true, "client-identifier": 7 }],
            "none": null,
        });
        assert_eq!(Value::Object(without_numbers(members)), shown);
    }
}
