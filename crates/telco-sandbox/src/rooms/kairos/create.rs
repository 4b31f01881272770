//! `create`: the request in, calls out.

use serde_json::{Map, Value, json};

use super::envelope::{self, Sealed};
use super::order::{self, Call, Head};
use super::profile::Iv;
use super::records::Record;
use super::settings::{ChecksumOver, PartialShape, Scripted, Settings, national, scripted};
use super::{FlowId, KEPT, Kairos, Refusal, codes, near_miss};
use crate::handset::Arrival;
use crate::room::{Answer, Halt, Request, Visit};

/// Which of the five create endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    RealTime,
    Bulk,
    Dialer,
    EncryptedRealTime,
    EncryptedDialer,
}

impl Kind {
    fn is_encrypted(self) -> bool {
        matches!(self, Kind::EncryptedRealTime | Kind::EncryptedDialer)
    }

    fn is_dialer(self) -> bool {
        matches!(self, Kind::Dialer | Kind::EncryptedDialer)
    }
}

/// A request that could be read.
struct Opened {
    json: Map<String, Value>,
    text: String,
    /// The flow named outside an envelope.
    outer_flow: Option<String>,
}

/// What became of one call.
struct Fate {
    client_identifier: String,
    /// The phonon-uuid, or why there is none.
    outcome: Result<String, u16>,
}

impl Kairos {
    pub(super) fn create(
        &self,
        visit: &mut Visit<'_>,
        request: &Request,
        kind: Kind,
        settings: &Settings,
    ) -> Result<Answer, Halt> {
        let opened = self.open(request, kind, settings);
        // The ledger files each call under its own identifier, before anything is judged.
        let outline = opened
            .as_ref()
            .map(|opened| order::outline(&opened.json))
            .unwrap_or_default();
        for (identifier, number) in &outline {
            visit.request_for("call", identifier, number.as_deref(), &[]);
        }
        if let [(identifier, number)] = outline.as_slice() {
            visit.reference(identifier.as_str());
            if let Some(number) = number {
                visit.number(number.as_str());
            }
        }
        visit.begin("create")?;
        let limit = if kind == Kind::Bulk {
            settings.bulk_rate_per_minute
        } else {
            settings.rate_per_minute
        };
        if !self.within_rate(visit, limit) {
            visit.near_miss(format!("{limit} requests per minute are allowed"));
            return Ok(Answer::text(429, "too many requests"));
        }
        if request.body.len() > settings.body_limit {
            visit.near_miss(format!(
                "the body has {} bytes; {} are the most (setting `body_limit`)",
                request.body.len(),
                settings.body_limit
            ));
            return Ok(Answer::text(413, "too large"));
        }
        let done = self
            .known_address(request, settings)
            .and(opened)
            .and_then(|opened| self.judge(visit, request, kind, &opened, settings))
            .and_then(|(flow, calls)| self.place(visit, flow, calls, settings));
        Ok(match done {
            Ok((request_id, fates)) => self.report(visit, kind, &request_id, &fates, settings),
            Err(refusal) => {
                for (identifier, _) in &outline {
                    visit.refuse_of(identifier, &format!("code {}", refusal.code));
                }
                visit.near_miss(refusal.why);
                match (kind, refusal.code) {
                    (Kind::Bulk, 401) => Answer::text(403, "Forbidden"),
                    (_, code) => self.coded(visit, code, settings),
                }
            }
        })
    }

    /// Reads the JSON, out of its envelope where there is one.
    fn open(&self, request: &Request, kind: Kind, settings: &Settings) -> Result<Opened, Refusal> {
        let object = |bytes: &[u8], what: &str| match serde_json::from_slice(bytes) {
            Ok(Value::Object(object)) => Ok(object),
            Ok(_) => Err(Refusal::new(400, format!("{what} is no JSON object"))),
            Err(error) => Err(Refusal::new(400, format!("{what} is no JSON: {error}"))),
        };
        let outer = object(&request.body, "the body")?;
        if !kind.is_encrypted() {
            if outer.contains_key(&settings.encrypted_field) {
                return Err(Refusal::new(
                    400,
                    "an envelope came to a plain endpoint; it belongs under /enc/",
                ));
            }
            let text = String::from_utf8_lossy(&request.body).into_owned();
            return Ok(Opened {
                json: outer,
                text,
                outer_flow: None,
            });
        }
        let field = |name: &str| match outer.get(name) {
            Some(Value::String(text)) => Ok(text.as_str()),
            _ if outer.contains_key("calls") => Err(Refusal::new(
                400,
                "a plain request came to an /enc/ endpoint; it belongs in an envelope",
            )),
            _ => Err(Refusal::new(
                400,
                format!("the envelope has no `{name}`, or it is not a string"),
            )),
        };
        let flow_id = field(&settings.flow_field)?;
        let iv = match &settings.profile.iv {
            Some(Iv::Field(name)) => Some(field(name)?),
            _ => None,
        };
        let sealed = Sealed {
            encrypted: field(&settings.encrypted_field)?,
            wrapped_key: field(&settings.key_field)?,
            iv,
        };
        let keys = self.keys(flow_id);
        let [newest, older @ ..] = keys.as_slice() else {
            return Err(Refusal::new(
                301,
                format!(
                    "no flow has the id that the envelope's `{}` names",
                    settings.flow_field
                ),
            ));
        };
        let with = |key| envelope::open(sealed, key, &settings.profile);
        let by_older = || older.iter().find_map(|key| with(key).ok());
        let text = with(newest).or_else(|error| match by_older() {
            Some(text) if settings.old_keys_stay => Ok(text),
            Some(_) => Err(Refusal::new(
                settings.unopenable_code,
                "made with a public key that generateKeyPair has replaced (setting `old_keys_stay`)",
            )),
            None => Err(Refusal::new(
                settings.unopenable_code,
                near_miss::explain(sealed, newest, &settings.profile, error),
            )),
        })?;
        Ok(Opened {
            json: object(text.as_bytes(), "what the envelope holds")?,
            text,
            outer_flow: Some(flow_id.to_owned()),
        })
    }

    /// Everything up to the calls themselves.
    fn judge(
        &self,
        visit: &Visit<'_>,
        request: &Request,
        kind: Kind,
        opened: &Opened,
        settings: &Settings,
    ) -> Result<(&FlowId, Vec<Call>), Refusal> {
        let head = order::head(&opened.json);
        let flow = self.flow(kind, &head, opened.outer_flow.as_deref(), settings)?;
        let bytes = match settings.checksum_over {
            ChecksumOver::Decrypted => opened.text.as_bytes(),
            ChecksumOver::Body => &request.body,
        };
        if !visit.quirk("forgetful") && !self.is_new(flow, bytes, visit.now_ms(), settings) {
            return Err(Refusal::new(
                201,
                "these very bytes came before; to repeat on purpose change start-time or a client-identifier",
            ));
        }
        let now = i64::try_from(visit.now_ms()).unwrap_or(i64::MAX);
        let calls = order::calls(&opened.json, now, settings)?;
        // A scenario number asks for a code for everybody.
        let asked = calls
            .iter()
            .flat_map(|call| &call.numbers)
            .find_map(|number| match scripted(number) {
                Some(Scripted::Request(code)) => Some(code),
                _ => None,
            });
        match asked {
            Some(code) => Err(Refusal::new(
                code,
                "a number asks for this code (see the scenarios)",
            )),
            None => Ok((flow, calls)),
        }
    }

    fn flow(
        &self,
        kind: Kind,
        head: &Head,
        outer: Option<&str>,
        settings: &Settings,
    ) -> Result<&FlowId, Refusal> {
        match head.version.as_deref() {
            Some("1.0" | "TEST") => {}
            Some(_) => return Err(Refusal::new(203, "`api-version` is \"1.0\" (or \"TEST\")")),
            None => {
                return Err(Refusal::new(
                    210,
                    "`api-version` is missing or not a string",
                ));
            }
        }
        let (Some(flow_id), Some(security_id)) = (&head.flow_id, &head.security_id) else {
            return Err(Refusal::new(
                210,
                "`flow-id` or `security-id` is missing or not a string",
            ));
        };
        if outer.is_some_and(|outer| outer != flow_id) {
            return Err(Refusal::new(
                301,
                "the flow-id of the envelope is not the one inside",
            ));
        }
        let flow = [&self.multicast, &self.dialer]
            .into_iter()
            .find(|flow| flow.flow_id == *flow_id)
            .ok_or_else(|| {
                let case = [&self.multicast, &self.dialer]
                    .iter()
                    .any(|flow| flow.flow_id.eq_ignore_ascii_case(flow_id));
                let hint = if case {
                    "; it differs only in upper and lower case"
                } else {
                    ""
                };
                Refusal::new(301, format!("no flow has this `flow-id`{hint}"))
            })?;
        if flow.security_id != *security_id {
            let other = [&self.multicast, &self.dialer]
                .iter()
                .any(|flow| flow.security_id == *security_id);
            let hint = if other {
                "; it is the one of the account's other flow"
            } else if flow.security_id.eq_ignore_ascii_case(security_id) {
                "; it differs only in upper and lower case"
            } else {
                ""
            };
            return Err(Refusal::new(
                202,
                format!("`security-id` is not the one of this flow{hint}"),
            ));
        }
        let is_dialer = flow.flow_id == self.dialer.flow_id;
        if is_dialer != kind.is_dialer() {
            let (is, wants) = if is_dialer {
                ("dialer", "outbounddialer")
            } else {
                ("multicast", "outbound")
            };
            return Err(Refusal::new(
                settings.wrong_endpoint_code,
                format!("this is a {is} flow; it belongs to /{wants}/create"),
            ));
        }
        Ok(flow)
    }

    /// Remembers these bytes; `false` if they came before, within the window.
    fn is_new(&self, flow: &FlowId, bytes: &[u8], now_ms: u64, settings: &Settings) -> bool {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
        let key = [flow.flow_id.as_bytes(), digest.as_ref()].concat();
        let window = settings.checksum_window_s.saturating_mul(1_000);
        let mut state = self.state();
        if state.checksums.len() >= KEPT {
            state.checksums.clear();
        }
        let before = state.checksums.insert(key, now_ms);
        before.is_none_or(|before| now_ms.saturating_sub(before) > window)
    }

    /// Pays for the calls that can be placed, and places them.
    fn place(
        &self,
        visit: &mut Visit<'_>,
        flow: &FlowId,
        calls: Vec<Call>,
        settings: &Settings,
    ) -> Result<(String, Vec<Fate>), Refusal> {
        let judged: Vec<(Call, Option<Refusal>)> = calls
            .into_iter()
            .map(|mut call| {
                let fault = call.fault.take().or_else(|| unwilling(&call, settings));
                (call, fault)
            })
            .collect();
        let wanted = judged.iter().filter(|(_, fault)| fault.is_none()).count() as u64;
        {
            let mut state = self.state();
            let spent = state.spent.saturating_add(wanted);
            if spent > settings.balance {
                return Err(Refusal::new(
                    212,
                    "the balance does not reach for these calls (setting `balance`)",
                ));
            }
            state.spent = spent;
        }
        let codes: Vec<u16> = judged
            .iter()
            .filter_map(|(_, fault)| Some(fault.as_ref()?.code))
            .collect();
        if let (0, Some(first)) = (wanted, codes.first())
            && codes.iter().all(|code| code == first)
        {
            let why = judged
                .into_iter()
                .find_map(|(_, fault)| fault)
                .map(|fault| fault.why);
            return Err(Refusal::new(*first, why.unwrap_or_default()));
        }
        let request_id = uuid(visit);
        let fates = judged
            .into_iter()
            .map(|(call, fault)| match fault {
                Some(refusal) => {
                    visit.refuse_of(&call.client_identifier, &format!("code {}", refusal.code));
                    visit.near_miss(format!("{}: {}", call.client_identifier, refusal.why));
                    Fate {
                        client_identifier: call.client_identifier,
                        outcome: Err(refusal.code),
                    }
                }
                None => {
                    let uuid = self.dial(visit, flow, &request_id, &call, settings);
                    Fate {
                        client_identifier: call.client_identifier,
                        outcome: Ok(uuid),
                    }
                }
            })
            .collect();
        Ok((request_id, fates))
    }

    /// Tries the alternates in turn; the first that answers hears the flow.
    fn dial(
        &self,
        visit: &mut Visit<'_>,
        flow: &FlowId,
        request_id: &str,
        call: &Call,
        settings: &Settings,
    ) -> String {
        let phonon_uuid = uuid(visit);
        visit.deliver_of(&call.client_identifier);
        let connected = call
            .numbers
            .iter()
            .find(|number| scripted(number) != Some(Scripted::NoAnswer));
        if let Some(number) = connected {
            let phone =
                national(number).map_or_else(|| number.clone(), |national| format!("91{national}"));
            let arrival = Arrival::Call {
                flow: flow.flow_id.clone(),
                variables: call.variables.clone(),
            };
            visit.arrive_of(&call.client_identifier, &phone, arrival);
        }
        let now = visit.now_ms();
        let delay = u64::try_from(visit.lookup_delay().as_millis()).unwrap_or(u64::MAX);
        let record = Record {
            client_identifier: call.client_identifier.clone(),
            phonon_uuid: phonon_uuid.clone(),
            request_id: request_id.to_owned(),
            flow_id: flow.flow_id.clone(),
            tried: call.numbers.clone(),
            connected: connected.cloned(),
            dialled_ms: now,
            visible_ms: now.saturating_add(delay),
        };
        if settings.pushes {
            self.push(visit, &record, settings.push_after_ms, settings);
        }
        let mut state = self.state();
        state.order.push_back(phonon_uuid.clone());
        state.records.insert(phonon_uuid.clone(), record);
        if state.order.len() > KEPT
            && let Some(oldest) = state.order.pop_front()
        {
            state.records.remove(&oldest);
        }
        phonon_uuid
    }

    fn report(
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

/// Why the provider will not place this call alone.
fn unwilling(call: &Call, settings: &Settings) -> Option<Refusal> {
    let asked = call
        .numbers
        .iter()
        .find_map(|number| match scripted(number) {
            Some(Scripted::Call(code)) => Some(code),
            _ => None,
        });
    if let Some(code) = asked {
        return Some(Refusal::new(
            code,
            "its number asks for this code (see the scenarios)",
        ));
    }
    let listed = |number: &String| {
        settings.allowed_phones.is_empty() || settings.allowed_phones.contains(number)
    };
    (!call.numbers.iter().all(listed)).then(|| {
        Refusal::new(
            402,
            "its number is not on the account's list (setting `allowed_phones`)",
        )
    })
}

/// A version 4 UUID out of the sandbox's chance.
fn uuid(visit: &mut Visit<'_>) -> String {
    let digits = visit.random().hex(32).to_lowercase();
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    format!(
        "{}-{}-4{}-a{}-{}",
        part(0, 8),
        part(8, 12),
        part(13, 16),
        part(17, 20),
        part(20, 32)
    )
}
