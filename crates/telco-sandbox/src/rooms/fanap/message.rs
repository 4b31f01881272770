//! What the provider pushes: a signed message for each subscription, and delivery reports without a signature.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::settings::Settings;
use super::{Fanap, PRODUCT_ID, phone};
use crate::calendar;
use crate::callback::Callback;
use crate::random::Draw;
use crate::room::Visit;

/// A message from or about a subscriber.
#[derive(Clone, Debug)]
pub(super) struct Message {
    reference: String,
    national: String,
    actor: &'static str,
    kind: &'static str,
    content: String,
    muid: String,
    received_ms: u64,
}

/// Messages kept to be pushed again.
const KEPT: usize = 1_000;

impl Fanap {
    pub(super) fn push_subscription(
        &self,
        visit: &mut Visit<'_>,
        national: &str,
        settings: &Settings,
    ) {
        let message = Message {
            reference: visit.reference_of().to_owned(),
            national: national.to_owned(),
            actor: "Cp",
            kind: "Subscription",
            content: String::new(),
            muid: visit.random().hex(32).to_lowercase(),
            received_ms: visit.now_ms(),
        };
        self.push(visit, &message, settings.callback_after_ms, settings);
        let mut state = self.state();
        if state.messages.len() >= KEPT {
            state.messages.pop_front();
        }
        state.messages.push_back(message);
    }

    /// `{}` pushes the newest subscription again, `{"reference": …}` the one of this correlation id (the same `Muid`);
    /// `{"number", "content"}` is a text from a subscriber; `{"number", "delivery": "Delivered"}` a delivery report.
    pub(super) fn push_on_demand(&self, visit: &mut Visit<'_>, what: &Value) -> Result<(), String> {
        let word = |name| what.get(name).and_then(Value::as_str);
        let settings = self.current();
        let Some(number) = word("number") else {
            let wanted = word("reference");
            let found = self
                .state()
                .messages
                .iter()
                .rev()
                .find(|message| wanted.is_none_or(|wanted| message.reference == wanted))
                .cloned()
                .ok_or("there is no such subscription to tell about")?;
            visit.reference(found.reference.as_str());
            self.push(visit, &found, 0, &settings);
            return Ok(());
        };
        let national = phone::national(number).ok_or("`number` is no Iranian mobile number")?;
        if let Some(status) = word("delivery") {
            let report = self.delivery(visit.now_ms(), national, status);
            visit.push(report.attempts(settings.push_attempts));
            return Ok(());
        }
        let message = Message {
            reference: String::new(),
            national: national.to_owned(),
            actor: "Sms",
            kind: "Content",
            content: word("content").unwrap_or_default().to_owned(),
            muid: self.muid_on_demand(visit),
            received_ms: visit.now_ms(),
        };
        self.push(visit, &message, 0, &settings);
        Ok(())
    }

    /// Counts up, so that messages differ that no request stands behind.
    fn pushed_on_demand(&self) -> u64 {
        let mut state = self.state();
        state.on_demand = state.on_demand.saturating_add(1);
        state.on_demand
    }

    fn muid_on_demand(&self, visit: &Visit<'_>) -> String {
        let words = ["fanap", "on demand"];
        let mut draw = Draw::new(visit.world.seed, &words, self.pushed_on_demand());
        draw.hex(32).to_lowercase()
    }

    fn push(&self, visit: &mut Visit<'_>, message: &Message, after_ms: u64, settings: &Settings) {
        let received_ms = i64::try_from(message.received_ms).unwrap_or(0);
        let receive_time = format!("{}Z", calendar::format(received_ms));
        let (channel_type, channel, account) = ("Imi", "3000", self.account_of(&message.national));
        let text = [
            receive_time.as_str(),
            PRODUCT_ID,
            channel_type,
            channel,
            &message.muid,
            &message.content,
            message.kind,
            &account,
        ]
        .join(",");
        let key = if visit.quirk("forged-callback") {
            &self.merchant
        } else {
            &self.provider
        };
        let signature = key.as_ref().and_then(|key| key.sign_sha1(text.as_bytes()));
        let body = json!([{
            "Muid": message.muid,
            "Sid": PRODUCT_ID,
            "ReceiveTime": receive_time,
            "ChannelType": channel_type,
            "Channel": channel,
            "Actor": message.actor,
            "MessageType": message.kind,
            "Content": message.content,
            "AccountId": account,
            "UserPhoneNumber": format!("98{}", message.national),
            "Signature": STANDARD.encode(signature.unwrap_or_default()),
        }]);
        let mut callback = Callback::json("message", &body)
            .number(format!("98{}", message.national))
            .attempts(settings.push_attempts)
            .after(Duration::from_millis(after_ms));
        if !message.reference.is_empty() {
            callback = callback.reference(message.reference.as_str());
        }
        visit.push(callback);
    }

    fn delivery(&self, now_ms: u64, national: &str, status: &str) -> Callback {
        let account = self.account_of(national);
        let body = json!([{
            "Muid": format!("{account}-{now_ms}-{}", self.pushed_on_demand()),
            "AccountId": account,
            "Status": status,
            "Sid": PRODUCT_ID,
            "AppId": self.app_id,
            "ChannelType": "Imi",
            "DetailCode": "102",
            "DetailDescription": "",
            "Tags": "",
            "Permanent": "True",
        }]);
        Callback::json("delivery", &body).number(format!("98{national}"))
    }

    /// Opaque, and the same for one phone: the provider tells its customers no more.
    fn account_of(&self, national: &str) -> String {
        let words = ["fanap", "account", &self.app_id, national];
        Draw::new(0, &words, 0).hex(16).to_lowercase()
    }
}
