use std::fmt;

use telco_core::{
    Amount, Currency, Error, ErrorKind, Msisdn, Operator, Pin, RecordState, Reference, Secret,
    SecretBytes, Submission, TopupReceipt, TopupRecord,
};

use super::fields::{Body, Fields};
use super::{Operation, UnsignedRequest};
use crate::{Account, Network, PROVIDER, Redeemed, codes, parse_msisdn};

/// Reads the answer to Balance. `None` unless its balance can be read.
///
/// ```
/// use cowrie_client::wire::read_account;
///
/// let account = read_account(br#"{"balance":100000.50,"discount":4}"#).unwrap();
/// assert_eq!(account.balance.minor(), 10_000_050);
/// ```
#[must_use]
pub fn read_account(body: &[u8]) -> Option<Account> {
    let Body::Object(fields) = Body::read(body) else {
        return None;
    };
    Some(Account {
        balance: fields.naira("balance")?,
        // A percentage has two decimals here as well; what cannot be read is absent, for it only informs.
        discount_hundredths: fields.naira("discount").map(Amount::minor),
    })
}

/// The answer is about another top-up than the one sent: this field differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct EchoMismatch {
    /// `xref`, `net`, `msisdn` or `amount`.
    pub field: &'static str,
}

impl fmt::Display for EchoMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the answer has another {} than the request", self.field)
    }
}

impl std::error::Error for EchoMismatch {}

/// Compares the echoes with what was sent, each when both sides know it. What cannot be read counts as absent.
fn compare(request: &UnsignedRequest, fields: &Fields) -> Result<(), EchoMismatch> {
    let sent = |name| request.query().value(name);
    let field = if differ(fields.text("xref"), || sent("xref").map(str::to_owned)) {
        "xref"
    } else if differ(echoed_network(fields), || sent("net").map(operator)) {
        "net"
    } else if is_another_number(fields, sent("msisdn")) {
        "msisdn"
    } else if differ(fields.naira("amount"), || {
        Amount::parse_major(sent("amount")?, Currency::NGN)
    }) {
        "amount"
    } else {
        return Ok(());
    };
    Err(EchoMismatch { field })
}

fn differ<T: PartialEq>(echo: Option<T>, sent: impl FnOnce() -> Option<T>) -> bool {
    echo.is_some_and(|echo| sent().is_some_and(|sent| sent != echo))
}

/// The canonical code, whatever alias it came as.
fn operator(text: &str) -> Operator {
    text.parse::<Network>()
        .map_or_else(|_| Operator::new(text), Operator::from)
}

fn echoed_network(fields: &Fields) -> Option<Operator> {
    fields.text("net").map(|text| operator(&text))
}

/// Nigerian in any form, or any other whole number: it is foreign, but it is no absent one.
fn echoed_number(fields: &Fields) -> Option<Msisdn> {
    let text = fields.text("msisdn")?;
    parse_msisdn(&text).or_else(|_| Msisdn::parse(&text)).ok()
}

/// By the last ten digits, whatever stands before them. What is not digits only says nothing: it may be masked.
fn is_another_number(fields: &Fields, sent: Option<&str>) -> bool {
    let (Some(echo), Some(sent)) = (fields.text("msisdn"), sent) else {
        return false;
    };
    let echo = match parse_msisdn(&echo) {
        Ok(number) => number.expose().to_owned(),
        Err(_) => echo.strip_prefix('+').unwrap_or(&echo).to_owned(),
    };
    let last_ten = |digits: &str| {
        let start = digits.len().saturating_sub(10);
        digits.get(start..).map(str::to_owned)
    };
    !echo.is_empty()
        && echo.bytes().all(|b| b.is_ascii_digit())
        && last_ten(&echo) != last_ten(sent)
}

fn confirms_nothing(operation: Operation, what: &'static str) -> Error {
    Error::answered(ErrorKind::UnreadableAnswer, what)
        .at(PROVIDER, operation.name())
        .with_http_status(200)
        .with_help(operation.when_unknown())
}

/// Reads the 200 answer to Credit or Data: accepted if it is an object with `id` or `xref` whose echoes agree with the
/// request.
pub fn read_topup(
    reference: &Reference,
    request: &UnsignedRequest,
    body: &[u8],
) -> Submission<TopupReceipt> {
    let operation = request.operation();
    let unclear = |what| codes::unknown(reference, confirms_nothing(operation, what), body);
    let Body::Object(fields) = Body::read(body) else {
        return Submission::Unknown(unclear("the answer is no JSON object"));
    };
    let id = fields.text("id");
    if id.is_none() && fields.text("xref").is_none() {
        return Submission::Unknown(unclear("the answer has neither id nor xref"));
    }
    let mut receipt = TopupReceipt::new(reference.clone());
    receipt.provider_id = id;
    receipt.cost = fields.naira("charge");
    receipt.balance = fields.naira("balance");
    receipt.answer = Some(SecretBytes::new(body));
    if let Some(message) = fields.text("message")
        && !message.eq_ignore_ascii_case("OK")
    {
        // The text itself is the provider's and may hold anything; it stays reachable in `answer`.
        receipt.warnings.push(
            "accepted with a message other than OK: look the operation up (see `answer` for the text)"
                .to_owned(),
        );
    }
    match compare(request, &fields) {
        Ok(()) => Submission::Accepted(receipt),
        Err(mismatch) => {
            let cause = confirms_nothing(operation, "the answer is about another top-up")
                .with_source(mismatch);
            Submission::Unknown(codes::unknown(reference, cause, body).with_provisional(receipt))
        }
    }
}

/// Reads the 200 answer to AllocateSingle (an object) or Allocate (an array, or one object): accepted if every element has a
/// PIN. A foreign `xref` or another count than asked for is a warning: every paid PIN is delivered.
pub fn read_pins(
    reference: &Reference,
    request: &UnsignedRequest,
    body: &[u8],
) -> Submission<TopupReceipt> {
    let elements = match Body::read(body) {
        Body::Object(fields) => vec![fields],
        Body::Array(elements) if request.operation() == Operation::Allocate => elements,
        _ => Vec::new(),
    };
    let mut receipt = TopupReceipt::new(reference.clone());
    receipt.answer = Some(SecretBytes::new(body));
    for fields in &elements {
        if let Some(code) = fields.text("pin") {
            let mut pin = Pin::new(Secret::new(code));
            pin.serial = fields.text("serial");
            pin.face_value = fields.naira("unit");
            receipt.pins.push(pin);
        }
    }
    if elements.is_empty() || receipt.pins.len() < elements.len() {
        let cause = confirms_nothing(
            request.operation(),
            "not every element of the answer has a PIN",
        );
        let unknown = codes::unknown(reference, cause, body);
        return Submission::Unknown(if receipt.pins.is_empty() {
            unknown
        } else {
            unknown.with_provisional(receipt)
        });
    }
    let sent = |name| request.query().value(name);
    let foreign = |fields: &Fields| differ(fields.text("xref"), || sent("xref").map(str::to_owned));
    if elements.iter().any(foreign) {
        receipt
            .warnings
            .push("a PIN came with another xref than the request's".to_owned());
    }
    if differ(Some(receipt.pins.len()), || sent("count")?.parse().ok()) {
        receipt
            .warnings
            .push("the count of PINs is not what was asked for".to_owned());
    }
    Submission::Accepted(receipt)
}

/// Reads the 200 answer to Redeem: accepted if it is an object with a text `message`.
pub fn read_redeemed(reference: &Reference, body: &[u8]) -> Submission<Redeemed> {
    let message = match Body::read(body) {
        Body::Object(fields) => fields.text("message"),
        _ => None,
    };
    match message {
        Some(message) => Submission::Accepted(Redeemed {
            reference: reference.clone(),
            message,
        }),
        None => {
            let cause = confirms_nothing(Operation::Redeem, "the answer has no message");
            Submission::Unknown(codes::unknown(reference, cause, body))
        }
    }
}

/// What Check says of the state of a top-up.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordStatus {
    /// `OK`: confirmed. The only value that documentation shows.
    Ok,
    /// Another text: on record, not final. Never a reason to send again.
    Other(String),
    /// None, as older servers answer: on record, unconfirmed.
    Absent,
}

/// Another text may hold anything, so it is not shown.
impl fmt::Debug for RecordStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ok => "Ok",
            Self::Other(_) => "Other(***)",
            Self::Absent => "Absent",
        })
    }
}

/// What the 200 answer to Check is.
#[derive(Debug, Clone)]
pub enum Checked {
    /// On record.
    Found {
        /// The fields as they came.
        fields: Fields,
        /// Its state.
        status: RecordStatus,
    },
    /// Nothing on record: an empty body, `null`, `{}` or `[]`. **Never proof of failure.**
    NotFound,
    /// Neither of the two: ask again.
    Undetermined,
}

/// Reads the 200 answer to Check.
#[must_use]
pub fn read_check(body: &[u8]) -> Checked {
    match Body::read(body) {
        Body::Nothing => Checked::NotFound,
        Body::Array(items) if items.is_empty() => Checked::NotFound,
        Body::Object(fields) if fields.is_empty() => Checked::NotFound,
        Body::Object(fields) if fields.text("id").is_some() || fields.text("xref").is_some() => {
            let status = match fields.text("status") {
                None => RecordStatus::Absent,
                Some(text) if text.eq_ignore_ascii_case("OK") => RecordStatus::Ok,
                Some(text) => RecordStatus::Other(text),
            };
            Checked::Found { fields, status }
        }
        _ => Checked::Undetermined,
    }
}

/// The record in the vocabulary of telco-core, and whether it is the one that was asked for: by its `xref` or by its `id`, compared
/// exactly. An id alone that is another text may belong to the `xref` that was asked for: that tells nothing.
pub(crate) fn record_of(
    fields: &Fields,
    status: &RecordStatus,
    asked: &str,
) -> (TopupRecord, Option<bool>) {
    let mut record = TopupRecord::new(match status {
        RecordStatus::Ok => RecordState::Completed,
        RecordStatus::Other(_) => RecordState::Pending,
        RecordStatus::Absent => RecordState::Unstated,
    });
    record.provider_id = fields.text("id");
    record.operator = echoed_network(fields);
    record.recipient = echoed_number(fields);
    record.amount = fields.naira("amount");
    let xref = fields.text("xref");
    record.reference = xref.as_ref().and_then(|text| Reference::new(text).ok());
    let same = |text: Option<&String>| text.is_some_and(|text| text == asked);
    let ours = if same(xref.as_ref()) || same(record.provider_id.as_ref()) {
        Some(true)
    } else {
        xref.is_some().then_some(false)
    };
    (record, ours)
}
