//! What comes before the business of a call: headers, fields, Date and signature.

use serde_json::{Map, Value};

use super::Fanap;
use super::answer::Refusal;
use super::near_miss::{self, Claim};
use super::settings::Settings;
use crate::calendar;
use crate::room::{Request, Visit};

/// The JSON object of a request.
pub(super) fn object(
    request: &Request,
    settings: &Settings,
) -> Result<Map<String, Value>, Refusal> {
    let kind = request.header("content-type").unwrap_or("");
    let (kind, rest) = kind.split_once(';').unwrap_or((kind, ""));
    if !kind.trim().eq_ignore_ascii_case("application/json") {
        return Err(Refusal::status(
            415,
            "`Content-Type` is application/json; charset=utf-8",
        ));
    }
    if settings.charset_required && !rest.trim().eq_ignore_ascii_case("charset=utf-8") {
        return Err(Refusal::status(
            415,
            "`Content-Type` has no `charset=utf-8` (setting `charset_required`)",
        ));
    }
    match serde_json::from_slice(&request.body) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(Refusal::field("", "the body is JSON, but not an object")),
        Err(error) => Err(Refusal::field("", format!("the body is no JSON: {error}"))),
    }
}

/// A field that is a non-empty string.
pub(super) fn text<'a>(
    fields: &'a Map<String, Value>,
    name: &'static str,
) -> Result<&'a str, Refusal> {
    match fields.get(name) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text),
        Some(Value::Number(_)) if matches!(name, "Token" | "Pin" | "pin") => Err(Refusal::field(
            name,
            format!("`{name}` is a string, so that its leading zeros are kept; a number came"),
        )),
        Some(Value::String(_) | Value::Null) => {
            Err(Refusal::field(name, format!("`{name}` is empty")))
        }
        Some(_) => Err(Refusal::field(name, format!("`{name}` is not a string"))),
        None => match fields.keys().find(|known| known.eq_ignore_ascii_case(name)) {
            Some(other) => Err(Refusal::field(name, format!("`{other}` is spelt `{name}`"))),
            None => Err(Refusal::field(name, format!("`{name}` is missing"))),
        },
    }
}

/// A string of the body as it came, for the ledger, before anything is judged.
pub(super) fn word<'a>(
    fields: &'a Result<Map<String, Value>, Refusal>,
    name: &str,
) -> Option<&'a str> {
    fields.as_ref().ok()?.get(name)?.as_str()
}

impl Fanap {
    /// Ids, Date, signature and service of a start or commit, at Pardis and IMI.
    pub(super) fn admit(
        &self,
        visit: &Visit<'_>,
        request: &Request,
        fields: &Map<String, Value>,
        settings: &Settings,
    ) -> Result<(), Refusal> {
        let (app_id, tenant_id) = self.ids(request)?;
        let date = text(fields, "Date")?;
        let signature = match fields.get("Signature") {
            None | Some(Value::Null) => {
                return Err(Refusal::code(1_012, "`Signature` is missing"));
            }
            _ => text(fields, "Signature")?,
        };
        let service_key = text(fields, "ServiceKey")?;
        check_date(date, visit.now_ms(), settings.date_window_s)?;
        self.check_signature(&[app_id, tenant_id, date], signature, settings)?;
        if service_key != self.service_key {
            return Err(Refusal::code(
                1_006,
                "`ServiceKey` is not the one of GET /_sandbox/describe",
            ));
        }
        self.spend_date(date, visit.now_ms(), settings)
    }

    fn ids<'a>(&self, request: &'a Request) -> Result<(&'a str, &'a str), Refusal> {
        let header = |name: &str| {
            request
                .header(name)
                .filter(|value| !value.is_empty())
                .ok_or_else(|| Refusal::code(1_019, format!("the header `{name}` is missing")))
        };
        let (app_id, tenant_id) = (header("AppId")?, header("TenantId")?);
        if (app_id, tenant_id) == (self.tenant_id.as_str(), self.app_id.as_str()) {
            return Err(Refusal::code(
                1_002,
                "`AppId` and `TenantId` are interchanged",
            ));
        }
        for (name, sent, known) in [
            ("AppId", app_id, &self.app_id),
            ("TenantId", tenant_id, &self.tenant_id),
        ] {
            if sent != known {
                return Err(Refusal::code(
                    1_002,
                    format!("`{name}` is not the one of GET /_sandbox/describe"),
                ));
            }
        }
        Ok((app_id, tenant_id))
    }

    /// Verifies a signature over these parts, joined by `#`.
    pub(super) fn check_signature(
        &self,
        parts: &[&str],
        signature: &str,
        settings: &Settings,
    ) -> Result<(), Refusal> {
        let claim = Claim {
            parts,
            separator: "#",
            hash: settings.hash.into(),
        };
        let key = self
            .registered(settings)
            .ok_or_else(|| Refusal::code(1_003, "no public key is registered"))?;
        let good = near_miss::decode(signature)
            .is_some_and(|bytes| key.verify(claim.hash, claim.text().as_bytes(), &bytes));
        if good {
            Ok(())
        } else {
            Err(Refusal::code(
                1_004,
                near_miss::explain(signature, claim, &key),
            ))
        }
    }

    /// For the setting that refuses a Date whose second use this is.
    pub(super) fn spend_date(
        &self,
        date: &str,
        now_ms: u64,
        settings: &Settings,
    ) -> Result<(), Refusal> {
        if !settings.refuse_repeated_dates {
            return Ok(());
        }
        match self.state().dates.insert(date.to_owned(), now_ms) {
            None => Ok(()),
            Some(_) => Err(Refusal::code(
                1_011,
                "this Date was used before (setting `refuse_repeated_dates`)",
            )),
        }
    }
}

/// The form of a Date, and how far it is from the provider's clock.
pub(super) fn check_date(date: &str, now_ms: u64, window_s: u64) -> Result<(), Refusal> {
    let malformed = |why: &str| {
        Refusal::code(
            1_010,
            format!("Date {why}; it is YYYY-MM-DDTHH:MM:SS.mmmZ, e.g. 2018-09-24T12:01:27.938Z"),
        )
    };
    let (seconds, rest) =
        calendar::parse(date).ok_or_else(|| malformed("is no date and time of this form"))?;
    let fraction = match rest.strip_prefix('.').and_then(|r| r.strip_suffix('Z')) {
        Some(fraction) => fraction,
        None if rest == "Z" => return Err(malformed("has no fraction")),
        None if rest.contains(['+', '-']) => {
            return Err(malformed("has an offset; it is UTC with a `Z`"));
        }
        None => return Err(malformed("does not end in `Z`")),
    };
    if fraction.len() != 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(malformed(&format!(
            "has {} fraction digits, not three",
            fraction.len()
        )));
    }
    let sent = seconds.saturating_add(fraction.parse().unwrap_or(0));
    let now = i64::try_from(now_ms).unwrap_or(i64::MAX);
    let off = sent.saturating_sub(now);
    if window_s == 0 || off.unsigned_abs() <= window_s.saturating_mul(1_000) {
        return Ok(());
    }
    let minutes = off.unsigned_abs() / 60_000;
    let side = if off < 0 { "behind" } else { "ahead" };
    // Tehran: UTC+3:30, and +4:30 in the summers until 2022.
    let local = [210, 270]
        .iter()
        .any(|zone| off > 0 && minutes.abs_diff(*zone) <= 2);
    let hint = if local {
        ": that is Tehran's local time; Date is UTC"
    } else {
        ""
    };
    Err(Refusal::code(
        1_011,
        format!(
            "Date is {minutes} minutes {side} (allowed: {window_s} s, setting `date_window_s`){hint}"
        ),
    ))
}
