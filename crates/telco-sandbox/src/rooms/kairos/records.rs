//! What is known of a call afterwards: pushes, pulls; and new key pairs.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::admit::says_json;
use super::settings::{Settings, national};
use super::{Kairos, Refusal, codes};
use crate::calendar;
use crate::callback::Callback;
use crate::ledger::bounded;
use crate::room::{Answer, Halt, Request, Visit};
use crate::rsa::PrivateKey;

/// A call that was placed.
#[derive(Clone, Debug)]
pub(super) struct Record {
    /// As the ledger keeps it, where it is long.
    pub(super) client_identifier: String,
    pub(super) phonon_uuid: String,
    pub(super) request_id: String,
    pub(super) flow_id: String,
    /// The alternates, in the order tried.
    pub(super) tried: Vec<String>,
    /// The one that answered.
    pub(super) connected: Option<String>,
    pub(super) dialled_ms: u64,
    /// How long each number rings, and how long the one that answers talks.
    pub(super) ring_ms: u64,
    pub(super) talk_ms: u64,
    /// For how long pulls do not see it once it is over.
    pub(super) unseen_ms: u64,
}

impl Record {
    /// When it is over: the last that pushes and pulls tell of it, and they tell nothing before.
    pub(super) fn ended_ms(&self) -> u64 {
        self.attempts()
            .last()
            .map_or(self.dialled_ms, |attempt| attempt.end)
    }

    /// When pulls begin to see it.
    fn visible_ms(&self) -> u64 {
        self.ended_ms().saturating_add(self.unseen_ms)
    }

    /// One for each number that was dialled, in turn, up to the one that answered.
    fn attempts(&self) -> impl Iterator<Item = Attempt<'_>> {
        let mut at = Some(self.dialled_ms);
        self.tried.iter().map_while(move |number| {
            let start = at?;
            let answered = self.connected.as_ref() == Some(number);
            let connect = start.saturating_add(self.ring_ms);
            let talk = if answered { self.talk_ms } else { 0 };
            let end = connect.saturating_add(talk);
            at = (!answered).then_some(end);
            Some(Attempt {
                number,
                answered,
                start,
                connect,
                end,
            })
        })
    }

    fn call_details(&self) -> Vec<CallDetail<'_>> {
        let mut details = Vec::new();
        for attempt in self.attempts() {
            let Attempt {
                number,
                answered,
                start,
                connect,
                end,
            } = attempt;
            let started = time(start);
            details.push(CallDetail {
                callee_number: number,
                callee_type: "VISITOR",
                cdr_id: format!("{}-{}", self.phonon_uuid, details.len()),
                connect_time: answered.then(|| time(connect)),
                did_number: "918047000000",
                duration: answered.then(|| end.saturating_sub(connect).to_string()),
                end_time: time(end),
                hangup_cause: if answered { "16" } else { "19" },
                incoming: false,
                is_ringing: "true",
                remote_hangup: answered,
                ringing_start_time: started.clone(),
                start_time: started,
            });
        }
        details
    }

    /// The number by which faults and the screen know the call.
    fn number(&self) -> String {
        let number = self
            .connected
            .as_ref()
            .or(self.tried.first())
            .cloned()
            .unwrap_or_default();
        national(&number).map_or(number.clone(), |national| format!("91{national}"))
    }
}

/// How one number was dialled; milliseconds since the epoch.
struct Attempt<'a> {
    number: &'a str,
    answered: bool,
    start: u64,
    connect: u64,
    end: u64,
}

/// The same in the provider's words.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CallDetail<'a> {
    callee_number: &'a str,
    callee_type: &'static str,
    cdr_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    connect_time: Option<String>,
    did_number: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration: Option<String>,
    end_time: String,
    hangup_cause: &'static str,
    incoming: bool,
    #[serde(rename = "is_ringing")]
    is_ringing: &'static str,
    remote_hangup: bool,
    ringing_start_time: String,
    start_time: String,
}

/// What a post-call push says.
#[derive(Serialize)]
struct PostCall<'a> {
    #[serde(rename = "callDetails")]
    call_details: Vec<CallDetail<'a>>,
    #[serde(rename = "phonon-uuid")]
    phonon_uuid: &'a str,
}

/// A push in its wrapping.
#[derive(Serialize)]
struct Wrapped<B> {
    body: B,
}

/// India's clock, as `start-time` is written.
pub(super) fn time(unix_ms: u64) -> String {
    const OFFSET_MS: u64 = (5 * 60 + 30) * 60_000;
    let local = i64::try_from(unix_ms.saturating_add(OFFSET_MS)).unwrap_or(i64::MAX);
    calendar::format(local) + "+05:30"
}

/// Key pairs kept of a flow: the one in force, and older ones that a late request may still use, or be told about.
const KEY_PAIRS: usize = 4;

impl Kairos {
    /// The push after a call.
    pub(super) fn push(
        &self,
        visit: &mut Visit<'_>,
        record: &Record,
        after_ms: u64,
        settings: &Settings,
    ) {
        let body = PostCall {
            call_details: record.call_details(),
            phonon_uuid: &record.phonon_uuid,
        };
        self.push_body(visit, record, "post-call", body, after_ms, settings);
    }

    fn push_body(
        &self,
        visit: &mut Visit<'_>,
        record: &Record,
        event: &'static str,
        body: impl Serialize,
        after_ms: u64,
        settings: &Settings,
    ) {
        let body = if settings.push_wrapped {
            serde_json::to_string(&Wrapped { body })
        } else {
            serde_json::to_string(&body)
        };
        // Texts and numbers always have a JSON form.
        let mut callback = Callback::json_text(event, body.unwrap_or_default())
            .reference(record.client_identifier.as_str())
            .number(record.number())
            .attempts(settings.push_attempts)
            .after(Duration::from_millis(after_ms));
        if !settings.push_basic.is_empty() {
            let credentials = STANDARD.encode(&settings.push_basic);
            callback
                .headers
                .push(("Authorization", format!("Basic {credentials}")));
        }
        visit.push(callback);
    }

    /// Pushes on demand: `{"reference": …, "event": "call" | "sms" | "email"}`; the newest call without a reference.
    pub(super) fn push_again(&self, visit: &mut Visit<'_>, what: &Value) -> Result<(), String> {
        let settings = self.current();
        let wanted = what.get("reference").and_then(Value::as_str).map(bounded);
        let wanted = wanted.as_deref();
        let record = {
            let state = self.state();
            let mut newest = state.records.newest();
            newest
                .find(|record| wanted.is_none_or(|wanted| record.client_identifier == wanted))
                .cloned()
        };
        let record = record.ok_or("there is no such call to tell about")?;
        if record.ended_ms() > visit.now_ms() {
            return Err("this call is not over (`start-time`, then the settings `ring_ms` and `talk_ms`): nothing is to be told yet".into());
        }
        let uuid = &record.phonon_uuid;
        match what.get("event").and_then(Value::as_str).unwrap_or("call") {
            "call" => self.push(visit, &record, 0, &settings),
            "sms" => {
                let sms = json!({
                    "id": format!("{uuid}-sms"), "text": "sandbox", "to": record.number(), "from": "SANDBX",
                    "sendTime": time(visit.now_ms()), "deliveryStatus": "SENT_TO_QUEUE",
                });
                let body = json!({ "phonon-uuid": uuid, "smsDetails": [sms] });
                self.push_body(visit, &record, "post-call", body, 0, &settings);
            }
            "email" => {
                let email = json!({
                    "id": format!("{uuid}-email"), "subject": "sandbox", "content": "sandbox",
                    "from": "sandbox@example.com",
                });
                let body = json!({ "phonon-uuid": uuid, "emailDetails": [email] });
                self.push_body(visit, &record, "post-call", body, 0, &settings);
            }
            other => {
                return Err(format!(
                    "there is no event `{other}`; there are call, sms and email"
                ));
            }
        }
        Ok(())
    }

    pub(super) fn pull(
        &self,
        visit: &mut Visit<'_>,
        request: &Request,
        settings: &Settings,
    ) -> Result<Answer, Halt> {
        visit.begin("pull")?;
        if let Err(answer) = says_json(visit, request, settings) {
            return Ok(answer);
        }
        let found = self
            .known_address(request, settings)
            .and_then(|()| self.find(visit.now_ms(), &request.body, settings));
        Ok(match found {
            Ok(data) => {
                let code = if data.is_empty() { 213 } else { 200 };
                let message = codes::message(code);
                let body = json!({ "api-response-code": code, "api-response-message": message, "data": data });
                Answer::json(200, &body)
            }
            Err(refusal) => {
                visit.near_miss(refusal.why);
                self.coded(visit, refusal.code, settings)
            }
        })
    }

    fn find(&self, now_ms: u64, body: &[u8], settings: &Settings) -> Result<Vec<Value>, Refusal> {
        let json: Map<String, Value> = serde_json::from_slice(body)
            .map_err(|error| Refusal::new(400, format!("the body is no JSON object: {error}")))?;
        let text = |name: &str| json.get(name).and_then(Value::as_str);
        // Version 2 names the flow; version 1 sees the account's calls.
        let flow = match (text("security-id"), text("flow-id")) {
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => {
                let why = "version 2 has both `security-id` and `flow-id`, version 1 neither";
                return Err(Refusal::new(210, why));
            }
            (Some(security_id), Some(flow_id)) => {
                let flow = [&self.multicast, &self.dialer]
                    .into_iter()
                    .find(|flow| flow.flow_id == flow_id)
                    .ok_or_else(|| Refusal::new(301, "no flow has this `flow-id`"))?;
                if flow.security_id != security_id {
                    return Err(Refusal::new(
                        202,
                        "`security-id` is not the one of this flow",
                    ));
                }
                Some(flow)
            }
        };
        let last_only = match text("fetch-attempt") {
            Some("ALL") => false,
            Some("LAST") => true,
            _ => return Err(Refusal::new(210, "`fetch-attempt` is \"ALL\" or \"LAST\"")),
        };
        let Some(Value::Array(uuids)) = json.get("phonon-uuids") else {
            return Err(Refusal::new(210, "`phonon-uuids` is missing or no array"));
        };
        if uuids.len() > settings.pull_limit {
            return Err(Refusal::new(
                303,
                format!(
                    "{} UUIDs; {} are the most (setting `pull_limit`)",
                    uuids.len(),
                    settings.pull_limit
                ),
            ));
        }
        let state = self.state();
        Ok(uuids
            .iter()
            .filter_map(|uuid| state.records.get(uuid.as_str()?))
            .filter(|record| record.visible_ms() <= now_ms)
            .filter(|record| flow.is_none_or(|flow| flow.flow_id == record.flow_id))
            .map(|record| {
                let mut attempts = record.call_details();
                if last_only && attempts.len() > 1 {
                    attempts.drain(..attempts.len().saturating_sub(1));
                }
                json!({
                    "request-id": record.request_id,
                    "phonon-uuid": record.phonon_uuid,
                    "client-identifier": record.client_identifier,
                    "callDetails": attempts,
                })
            })
            .collect())
    }

    /// A new key pair for a flow; the private half stays here.
    pub(super) fn generate_key_pair(
        &self,
        visit: &mut Visit<'_>,
        request: &Request,
        settings: &Settings,
    ) -> Result<Answer, Halt> {
        visit.begin_spending("generate-key-pair")?;
        if let Err(answer) = says_json(visit, request, settings) {
            visit.refuse("HTTP 415");
            return Ok(answer);
        }
        let made = self
            .known_address(request, settings)
            .and_then(|()| self.new_pair(&request.body, settings));
        Ok(match made {
            Ok(()) => {
                visit.deliver();
                self.coded(visit, 200, settings)
            }
            Err(refusal) => {
                visit.refuse(&format!("code {}", refusal.code));
                visit.near_miss(refusal.why);
                self.coded(visit, refusal.code, settings)
            }
        })
    }

    fn new_pair(&self, body: &[u8], settings: &Settings) -> Result<(), Refusal> {
        let json: Map<String, Value> = serde_json::from_slice(body)
            .map_err(|error| Refusal::new(400, format!("the body is no JSON object: {error}")))?;
        let Some(Value::String(flow_id)) = json.get(&settings.flow_field) else {
            return Err(Refusal::new(
                210,
                format!("`{}` is missing or not a string", settings.flow_field),
            ));
        };
        let keys = self.keys(flow_id);
        let newest = keys
            .first()
            .ok_or_else(|| Refusal::new(301, "no flow has this id"))?;
        let bits = u32::try_from(newest.public().size().saturating_mul(8)).unwrap_or(2_048);
        let new =
            PrivateKey::generate(bits).ok_or_else(|| Refusal::new(500, "no key could be made"))?;
        let mut state = self.state();
        let keys = state.keys.entry(flow_id.clone()).or_default();
        keys.push(new);
        keys.drain(..keys.len().saturating_sub(KEY_PAIRS));
        Ok(())
    }
}
