//! IMI's one-time passwords: the headers and signature of Pardis, other fields, and ids in place of a success flag
//! (docs/protocols/fanap.md, 7.1).

use serde_json::{Map, Value, json};

use super::Fanap;
use super::admit::{object, text, word};
use super::answer::success;
use super::api::Api;
use super::session::Commit;
use super::settings::Settings;
use crate::room::{Answer, Halt, Request, Visit};

impl Fanap {
    pub(super) fn imi_start(
        &self,
        visit: &mut Visit<'_>,
        request: &Request,
        settings: &Settings,
    ) -> Result<Answer, Halt> {
        let fields = object(request, settings);
        let (phone, date) = (word(&fields, "PhoneNumber"), word(&fields, "Date"));
        let id = self.begin_start(visit, Api::Imi, phone, date)?;
        let sent = fields.and_then(|fields| {
            self.admit(visit, request, &fields, settings)?;
            let phone = text(&fields, "PhoneNumber")?;
            self.send_code(visit, Api::Imi, phone, &id, settings)
        });
        Ok(match sent {
            Ok(()) => {
                let mut body = with_request_id(visit);
                body.insert("OtpId".to_owned(), json!(id));
                success(visit, body)
            }
            Err(refusal) => self.refuse(visit, Api::Imi, refusal, settings),
        })
    }

    pub(super) fn imi_commit(
        &self,
        visit: &mut Visit<'_>,
        request: &Request,
        settings: &Settings,
    ) -> Result<Answer, Halt> {
        let fields = object(request, settings);
        self.begin_commit(visit, Api::Imi, word(&fields, "OtpId"), None)?;
        let done = fields.and_then(|fields| {
            self.admit(visit, request, &fields, settings)?;
            let commit = Commit {
                api: Api::Imi,
                id: text(&fields, "OtpId")?,
                code: text(&fields, "Pin")?,
                phone: None,
            };
            self.charge(visit, commit, settings)
        });
        Ok(match done {
            Ok(()) => {
                let body = with_request_id(visit);
                success(visit, body)
            }
            Err(refusal) => self.refuse(visit, Api::Imi, refusal, settings),
        })
    }
}

fn with_request_id(visit: &mut Visit<'_>) -> Map<String, Value> {
    let request_id = visit.random().hex(32).to_lowercase();
    Map::from_iter([("RequestId".to_owned(), json!(request_id))])
}
