//! Kolmisoft MOR: the XML "v1" API behind its request hash. Facts from `docs/protocols/mor.md`.

mod admit;
mod fidelity;
mod hash;
mod methods;
mod near_miss;
mod settings;
mod state;
mod xml;

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use self::settings::Settings;
use self::state::State;
use self::xml::error_page;
use crate::room::{Answer, Halt, Request, Room, Rule, Visit, merge_settings};
use crate::text::{form_pairs, lossy};

/// MOR's side of the wire.
#[derive(Debug)]
pub struct Mor {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    settings: Settings,
    state: State,
}

impl Mor {
    /// A room with its default settings.
    #[must_use]
    pub fn new() -> Self {
        let (settings, state) = (Settings::default(), State::new());
        Self {
            inner: Mutex::new(Inner { settings, state }),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Mor {
    fn default() -> Self {
        Self::new()
    }
}

impl Room for Mor {
    fn provider(&self) -> &'static str {
        "mor"
    }

    fn base_path(&self) -> &'static str {
        "/billing/api"
    }

    fn credentials(&self) -> Value {
        json!({ "user": "admin", "password": "admin1", "secret": self.inner().settings.secret, "user_id": "2" })
    }

    fn fidelity(&self) -> &'static [Rule] {
        fidelity::RULES
    }

    fn operations(&self) -> &'static [&'static str] {
        hash::operations()
    }

    fn quirks(&self) -> &'static [(&'static str, &'static str)] {
        fidelity::QUIRKS
    }

    fn scenarios(&self) -> &'static [(&'static str, &'static str)] {
        fidelity::SCENARIOS
    }

    fn settings(&self) -> Value {
        serde_json::to_value(&self.inner().settings).unwrap_or_default()
    }

    fn configure(&self, change: &Value) -> Result<(), String> {
        let mut inner = self.inner();
        inner.settings = merge_settings(&inner.settings, change)?;
        Ok(())
    }

    fn reset(&self) {
        self.inner().state = State::new();
    }

    fn answer(&self, visit: &mut Visit<'_>, request: &Request) -> Result<Answer, Halt> {
        let url_name = ["/billing/api/", "/mor/api/"]
            .iter()
            .find_map(|base| request.path.strip_prefix(base));
        let mut inner = self.inner();
        let Inner { settings, state } = &mut *inner;
        let Some(url_name) = url_name else {
            drop(inner);
            visit.begin("unknown")?;
            visit.near_miss("the API is at `/billing/api/METHOD`");
            return Ok(Answer::text(404, "Not Found"));
        };
        // The query string overrides the body; later pairs win.
        let body = lossy(&request.body);
        let mut params = form_pairs(&body);
        params.extend(form_pairs(request.query.as_deref().unwrap_or("")));
        let inline = params
            .iter()
            .any(|(name, value)| name == "test" && value == "1");
        let Some(method) = hash::method(settings.profile, url_name) else {
            let answer = error_page("There is no such API").into_answer(settings, inline);
            drop(inner);
            visit.begin("unknown")?;
            visit.near_miss(format!("`{url_name}` is no method of this version"));
            return Ok(answer);
        };
        methods::describe(visit, method.name, &params);
        match methods::SPENDING.iter().find(|name| **name == method.name) {
            Some(name) => visit.begin_spending(name)?,
            None => visit.begin(method.name)?,
        }
        if visit.quirk("html-error") {
            return Ok(Answer::new(
                200,
                "text/html",
                "<html><body><h1>502 Bad Gateway</h1></body></html>",
            ));
        }
        if let Err(text) = Self::admit(visit, settings, method, request, &params) {
            visit.refuse(text);
            return Ok(xml::filter_error(text).into_answer(settings, inline));
        }
        match methods::run(visit, settings, state, method.name, &params) {
            Some(page) => Ok(page.into_answer(settings, inline)),
            None => {
                visit.near_miss(format!(
                    "`{}` exists, but this sandbox does not model it; see /_sandbox/fidelity",
                    method.name
                ));
                visit.refuse("not modelled");
                Ok(Answer::text(
                    501,
                    format!("telco-sandbox does not model {}", method.name),
                ))
            }
        }
    }
}
