//! The sibling's read that tells whether a phone is subscribed: how an unknown commit is settled.

use serde_json::json;

use super::api::Api;
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
        let (status, why) = match (
            self.signed_by_the_product(visit, request, settings),
            national,
        ) {
            (Err(refusal), _) => (401, refusal.why()),
            (Ok(()), _) if product != PRODUCT_ID => {
                let why = format!("the path names another product than the headers: {PRODUCT_ID}");
                (400, why)
            }
            (Ok(()), None) => (400, "the path holds no Iranian mobile number".to_owned()),
            (Ok(()), Some(national)) => return Ok(self.state_of(visit, national)),
        };
        visit.near_miss(why);
        Ok(Answer::json(status, &json!({ "success": false })))
    }

    fn state_of(&self, visit: &Visit<'_>, national: &str) -> Answer {
        // Pardis services only (documented): what a sibling committed is not seen here.
        let account = (Api::Pardis, national.to_owned());
        let known = self.state().subscribed.get(&account).copied();
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
