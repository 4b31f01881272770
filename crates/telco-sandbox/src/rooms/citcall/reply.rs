//! How an answer leaves: in the clear, sealed, refused or sent elsewhere.

use serde_json::{Value, json};

use super::settings::{self, Settings};
use super::{Citcall, Refusal};
use crate::room::{Answer, Visit};

impl Citcall {
    /// A result on its way out: in the clear, or sealed as v2 does.
    pub(super) fn reply(
        &self,
        visit: &Visit<'_>,
        sealed: bool,
        body: &Value,
        status: u16,
        settings: &Settings,
    ) -> Answer {
        if !sealed && !visit.quirk("sealed-failure") {
            return Answer::json(status, body);
        }
        let mut at = visit.now_ms() / 1_000;
        let mut keys = self.keys(settings);
        if visit.quirk("stale-answer") {
            at = at.saturating_sub(3_600);
        }
        if visit.quirk("foreign-key") {
            keys.secret = b"00000000000000000000000000000000";
        }
        match keys.seal(at, &ascii(body)) {
            Some(data) => Answer::json(status, &json!({ "data": data })),
            None => Answer::json(status, body),
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

/// JSON whose every character is ASCII, as the cipher needs it (docs/protocols/citcall.md, A.3).
pub(super) fn ascii(value: &Value) -> String {
    let mut out = String::new();
    for c in value.to_string().chars() {
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
