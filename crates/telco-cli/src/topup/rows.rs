//! What the columns of a bulk file mean, and the top-up that a row asks for.

use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;

use cowrie_client::{Network, parse_msisdn};
use sha2::{Digest as _, Sha256};
use telco_core::{Amount, Currency, Operator, Product, Reference, TopupIntent};

use crate::csv::{Record, Records};
use crate::exit::{Done, Failure};

/// Names of the columns, in any order and case.
pub(super) const COLUMNS: &str = "number (or msisdn, phone), amount (whole naira), and if you like network (or net, operator), \
     plan (or bundle), reference";

/// How many digits no name of a column has: four stand in a year.
const DIGITS: usize = 5;

/// A file as it was at one moment: what is looked at, asked about and written down is the same, whoever changes the
/// file meanwhile. The copy has no name, and goes with this process.
#[derive(Debug)]
pub(super) struct Snapshot {
    file: File,
    /// The job that the file is: the first 16 hex digits of its SHA-256.
    pub(super) job: String,
}

impl Snapshot {
    pub(super) fn of(path: &Path) -> Result<Self, Failure> {
        let unreadable = |e| Failure::not_sent(format!("{} cannot be read: {e}", path.display()));
        let uncopied = |e| {
            let folder = std::env::temp_dir();
            Failure::not_sent(format!(
                "no copy of the file can be made in {}: {e}",
                folder.display()
            ))
            .help("make room there, or name another folder in TMPDIR")
        };
        let mut original = File::open(path).map_err(unreadable)?;
        let mut copy = tempfile::tempfile().map_err(uncopied)?;
        let (mut hash, mut part) = (Sha256::new(), vec![0; 64 * 1024]);
        loop {
            let read = original.read(&mut part).map_err(unreadable)?;
            match part.get(..read) {
                Some(part) if !part.is_empty() => {
                    hash.update(part);
                    copy.write_all(part).map_err(uncopied)?;
                }
                _ => break,
            }
        }
        let first = hash.finalize().into_iter().take(8);
        Ok(Self {
            file: copy,
            job: first.map(|byte| format!("{byte:02x}")).collect(),
        })
    }

    /// The rows, from the first on, for one reader at a time. Columns in `ignored` may be there; any other name that is
    /// not known may be a slip that changes what is bought, and is refused.
    pub(super) fn rows(&self, ignored: &[String]) -> Result<Rows<'_>, Failure> {
        let mut file = &self.file;
        let again = file.rewind();
        again
            .map_err(|e| Failure::not_sent(format!("the copy of the file cannot be read: {e}")))?;
        let (records, header) = Records::new(file)?;
        Ok(Rows {
            records,
            columns: Columns::of(&header, ignored)?,
            prefix: format!("b{}-", self.job),
        })
    }
}

/// The rows of a file.
pub(super) struct Rows<'a> {
    records: Records<&'a File>,
    columns: Columns,
    /// Of references that the file does not give.
    prefix: String,
}

/// One row.
pub(super) struct Row {
    pub(super) line: u64,
    /// The top-up, or why it is none. Never with the number.
    pub(super) intent: Result<TopupIntent, String>,
    /// The file gives its reference.
    pub(super) named: bool,
    /// There is a column for the plan, and nothing in it: airtime, or a slip.
    pub(super) no_plan: bool,
    /// The number was first issued by another network than the row names. Numbers are ported: this is no error.
    pub(super) elsewhere: bool,
}

#[derive(Debug, Default)]
struct Columns {
    number: Option<usize>,
    amount: Option<usize>,
    network: Option<usize>,
    plan: Option<usize>,
    reference: Option<usize>,
    count: usize,
}

impl Rows<'_> {
    pub(super) fn next(&mut self) -> Result<Option<Row>, Failure> {
        Ok(self.records.next()?.map(|record| {
            let intent = self.columns.intent(&record, &self.prefix);
            let reference = self.columns.field(&record, self.columns.reference);
            Row {
                line: record.line,
                named: reference.is_some(),
                no_plan: self.columns.plan.is_some()
                    && self.columns.field(&record, self.columns.plan).is_none(),
                elsewhere: intent
                    .as_ref()
                    .is_ok_and(|intent| is_elsewhere(&intent.product)),
                intent,
            }
        }))
    }
}

impl Columns {
    fn of(header: &Record, ignored: &[String]) -> Result<Self, Failure> {
        let mut columns = Self {
            count: header.fields.len(),
            ..Self::default()
        };
        let refuse = |what: String| Failure::not_sent(what).help(format!("columns are {COLUMNS}"));
        let is_ignored = |name: &str| ignored.iter().any(|other| other.to_lowercase() == name);
        // Not quoted: it may be somebody's number.
        is_header(header, is_ignored)?;
        for (place, field) in header.fields.iter().enumerate() {
            let name = field.to_lowercase();
            let column = match name.as_str() {
                "number" | "msisdn" | "phone" => &mut columns.number,
                "amount" => &mut columns.amount,
                "network" | "net" | "operator" => &mut columns.network,
                "plan" | "bundle" => &mut columns.plan,
                "reference" => &mut columns.reference,
                name if is_ignored(name) => continue,
                _ => {
                    return Err(refuse(format!(
                        "line 1: no meaning is known for column {} ({name:?}); --ignore {name:?} leaves it out",
                        place.saturating_add(1)
                    )));
                }
            };
            if column.replace(place).is_some() {
                return Err(refuse(format!(
                    "line 1: {name:?} says the same as a column before it"
                )));
            }
        }
        for (name, column) in [("number", columns.number), ("amount", columns.amount)] {
            if column.is_none() {
                return Err(refuse(format!("line 1: there is no column {name}")));
            }
        }
        Ok(columns)
    }

    /// What stands there, if anything does.
    fn field<'a>(&self, record: &'a Record, column: Option<usize>) -> Option<&'a str> {
        let text = column.and_then(|place| record.fields.get(place));
        text.map(String::as_str).filter(|text| !text.is_empty())
    }

    fn intent(&self, record: &Record, prefix: &str) -> Result<TopupIntent, String> {
        let (fields, count) = (record.fields.len(), self.count);
        if fields != count {
            return Err(format!("{fields} fields, where the header has {count}"));
        }
        let field = |column| self.field(record, column);
        let to = parse_msisdn(field(self.number).unwrap_or_default()).map_err(|e| e.to_string())?;
        let amount = Amount::parse_major(field(self.amount).unwrap_or_default(), Currency::NGN)
            .ok_or("no amount: write whole naira in plain digits")?;
        let network = field(self.network)
            .map(str::parse::<Network>)
            .transpose()
            .map_err(|e| e.to_string())?;
        let reference = match field(self.reference) {
            Some(given) => Reference::new(given),
            None => Reference::new(format!("{prefix}{}", record.line)),
        };
        let operator = network.map(Operator::from);
        let product = match field(self.plan) {
            Some(plan) => Product::data(to, operator, Some(plan.to_owned()), amount),
            None => Product::airtime(to, operator, amount),
        };
        Ok(TopupIntent::new(
            reference.map_err(|e| e.to_string())?,
            product,
        ))
    }
}

fn is_header(first: &Record, is_ignored: impl Fn(&str) -> bool) -> Done {
    let is_data = |field: &String| {
        field.chars().filter(char::is_ascii_digit).count() >= DIGITS
            && !is_ignored(&field.to_lowercase())
    };
    if first.fields.iter().any(is_data) {
        return Err(
            Failure::not_sent("line 1 is data, not column names").help(format!(
                "put a line before it that names the columns: {COLUMNS}"
            )),
        );
    }
    Ok(())
}

fn is_elsewhere(product: &Product) -> bool {
    let named = product.operator().cloned();
    let first = product
        .recipient()
        .and_then(Network::suggest)
        .map(Operator::from);
    named.is_some() && first.is_some() && named != first
}
