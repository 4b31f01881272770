//! The modelled methods: what each does and answers (mor.md 7).

use super::state::{Call, Payment, State, decimal, money};
use super::xml::{Page, el, error_page, group, page};
use super::{Repeated, Settings, Unescape};
use crate::calendar;
use crate::handset::Arrival;
use crate::room::Visit;
use crate::text::{Pair, escape, percent_decode};

/// Methods whose effect cannot be taken back.
pub(super) const SPENDING: &[&str] = &[
    "payment_create",
    "user_balance_update",
    "sms_send",
    "callback_init",
];

/// The parameters of a request, the last of each name.
struct Params<'a>(&'a [Pair<'a>]);

impl Params<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .rev()
            .find(|(n, _)| n == name)
            .map(|(_, v)| &**v)
    }

    fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or("")
    }
}

/// Tells the ledger what the request is about.
pub(super) fn describe(visit: &mut Visit<'_>, method: &str, params: &[Pair<'_>]) {
    let params = Params(params);
    let (names, reference): (&[&'static str], _) = match method {
        "payment_create" => (
            &["user_id", "amount", "p_currency", "paymenttype"],
            params.get("transaction"),
        ),
        "user_balance_update" => (&["user_id", "balance"], None),
        "sms_send" | "callback_init" => (&["lcr_id", "device", "src", "message"], None),
        "payments_get" => (&[], params.get("s_transaction")),
        _ => return,
    };
    for name in names {
        if let Some(value) = params.get(name) {
            visit.detail(name, value);
        }
    }
    if let Some(reference) = reference.filter(|r| !r.is_empty()) {
        visit.reference(reference);
    }
    if let Some(dst) = params.get("dst").filter(|d| !d.is_empty()) {
        visit.number(dst);
    }
}

/// Runs a method; `None` if it is not modelled.
pub(super) fn run(
    visit: &mut Visit<'_>,
    settings: &Settings,
    state: &mut State,
    method: &str,
    params: &[Pair<'_>],
) -> Option<Page> {
    let params = Params(params);
    let login = params.text("u");
    let by_name = matches!(method, "user_simple_balance_get");
    let caller = state
        .find(|user| user.username == login)
        .map(|user| (user.id, user.admin));
    let Some((caller, admin)) = caller.or(by_name.then_some(("", false))) else {
        visit.near_miss(format!(
            "`u` is `{login}`; the users here are admin, alice and bob"
        ));
        visit.refuse("Bad login");
        return Some(error_page("Bad login"));
    };
    let outcome = match method {
        "system_version_get" => Ok(page(el("version", "X8 (telco-sandbox)"))),
        "user_simple_balance_get" => Ok(Page::Bare(
            match state.find(|user| user.uniquehash == params.text("id")) {
                Some(user) => money(user.balance),
                None => "User was not found".to_owned(),
            },
        )),
        "user_balance_get" => balance(state, &params),
        "user_details_get" => details(state, &params, caller, admin),
        "users_get" if admin => Ok(users(state)),
        "user_balance_update" if admin => update_balance(visit, state, &params),
        "payment_create" if admin => create_payment(visit, settings, state, &params),
        "payments_get" => Ok(payments(visit, state, &params, caller, admin)),
        "devices_get" => devices(state, &params, caller, admin),
        "user_calls_get" => calls(state, &params, caller, admin),
        "sms_send" => send_sms(visit, settings, state, &params, caller),
        "callback_init" => callback(visit, state, &params, caller, admin),
        "users_get" | "user_balance_update" | "payment_create" => Err("Access Denied"),
        _ => return None,
    };
    Some(outcome.unwrap_or_else(|text| {
        visit.refuse(text);
        let said = if visit.quirk("translated") {
            TRANSLATED
                .iter()
                .find(|(en, _)| *en == text)
                .map_or(text, |(_, lt)| lt)
        } else {
            text
        };
        match method {
            // This one method speaks through another element.
            "callback_init" => Page::Xml(el("Status", said)),
            _ => error_page(said),
        }
    }))
}

/// Texts that come from the server's language file, in Lithuanian.
const TRANSLATED: &[(&str, &str)] = &[
    ("Access Denied", "Prieiga uždrausta"),
    ("User was not found", "Vartotojas nerastas"),
];

type Outcome = Result<Page, &'static str>;

fn balance(state: &mut State, params: &Params<'_>) -> Outcome {
    let username = params.text("username");
    let user = state
        .find(|user| user.username == username)
        .ok_or("User was not found")?;
    let mut inside = el("balance", money(user.balance));
    if params.get("user_currency") == Some("1") {
        inside.push_str(&el("currency", CURRENCY));
    }
    Ok(page(inside))
}

const CURRENCY: &str = "EUR";

/// The user that a request is about: by `user_id`, by `username`, or the caller.
fn subject<'s>(
    state: &'s mut State,
    params: &Params<'_>,
    caller: &str,
    admin: bool,
) -> Result<&'s mut super::state::User, &'static str> {
    let wanted = match (params.get("user_id"), params.get("username")) {
        (Some(id), _) => state.find(|user| user.id == id),
        (None, Some(username)) => state.find(|user| user.username == username),
        (None, None) => state.find(|user| user.id == caller),
    };
    let user = wanted.ok_or("User was not found")?;
    if user.id != caller && !admin {
        Err("Access Denied")
    } else {
        Ok(user)
    }
}

fn details(state: &mut State, params: &Params<'_>, caller: &str, admin: bool) -> Outcome {
    let user = subject(state, params, caller, admin)?;
    let main = [
        el("account", user.username),
        el("balance", money(user.balance)),
        el("balance_number", money(user.balance)),
        el("balance_currency", CURRENCY),
        el("credit", "0"),
    ];
    let other = [
        el("username", user.username),
        el("first_name", user.first_name),
        el("surname", user.last_name),
    ];
    Ok(page(
        [
            el("pagename", "Personal details"),
            el("language", "en"),
            el("userid", user.id),
            group(
                "details",
                [
                    group("main_detail", main.concat()),
                    group("other_details", other.concat()),
                    group("registration", ""),
                ]
                .concat(),
            ),
        ]
        .concat(),
    ))
}

fn users(state: &State) -> Page {
    let rows = state.users.iter().map(|user| {
        let kind = if user.admin { "admin" } else { "user" };
        group(
            "user",
            [
                el("id", user.id),
                el("username", user.username),
                el("first_name", user.first_name),
                el("last_name", user.last_name),
                el("balance", money(user.balance)),
                el("blocked", "0"),
                el("lcr_id", "1"),
                el("tariff_id", "1"),
                el("owner_id", "0"),
                el("usertype", kind),
            ]
            .concat(),
        )
    });
    page(group("status", group("users", rows.collect::<String>())))
}

fn update_balance(visit: &mut Visit<'_>, state: &mut State, params: &Params<'_>) -> Outcome {
    let id = params.text("user_id");
    let by = decimal(params.text("balance")).ok_or("User balance not updeted")?;
    let user = state
        .find(|user| user.id == id)
        .ok_or("User was not found")?;
    user.balance = user.balance.saturating_add(by);
    visit.deliver();
    let about = [
        el("username", user.username),
        el("id", user.id),
        el("balance", money(user.balance)),
    ];
    let status = if visit.quirk("no-status") {
        String::new()
    } else {
        el("status", "User balance updated")
    };
    Ok(page([status, group("user", about.concat())].concat()))
}

fn create_payment(
    visit: &mut Visit<'_>,
    settings: &Settings,
    state: &mut State,
    params: &Params<'_>,
) -> Outcome {
    let id = params.text("user_id").to_owned();
    let amount = decimal(params.text("amount"))
        .filter(|a| *a != 0)
        .ok_or("Payment was not saved")?;
    let currency = params
        .get("p_currency")
        .filter(|c| !c.is_empty())
        .ok_or("No currency")?
        .to_owned();
    let transaction = params.text("transaction").to_owned();
    if settings.repeated_transaction == Repeated::Refuse
        && !transaction.is_empty()
        && state.payments.iter().any(|p| p.transaction == transaction)
    {
        return Err("Payment was not saved");
    }
    let payment = Payment {
        id: state.next_id(),
        user_id: id.clone(),
        transaction,
        kind: params
            .get("paymenttype")
            .filter(|t| !t.is_empty())
            .unwrap_or("api")
            .to_owned(),
        currency,
        amount,
        fee: decimal(params.text("fee")).unwrap_or(0),
        payer: params.text("payer_email").to_owned(),
        at_s: visit.now_ms() / 1_000,
    };
    let user = state
        .find(|user| user.id == id)
        .ok_or("User was not found")?;
    user.balance = user.balance.saturating_add(amount);
    visit.deliver();
    let about = [
        el("payment_id", payment.id.to_string()),
        el("tax", money(0)),
        el("amount", money(amount)),
        el("gross", money(amount)),
    ];
    let about = format!(
        "<payment currency=\"{}\">{}</payment>",
        escape(&payment.currency),
        about.concat()
    );
    let status = if visit.quirk("no-status") {
        String::new()
    } else {
        el("status", "ok")
    };
    state.pay(payment);
    Ok(page(group(
        "response",
        [status, el("confirmed", "Yes"), about].concat(),
    )))
}

fn payments(
    visit: &mut Visit<'_>,
    state: &State,
    params: &Params<'_>,
    caller: &str,
    admin: bool,
) -> Page {
    let number = |name| params.get(name).and_then(|v| v.parse::<u64>().ok());
    let today = visit.now_ms() / 86_400_000 * 86_400;
    let (from, till) = match (number("s_from"), number("s_till")) {
        (Some(from), Some(till)) => (from, till),
        _ => (today, u64::MAX),
    };
    let delay = visit.lookup_delay().as_secs();
    let seen = |p: &&Payment| {
        let is = |name: &str, value: &str| {
            params
                .get(name)
                .is_none_or(|wanted| wanted.is_empty() || wanted == value)
        };
        (from..=till).contains(&p.at_s)
            && p.at_s.saturating_add(delay) <= visit.now_ms() / 1_000
            && is("s_transaction", &p.transaction)
            && is("s_user_id", &p.user_id)
            && is("s_currency", &p.currency)
            && is("s_paymenttype", &p.kind)
            && (admin || p.user_id == caller)
    };
    let rows = state.payments.iter().filter(seen).take(1_000).map(|p| {
        let user = state
            .users
            .iter()
            .find(|u| u.id == p.user_id)
            .map_or("", |u| u.username);
        group(
            "payment",
            [
                el("user", user),
                el("payer", &p.payer),
                el("transaction_id", &p.transaction),
                el("date", date(p.at_s)),
                el("confirm_date", date(p.at_s)),
                el("type", &p.kind),
                el("amount", money(p.amount)),
                el("fee", money(p.fee)),
                el("amount_with_tax", money(p.amount)),
                el("currency", &p.currency),
                el("completed", "1"),
                el("confirmed_by_admin", "1"),
            ]
            .concat(),
        )
    });
    page(
        [
            el("pagename", "Payments"),
            group("payments", rows.collect::<String>()),
        ]
        .concat(),
    )
}

/// Date and time as MOR prints them (the format is inferred from its other pages).
fn date(at_s: u64) -> String {
    let mut text =
        calendar::format(i64::try_from(at_s).unwrap_or(0).saturating_mul(1_000)).replace('T', " ");
    text.truncate("1970-01-01 00:00:00".len());
    text
}

fn devices(state: &mut State, params: &Params<'_>, caller: &str, admin: bool) -> Outcome {
    let id = params
        .get("user_id")
        .filter(|id| !id.is_empty())
        .ok_or("user_id is empty")?;
    let user = state.find(|user| user.id == id).ok_or("User not found")?;
    if user.id != caller && !admin {
        return Err("Access Denied");
    }
    let rows = user.devices.iter().map(|id| {
        group(
            "device",
            [el("device_id", id), el("device_type", "SIP")].concat(),
        )
    });
    Ok(page(group("devices", rows.collect::<String>())))
}

fn calls(state: &mut State, params: &Params<'_>, caller: &str, admin: bool) -> Outcome {
    let number = |name| params.get(name).and_then(|v| v.parse::<u64>().ok());
    let (from, till) = (
        number("period_start").unwrap_or(0),
        number("period_end").unwrap_or(u64::MAX),
    );
    let of = params.get("s_user").filter(|s| !s.is_empty());
    if of.is_some_and(|of| of != caller && !admin) {
        return Err("Access Denied");
    }
    let wanted = of.or((!admin).then_some(caller)).map(str::to_owned);
    let (id, username) = {
        let id = wanted.as_deref().unwrap_or(caller);
        state
            .find(|user| user.id == id)
            .map(|u| (u.id, u.username))
            .ok_or("User was not found")?
    };
    let seen: Vec<&Call> = state
        .calls
        .iter()
        .filter(|c| {
            (from..=till).contains(&c.at_s) && wanted.as_deref().is_none_or(|id| id == c.user_id)
        })
        .take(1_000)
        .collect();
    // Columns sorted by name, uniqueid last.
    let rows = seen.iter().map(|c| {
        group(
            "call",
            [
                el("billsec", "0"),
                el("calldate2", date(c.at_s)),
                el("device_id", &c.device),
                el("disposition", "ANSWERED"),
                el("dst", &c.dst),
                el("src", &c.src),
                el("timezone", "GMT +00:00"),
                el("uniqueid", &c.uniqueid),
            ]
            .concat(),
        )
    });
    let all = || "all".to_owned();
    let stat = [
        group(
            "period",
            [
                el("period_start", date(from)),
                el("period_end", date(till.min(4_102_444_800))),
            ]
            .concat(),
        ),
        el("show_user", wanted.clone().unwrap_or_else(all)),
        el("show_device", all()),
        el("show_status", all()),
        el("show_destination", all()),
        group("calls", rows.collect::<String>()),
    ];
    Ok(page(
        [
            el("pagename", "Calls"),
            el("language", "en"),
            el("error_msg", ""),
            el("userid", id),
            el("username", username),
            el("total_calls", seen.len().to_string()),
            el("currency", CURRENCY),
            group("calls_stat", stat.concat()),
        ]
        .concat(),
    ))
}

fn plausible_number(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    (3..=20).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
}

fn send_sms(
    visit: &mut Visit<'_>,
    settings: &Settings,
    state: &mut State,
    params: &Params<'_>,
    caller: &str,
) -> Outcome {
    let text = match settings.sms_unescape {
        Unescape::PercentAndPlus => percent_decode(params.text("message"), true),
        Unescape::Percent => percent_decode(params.text("message"), false),
        Unescape::Off => params.text("message").as_bytes().to_vec(),
    };
    let text = String::from_utf8_lossy(&text).into_owned();
    let (dst, src) = (params.text("dst"), params.text("src"));
    if text.is_empty() {
        return Err("There is no message or it is empty");
    }
    if src.is_empty() {
        return Err("Wrong source");
    }
    if !plausible_number(dst) || dst == "37060000404" {
        return Err("Wrong destination");
    }
    if params.get("lcr_id").is_some_and(|lcr| lcr != "1") {
        visit.near_miss("the sandbox has one LCR, number 1");
        return Err("There is no such LCR");
    }
    if visit.quirk("sms-error") || visit.quirk("asterisk-down") || dst == "37060000500" {
        visit.refuse("the gateway failed");
        return Ok(page(group("error", el("message", "SMS gateway error"))));
    }
    let id = state.next_id();
    if let Some(user) = state.find(|user| user.id == caller && !user.admin) {
        user.balance = user.balance.saturating_sub(500);
    }
    visit.deliver();
    let from = src.to_owned();
    visit.arrive(dst, Arrival::Message { from, text });
    let about = [
        el("message_id", id.to_string()),
        el("sms_status_code_tip", "sent"),
        el("price", "0.05"),
        el("currency", CURRENCY),
    ];
    let status = if visit.quirk("no-status") {
        String::new()
    } else {
        el("status", "ok")
    };
    Ok(page(group(
        "response",
        [status, group("message", about.concat())].concat(),
    )))
}

fn callback(
    visit: &mut Visit<'_>,
    state: &mut State,
    params: &Params<'_>,
    caller: &str,
    admin: bool,
) -> Outcome {
    let (device, src, dst) = (
        params.text("device"),
        params.text("src"),
        params.text("dst"),
    );
    let owner = state
        .find(|user| user.devices.contains(&device))
        .map(|user| user.id);
    let Some(owner) = owner.filter(|id| admin || *id == caller) else {
        visit.near_miss("devices of the sandbox: 5 and 6 (alice), 7 (bob)");
        return Err("Bad device");
    };
    if src.is_empty() {
        return Err("No source");
    }
    if visit.quirk("asterisk-down") {
        return Err("Cannot connect to Asterisk Server");
    }
    if !plausible_number(src) || dst == "37060000404" {
        return Err("No tariff");
    }
    let at_s = visit.now_ms() / 1_000;
    let uniqueid = format!("{at_s}.{}", state.next_id());
    state.call(Call {
        user_id: owner.to_owned(),
        src: src.to_owned(),
        dst: dst.to_owned(),
        device: device.to_owned(),
        uniqueid,
        at_s,
    });
    visit.deliver();
    Ok(Page::Xml(el("Status", "Ok")))
}
