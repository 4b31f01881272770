//! A bulk file of any bytes: driven by the tests beside this file and by the fuzz target.

use super::{Broken, Records};

/// Read or refused. What is read is read alike from the plainest spelling there is: a field never moves to another column.
pub(crate) fn file(bytes: &[u8]) {
    let Ok(rows) = read(bytes) else { return };
    // Quotes are doubled below, and a row has its limit.
    if bytes.len() < 8 * 1024 {
        assert_eq!(read(spelled(&rows).as_bytes()).unwrap(), rows);
    }
}

fn read(bytes: &[u8]) -> Result<Vec<Vec<String>>, Broken> {
    let (mut records, header) = Records::new(bytes)?;
    let mut line = header.line;
    let mut rows = vec![header.fields];
    while let Some(record) = records.next()? {
        assert!(record.line > line);
        line = record.line;
        rows.push(record.fields);
    }
    Ok(rows)
}

/// Every field in quotes. What separates them is what the reader will guess from the header.
fn spelled(rows: &[Vec<String>]) -> String {
    let in_header = |separator: &char| rows[0].iter().any(|field| field.contains(*separator));
    let separator = [';', '\t'].into_iter().find(in_header).unwrap_or(',');
    let row = |fields: &Vec<String>| {
        let quoted = fields
            .iter()
            .map(|field| format!("\"{}\"", field.replace('"', "\"\"")));
        quoted.collect::<Vec<_>>().join(&separator.to_string())
    };
    rows.iter().map(row).collect::<Vec<_>>().join("\r\n")
}
