//! Cowrie (Nigeria): airtime, data and PINs over signed GETs. Facts from `docs/protocols/cowrie.md`; what they leave
//! open is a [`Settings`] field with an inferred default.

mod answer;
mod fidelity;
mod settings;
mod signature;
mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use serde_json::{Value, json};

use self::answer::{Form, Object};
use self::settings::{CheckStyle, RepeatedXref, Settings};
use self::signature::Signer;
use self::state::{Pin, Record, State};
use crate::ledger::What;
use crate::room::{Answer, Halt, Request, Room, Rule, Visit, merge_settings};
use crate::text::{Pair, form_pairs, value};

/// Cowrie's side of the wire.
#[derive(Debug)]
pub struct Cowrie {
    client: Account,
    agent: Account,
    terminal: String,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Account {
    id: &'static str,
    key: &'static str,
    signer: Signer,
}

#[derive(Debug)]
struct Inner {
    settings: Settings,
    state: State,
}

/// Test credentials. The keys are invented; that of the client is the one of the published known answers.
const CLIENT: (&str, &str) = (
    "sandbox@example.com",
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
);
const AGENT: (&str, &str) = (
    "agent@example.com",
    "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=",
);
const TERMINAL: &str = "T-0001";

/// Numbers that behave in a special way. No operator has the prefix 0800, so they meet nobody by chance.
const SCENARIOS: &[(&str, &str)] = &[
    ("2348000000400", "400: a parameter is wrong"),
    ("2348000000402", "402: the balance does not suffice"),
    (
        "2348000000404",
        "404: no such number, or not on this network",
    ),
    ("2348000000500", "500, nothing done"),
    (
        "2348000000001",
        "ported: on MTN only; every other network answers 404",
    ),
];

/// Largest amount that any request may name, in naira; keeps sums far from overflow.
const LARGEST: i64 = 1_000_000_000;
/// PINs in one batch at most, whatever the settings say.
const LARGEST_BATCH: i64 = 10_000;

/// What a checked request asks for.
struct Order<'a> {
    kind: &'static str,
    xref: &'a str,
    net: &'static str,
    msisdn: &'a str,
    /// Naira.
    amount: i64,
}

impl Cowrie {
    /// A room with its default settings.
    #[must_use]
    pub fn new() -> Self {
        let settings = Settings::default();
        let account = |(id, key)| Account {
            id,
            key,
            signer: Signer::new(key),
        };
        let state = State::new(&settings);
        Self {
            client: account(CLIENT),
            agent: account(AGENT),
            terminal: TERMINAL.to_owned(),
            inner: Mutex::new(Inner { settings, state }),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Headers, signature, nonce: what comes before any parameter is looked at. The order of these checks is inferred.
    fn admit(
        &self,
        visit: &mut Visit<'_>,
        request: &Request,
        terminal: bool,
    ) -> Result<(), Answer> {
        let (form, verify) = {
            let inner = self.inner();
            (inner.settings.error_body, inner.settings.verify)
        };
        let account = if terminal { &self.agent } else { &self.client };
        let identity = if terminal { "AgentId" } else { "ClientId" };
        let wanted = [identity, "Signature", "Nonce", "TerminalId"];
        let mut wanted = wanted.iter().take(if terminal { 4 } else { 3 });
        if let Some(name) = wanted.find(|name| request.header(name).is_none_or(str::is_empty)) {
            visit.near_miss(format!(
                "the header `{name}` is missing; this path wants {identity}, Signature, Nonce{}",
                if terminal { ", TerminalId" } else { "" }
            ));
            return Err(form.error(403, &format!("{name} required")));
        }
        let header = |name| request.header(name).unwrap_or("");
        let (nonce, signature) = (header("Nonce"), header("Signature"));
        if header(identity) != account.id || (terminal && header("TerminalId") != self.terminal) {
            visit.near_miss(format!(
                "`{identity}` is not one of this sandbox: use `{}`{}",
                account.id,
                if terminal {
                    format!(" with TerminalId `{}`", self.terminal)
                } else {
                    String::new()
                }
            ));
            return Err(form.error(400, "Invalid signature"));
        }
        if let Err(why) = account.signer.check(verify, signature, nonce, request) {
            for line in why {
                visit.near_miss(line);
            }
            return Err(form.error(400, "Invalid signature"));
        }
        let (now, key) = (visit.now_ms(), format!("{}\n{nonce}", account.id));
        let mut inner = self.inner();
        let keep = inner.settings.nonce_memory_ms;
        if !inner.state.use_nonce(&key, now, keep) {
            visit.near_miss("this nonce was used before; the first copy of the request may well have been carried out");
            return Err(form.error(409, "Nonce already used"));
        }
        Ok(())
    }

    /// The parameters of a recharge, checked.
    fn order<'a>(kind: &'static str, pairs: &'a [Pair<'_>]) -> Result<Order<'a>, &'static str> {
        let field = |name| value(pairs, name).filter(|v| !v.is_empty());
        let net = field("net").ok_or("net required")?;
        let net = ["AIR", "GLO", "MTN", "ETI"]
            .into_iter()
            .find(|known| known.eq_ignore_ascii_case(net))
            .ok_or("unknown net")?;
        let msisdn = field("msisdn").ok_or("msisdn required")?;
        let amount = match kind {
            "redeem" => 0,
            _ => whole(field("amount").ok_or("amount required")?)
                .ok_or("amount must be whole naira")?,
        };
        let xref = field("xref").ok_or("xref required")?;
        Ok(Order {
            kind,
            xref,
            net,
            msisdn,
            amount,
        })
    }

    /// Whether the recipient can be served; the status to refuse with.
    fn recipient(settings: &Settings, order: &Order<'_>) -> Result<(), (u16, &'static str)> {
        let national = order.msisdn.strip_prefix("234").unwrap_or("");
        let shaped = national.len() == 10 && national.bytes().all(|b| b.is_ascii_digit());
        let ported = settings.ported.get(order.msisdn).map(String::as_str);
        match order.msisdn {
            _ if !shaped => Err((404, "Invalid MSISDN")),
            "2348000000400" => Err((400, "Invalid parameter")),
            "2348000000402" => Err((402, "Insufficient balance")),
            "2348000000404" => Err((404, "Invalid network or MSISDN")),
            "2348000000500" => Err((500, "Internal error")),
            "2348000000001" if order.net != "MTN" => Err((404, "Invalid network or MSISDN")),
            _ if ported.is_some_and(|net| net != order.net) => {
                Err((404, "Invalid network or MSISDN"))
            }
            _ => Ok(()),
        }
    }

    /// Credit and data: takes the money, writes the record, answers.
    fn recharge(&self, visit: &mut Visit<'_>, order: &Order<'_>) -> Result<Answer, (u16, String)> {
        let mut inner = self.inner();
        let Inner { settings, state } = &mut *inner;
        Self::recipient(settings, order).map_err(|(status, why)| (status, why.to_owned()))?;
        if order.amount < settings.min_amount
            || settings.max_amount.is_some_and(|max| order.amount > max)
        {
            return Err((400, "amount out of range".to_owned()));
        }
        if let Some(answer) = Self::repeated(settings, state, order.xref)? {
            return Ok(answer);
        }
        let charge = settings.charge(order.amount);
        if !state.charge(charge) {
            visit.near_miss(format!("the account holds {} naira; fund it with POST /_sandbox/settings/cowrie {{\"balance\": …}}", state.balance_kobo / 100));
            return Err((402, "Insufficient balance".to_owned()));
        }
        let (id, now) = (visit.random().hex(20), visit.now_ms());
        visit.deliver();
        let xref = if visit.quirk("foreign-echo") {
            "someone-elses-xref"
        } else {
            order.xref
        };
        let message = if visit.quirk("message-not-ok") {
            "PENDING"
        } else {
            "OK"
        };
        let mut body = Object::new(Form::of(visit)).with("id", &id);
        if order.kind == "data" {
            body = body
                .with("net", order.net)
                .with("msisdn", order.msisdn)
                .with("amount", order.amount);
        }
        body = body.with("xref", xref);
        if order.kind == "credit" {
            body = body.with("message", message);
        }
        if settings.balance_in_answers {
            body = body
                .with("balance", settings.naira(state.balance_kobo))
                .with("charge", settings.naira(charge));
        }
        let body = Bytes::from(body.end());
        state.record(Record {
            id,
            kind: order.kind,
            net: order.net,
            msisdn: order.msisdn.to_owned(),
            amount: order.amount,
            xref: Arc::from(order.xref),
            at_ms: now,
            visible_ms: now
                .saturating_add(settings.check_delay_ms)
                .saturating_add(millis(visit)),
            answer: body.clone(),
        });
        Ok(answer::shaped(visit, body))
    }

    /// A reference that was used before: what happens is unknown, hence a setting.
    fn repeated(
        settings: &Settings,
        state: &State,
        xref: &str,
    ) -> Result<Option<Answer>, (u16, String)> {
        match (state.by_xref(xref), settings.repeated_xref) {
            (None, _) | (_, RepeatedXref::Apply) => Ok(None),
            (Some(_), RepeatedXref::Refuse) => Err((400, "xref already used".to_owned())),
            (Some(_), RepeatedXref::Conflict) => Err((409, "xref already used".to_owned())),
            (Some(record), RepeatedXref::SameAnswer) => Ok(Some(Answer::new(
                200,
                "application/json",
                record.answer.clone(),
            ))),
        }
    }

    fn check(&self, visit: &mut Visit<'_>, reference: &str) -> Answer {
        let inner = self.inner();
        let settings = &inner.settings;
        if visit.quirk("check-400") {
            return settings.error_body.error(400, "Invalid parameter");
        }
        let now = visit.now_ms();
        let found = inner.state.by_xref(reference).or_else(|| {
            inner
                .state
                .by_id(reference)
                .filter(|_| settings.check_accepts_id)
        });
        let seen =
            found.filter(|record| settings.check_sees.iter().any(|kind| kind == record.kind));
        let xref = seen.map_or(reference, |r| &*r.xref).to_owned();
        let Some(record) = seen.filter(|record| record.visible_ms <= now) else {
            let why = match (found, seen) {
                (None, _) => "nothing with this reference was done",
                (Some(_), None) => "done, but Check is set not to see this kind",
                _ => "done, but Check does not see it yet",
            };
            visit.note(&xref, What::LookedUp(format!("not found: {why}")));
            visit.near_miss(format!("Check answers \"not found\": {why}"));
            return settings.not_found.answer(settings.error_body);
        };
        visit.note(&xref, What::LookedUp("found".to_owned()));
        let amount = if visit.quirk("check-mismatch") {
            record.amount.saturating_add(1)
        } else {
            record.amount
        };
        let body = Object::new(Form::of(visit))
            .with("id", &record.id)
            .with("net", record.net)
            .with("msisdn", &record.msisdn)
            .with("amount", amount)
            .with("xref", &*record.xref);
        let body = match settings.check_style {
            _ if visit.quirk("status-pending") => body.with("status", "PENDING"),
            CheckStyle::Status => body.with("status", "OK"),
            CheckStyle::Stamp => body.with("stamp", answer::stamp(record.at_ms)),
        };
        answer::shaped(visit, body.end())
    }

    fn allocate(
        &self,
        visit: &mut Visit<'_>,
        pairs: &[Pair<'_>],
        batch: bool,
    ) -> Result<Answer, (u16, String)> {
        let wrong = |why: &str| (400, why.to_owned());
        let field = |name| value(pairs, name).filter(|v| !v.is_empty());
        let number = |name| field(name).and_then(whole).filter(|n| *n > 0);
        let unit = number("unit").ok_or_else(|| wrong("unit must be whole naira"))?;
        let count = if batch {
            number("count").ok_or_else(|| wrong("count must be a number"))?
        } else {
            1
        };
        let kind = field("type").ok_or_else(|| wrong("type required"))?;
        let xref = field("xref").ok_or_else(|| wrong("xref required"))?;
        let message = value(pairs, "message").ok_or_else(|| wrong("message required"))?;
        let mut inner = self.inner();
        let Inner { settings, state } = &mut *inner;
        if kind != "AIRTIME" {
            return Err(wrong("unknown type"));
        }
        if count > settings.max_count.min(LARGEST_BATCH) {
            return Err(wrong("count too large"));
        }
        if let Some(answer) = Self::repeated(settings, state, xref)? {
            return Ok(answer);
        }
        if state.stock(settings, unit) < count {
            visit.near_miss(format!(
                "the stock holds {} PINs of {unit} naira",
                state.stock(settings, unit)
            ));
            return Err(wrong("out of stock"));
        }
        let charge = settings.charge(unit.saturating_mul(count));
        if !state.charge(charge) {
            return Err((402, "Insufficient balance".to_owned()));
        }
        let form = Form::of(visit);
        let sent = if visit.quirk("pin-count-mismatch") {
            count.saturating_sub(1).max(1)
        } else {
            count
        };
        let mut rows = Vec::new();
        for n in 0..count {
            let pin = Pin {
                serial: visit.random().digits(5),
                code: visit.random().digits(12),
                unit,
            };
            if n < sent {
                let row = Object::new(form)
                    .with("serial", &pin.serial)
                    .with("pin", &pin.code)
                    .with("unit", unit)
                    .with("fee", 0)
                    .with("type", kind)
                    .with("xref", xref)
                    .with("message", message);
                rows.push(row.end());
            }
            state.sell(pin);
        }
        visit.deliver();
        let body = match rows.first() {
            Some(only) if !batch => only.clone(),
            _ => format!("[{}]", rows.join(",")),
        };
        let body = Bytes::from(body);
        state.record(Record {
            id: visit.random().hex(20),
            kind: "pin",
            net: "",
            msisdn: String::new(),
            amount: unit,
            xref: Arc::from(xref),
            at_ms: visit.now_ms(),
            visible_ms: u64::MAX,
            answer: body.clone(),
        });
        Ok(answer::shaped(visit, body))
    }

    fn redeem(
        &self,
        visit: &mut Visit<'_>,
        order: &Order<'_>,
        code: &str,
    ) -> Result<Answer, (u16, String)> {
        let mut inner = self.inner();
        let Inner { settings, state } = &mut *inner;
        Self::recipient(settings, order).map_err(|(status, why)| (status, why.to_owned()))?;
        if let Some(answer) = Self::repeated(settings, state, order.xref)? {
            return Ok(answer);
        }
        let unit = match state.redeem(code) {
            Ok(unit) => unit,
            Err(why) => {
                visit.near_miss(format!(
                    "{why}: PINs of this sandbox come from /pin/AllocateSingle and /pin/Allocate"
                ));
                return Err((400, why.to_owned()));
            }
        };
        visit.deliver();
        let body = Object::new(Form::of(visit)).with("message", "Topup complete");
        let body = Bytes::from(body.end());
        state.record(Record {
            id: visit.random().hex(20),
            kind: "redeem",
            net: order.net,
            msisdn: order.msisdn.to_owned(),
            amount: unit,
            xref: Arc::from(order.xref),
            at_ms: visit.now_ms(),
            visible_ms: visit
                .now_ms()
                .saturating_add(settings.check_delay_ms)
                .saturating_add(millis(visit)),
            answer: body.clone(),
        });
        Ok(answer::shaped(visit, body))
    }
}

impl Default for Cowrie {
    fn default() -> Self {
        Self::new()
    }
}

impl Room for Cowrie {
    fn provider(&self) -> &'static str {
        "cowrie"
    }

    fn credentials(&self) -> Value {
        json!({
            "client_id": self.client.id, "client_key": self.client.key,
            "agent_id": self.agent.id, "agent_key": self.agent.key, "terminal_id": self.terminal,
        })
    }

    fn fidelity(&self) -> &'static [Rule] {
        fidelity::RULES
    }

    fn quirks(&self) -> &'static [(&'static str, &'static str)] {
        fidelity::QUIRKS
    }

    fn scenarios(&self) -> &'static [(&'static str, &'static str)] {
        SCENARIOS
    }

    fn broken_answer(&self) -> Answer {
        self.inner()
            .settings
            .error_body
            .error(500, "Internal error")
    }

    fn settings(&self) -> Value {
        let inner = self.inner();
        let now = Settings {
            balance: inner.state.balance_kobo / 100,
            ..inner.settings.clone()
        };
        serde_json::to_value(now).unwrap_or_default()
    }

    fn configure(&self, change: &Value) -> Result<(), String> {
        let mut inner = self.inner();
        let settings: Settings = merge_settings(&inner.settings, change)?;
        settings.validate()?;
        if change.get("balance").is_some() {
            inner.state.balance_kobo = settings.balance.saturating_mul(100);
        }
        inner.settings = settings;
        Ok(())
    }

    fn reset(&self) {
        let mut inner = self.inner();
        inner.state = State::new(&inner.settings);
    }

    fn answer(&self, visit: &mut Visit<'_>, request: &Request) -> Result<Answer, Halt> {
        let (terminal, path) = match request.path.as_str() {
            "/terminal/Balance" => (true, "/airtime/Balance"),
            "/terminal/Credit" => (true, "/airtime/Credit"),
            "/terminal/data/Credit" => (true, "/data/Credit"),
            "/terminal/Check" => (true, "/airtime/Check"),
            path => (false, path),
        };
        let pairs = form_pairs(request.query.as_deref().unwrap_or(""));
        let operation = match path {
            "/airtime/Balance" => "balance",
            "/airtime/Credit" => "credit",
            "/data/Credit" => "data",
            "/airtime/Check" => "check",
            "/pin/AllocateSingle" => "pin-single",
            "/pin/Allocate" => "pin-batch",
            "/pin/Redeem" => "redeem",
            _ => {
                visit.begin("unknown")?;
                visit.near_miss(format!(
                    "`{}` is no path of this API; paths are case-exact",
                    request.path
                ));
                return Ok(Answer::text(404, "Not Found"));
            }
        };
        for name in ["net", "amount", "bundle", "unit", "count"] {
            if let Some(found) = value(&pairs, name) {
                visit.detail(name, found);
            }
        }
        if let Some(msisdn) = value(&pairs, "msisdn").filter(|v| !v.is_empty()) {
            visit.number(msisdn);
        }
        let name = if operation == "check" {
            "reference"
        } else {
            "xref"
        };
        if let Some(reference) = value(&pairs, name).filter(|v| !v.is_empty()) {
            visit.reference(reference);
        }
        match operation {
            "balance" | "check" => visit.begin(operation)?,
            _ => visit.begin_spending(operation)?,
        }
        let form = self.inner().settings.error_body;
        if request.method != "GET" {
            visit.near_miss("Cowrie takes GET only, also for calls that move money");
            visit.refuse("not a GET");
            return Ok(form.error(405, "Method not allowed"));
        }
        if let Some(answer) = answer::planted(visit, form) {
            visit.refuse("planted by a fault rule");
            return Ok(answer);
        }
        if let Err(answer) = self.admit(visit, request, terminal) {
            visit.refuse(&format!("{}", answer.status));
            return Ok(answer);
        }
        let done = match operation {
            "balance" => {
                let inner = self.inner();
                let balance = match visit.quirk("decimal-balance") {
                    true => json!(format!("{}.50", inner.state.balance_kobo / 100)),
                    false => inner.settings.naira(inner.state.balance_kobo),
                };
                let body = Object::new(Form::of(visit))
                    .with("balance", balance)
                    .with("discount", inner.settings.discount);
                Ok(answer::shaped(visit, body.end()))
            }
            "check" => match value(&pairs, "reference").filter(|v| !v.is_empty()) {
                Some(reference) => Ok(self.check(visit, reference)),
                None => Err((400, "reference required".to_owned())),
            },
            "credit" | "data" => match Self::order(operation, &pairs) {
                Ok(order) => self.recharge(visit, &order),
                Err(why) => Err((400, why.to_owned())),
            },
            "redeem" => match (Self::order(operation, &pairs), value(&pairs, "pin")) {
                (Ok(order), Some(pin)) if !pin.is_empty() => self.redeem(visit, &order, pin),
                (Err(why), _) => Err((400, why.to_owned())),
                _ => Err((400, "pin required".to_owned())),
            },
            _ => self.allocate(visit, &pairs, operation == "pin-batch"),
        };
        Ok(done.unwrap_or_else(|(status, why)| {
            visit.refuse(&format!("{status} {why}"));
            visit.near_miss(format!("refused with {status}: {why}"));
            form.error(status, &why)
        }))
    }
}

/// Whole naira: plain ASCII digits, no leading zero, within reason.
fn whole(text: &str) -> Option<i64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|n| plain && *n <= LARGEST)
}

fn millis(visit: &Visit<'_>) -> u64 {
    u64::try_from(visit.lookup_delay().as_millis()).unwrap_or(u64::MAX)
}
