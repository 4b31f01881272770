//! The answer to a request that was carried out, in whole or in part.

use serde_json::{Value, json};

use super::create::Kind;
use super::dial::Fate;
use super::settings::{PartialShape, Settings};
use super::{Kairos, codes};
use crate::room::{Answer, Visit};

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
        let mut details: Vec<Value> = fates
            .iter()
            .filter_map(|fate| {
                let entry = match (&fate.outcome, settings.partial_shape) {
                    (Ok(_), _) if visit.quirk("no-identifiers") => json!({}),
                    (Ok(_), _) | (Err(_), PartialShape::WithoutUuid) => {
                        json!({ "client-identifier": fate.client_identifier })
                    }
                    (Err(code), PartialShape::WithCode) => json!({
                        "client-identifier": fate.client_identifier,
                        "api-response-code": code,
                        "api-response-message": codes::message(*code).unwrap_or("Unlisted"),
                    }),
                    (Err(_), PartialShape::Omitted) => return None,
                };
                let Value::Object(mut entry) = entry else {
                    return None;
                };
                if let Ok(uuid) = &fate.outcome {
                    entry.insert("phonon-uuid".into(), json!(uuid));
                }
                Some(Value::Object(entry))
            })
            .collect();
        let code = if partial { 209 } else { 200 };
        let mut answer = json!({
            "api-response-code": code,
            "api-response-message": codes::message(code),
            "request-id": request_id,
        });
        if visit.quirk("forget-one") {
            details.pop();
        }
        if let Value::Object(answer) = &mut answer {
            if visit.quirk("string-code") {
                answer.insert("api-response-code".into(), json!(code.to_string()));
            }
            if visit.quirk("missing-code") {
                answer.remove("api-response-code");
            }
            if !visit.quirk("no-details") {
                answer.insert("call-details".into(), json!(details));
            }
        }
        Answer::json(200, &answer)
    }
}
