//! The Pardis subscription API: start sends a code, commit checks it and charges the subscriber.

use serde_json::{Map, Value, json};

use super::Fanap;
use super::admit::{object, text, word};
use super::answer::success;
use super::api::Api;
use super::session::Commit;
use super::settings::Settings;
use crate::room::{Answer, Halt, Request, Visit};

impl Fanap {
    pub(super) fn start(
        &self,
        visit: &mut Visit<'_>,
        request: &Request,
        settings: &Settings,
    ) -> Result<Answer, Halt> {
        let fields = object(request, settings);
        let (phone, date) = (word(&fields, "PhoneNumber"), word(&fields, "Date"));
        let id = self.begin_start(visit, Api::Pardis, phone, date)?;
        let sent = fields.and_then(|fields| {
            self.admit(visit, request, &fields, settings)?;
            let phone = text(&fields, "PhoneNumber")?;
            self.send_code(visit, Api::Pardis, phone, &id, settings)
        });
        Ok(match sent {
            Ok(()) => {
                let mut body = done();
                if !visit.quirk("no-correlation") {
                    body.insert("correlationId".to_owned(), json!(id));
                }
                success(visit, body)
            }
            Err(refusal) => self.refuse(visit, Api::Pardis, refusal, settings),
        })
    }

    pub(super) fn commit(
        &self,
        visit: &mut Visit<'_>,
        request: &Request,
        settings: &Settings,
    ) -> Result<Answer, Halt> {
        let fields = object(request, settings);
        let (id, phone) = (word(&fields, "CorrelationId"), word(&fields, "PhoneNumber"));
        self.begin_commit(visit, Api::Pardis, id, phone)?;
        let done_so = fields.and_then(|fields| {
            self.admit(visit, request, &fields, settings)?;
            let commit = Commit {
                api: Api::Pardis,
                id: text(&fields, "CorrelationId")?,
                code: text(&fields, "Token")?,
                phone: Some(text(&fields, "PhoneNumber")?),
            };
            self.charge(visit, commit, settings)
        });
        Ok(match done_so {
            Ok(()) => success(visit, done()),
            Err(refusal) => self.refuse(visit, Api::Pardis, refusal, settings),
        })
    }
}

fn done() -> Map<String, Value> {
    let body = [("response", json!(0)), ("success", json!(true))];
    Map::from_iter(body.map(|(name, value)| (name.to_owned(), value)))
}
