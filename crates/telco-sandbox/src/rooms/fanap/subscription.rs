//! start sends a code, commit checks it and charges the subscriber.

use serde_json::{Map, Value, json};

use super::admit::{object, text};
use super::answer::Refusal;
use super::settings::{Repeated, Scripted, Settings, scripted};
use super::{Fanap, KEPT, State, phone};
use crate::handset::Arrival;
use crate::random::Draw;
use crate::room::{Answer, Halt, Request, Visit};

/// A code that was sent.
#[derive(Clone, Debug)]
pub(super) struct Session {
    /// As start gave it.
    phone_sent: String,
    national: String,
    code: String,
    expires_ms: u64,
    wrong: u64,
    done: bool,
}

impl Fanap {
    pub(super) fn start(
        &self,
        visit: &mut Visit<'_>,
        request: &Request,
        settings: &Settings,
    ) -> Result<Answer, Halt> {
        let fields = object(request, settings);
        let correlation_id = self.correlation_id(visit, fields.as_ref().ok());
        if let Ok(fields) = &fields {
            introduce(visit, fields);
        }
        // Each start is an operation of its own: nothing on the wire says that two belong together.
        visit.reference(format!("start-{correlation_id}"));
        visit.begin_spending("start")?;
        let sent = fields.and_then(|fields| {
            self.admit(visit, request, &fields, settings)?;
            self.send_code(visit, &fields, &correlation_id, settings)
        });
        Ok(match sent {
            Ok(()) => {
                let with_id = !visit.quirk("no-correlation");
                let mut body = Map::from_iter([("response".to_owned(), json!(0))]);
                if with_id {
                    body.insert("correlationId".to_owned(), json!(correlation_id));
                }
                body.insert("success".to_owned(), json!(true));
                success(visit, body)
            }
            Err(refusal) => self.refuse(visit, refusal, settings),
        })
    }

    pub(super) fn commit(
        &self,
        visit: &mut Visit<'_>,
        request: &Request,
        settings: &Settings,
    ) -> Result<Answer, Halt> {
        let fields = object(request, settings);
        if let Ok(fields) = &fields {
            introduce(visit, fields);
            if let Ok(id) = text(fields, "CorrelationId") {
                visit.reference(id);
            }
            visit.begin_spending("commit")?;
        } else {
            visit.begin("commit")?;
        }
        let done = fields.and_then(|fields| {
            self.admit(visit, request, &fields, settings)?;
            self.charge(visit, &fields, settings)
        });
        Ok(match done {
            Ok(()) => {
                let body = [("response", json!(0)), ("success", json!(true))];
                let body = body.map(|(name, value)| (name.to_owned(), value));
                success(visit, Map::from_iter(body))
            }
            Err(refusal) => self.refuse(visit, refusal, settings),
        })
    }

    fn send_code(
        &self,
        visit: &mut Visit<'_>,
        fields: &Map<String, Value>,
        correlation_id: &str,
        settings: &Settings,
    ) -> Result<(), Refusal> {
        let phone_sent = text(fields, "PhoneNumber")?;
        let national = national(phone_sent)?;
        let asks = scripted(national);
        match asks {
            Some(Scripted::StartCode(code)) => return Err(Refusal::code(code, SCRIPTED)),
            Some(Scripted::StartOperator(response)) => {
                return Err(Refusal::operator(response, SCRIPTED));
            }
            _ => {}
        }
        let hour = visit.now_ms() / 3_600_000;
        let mut state = self.state();
        if state.starts.len() >= KEPT {
            state.starts.clear();
        }
        let (of_hour, starts) = state.starts.entry(national.to_owned()).or_default();
        if *of_hour != hour {
            (*of_hour, *starts) = (hour, 0);
        }
        *starts = starts.saturating_add(1);
        if settings.starts_per_hour > 0 && *starts > settings.starts_per_hour {
            return Err(Refusal::status(
                429,
                format!("{starts} starts for this phone in an hour (setting `starts_per_hour`)"),
            ));
        }
        let code = visit.random().digits(settings.code_digits);
        visit.deliver();
        if asks != Some(Scripted::NoMessage) {
            let text = format!("کد تایید شما: {code}");
            let from = "FanapPlus".to_owned();
            visit.arrive(&format!("98{national}"), Arrival::Message { from, text });
        } else {
            visit.near_miss("accepted, but this number never gets its message (see the scenarios)");
        }
        let life = settings.code_life_s.saturating_mul(1_000);
        let session = Session {
            phone_sent: phone_sent.to_owned(),
            national: national.to_owned(),
            code,
            expires_ms: visit.now_ms().saturating_add(life),
            wrong: 0,
            done: false,
        };
        state.remember(correlation_id, session);
        Ok(())
    }

    /// Everything that a commit decides happens under one lock: two copies of it are two requests, one after the other.
    fn charge(
        &self,
        visit: &mut Visit<'_>,
        fields: &Map<String, Value>,
        settings: &Settings,
    ) -> Result<(), Refusal> {
        let (id, token) = (text(fields, "CorrelationId")?, text(fields, "Token")?);
        let phone_sent = text(fields, "PhoneNumber")?;
        let national = national(phone_sent)?;
        let mut state = self.state();
        let subscribed = state.subscribed.contains_key(national);
        let session = state
            .sessions
            .get_mut(id)
            .ok_or_else(|| Refusal::code(1_014, "no start has given this `CorrelationId`"))?;
        if session.national != national {
            return Err(Refusal::code(
                1_014,
                "this `CorrelationId` belongs to another phone number",
            ));
        }
        if settings.one_phone_form && session.phone_sent != phone_sent {
            return Err(Refusal::code(
                1_015,
                format!(
                    "start had another form of this number (setting `one_phone_form`): {} digits there, {} here",
                    session.phone_sent.len(),
                    phone_sent.len()
                ),
            ));
        }
        let repeated = session.done;
        if repeated && !visit.quirk("forgetful") {
            match settings.repeated_commit {
                Repeated::AlreadyUsed => {
                    return Err(Refusal::code(
                        1_016,
                        "this `CorrelationId` was committed before (setting `repeated_commit`)",
                    ));
                }
                Repeated::SameAnswer => return Ok(()),
                Repeated::ChargesAgain => {}
            }
        }
        if visit.now_ms() > session.expires_ms {
            return Err(Refusal::code(
                1_009,
                "the code is too old (setting `code_life_s`)",
            ));
        }
        if settings.code_tries > 0 && session.wrong >= settings.code_tries {
            return Err(Refusal::code(
                419,
                format!(
                    "{} wrong codes came before (setting `code_tries`)",
                    session.wrong
                ),
            ));
        }
        if token != session.code {
            session.wrong = session.wrong.saturating_add(1);
            let why = if token.trim_start_matches('0') == session.code.trim_start_matches('0') {
                "the code does not match: its leading zeros are missing"
            } else {
                "the code does not match"
            };
            return Err(Refusal::code(1_013, why));
        }
        match scripted(national) {
            Some(Scripted::CommitCode(code)) => return Err(Refusal::code(code, SCRIPTED)),
            Some(Scripted::CommitOperator(response)) => {
                return Err(Refusal::operator(response, SCRIPTED));
            }
            _ => {}
        }
        if subscribed && !repeated && settings.refuse_subscribed {
            return Err(Refusal::code(
                411,
                "this phone is subscribed already (setting `refuse_subscribed`)",
            ));
        }
        session.done = true;
        visit.deliver();
        let visible = visit
            .now_ms()
            .saturating_add(u64::try_from(visit.lookup_delay().as_millis()).unwrap_or(u64::MAX));
        if state.subscribed.len() >= KEPT {
            state.subscribed.clear();
        }
        state
            .subscribed
            .entry(national.to_owned())
            .or_insert(visible);
        drop(state);
        if settings.callbacks {
            self.push_subscription(visit, national, settings);
        }
        Ok(())
    }

    /// 32 lower-case hexadecimal digits, from the seed and from what is asked.
    fn correlation_id(&self, visit: &Visit<'_>, fields: Option<&Map<String, Value>>) -> String {
        let word = |name| {
            let value = fields.and_then(|fields| fields.get(name));
            value.and_then(Value::as_str).unwrap_or("")
        };
        let words = ["fanap", "correlation", word("PhoneNumber"), word("Date")];
        let draw = |ordinal| {
            let mut draw = Draw::new(visit.world.seed, &words, ordinal);
            draw.hex(32).to_lowercase()
        };
        let state = self.state();
        (0..)
            .map(draw)
            .find(|id| !state.sessions.contains_key(id))
            .unwrap_or_default()
    }
}

impl State {
    fn remember(&mut self, correlation_id: &str, session: Session) {
        if self.order.len() >= KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.sessions.remove(&oldest);
        }
        self.order.push_back(correlation_id.to_owned());
        self.sessions.insert(correlation_id.to_owned(), session);
    }
}

const SCRIPTED: &str = "this number asks for it (see the scenarios)";

/// The number, for the ledger, before anything is judged.
fn introduce(visit: &mut Visit<'_>, fields: &Map<String, Value>) {
    if let Some(Value::String(sent)) = fields.get("PhoneNumber") {
        visit.number(match phone::national(sent) {
            Some(national) => format!("98{national}"),
            None => sent.clone(),
        });
    }
}

fn national(phone_sent: &str) -> Result<&str, Refusal> {
    phone::national(phone_sent).ok_or_else(|| {
        Refusal::code(
            1_015,
            "`PhoneNumber` is no Iranian mobile number in ASCII digits without separators: 09… and nine more",
        )
    })
}

/// The answer of a call that was done, bent by the quirk in force.
fn success(visit: &Visit<'_>, mut body: Map<String, Value>) -> Answer {
    if visit.quirk("empty-object") {
        body.clear();
    } else if visit.quirk("contradiction") {
        body.insert("response".to_owned(), json!(5));
    } else if visit.quirk("true-with-error") {
        body.remove("response");
        let error = json!({ "code": 1_013, "message": "InvalidPin" });
        body.insert("error".to_owned(), error);
    } else if visit.quirk("pascal-case") {
        body = body
            .into_iter()
            .map(|(name, value)| {
                let (first, rest) = name.split_at_checked(1).unwrap_or_default();
                (first.to_uppercase() + rest, value)
            })
            .collect();
    } else if visit.quirk("text-values") {
        for value in body.values_mut() {
            *value = match std::mem::take(value) {
                Value::Bool(true) => json!("True"),
                Value::Number(number) => json!(number.to_string()),
                other => other,
            };
        }
    }
    Answer::new(
        200,
        "application/json; charset=utf-8",
        Value::Object(body).to_string(),
    )
}
