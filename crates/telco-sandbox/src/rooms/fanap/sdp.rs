//! The service delivery platform, version 1: one-time passwords of a product, which signs in headers of its own
//! (docs/protocols/fanap.md, 7.2).

use serde_json::{Map, Value, json};

use super::admit::{check_date, object, text, word};
use super::answer::{Refusal, success};
use super::api::Api;
use super::session::Commit;
use super::settings::Settings;
use super::{Fanap, PRODUCT_ID};
use crate::room::{Answer, Halt, Request, Visit};

impl Fanap {
    pub(super) fn sdp_start(
        &self,
        visit: &mut Visit<'_>,
        request: &Request,
        settings: &Settings,
    ) -> Result<Answer, Halt> {
        let fields = object(request, settings);
        let id = self.begin_start(
            visit,
            Api::SdpV1,
            word(&fields, "phone"),
            request.header("SDP-Date"),
        )?;
        let sent = self
            .signed_by_the_product(visit, request, settings)
            .and_then(|()| {
                let fields = fields?;
                let phone = text(&fields, "phone")?;
                names_the_product(&fields)?;
                self.send_code(visit, Api::SdpV1, phone, &id, settings)
            });
        Ok(match sent {
            Ok(()) => result(visit, "otpId", &id),
            Err(refusal) => self.refuse(visit, Api::SdpV1, refusal, settings),
        })
    }

    pub(super) fn sdp_commit(
        &self,
        visit: &mut Visit<'_>,
        request: &Request,
        settings: &Settings,
    ) -> Result<Answer, Halt> {
        let fields = object(request, settings);
        self.begin_commit(visit, Api::SdpV1, word(&fields, "otpId"), None)?;
        let done = self
            .signed_by_the_product(visit, request, settings)
            .and_then(|()| {
                let fields = fields?;
                let commit = Commit {
                    api: Api::SdpV1,
                    id: text(&fields, "otpId")?,
                    code: text(&fields, "pin")?,
                    phone: None,
                };
                self.charge(visit, commit, settings)
            });
        Ok(match done {
            Ok(()) => {
                let ref_id = visit.random().hex(32).to_lowercase();
                result(visit, "refId", &ref_id)
            }
            Err(refusal) => self.refuse(visit, Api::SdpV1, refusal, settings),
        })
    }

    /// The three headers and what they sign: `SDP-ProductId#SDP-Date`. A refusal of theirs is a 401.
    pub(super) fn signed_by_the_product(
        &self,
        visit: &Visit<'_>,
        request: &Request,
        settings: &Settings,
    ) -> Result<(), Refusal> {
        let header = |name: &str| {
            request
                .header(name)
                .filter(|value| !value.is_empty())
                .ok_or_else(|| Refusal::code(1_019, format!("the header `{name}` is missing")))
        };
        let judge = || {
            let (id, date) = (header("SDP-ProductId")?, header("SDP-Date")?);
            let signature = header("SDP-Signature")?;
            check_date(date, visit.now_ms(), settings.date_window_s)?;
            self.check_signature(&[id, date], signature, settings)?;
            if id != PRODUCT_ID {
                let why = format!("the header `SDP-ProductId` is not {PRODUCT_ID}");
                return Err(Refusal::code(1_001, why));
            }
            self.spend_date(date, visit.now_ms(), settings)
        };
        judge().map_err(Refusal::unauthorised)
    }
}

/// `productId` is a number, and the one of the headers.
fn names_the_product(fields: &Map<String, Value>) -> Result<(), Refusal> {
    match fields.get("productId") {
        Some(Value::Number(number)) if number.to_string() == PRODUCT_ID => Ok(()),
        Some(Value::Number(_)) => Err(Refusal::code(
            1_018,
            "`productId` is not the product of the headers",
        )),
        Some(Value::String(_)) => Err(Refusal::field(
            "productId",
            "`productId` is a number; a string came",
        )),
        _ => Err(Refusal::field(
            "productId",
            "`productId` is missing or not a number",
        )),
    }
}

fn result(visit: &Visit<'_>, name: &str, id: &str) -> Answer {
    let body = [
        ("code", json!(0)),
        ("message", json!("")),
        ("ghasedakResult", Value::Null),
        ("result", json!({ name: id })),
    ];
    let body = body.map(|(name, value)| (name.to_owned(), value));
    success(visit, Map::from_iter(body))
}
