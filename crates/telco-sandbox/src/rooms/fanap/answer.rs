//! Refusals, in the shapes that this provider and its siblings are known for.

use serde_json::{Value, json};

use super::settings::{Settings, Shape};
use crate::room::Answer;

/// Why a request is refused: what the client is told, and what helps its developer.
#[derive(Debug)]
pub(super) struct Refusal {
    told: Told,
    why: String,
}

#[derive(Debug)]
enum Told {
    /// A code of the family (docs/protocols/fanap.md, 6.5). Below 1000 it is one of Ghasedak's.
    Code(u32),
    /// A number in `response`: what the operator said. No list of these exists.
    Operator(i64),
    /// A field that cannot be read.
    Field(&'static str),
    /// A bare status.
    Status(u16),
}

impl Refusal {
    pub(super) fn code(code: u32, why: impl Into<String>) -> Refusal {
        Refusal {
            told: Told::Code(code),
            why: why.into(),
        }
    }

    pub(super) fn operator(response: i64, why: impl Into<String>) -> Refusal {
        Refusal {
            told: Told::Operator(response),
            why: why.into(),
        }
    }

    pub(super) fn field(name: &'static str, why: impl Into<String>) -> Refusal {
        Refusal {
            told: Told::Field(name),
            why: why.into(),
        }
    }

    pub(super) fn status(status: u16, why: impl Into<String>) -> Refusal {
        Refusal {
            told: Told::Status(status),
            why: why.into(),
        }
    }

    /// One line for the ledger.
    pub(super) fn summary(&self) -> String {
        match &self.told {
            Told::Code(code) => format!("{code} {}", name(*code)),
            Told::Operator(response) => format!("response {response}"),
            Told::Field("") => "body".to_owned(),
            Told::Field(field) => format!("field {field}"),
            Told::Status(status) => format!("HTTP {status}"),
        }
    }

    /// The answer on the wire, and the explanation.
    pub(super) fn into_answer(self, settings: &Settings) -> (Answer, String) {
        let answer = match self.told {
            Told::Operator(response) => operator(response),
            Told::Field(field) => Answer::json(
                400,
                &json!({ field: ["The value is missing or not valid."] }),
            ),
            Told::Status(status) => Answer::new(status, "text/plain", ""),
            Told::Code(code) => match settings.refusal_shape {
                Shape::Family => Answer::json(settings.refusal_status, &family(code)),
                Shape::Operator => operator(i64::from(code)),
                Shape::Empty => Answer::new(settings.refusal_status, "text/plain", ""),
            },
        };
        (answer, self.why)
    }
}

fn operator(response: i64) -> Answer {
    Answer::json(200, &json!({ "response": response, "success": false }))
}

/// The error object of the sibling services. A Ghasedak code shows only in its message; the number beside it is not known.
fn family(code: u32) -> Value {
    let (number, message) = match code {
        ghasedak if ghasedak < 1_000 => (9_999, format!("GH-{ghasedak} {}", name(ghasedak))),
        code => (code, name(code).to_owned()),
    };
    json!({ "success": false, "error": { "code": number, "message": message } })
}

/// The published name of a code, or our words where only a meaning is published.
fn name(code: u32) -> &'static str {
    match code {
        1_001 => "ProductNotFound",
        1_002 => "TenantNotFound",
        1_003 => "TenantPublicKeyIsNotSet",
        1_004 => "SignatureIsNotValid",
        1_005 => "ProductDefinitionIsNotValid",
        1_006 => "ServiceNotFound",
        1_007 => "MobileOperatorServiceNotFound",
        1_008 => "GhasedakServiceError",
        1_009 => "StartCommitNotFound",
        1_010 => "RequestDateTimeIsNotValid",
        1_011 => "RequestDateTimeIsOutOfRange",
        1_012 => "SignatureIsRequired",
        1_013 => "InvalidPin",
        1_014 => "InvalidOtpId",
        1_015 => "InvalidPhone",
        1_016 => "OtpIdAlreadyUsed",
        1_017 => "ProductIdIsNotValid",
        1_018 => "InvalidProductId",
        1_019 => "HeaderNotFound",
        103 => "price not authorised",
        104 => "balance too low",
        407 => "blacklisted",
        409 => "forbidden time",
        411 => "is registered",
        412 => "code does not match",
        419 => "retries exceeded",
        _ => "unlisted",
    }
}
