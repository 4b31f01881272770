//! The sibling's read that tells whether a phone is subscribed: how an unknown commit is settled.

use serde_json::json;

use super::admit::check_date;
use super::answer::Refusal;
use super::settings::Settings;
use super::{Fanap, PRODUCT_ID, phone};
use crate::random::Draw;
use crate::room::{Answer, Halt, Request, Visit};

/// Followed by `{phone}/product/{productId}`.
pub(super) const PREFIX: &str = "/api/subscription/verification/";

impl Fanap {
    pub(super) fn verification(
        &self,
        visit: &mut Visit<'_>,
        request: &Request,
        settings: &Settings,
    ) -> Result<Answer, Halt> {
        let path = request.path.strip_prefix(PREFIX).unwrap_or("");
        let (sent, product) = path.split_once("/product/").unwrap_or((path, ""));
        let national = phone::national(sent);
        if let Some(national) = national {
            visit.number(format!("98{national}"));
        }
        visit.begin("verification")?;
        let allowed = self.signed_by_the_product(visit, request, product, settings);
        let (status, why) = match (allowed, national) {
            (Ok(()), Some(national)) => return Ok(self.state_of(visit, national)),
            (Err(refusal), _) => (401, refusal.into_answer(settings).1),
            (Ok(()), None) => (400, "the path holds no Iranian mobile number".to_owned()),
        };
        visit.near_miss(why);
        Ok(Answer::json(status, &json!({ "success": false })))
    }

    fn signed_by_the_product(
        &self,
        visit: &Visit<'_>,
        request: &Request,
        product: &str,
        settings: &Settings,
    ) -> Result<(), Refusal> {
        let header = |name: &str| {
            request
                .header(name)
                .ok_or_else(|| Refusal::code(1_019, format!("the header `{name}` is missing")))
        };
        let (id, date) = (header("SDP-ProductId")?, header("SDP-Date")?);
        let signature = header("SDP-Signature")?;
        check_date(date, visit.now_ms(), settings.date_window_s)?;
        self.check_signature(&[id, date], signature, settings)?;
        if id == PRODUCT_ID && product == PRODUCT_ID {
            Ok(())
        } else {
            Err(Refusal::code(
                1_017,
                format!("header and path both name the product, which is {PRODUCT_ID}"),
            ))
        }
    }

    fn state_of(&self, visit: &Visit<'_>, national: &str) -> Answer {
        let known = self.state().subscribed.get(national).copied();
        let is_subscribed = known.is_some_and(|visible_from| visible_from <= visit.now_ms());
        let ref_id = Draw::new(visit.world.seed, &["fanap", "verification"], visit.exchange)
            .hex(32)
            .to_lowercase();
        Answer::json(
            200,
            &json!({ "success": true, "result": { "refId": ref_id, "isSubscribed": is_subscribed } }),
        )
    }
}
