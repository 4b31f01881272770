//! What a push can hold. Lenient: every member is optional, and what is not known stays in `other`.

use std::time::Duration;

use serde_json::{Map, Value};
use telco_core::Secret;

use crate::wire::text;

/// What a push tells. Every member is optional, and what is not known here is kept in `other`.
///
/// Numbers, addresses, texts and pressed keys are [`Secret`]: `Debug` shows none of them.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct PostCall {
    /// The provider's id of the call, as in the receipt.
    pub phonon_uuid: Option<String>,
    /// One per attempt to call.
    pub calls: Vec<CallDetail>,
    /// One per SMS.
    pub sms: Vec<SmsDetail>,
    /// One per e-mail.
    pub emails: Vec<EmailDetail>,
    /// All other members.
    pub other: Other,
}

/// Members that this crate does not know. `Debug` shows their names only.
#[derive(Clone, PartialEq, Default)]
pub struct Other(pub Map<String, Value>);

impl std::fmt::Debug for Other {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

/// One attempt to call. Times are texts: their form is not documented.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct CallDetail {
    /// The provider's id of the record.
    pub cdr_id: Option<String>,
    /// When it began.
    pub start_time: Option<String>,
    /// When it was answered.
    pub connect_time: Option<String>,
    /// When it ended.
    pub end_time: Option<String>,
    /// When it began to ring.
    pub ringing_start_time: Option<String>,
    /// Who was called.
    pub callee_number: Option<Secret>,
    /// Which of your numbers it came from.
    pub did_number: Option<Secret>,
    /// Why it ended, such as `16`; like Q.850.
    pub hangup_cause: Option<String>,
    /// How long it was connected, sent in milliseconds.
    pub duration: Option<Duration>,
    /// The keys pressed.
    pub dtmf: Vec<Dtmf>,
    /// The call came in.
    pub incoming: Option<bool>,
    /// `VISITOR` or `HARD_PHONE`.
    pub callee_type: Option<String>,
    /// The other side hung up.
    pub remote_hangup: Option<bool>,
    /// It rang.
    pub is_ringing: Option<bool>,
    /// Ids given elsewhere.
    pub foreign_call_ids: Vec<String>,
    /// All other members.
    pub other: Other,
}

/// A key pressed during a call.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Dtmf {
    /// Which.
    pub key: Option<Secret>,
    /// When.
    pub event_time: Option<String>,
    /// What the flow calls this question.
    pub label: Option<String>,
    /// All other members.
    pub other: Other,
}

/// An SMS of the flow.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct SmsDetail {
    /// The provider's id.
    pub id: Option<String>,
    /// What it says.
    pub text: Option<Secret>,
    /// To whom.
    pub to: Option<Secret>,
    /// From whom.
    pub from: Option<Secret>,
    /// When.
    pub send_time: Option<String>,
    /// Such as `SENT_TO_QUEUE`.
    pub delivery_status: Option<String>,
    /// All other members.
    pub other: Other,
}

/// An e-mail of the flow.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct EmailDetail {
    /// The provider's id.
    pub id: Option<String>,
    /// Its subject.
    pub subject: Option<Secret>,
    /// What it says.
    pub content: Option<Secret>,
    /// From whom.
    pub from: Option<Secret>,
    /// All other members.
    pub other: Other,
}

pub(super) type Members = Map<String, Value>;

impl PostCall {
    pub(super) fn read(mut members: Members) -> Self {
        Self {
            phonon_uuid: take(&mut members, "phonon-uuid"),
            calls: list(&mut members, "callDetails", CallDetail::read),
            sms: list(&mut members, "smsDetails", SmsDetail::read),
            emails: list(&mut members, "emailDetails", EmailDetail::read),
            other: Other(members),
        }
    }
}

impl CallDetail {
    fn read(mut members: Members) -> Self {
        let m = &mut members;
        Self {
            cdr_id: take(m, "cdrId"),
            start_time: take(m, "startTime"),
            connect_time: take(m, "connectTime"),
            end_time: take(m, "endTime"),
            ringing_start_time: take(m, "ringingStartTime"),
            callee_number: take(m, "calleeNumber").map(Secret::new),
            did_number: take(m, "didNumber").map(Secret::new),
            hangup_cause: take(m, "hangupCause"),
            duration: milliseconds(m, "duration"),
            // Spelt so by the provider.
            dtmf: list(m, "dtmfPressesd", Dtmf::read),
            incoming: yes_or_no(m, "incoming"),
            callee_type: take(m, "calleeType"),
            remote_hangup: yes_or_no(m, "remoteHangup"),
            is_ringing: yes_or_no(m, "is_ringing"),
            foreign_call_ids: texts(m, "foreignCallIds"),
            other: Other(members),
        }
    }
}

impl Dtmf {
    fn read(mut members: Members) -> Self {
        Self {
            key: take(&mut members, "key").map(Secret::new),
            event_time: take(&mut members, "eventTime"),
            label: take(&mut members, "label"),
            other: Other(members),
        }
    }
}

impl SmsDetail {
    fn read(mut members: Members) -> Self {
        Self {
            id: take(&mut members, "id"),
            text: take(&mut members, "text").map(Secret::new),
            to: take(&mut members, "to").map(Secret::new),
            from: take(&mut members, "from").map(Secret::new),
            send_time: take(&mut members, "sendTime"),
            delivery_status: take(&mut members, "deliveryStatus"),
            other: Other(members),
        }
    }
}

impl EmailDetail {
    fn read(mut members: Members) -> Self {
        Self {
            id: take(&mut members, "id"),
            subject: take(&mut members, "subject").map(Secret::new),
            content: take(&mut members, "content").map(Secret::new),
            from: take(&mut members, "from").map(Secret::new),
            other: Other(members),
        }
    }
}

/// A text or a number, as text; anything else stays where it is, among the others.
fn take(members: &mut Members, name: &str) -> Option<String> {
    let fits = members
        .get(name)
        .is_some_and(|value| value.is_string() || value.is_number());
    if fits {
        members.remove(name).and_then(text)
    } else {
        None
    }
}

/// The objects of a list. Items of another form stay where they are, among the others.
fn list<T>(members: &mut Members, name: &str, read: impl Fn(Members) -> T) -> Vec<T> {
    let object = |item| match item {
        Value::Object(members) => Ok(read(members)),
        odd => Err(odd),
    };
    items(members, name, object)
}

fn texts(members: &mut Members, name: &str) -> Vec<String> {
    items(members, name, |item| match item {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        odd => Err(odd),
    })
}

fn items<T>(members: &mut Members, name: &str, read: impl Fn(Value) -> Result<T, Value>) -> Vec<T> {
    let Some(Value::Array(array)) = members.get_mut(name) else {
        return Vec::new();
    };
    let (mut good, mut odd) = (Vec::with_capacity(array.len()), Vec::new());
    for item in std::mem::take(array) {
        match read(item) {
            Ok(item) => good.push(item),
            Err(item) => odd.push(item),
        }
    }
    if odd.is_empty() {
        members.remove(name);
    } else {
        members.insert(name.to_owned(), Value::Array(odd));
    }
    good
}

fn milliseconds(members: &mut Members, name: &str) -> Option<Duration> {
    let number = members.get(name).and_then(|value| match value {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_u64(),
    })?;
    members.remove(name);
    Some(Duration::from_millis(number))
}

fn yes_or_no(members: &mut Members, name: &str) -> Option<bool> {
    let answer = match members.get(name)? {
        Value::Bool(answer) => *answer,
        Value::String(text) if text.eq_ignore_ascii_case("true") => true,
        Value::String(text) if text.eq_ignore_ascii_case("false") => false,
        _ => return None,
    };
    members.remove(name);
    Some(answer)
}
