//! Calls from a CSV file: a column for the number, one for each variable of the flow.

use std::io::Read as _;

use csv::{ReaderBuilder, StringRecord};
use telco_core::Secret;

use super::call::Typed;
use crate::exit::Failure;

/// Of one person, tried in turn.
const BETWEEN_NUMBERS: char = '|';

/// The calls, each with the line that it begins on. `-` is standard input.
pub(super) fn read(file: &str) -> Result<Vec<(u64, Typed)>, Failure> {
    let mut text = String::new();
    let read = if file == "-" {
        std::io::stdin().read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|mut open| open.read_to_string(&mut text))
    };
    read.map_err(|e| Failure::not_sent(format!("{file} cannot be read: {e}")))?;
    parse(text.strip_prefix('\u{feff}').unwrap_or(&text))
}

fn parse(text: &str) -> Result<Vec<(u64, Typed)>, Failure> {
    let mut reader = ReaderBuilder::new().from_reader(text.as_bytes());
    let header = reader.headers().map_err(broken)?.clone();
    if !header.iter().any(|name| name.trim() == "number") {
        let failure = Failure::not_sent("the CSV file has no column named number");
        return Err(failure.help("its first line names the columns: reference,number,start_time and the flow's variables"));
    }
    let mut names: Vec<&str> = header.iter().map(str::trim).collect();
    names.sort_unstable();
    if let Some([twice, _]) = names
        .windows(2)
        .find(|pair| matches!(pair, [a, b] if a == b))
    {
        return Err(Failure::not_sent(format!(
            "the CSV file has two columns named {twice:?}"
        )));
    }
    let mut calls = Vec::new();
    for record in reader.records() {
        let record = record.map_err(broken)?;
        let line = record.position().map_or(0, csv::Position::line);
        calls.push((line, typed(&header, &record)));
    }
    if calls.is_empty() {
        return Err(Failure::not_sent("the CSV file has no calls"));
    }
    Ok(calls)
}

fn typed(header: &StringRecord, record: &StringRecord) -> Typed {
    let mut typed = Typed {
        reference: None,
        numbers: Vec::new(),
        start_time: None,
        variables: Vec::new(),
    };
    for (name, value) in header.iter().map(str::trim).zip(record) {
        let given = || Some(value.trim().to_owned()).filter(|value| !value.is_empty());
        match name {
            "reference" => typed.reference = given(),
            "start_time" => typed.start_time = given(),
            "number" => typed.numbers = value.split(BETWEEN_NUMBERS).map(str::to_owned).collect(),
            name => typed.variables.push((name.to_owned(), Secret::new(value))),
        }
    }
    typed
}

/// The library's own words may quote a field; the line is enough.
fn broken(error: csv::Error) -> Failure {
    let line = error.position().map_or(0, csv::Position::line);
    let why = match error.kind() {
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => {
            format!("{len} fields, where the header has {expected_len}")
        }
        _ => "cannot be read as CSV".to_owned(),
    };
    Failure::not_sent(format!("line {line}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_by_name() {
        let text = "Amount,number,reference,start_time\n\"1,200\",98123 45678|02212345678,due-1,\n, 9812345679 ,,2030-01-23T08:02:53+05:30\n";
        let calls = parse(text).unwrap();
        let [(2, first), (3, second)] = calls.as_slice() else {
            panic!("{calls:?}")
        };
        assert_eq!(first.numbers, ["98123 45678", "02212345678"]);
        assert_eq!(first.reference.as_deref(), Some("due-1"));
        assert_eq!(first.start_time, None);
        assert_eq!(
            first.variables,
            [("Amount".to_owned(), Secret::new("1,200"))]
        );
        assert_eq!(
            (second.reference.as_ref(), second.variables[0].1.expose()),
            (None, "")
        );
        assert!(!format!("{calls:?}").contains("1,200"));
    }

    #[test]
    fn what_is_wrong_is_named_by_its_line() {
        for (text, told) in [
            ("", "no column named number"),
            ("to\n1\n", "no column named number"),
            ("number,a,a\n1,2,3\n", "two columns named \"a\""),
            ("number\n", "no calls"),
            (
                "number,a\n1,2\n1,2,3\n",
                "line 3: 3 fields, where the header has 2",
            ),
        ] {
            let failure = parse(text).unwrap_err().to_string();
            assert!(failure.contains(told), "{text:?}: {failure}");
        }
    }
}
