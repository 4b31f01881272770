//! Answers: refusals in the shapes that this provider and its siblings are known for, and successes as quirks bend them.

use serde_json::{Map, Value, json};

use super::api::Api;
use super::settings::{Settings, Shape};
use crate::room::{Answer, Visit};

/// Why a request is refused: what the client is told, and what helps its developer.
#[derive(Debug)]
pub(super) struct Refusal {
    told: Told,
    /// The platform tells with a status that headers or signature failed.
    unauthorised: bool,
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
    fn new(told: Told, why: impl Into<String>) -> Refusal {
        Refusal {
            told,
            unauthorised: false,
            why: why.into(),
        }
    }

    pub(super) fn code(code: u32, why: impl Into<String>) -> Refusal {
        Refusal::new(Told::Code(code), why)
    }

    pub(super) fn operator(response: i64, why: impl Into<String>) -> Refusal {
        Refusal::new(Told::Operator(response), why)
    }

    pub(super) fn field(name: &'static str, why: impl Into<String>) -> Refusal {
        Refusal::new(Told::Field(name), why)
    }

    pub(super) fn status(status: u16, why: impl Into<String>) -> Refusal {
        Refusal::new(Told::Status(status), why)
    }

    pub(super) fn unauthorised(self) -> Refusal {
        Refusal {
            unauthorised: true,
            ..self
        }
    }

    /// What helps the developer.
    pub(super) fn why(self) -> String {
        self.why
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
    pub(super) fn into_answer(self, api: Api, settings: &Settings) -> (Answer, String) {
        let status = if self.unauthorised {
            401
        } else {
            settings.refusal_status
        };
        let answer = match self.told {
            Told::Operator(response) => operator(response),
            Told::Field(field) => Answer::json(
                400,
                &json!({ field: ["The value is missing or not valid."] }),
            ),
            Told::Status(status) => Answer::new(status, "text/plain", ""),
            Told::Code(code) => match (settings.refusal_shape, api) {
                (Shape::Empty, _) => Answer::new(status, "text/plain", ""),
                (Shape::Operator, Api::Pardis) => operator(i64::from(code)),
                (_, Api::Pardis) => Answer::json(
                    status,
                    &json!({ "success": false, "error": error_object(code) }),
                ),
                // No success flag: what an error looks like beside it is not shown.
                (_, Api::Imi) => Answer::json(status, &json!({ "error": error_object(code) })),
                (_, Api::SdpV1) => Answer::json(status, &envelope(code)),
            },
        };
        (answer, self.why)
    }
}

fn operator(response: i64) -> Answer {
    Answer::json(200, &json!({ "response": response, "success": false }))
}

/// The error object of the sibling services. A Ghasedak code shows only in its message; the number beside it is not known.
fn error_object(code: u32) -> Value {
    let (number, message) = match code {
        ghasedak if ghasedak < 1_000 => (9_999, format!("GH-{ghasedak} {}", name(ghasedak))),
        code => (code, name(code).to_owned()),
    };
    json!({ "code": number, "message": message })
}

/// A failure in the platform's envelope. A Ghasedak code stands in `ghasedakResult`, behind GhasedakServiceError.
fn envelope(code: u32) -> Value {
    let (number, ghasedak) = match code {
        ghasedak if ghasedak < 1_000 => (
            1_008,
            json!({ "code": ghasedak, "description": name(ghasedak) }),
        ),
        code => (code, Value::Null),
    };
    json!({ "code": number, "message": name(number), "ghasedakResult": ghasedak, "result": null })
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

/// The answer of a call that was done, bent by the quirk in force.
pub(super) fn success(visit: &Visit<'_>, mut body: Map<String, Value>) -> Answer {
    if visit.quirk("empty-object") {
        body.clear();
    } else if visit.quirk("contradiction") {
        if let Some(response) = body.get_mut("response") {
            *response = json!(5);
        }
    } else if visit.quirk("true-with-error") {
        body.remove("response");
        let error = json!({ "code": 1_013, "message": "InvalidPin" });
        body.insert("error".to_owned(), error);
    } else if visit.quirk("pascal-case") {
        body = body
            .into_iter()
            .map(|(name, value)| {
                let (first, rest) = name.split_at_checked(1).unwrap_or_default();
                (first.to_uppercase() + rest, value)
            })
            .collect();
    } else if visit.quirk("text-values") {
        for value in body.values_mut() {
            *value = match std::mem::take(value) {
                Value::Bool(true) => json!("True"),
                Value::Number(number) => json!(number.to_string()),
                other => other,
            };
        }
    }
    Answer::new(
        200,
        "application/json; charset=utf-8",
        Value::Object(body).to_string(),
    )
}
