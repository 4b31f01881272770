//! How an answer leaves: in the clear, sealed, refused or sent elsewhere.

use serde::Serialize;
use serde_json::json;

use super::settings::{self, Settings};
use super::{Citcall, Refusal};
use crate::room::{Answer, Visit};

impl Citcall {
    /// A result on its way out: in the clear, or sealed as v2 does.
    pub(super) fn reply(
        &self,
        visit: &Visit<'_>,
        sealed: bool,
        body: &impl Serialize,
        status: u16,
        settings: &Settings,
    ) -> Answer {
        // Texts and numbers always have a JSON form.
        let body = serde_json::to_string(body).unwrap_or_default();
        let clear = |body| Answer::new(status, "application/json", body);
        if !sealed && !visit.quirk("sealed-failure") {
            return clear(body);
        }
        let mut at = visit.now_ms() / 1_000;
        let mut keys = self.keys(settings);
        if visit.quirk("stale-answer") {
            at = at.saturating_sub(3_600);
        }
        if visit.quirk("foreign-key") {
            keys.secret = b"00000000000000000000000000000000";
        }
        match keys.seal(at, &ascii(&body)) {
            Some(data) => Answer::json(status, &json!({ "data": data })),
            None => clear(body),
        }
    }

    pub(super) fn refuse(
        &self,
        visit: &mut Visit<'_>,
        refusal: Refusal,
        settings: &Settings,
    ) -> Answer {
        let Refusal { rc, why } = refusal;
        visit.refuse(&format!("rc {rc:02}"));
        visit.near_miss(why);
        let info = settings::meaning(rc).unwrap_or("failed");
        let body = json!({ "rc": format!("{rc:02}"), "info": info });
        self.reply(visit, false, &body, settings.failure_status, settings)
    }
}

/// Where nobody must follow.
pub(super) fn redirect(visit: &Visit<'_>) -> Option<Answer> {
    visit
        .quirk("redirect")
        .then(|| Answer::text(307, "elsewhere").header("Location", "http://127.0.0.1:9/elsewhere"))
}

/// JSON text whose every character is ASCII, as the cipher needs it (docs/protocols/citcall.md, A.3).
pub(super) fn ascii(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    out
}
