//! Data on standard output, for people or for programs; messages on standard error.

use std::borrow::Cow;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

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
    match write(bytes) {
        // Whoever reads us has read enough: `telco … | head`.
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => {
            other.map_err(|e| Failure::unread(format!("standard output cannot be written: {e}")))
        }
    }
}

/// Something was meant for standard output, whatever became of it.
static WRITTEN: AtomicBool = AtomicBool::new(false);

fn write(bytes: &[u8]) -> io::Result<()> {
    WRITTEN.store(true, Ordering::Relaxed);
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

/// Prints what came of something that cannot be done again: paid PINs, a pending record, the end of a job. It may be the only
/// copy. Where standard output refuses it, since the disk is full or the reader has left, it goes to standard error: the
/// command ends as what it did ended, whatever became of the words.
pub(crate) fn keep(text: &str) {
    if let Err(e) = write(format!("{text}\n").as_bytes()) {
        note(&format!(
            "standard output cannot be written ({e}); it should have said:\n{text}"
        ));
    }
}

/// Prints how a command that spends failed, as its one JSON document, unless it has told that itself.
pub(crate) fn end(form: Form, failure: &Failure) {
    if form == Form::Json && !WRITTEN.load(Ordering::Relaxed) {
        keep(&facts_text(form, &failure.facts()));
    }
}

/// Text of others, such as a provider's message, without what a terminal would obey: escape sequences, a carriage return that
/// overwrites the line. Line ends and tabs stay.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    let is_obeyed = |c: char| c.is_control() && c != '\n' && c != '\t';
    if text.contains(is_obeyed) {
        Cow::Owned(text.replace(is_obeyed, "\u{FFFD}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// Prints one JSON document.
pub(crate) fn json(value: &Value) -> Done {
    line(&json_text(value))
}

/// JSON in one line. The control characters that JSON lets pass, DEL and those from U+0080 on, are written as escapes too:
/// some terminals obey them.
pub(crate) fn json_text(value: &Value) -> String {
    let text = value.to_string();
    if !text.contains(char::is_control) {
        return text;
    }
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            escaped.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// A message or progress.
pub(crate) fn note(text: &str) {
    // Nobody is left to tell if this fails.
    let _ = writeln!(io::stderr().lock(), "{}", clean(text));
}

/// Prints the same facts either way: a table of names and values, or one JSON object.
pub(crate) fn facts(form: Form, facts: &[(&str, Value)]) -> Done {
    line(&facts_text(form, facts))
}

/// What [`facts`] prints.
pub(crate) fn facts_text(form: Form, facts: &[(&str, Value)]) -> String {
    match form {
        Form::Json => json_text(
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
    line(&rows_text(form, header, rows))
}

/// What [`rows`] prints.
pub(crate) fn rows_text(form: Form, header: &[&str], rows: Vec<Vec<Value>>) -> String {
    match form {
        Form::Json => {
            let object = |row: Vec<Value>| -> Value {
                header
                    .iter()
                    .zip(row)
                    .map(|(name, value)| ((*name).to_owned(), value))
                    .collect()
            };
            json_text(&rows.into_iter().map(object).collect())
        }
        Form::Table => rows_of(
            header,
            rows.iter().map(|row| row.iter().map(plain).collect()),
        ),
    }
}

fn rows_of(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    let underlined = TableStyle::new().header_separator(LineStyle::new('─', '─', '─', '─'));
    table.load_style(underlined);
    if !header.is_empty() {
        table.set_header(header.iter().copied());
    }
    for row in rows {
        table.add_row(row);
    }
    table.trim_fmt()
}

/// A value as a person reads it.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => clean(text).into_owned(),
        other => other.to_string(),
    }
}

/// A time in UTC, to the second.
pub(crate) fn time(at: std::time::SystemTime) -> Option<String> {
    let at = jiff::Timestamp::try_from(at).ok()?;
    Some(at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// Asks a question on the terminal. Refuses where there is none, unless `--yes` was given: neither who would answer it
/// nor who would see it may be missing.
pub(crate) fn confirm(question: &str, yes: bool) -> Done {
    if yes {
        return Ok(());
    }
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_comes_through() {
        let forged = "paid\u{1b}]52;c;cm0gLXJm\u{7}\rrejected\u{9b}31m\u{7f}";
        for shown in [
            clean(forged).into_owned(),
            plain(&Value::from(forged)),
            json_text(&Value::from(forged)),
            facts_text(Form::Table, &[("why", Value::from(forged))]),
            Failure::unread(forged)
                .help(forged)
                .to_string()
                .replace('\n', ""),
        ] {
            assert!(!shown.contains(char::is_control), "{shown:?}");
            assert!(
                shown.contains("paid") && shown.contains("rejected"),
                "{shown:?}"
            );
        }
        let back: Value = serde_json::from_str(&json_text(&Value::from(forged))).unwrap();
        assert_eq!(back, forged, "JSON keeps what it was");
        assert_eq!(clean("Ọjà\n\ttwo"), "Ọjà\n\ttwo");
    }
}
