//! Calls paid for and placed.

use super::order::Call;
use super::records::{Record, time};
use super::settings::{Scripted, Settings, national, scripted};
use super::{FlowId, Kairos, Refusal};
use crate::handset::{Arrival, Received};
use crate::ledger::{What, bounded};
use crate::room::Visit;

/// What became of one call.
pub(super) struct Fate {
    pub(super) client_identifier: String,
    /// The phonon-uuid, or why there is none.
    pub(super) outcome: Result<String, u16>,
}

impl Kairos {
    /// Pays for the calls that can be placed, and places them.
    pub(super) fn place(
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

    /// Tries the alternates in turn when its time has come; the first that answers hears the flow.
    fn dial(
        &self,
        visit: &mut Visit<'_>,
        flow: &FlowId,
        request_id: &str,
        call: &Call,
        settings: &Settings,
    ) -> String {
        let phonon_uuid = uuid(visit);
        let now = visit.now_ms();
        let dialled_ms = now.max(call.start_ms);
        visit.deliver_of(&call.client_identifier);
        if dialled_ms > now {
            let line = What::Note(format!("to be dialled at {}", time(dialled_ms)));
            visit.note(&call.client_identifier, line);
        }
        let foreign = |name: &&String| !name.starts_with("$flow.key.");
        if let Some(name) = call.variables.keys().find(foreign) {
            visit.near_miss(format!(
                "{}: no flow reads the variable `{name}`: its name begins with `$flow.key.`",
                call.client_identifier
            ));
        }
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
            if dialled_ms > now {
                let identifier = call.client_identifier.as_str();
                let received = Received::new(dialled_ms, visit.provider, identifier, arrival);
                visit.world.handsets.arrive_later(&phone, received);
            } else {
                visit.arrive_of(&call.client_identifier, &phone, arrival);
            }
        }
        let unseen_ms = u64::try_from(visit.lookup_delay().as_millis()).unwrap_or(u64::MAX);
        let record = Record {
            client_identifier: bounded(&call.client_identifier).into_owned(),
            phonon_uuid: phonon_uuid.clone(),
            request_id: request_id.to_owned(),
            flow_id: flow.flow_id.clone(),
            tried: call.numbers.clone(),
            connected: connected.cloned(),
            dialled_ms,
            ring_ms: settings.ring_ms,
            talk_ms: settings.talk_ms,
            unseen_ms,
        };
        if settings.pushes {
            // It tells of the end: never before.
            let until_then = record.ended_ms().saturating_sub(now);
            let after_ms = until_then.saturating_add(settings.push_after_ms);
            self.push(visit, &record, after_ms, settings);
        }
        let mut state = self.state();
        state.records.insert(phonon_uuid.clone(), record);
        phonon_uuid
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
    let mut digits = visit.random().hex(32);
    digits.make_ascii_lowercase();
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    let parts = [
        part(0, 8),
        "-",
        part(8, 12),
        "-4",
        part(13, 16),
        "-a",
        part(17, 20),
        "-",
        part(20, 32),
    ];
    parts.concat()
}
