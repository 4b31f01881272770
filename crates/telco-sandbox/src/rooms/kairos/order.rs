//! What a create request asks for, read and checked field by field: docs/protocols/kairos.md, sections 3 and 4.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Value};

use super::Refusal;
use super::settings::Settings;
use super::start_time::StartTime;

/// One customer to be called.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) client_identifier: String,
    /// When it may be dialled; in the past, at once.
    pub(super) start_ms: u64,
    pub(super) numbers: Vec<String>,
    pub(super) variables: BTreeMap<String, String>,
    /// Why this call alone is refused.
    pub(super) fault: Option<Refusal>,
}

/// The fields around the calls.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) version: Option<String>,
    pub(super) security_id: Option<String>,
    pub(super) flow_id: Option<String>,
}

/// The string fields of the request's head; absent ones and those of another type are `None`.
pub(super) fn head(json: &Map<String, Value>) -> Head {
    let text = |name: &str| json.get(name).and_then(Value::as_str).map(str::to_owned);
    Head {
        version: text("api-version"),
        security_id: text("security-id"),
        flow_id: text("flow-id"),
    }
}

/// Identifier and first number of each call, as far as they can be made out, for the ledger.
pub(super) fn outline(json: &Map<String, Value>) -> Vec<(String, Option<String>)> {
    let calls = json.get("calls").and_then(Value::as_array);
    let calls = calls.map(Vec::as_slice).unwrap_or_default();
    calls
        .iter()
        .take(500)
        .filter_map(|call| {
            let number = call
                .get("contact-numbers")
                .and_then(|numbers| numbers.get(0));
            let number = number.and_then(Value::as_str).map(str::to_owned);
            Some((call.get("client-identifier")?.as_str()?.to_owned(), number))
        })
        .collect()
}

/// The calls, checked; a wrong number is the fault of its call, everything else of the request.
pub(super) fn calls(
    json: &Map<String, Value>,
    now_ms: i64,
    settings: &Settings,
) -> Result<Vec<Call>, Refusal> {
    let calls = match json.get("calls") {
        Some(Value::Array(calls)) => calls,
        Some(_) => return Err(Refusal::new(210, "`calls` is not an array")),
        None => return Err(Refusal::new(210, "there is no `calls`")),
    };
    match calls.len() {
        0 => return Err(Refusal::new(302, "`calls` is empty")),
        1..=500 => {}
        n => return Err(Refusal::new(303, format!("{n} calls; 500 are the most"))),
    }
    let mut seen = HashSet::new();
    let mut all = Vec::with_capacity(calls.len());
    for (at, call) in calls.iter().enumerate() {
        let call = one(call, now_ms, settings).map_err(|refusal| {
            Refusal::new(refusal.code, format!("calls[{at}]: {}", refusal.why))
        })?;
        if !seen.insert(call.client_identifier.clone()) {
            return Err(Refusal::new(
                settings.duplicate_identifier_code,
                format!("calls[{at}]: its `client-identifier` came before in this request"),
            ));
        }
        all.push(call);
    }
    Ok(all)
}

fn one(call: &Value, now_ms: i64, settings: &Settings) -> Result<Call, Refusal> {
    let field = |name: &str| call.get(name);
    let text = |name: &str| match field(name) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text.as_str()),
        Some(Value::String(_)) | None => Err(Refusal::new(210, format!("`{name}` is missing"))),
        Some(_) => Err(Refusal::new(210, format!("`{name}` is not a string"))),
    };
    let client_identifier = text("client-identifier")?.to_owned();
    let start = StartTime::parse(text("start-time")?)
        .map_err(|why| Refusal::new(210, format!("`start-time`: {why}")))?;
    if start.is_before_today(now_ms) {
        return Err(Refusal::new(
            settings.past_date_code,
            "`start-time` is on a date before today (in its own offset)",
        ));
    }
    let numbers = match field("contact-numbers") {
        Some(Value::Array(numbers)) if !numbers.is_empty() => numbers,
        Some(Value::String(_)) => {
            return Err(Refusal::new(
                210,
                "`contact-numbers` is an array, also for one number",
            ));
        }
        _ => return Err(Refusal::new(210, "`contact-numbers` is missing or empty")),
    };
    if numbers.len() > settings.max_alternates {
        return Err(Refusal::new(
            210,
            format!(
                "{} alternates; {} are the most",
                numbers.len(),
                settings.max_alternates
            ),
        ));
    }
    let mut fault = None;
    let mut digits = Vec::with_capacity(numbers.len());
    for number in numbers {
        let Value::String(number) = number else {
            return Err(Refusal::new(210, "a contact number is not a string"));
        };
        if let Err(why) = check_number(number, settings) {
            fault.get_or_insert(Refusal::new(205, why));
        }
        digits.push(number.clone());
    }
    Ok(Call {
        client_identifier,
        start_ms: u64::try_from(start.unix_ms).unwrap_or(0),
        numbers: digits,
        variables: variables(field("keys"))?,
        fault,
    })
}

fn check_number(number: &str, settings: &Settings) -> Result<(), &'static str> {
    let digits = match number.strip_prefix('+') {
        Some(_) if !settings.plus_accepted => {
            return Err("a contact number begins with `+` (setting `plus_accepted`)");
        }
        Some(digits) => digits,
        None => number,
    };
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        Err("a contact number has something other than digits")
    } else if (6..=15).contains(&digits.len()) {
        Ok(())
    } else {
        Err("a contact number has fewer than 6 or more than 15 digits")
    }
}

fn variables(keys: Option<&Value>) -> Result<BTreeMap<String, String>, Refusal> {
    let Some(Value::Array(keys)) = keys else {
        return Err(Refusal::new(
            210,
            "`keys` is missing or no array; `[]` says that there are none",
        ));
    };
    let mut variables = BTreeMap::new();
    for key in keys {
        match (key.get("name"), key.get("value")) {
            (Some(Value::String(name)), Some(Value::String(value))) if !name.is_empty() => {
                variables.insert(name.clone(), value.clone());
            }
            (None, Some(_)) if key.get("key").is_some() => {
                return Err(Refusal::new(
                    210,
                    "the members of `keys` are `name` and `value`, not `key` and `value`",
                ));
            }
            (Some(Value::String(_)), Some(_)) => {
                return Err(Refusal::new(
                    210,
                    "the `name` of a variable is empty, or its `value` is not a string",
                ));
            }
            _ => {
                return Err(Refusal::new(
                    210,
                    "a member of `keys` is not {\"name\":…,\"value\":…}",
                ));
            }
        }
    }
    Ok(variables)
}
