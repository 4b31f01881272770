//! The answer to a request that was carried out, in whole or in part.

use serde::Serialize;
use serde_json::{Value, json};

use super::create::Kind;
use super::dial::Fate;
use super::settings::{PartialShape, Settings};
use super::{Kairos, codes};
use crate::room::{Answer, Visit};

/// The answer of the real-time and dialer hosts.
#[derive(Serialize)]
struct Report<'a> {
    #[serde(rename = "api-response-code", skip_serializing_if = "Option::is_none")]
    code: Option<Value>,
    #[serde(rename = "api-response-message")]
    message: Option<&'static str>,
    #[serde(rename = "call-details", skip_serializing_if = "Option::is_none")]
    details: Option<Vec<Detail<'a>>>,
    #[serde(rename = "request-id")]
    request_id: &'a str,
}

/// What it says of one call.
#[derive(Serialize)]
struct Detail<'a> {
    #[serde(rename = "api-response-code", skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    #[serde(
        rename = "api-response-message",
        skip_serializing_if = "Option::is_none"
    )]
    message: Option<&'static str>,
    #[serde(rename = "client-identifier", skip_serializing_if = "Option::is_none")]
    client_identifier: Option<&'a str>,
    #[serde(rename = "phonon-uuid", skip_serializing_if = "Option::is_none")]
    uuid: Option<&'a str>,
}

impl Kairos {
    pub(super) fn report(
        &self,
        visit: &Visit<'_>,
        kind: Kind,
        request_id: &str,
        fates: &[Fate],
        settings: &Settings,
    ) -> Answer {
        if kind == Kind::Bulk {
            let body = json!({
                "api-response-code": 202,
                "api-response-message": "Accepted",
                "request-id": request_id,
                "call-details": null,
            });
            return Answer::json(202, &body);
        }
        let partial = fates.iter().any(|fate| fate.outcome.is_err());
        let details = fates.iter().filter_map(|fate| {
            let (uuid, code) = match &fate.outcome {
                Ok(uuid) => (Some(uuid.as_str()), None),
                Err(code) => (None, Some(*code)),
            };
            let named = code.is_some() || !visit.quirk("no-identifiers");
            let shown = code.filter(|_| settings.partial_shape == PartialShape::WithCode);
            (code.is_none() || settings.partial_shape != PartialShape::Omitted).then(|| Detail {
                code: shown,
                message: shown.map(|code| codes::message(code).unwrap_or("Unlisted")),
                client_identifier: named.then_some(fate.client_identifier.as_str()),
                uuid,
            })
        });
        let mut details: Vec<_> = details.collect();
        if visit.quirk("forget-one") {
            details.pop();
        }
        let code: u16 = if partial { 209 } else { 200 };
        let said = match () {
            () if visit.quirk("missing-code") => None,
            () if visit.quirk("string-code") => Some(json!(code.to_string())),
            () => Some(json!(code)),
        };
        let body = Report {
            code: said,
            message: codes::message(code),
            details: (!visit.quirk("no-details")).then_some(details),
            request_id,
        };
        // Texts and numbers always have a JSON form.
        let body = serde_json::to_string(&body).unwrap_or_default();
        Answer::new(200, "application/json", body)
    }
}
