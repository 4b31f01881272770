//! Kolmisoft MOR: the XML "v1" API behind its request hash. Facts from `docs/protocols/mor.md`.

mod hash;
mod methods;
mod state;
mod xml;

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::hash::{Method, Mode, Profile};
use self::state::State;
use self::xml::error_page;
use crate::room::{Answer, Halt, Request, Room, Rule, Visit, merge_settings};
use crate::text::{Pair, form_pairs, lossy};

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

/// How `sms_send` treats its text a second time (observed for X8; what becomes of `+` is unknown; mor.md 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Unescape {
    /// `%XX` is decoded once more, `+` becomes a space.
    PercentAndPlus,
    /// `%XX` is decoded once more.
    Percent,
    /// The text is taken as it is.
    Off,
}

/// Settings of the MOR room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// Which version the server is.
    pub(crate) profile: Profile,
    /// The API secret key of the system.
    pub(crate) secret: String,
    /// "Allow GET API".
    pub(crate) allow_get: bool,
    /// Whether hashes are checked ("Disable hash checking" turns it off).
    pub(crate) check_hash: bool,
    /// "Allow API"; off, every request is refused.
    pub(crate) enabled: bool,
    /// "XML API Extension": `text/xml`, otherwise `text/html` with the same XML inside.
    pub(crate) xml_extension: bool,
    /// What becomes of a second payment with the same `transaction`: `apply` or `refuse`.
    pub(crate) repeated_transaction: Repeated,
    /// How `sms_send` treats its text a second time.
    pub(crate) sms_unescape: Unescape,
}

/// What becomes of a repeat (unknown; mor.md 12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Repeated {
    /// It is carried out again. The cautious assumption for a client.
    Apply,
    /// "Payment was not saved".
    Refuse,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            profile: Profile::X8,
            secret: "sandbox secret".to_owned(),
            allow_get: false,
            check_hash: true,
            enabled: true,
            xml_extension: true,
            repeated_transaction: Repeated::Apply,
            sms_unescape: Unescape::PercentAndPlus,
        }
    }
}

const RULES: &[Rule] = &[
    Rule::fixed(
        "proven",
        "hash",
        "SHA-1 over the decoded values in list order, then the secret; lower-case hexadecimal",
    ),
    Rule::set_by(
        "observed",
        "lists, filters and quirks",
        "those of X8",
        "profile",
    ),
    Rule::set_by(
        "observed",
        "secret",
        "one system key for all users of the sandbox",
        "secret",
    ),
    Rule::fixed(
        "observed",
        "hash of upper case or another length",
        "never matches",
    ),
    Rule::set_by("observed", "hash checking", "on", "check_hash"),
    Rule::set_by(
        "observed",
        "GET",
        "refused, but for the four balance methods",
        "allow_get",
    ),
    Rule::set_by("observed", "API on", "yes", "enabled"),
    Rule::fixed(
        "observed",
        "legacy method names",
        "routed to the modern ones",
    ),
    Rule::fixed(
        "observed",
        "where parameters stand",
        "the query string overrides the body; a repeated name counts last",
    ),
    Rule::fixed("unknown", "p", "not checked when the hash is right"),
    Rule::fixed(
        "inferred",
        "u",
        "must be a user of the sandbox; otherwise Bad login",
    ),
    Rule::fixed("observed", "errors", "HTTP 200 with the error in the XML"),
    Rule::set_by(
        "observed",
        "content type",
        "text/xml; an attachment without test=1",
        "xml_extension",
    ),
    Rule::fixed("observed", "user_balance_update", "adds the amount"),
    Rule::set_by(
        "unknown",
        "a repeated transaction",
        "books again",
        "repeated_transaction",
    ),
    Rule::fixed(
        "inferred",
        "payment_create",
        "adds the amount to the user's balance at once; no tax",
    ),
    Rule::fixed(
        "observed",
        "payments_get",
        "needs s_from and s_till, otherwise today (UTC) only",
    ),
    Rule::set_by(
        "unknown",
        "second unescape of an SMS text",
        "%XX and +",
        "sms_unescape",
    ),
    Rule::fixed(
        "inferred",
        "price of an SMS",
        "0.05 EUR, whatever the destination",
    ),
    Rule::fixed(
        "inferred",
        "permissions",
        "plain users see themselves only and book nothing: Access Denied",
    ),
    Rule::fixed(
        "observed",
        "no protection against replay",
        "the same bytes are valid for ever",
    ),
    Rule::fixed(
        "documented",
        "not modelled",
        "methods other than balances, details, calls, payments, devices, SMS, callback, version and users: HTTP 501, loudly, after the hash was checked",
    ),
];

const QUIRKS: &[(&str, &str)] = &[
    (
        "translated",
        "texts from the server's language file in another language",
    ),
    ("html-error", "HTTP 200 with an HTML page of a proxy"),
    ("no-status", "an answer without the element that says ok"),
    (
        "asterisk-down",
        "callback_init and sms_send fail: the switch cannot be reached",
    ),
    (
        "sms-error",
        "sms_send answers an error message; whether anything was sent is unknown",
    ),
];

const SCENARIOS: &[(&str, &str)] = &[
    (
        "37060000404",
        "sms_send and callback_init: Wrong destination",
    ),
    ("37060000500", "sms_send: an error message of the gateway"),
];

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

    /// The filters in front of every method: API on, GET allowed, hash right.
    fn admit(
        visit: &mut Visit<'_>,
        settings: &Settings,
        method: &Method,
        request: &Request,
        params: &[Pair<'_>],
    ) -> Result<(), &'static str> {
        let free = [
            "user_balance_get",
            "user_simple_balance_get",
            "user_balance_get_by_psw",
            "user_balance_get_by_username",
        ];
        if !settings.enabled {
            return Err("API Requests are disabled");
        }
        if request.method != "POST" && !settings.allow_get && !free.contains(&method.name) {
            visit.near_miss(
                "GET is off by default on the real server too: POST a form, or set `allow_get`",
            );
            return Err("GET Requests are disabled");
        }
        if method.mode == Mode::Unchecked || !settings.check_hash {
            return Ok(());
        }
        if settings.secret.is_empty() && !matches!(settings.profile, Profile::Mor12 | Profile::X3) {
            return Err("API must have Secret Key");
        }
        if let Some((name, _)) = params.iter().find(|(name, _)| name.contains(['[', ']'])) {
            visit.near_miss(format!("`{name}`: names with brackets are hashed as the printout of a container; not modelled here"));
            return Err("Incorrect hash");
        }
        let given = params
            .iter()
            .rev()
            .find(|(name, _)| name == "hash")
            .map_or("", |(_, v)| &**v);
        let rows = hash::canonical(settings.profile, method, params);
        if hash::matches(&hash::digest_of(&rows, &settings.secret), given) {
            return Ok(());
        }
        for line in hash::explain(settings.profile, method, params, &settings.secret, given) {
            visit.near_miss(line);
        }
        Err("Incorrect hash")
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
        RULES
    }

    fn quirks(&self) -> &'static [(&'static str, &'static str)] {
        QUIRKS
    }

    fn scenarios(&self) -> &'static [(&'static str, &'static str)] {
        SCENARIOS
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
