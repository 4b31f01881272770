//! Each setting that a section can have: is it there, and can its secret be read?

use telco_crypto::rsa::{LoadOptions, PrivateKey, PublicKey};
use toml::{Table, Value};

use super::{Report, owner_only};
use crate::config::Section;
use crate::exit::{Done, Failure};
use crate::secret::Source;

/// Fields that a command can do without; what the example says of them is what holds then.
const OPTIONAL: &[(&str, &str)] = &[
    ("cowrie", "base_url"),
    ("cowrie", "lookup_after"),
    ("cowrie", "timeout"),
    ("citcall", "base_url"),
    ("citcall", "otp_key"),
    ("citcall", "otp_store"),
    ("fanap", "base_url"),
    ("fanap", "otp_store"),
    ("fanap", "product_id"),
    ("fanap", "verification_url"),
    ("kairos", "base_url"),
    ("kairos", "pull_url"),
    ("mor", "base_url"),
    ("mor", "user"),
    ("mor", "profile"),
    ("topup", "lease"),
    ("topup", "sent_within"),
];

pub(super) fn is_optional(section: &str, field: &str) -> bool {
    OPTIONAL.contains(&(section, field))
}

pub(super) fn check(report: &mut Report, name: &str, section: Section<'_>, known: &Table) -> Done {
    for stray in section
        .in_file()
        .filter(|field| !known.contains_key(*field))
    {
        let fields: Vec<&str> = known.keys().map(String::as_str).collect();
        let failure = Failure::not_sent(format!("{stray} is no setting of [{name}]"));
        let advice = format!("it takes {}", fields.join(", "));
        report.tell(name, Err(failure.help(advice)))?;
    }
    for (field, example) in known {
        let outcome = match example {
            Value::String(text) if text.parse::<Source>().is_ok() => secret(name, section, field),
            _ if field.ends_with("_path") => file(name, section, field),
            _ => text(section, field),
        };
        match outcome.transpose() {
            Some(outcome) => report.tell(name, outcome)?,
            None if is_optional(name, field) => {}
            None => {
                let failure = Failure::not_sent(format!("no {field}"));
                report.tell(name, Err(failure.help(section.advice(field))))?;
            }
        }
    }
    Ok(())
}

type Outcome = Result<Option<String>, Failure>;

fn text(section: Section<'_>, field: &str) -> Outcome {
    Ok(section
        .text(field, None)?
        .map(|_| format!("{field} is set")))
}

fn file(name: &str, section: Section<'_>, field: &str) -> Outcome {
    let Some(path) = section.text(field, None)? else {
        return Ok(None);
    };
    let bytes = std::fs::read(&path).map_err(|e| {
        Failure::not_sent(format!("{field}: the file {path} cannot be read: {e}"))
            .help("check the path and its permissions")
    })?;
    let what = inside(name, field, &bytes)?;
    Ok(Some(format!("{field} is {what} ({path})")))
}

/// A key must not only be there.
fn inside(name: &str, field: &str, bytes: &[u8]) -> Result<String, Failure> {
    let weak = LoadOptions::new().allow_weak();
    let bits = match (name, field) {
        ("fanap", "private_key") => PrivateKey::load(bytes).map(|key| key.bits()),
        ("kairos", "public_key_path") => PublicKey::load_with(bytes, &weak).map(|key| key.bits()),
        _ => return Ok("readable".to_owned()),
    };
    bits.map(|bits| format!("a sound RSA key of {bits} bits"))
        .map_err(|error| {
            Failure::not_sent(format!("{field}: {error}"))
                .help("`telco fanap key check` says more about a key file")
        })
}

/// Reads the secret and forgets it again.
fn secret(name: &str, section: Section<'_>, field: &str) -> Outcome {
    let Some(source) = section.source(field, None)? else {
        return Ok(None);
    };
    if source == Source::Stdin {
        return Ok(Some(format!("{field} will be read from standard input")));
    }
    let from = match &source {
        Source::Literal(_) => "the environment".to_owned(),
        source => format!("{source:?}"),
    };
    let bytes = source.bytes().map_err(|failure| {
        let why = format!("{field}: {}", failure.message());
        failure
            .reworded(why)
            .help("put the secret there, or name another source")
    })?;
    let what = inside(name, field, bytes.expose())?;
    if let Source::File(path) = &source {
        owner_only(path, field)?;
    }
    Ok(Some(format!("{field} is {what} ({from})")))
}
