//! Calls from a CSV file: a column for the number, one for each variable of the flow.

use std::fs::File;
use std::io::Read;

use telco_core::Secret;

use super::call::Typed;
use crate::csv::{Record, Records};
use crate::exit::Failure;

/// Of one person, tried in turn.
const BETWEEN_NUMBERS: char = '|';

/// The columns that are no variables of the flow.
const OURS: [&str; 3] = ["number", "reference", "start_time"];

/// The calls, each with the line that it begins on. `-` is standard input.
pub(super) fn read(file: &str) -> Result<Vec<(u64, Typed)>, Failure> {
    if file == "-" {
        return parse(std::io::stdin().lock());
    }
    let file =
        File::open(file).map_err(|e| Failure::not_sent(format!("{file} cannot be read: {e}")))?;
    parse(file)
}

fn parse(input: impl Read) -> Result<Vec<(u64, Typed)>, Failure> {
    let (mut records, header) = Records::new(input)?;
    for name in &header.fields {
        if let Some(ours) = meant(name) {
            let failure = Failure::not_sent(format!(
                "the CSV file has a column named {name:?}: write {ours}"
            ));
            return Err(failure.help(format!(
                "if the flow has a variable of this name, write $flow.key.{name}"
            )));
        }
    }
    if !header.fields.iter().any(|name| name == "number") {
        let failure = Failure::not_sent("the CSV file has no column named number");
        return Err(failure.help("its first line names the columns: reference,number,start_time and the flow's variables"));
    }
    let mut names = header.fields.clone();
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
    while let Some(record) = records.next()? {
        let (line, fields, names) = (record.line, record.fields.len(), header.fields.len());
        if fields != names {
            return Err(Failure::not_sent(format!(
                "line {line}: {fields} fields, where the header has {names}"
            )));
        }
        calls.push((line, typed(&header, record)));
    }
    if calls.is_empty() {
        return Err(Failure::not_sent("the CSV file has no calls"));
    }
    Ok(calls)
}

/// The column of ours that this is a slip for. As a variable of the flow, a `Start_Time` would call people now instead of later.
fn meant(name: &str) -> Option<&'static str> {
    let letters = |name: &str| -> String {
        let letters = name.chars().filter(|c| c.is_alphanumeric());
        letters.flat_map(char::to_lowercase).collect()
    };
    let is_nearly = |ours: &&str| name != *ours && letters(name) == letters(ours);
    OURS.into_iter().find(is_nearly)
}

fn typed(header: &Record, record: Record) -> Typed {
    let mut typed = Typed {
        reference: None,
        numbers: Vec::new(),
        start_time: None,
        variables: Vec::new(),
    };
    for (name, value) in header.fields.iter().zip(record.fields) {
        let given = |value: String| Some(value).filter(|value| !value.is_empty());
        match name.as_str() {
            "reference" => typed.reference = given(value),
            "start_time" => typed.start_time = given(value),
            "number" => typed.numbers = value.split(BETWEEN_NUMBERS).map(str::to_owned).collect(),
            name => typed.variables.push((name.to_owned(), Secret::new(value))),
        }
    }
    typed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_by_name() {
        let text = "Amount,number,reference,start_time\n\"1,200\",98123 45678|02212345678,due-1,\n, 9812345679 ,,2030-01-23T08:02:53+05:30\n";
        let calls = parse(text.as_bytes()).unwrap();
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
        // Whoever has a variable of such a name says so.
        let named = parse("number,$flow.key.Reference\n1,2\n".as_bytes()).unwrap();
        assert_eq!(named[0].1.variables[0].0, "$flow.key.Reference");
    }

    #[test]
    fn what_is_wrong_is_named_by_its_line() {
        for (text, told) in [
            ("", "there is no header"),
            ("to\n1\n", "no column named number"),
            (
                "number,Start_Time\n1,2\n",
                "named \"Start_Time\": write start_time",
            ),
            (
                "number,start time\n1,2\n",
                "\"start time\": write start_time",
            ),
            (
                "number,START-TIME\n1,2\n",
                "\"START-TIME\": write start_time",
            ),
            ("number,StartTime\n1,2\n", "write $flow.key.StartTime"),
            ("Number,a\n1,2\n", "\"Number\": write number"),
            ("number,Reference\n1,2\n", "\"Reference\": write reference"),
            ("number,a,a\n1,2,3\n", "two columns named \"a\""),
            ("number\n", "no calls"),
            // Whoever opened it is the one to say where it ends.
            (
                "number,a\n1,\"2\n3,4\n5,6\n",
                "line 2: a quoted field begins here and never ends",
            ),
            (
                "number,a\n1,2\n1,2,3\n",
                "line 3: 3 fields, where the header has 2",
            ),
        ] {
            let failure = parse(text.as_bytes()).unwrap_err().to_string();
            assert!(failure.contains(told), "{text:?}: {failure}");
        }
    }
}
