//! Data on standard output, for people or for programs; messages on standard error.

use std::io::{self, IsTerminal as _, Write as _};

use comfy_table::{LineStyle, Table, TableStyle};
use serde_json::Value;

use crate::exit::{Done, Failure};

/// The form of what is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Form {
    /// For people.
    #[default]
    Table,
    /// One JSON document, or JSON lines where rows stream.
    Json,
}

/// Prints `text` and one line end.
pub(crate) fn line(text: &str) -> Done {
    octets(format!("{text}\n").as_bytes())
}

/// Prints exactly these bytes.
pub(crate) fn octets(bytes: &[u8]) -> Done {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        // Whoever reads us has read enough: `telco … | head`.
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => {
            other.map_err(|e| Failure::unread(format!("standard output cannot be written: {e}")))
        }
    }
}

/// Prints one JSON document.
pub(crate) fn json(value: &Value) -> Done {
    line(&value.to_string())
}

/// A message or progress.
pub(crate) fn note(text: &str) {
    // Nobody is left to tell if this fails.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Prints the same facts either way: a table of names and values, or one JSON object.
pub(crate) fn facts(form: Form, facts: &[(&str, Value)]) -> Done {
    match form {
        Form::Json => json(
            &facts
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect(),
        ),
        Form::Table => {
            let rows = facts.iter().filter(|(_, value)| !value.is_null());
            rows_of(
                &[],
                rows.map(|(name, value)| vec![(*name).to_owned(), plain(value)]),
            )
        }
    }
}

/// Prints rows either way: a table with a header, or one JSON array of objects.
pub(crate) fn rows(form: Form, header: &[&str], rows: Vec<Vec<Value>>) -> Done {
    match form {
        Form::Json => {
            let object = |row: Vec<Value>| -> Value {
                header
                    .iter()
                    .zip(row)
                    .map(|(name, value)| ((*name).to_owned(), value))
                    .collect()
            };
            json(&rows.into_iter().map(object).collect())
        }
        Form::Table => rows_of(
            header,
            rows.iter().map(|row| row.iter().map(plain).collect()),
        ),
    }
}

fn rows_of(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Done {
    let mut table = Table::new();
    let underlined = TableStyle::new().header_separator(LineStyle::new('─', '─', '─', '─'));
    table.load_style(underlined);
    if !header.is_empty() {
        table.set_header(header.iter().copied());
    }
    for row in rows {
        table.add_row(row);
    }
    line(&table.trim_fmt())
}

/// A value as a person reads it.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A time in UTC, to the second.
pub(crate) fn time(at: std::time::SystemTime) -> Option<String> {
    let at = jiff::Timestamp::try_from(at).ok()?;
    Some(at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// Asks a question on the terminal. Refuses where there is none, unless `--yes` was given.
pub(crate) fn confirm(question: &str, yes: bool) -> Done {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(Failure::usage(format!(
            "{question} There is no terminal to ask on: add --yes to go on"
        )));
    }
    let _ = write!(io::stderr().lock(), "{question} Type yes to go on: ");
    let mut answer = String::new();
    io::stdin()
        .read_line(&mut answer)
        .map_err(|e| Failure::usage(format!("no answer: {e}")))?;
    if answer.trim().eq_ignore_ascii_case("yes") {
        Ok(())
    } else {
        Err(Failure::interrupted("stopped; nothing was sent"))
    }
}
