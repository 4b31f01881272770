//! A code that was sent, and its commit, which charges: the same for every API in front of it.

use super::answer::Refusal;
use super::api::Api;
use super::settings::{Repeated, Scripted, Settings, scripted};
use super::{Fanap, phone};
use crate::handset::Arrival;
use crate::random::{self, Draw};
use crate::room::{Halt, Visit};

/// A code that was sent.
#[derive(Clone, Debug)]
pub(super) struct Session {
    api: Api,
    /// As start gave it.
    phone_sent: String,
    national: String,
    code: String,
    expires_ms: u64,
    wrong: u64,
    done: bool,
}

/// What a commit says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Commit<'a> {
    pub(super) api: Api,
    pub(super) id: &'a str,
    pub(super) code: &'a str,
    /// Pardis repeats the phone of the start; its siblings do not.
    pub(super) phone: Option<&'a str>,
}

const SCRIPTED: &str = "this number asks for it (see the scenarios)";

impl Fanap {
    /// Tells the ledger of a start, under the id that it will get: nothing on the wire says that two of them belong
    /// together.
    pub(super) fn begin_start(
        &self,
        visit: &mut Visit<'_>,
        api: Api,
        phone: Option<&str>,
        date: Option<&str>,
    ) -> Result<String, Halt> {
        introduce(visit, phone);
        let id = self.new_id(visit, phone.unwrap_or(""), date.unwrap_or(""));
        visit.reference(format!("start-{id}"));
        visit.begin_spending(api.start())?;
        Ok(id)
    }

    /// Tells the ledger of a commit, under the id of its start.
    pub(super) fn begin_commit(
        &self,
        visit: &mut Visit<'_>,
        api: Api,
        id: Option<&str>,
        phone: Option<&str>,
    ) -> Result<(), Halt> {
        introduce(visit, phone);
        if let Some(id) = id.filter(|id| !id.is_empty()) {
            if phone.is_none()
                && let Some(session) = self.state().sessions.get(id)
            {
                visit.number(format!("98{}", session.national));
            }
            visit.reference(id);
        }
        visit.begin_spending(api.commit())
    }

    pub(super) fn send_code(
        &self,
        visit: &mut Visit<'_>,
        api: Api,
        phone_sent: &str,
        id: &str,
        settings: &Settings,
    ) -> Result<(), Refusal> {
        let national = national(phone_sent)?;
        let asks = scripted(national);
        match asks {
            Some(Scripted::StartCode(code)) => return Err(Refusal::code(code, SCRIPTED)),
            Some(Scripted::StartOperator(response)) if api == Api::Pardis => {
                return Err(Refusal::operator(response, SCRIPTED));
            }
            _ => {}
        }
        let hour = visit.now_ms() / 3_600_000;
        let mut state = self.state();
        let (of_hour, before) = state.starts.get(national).copied().unwrap_or_default();
        let starts = if of_hour == hour { before + 1 } else { 1 };
        state.starts.insert(national.to_owned(), (hour, starts));
        if settings.starts_per_hour > 0 && starts > settings.starts_per_hour {
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
            api,
            phone_sent: phone_sent.to_owned(),
            national: national.to_owned(),
            code,
            expires_ms: visit.now_ms().saturating_add(life),
            wrong: 0,
            done: false,
        };
        state.sessions.insert(id.to_owned(), session);
        Ok(())
    }

    /// Everything that a commit decides happens under one lock: two copies of it are two requests, one after the other.
    pub(super) fn charge(
        &self,
        visit: &mut Visit<'_>,
        commit: Commit<'_>,
        settings: &Settings,
    ) -> Result<(), Refusal> {
        let mut state = self.state();
        let session = state
            .sessions
            .get(commit.id)
            .filter(|session| session.api == commit.api)
            .cloned()
            .ok_or_else(|| {
                let field = commit.api.id_field();
                Refusal::code(
                    1_014,
                    format!("no start of this API has given this `{field}`"),
                )
            })?;
        if let Some(phone_sent) = commit.phone {
            session.belongs_to(phone_sent, settings)?;
        }
        let account = (commit.api, session.national.clone());
        let subscribed = state.subscribed.get(&account).is_some();
        let repeated = session.done;
        if repeated && !visit.quirk("forgetful") {
            match settings.repeated_commit {
                Repeated::AlreadyUsed => {
                    let field = commit.api.id_field();
                    return Err(Refusal::code(
                        1_016,
                        format!("this `{field}` was committed before (setting `repeated_commit`)"),
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
        if commit.code != session.code {
            if let Some(session) = state.sessions.get_mut(commit.id) {
                session.wrong = session.wrong.saturating_add(1);
            }
            let (sent, right) = (commit.code, session.code.as_str());
            let why = if sent.trim_start_matches('0') == right.trim_start_matches('0') {
                "the code does not match: its leading zeros are missing"
            } else {
                "the code does not match"
            };
            return Err(Refusal::code(1_013, why));
        }
        match scripted(&session.national) {
            Some(Scripted::CommitCode(code)) => return Err(Refusal::code(code, SCRIPTED)),
            Some(Scripted::CommitOperator(response)) if commit.api == Api::Pardis => {
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
        if let Some(session) = state.sessions.get_mut(commit.id) {
            session.done = true;
        }
        visit.deliver();
        if !subscribed {
            let delay = u64::try_from(visit.lookup_delay().as_millis()).unwrap_or(u64::MAX);
            let visible = visit.now_ms().saturating_add(delay);
            state.subscribed.insert(account, visible);
        }
        drop(state);
        if settings.callbacks {
            self.push_subscription(visit, &session.national, settings);
        }
        Ok(())
    }

    /// 32 lower-case hexadecimal digits, from the seed and from what is asked.
    fn new_id(&self, visit: &Visit<'_>, phone: &str, date: &str) -> String {
        let words = ["fanap", "correlation", phone, date];
        let draw = |ordinal| {
            let mut draw = Draw::new(visit.world.seed, &words, ordinal);
            draw.hex(32).to_lowercase()
        };
        // Counted under one lock: two starts that come at once get two ids.
        let mut state = self.state();
        let key = random::key(0, &words);
        let given = state.ids.get(&key).copied().unwrap_or(0);
        let mut free = (given..).map(|ordinal| (ordinal, draw(ordinal)));
        let free = free.find(|(_, id)| state.sessions.get(id).is_none());
        let (ordinal, id) = free.unwrap_or_default();
        state.ids.insert(key, ordinal.saturating_add(1));
        id
    }
}

impl Session {
    /// Whether the phone of a commit is the one of the start.
    fn belongs_to(&self, phone_sent: &str, settings: &Settings) -> Result<(), Refusal> {
        if national(phone_sent)? != self.national {
            return Err(Refusal::code(
                1_014,
                "this `CorrelationId` belongs to another phone number",
            ));
        }
        if settings.one_phone_form && self.phone_sent != phone_sent {
            return Err(Refusal::code(
                1_015,
                format!(
                    "start had another form of this number (setting `one_phone_form`): {} digits there, {} here",
                    self.phone_sent.len(),
                    phone_sent.len()
                ),
            ));
        }
        Ok(())
    }
}

/// The number, for the ledger, before anything is judged.
fn introduce(visit: &mut Visit<'_>, phone: Option<&str>) {
    if let Some(sent) = phone {
        visit.number(match phone::national(sent) {
            Some(national) => format!("98{national}"),
            None => sent.to_owned(),
        });
    }
}

fn national(phone_sent: &str) -> Result<&str, Refusal> {
    phone::national(phone_sent).ok_or_else(|| {
        Refusal::code(
            1_015,
            "the phone is no Iranian mobile number in ASCII digits without separators: 09… and nine more",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::visit::tests::Ground;

    #[test]
    fn two_starts_at_once_get_two_ids() {
        let (fanap, ground) = (Fanap::new(0), Ground::new());
        let visit = ground.visit("fanap", 1);
        let id = |phone| fanap.new_id(&visit, phone, "2026-01-01T00:00:00.000Z");
        let (one, two) = (id("09121234567"), id("09121234567"));
        assert_ne!(one, two);
        // What is given follows from the seed and from what is asked.
        let again = Fanap::new(0);
        assert_eq!(
            again.new_id(&visit, "09121234567", "2026-01-01T00:00:00.000Z"),
            one
        );
    }
}
