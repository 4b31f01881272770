//! The modelled methods: what each does and answers (mor.md 7).

mod calls;
mod payments;
mod reach;
mod users;

use self::calls::{calls, devices};
use self::payments::{create_payment, payments};
use self::reach::{callback, send_sms};
use self::users::{balance, details, update_balance, users};
use super::settings::Settings;
use super::state::{State, money};
use super::xml::{Page, el, error_page, page};
use crate::calendar;
use crate::room::Visit;
use crate::text::Pair;

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
    // These find the user that they are about by other means, and whoever asks may ask (observed).
    let by_name = matches!(method, "user_simple_balance_get" | "user_balance_get");
    let caller = state
        .find(|user| user.username == login)
        .map(|user| (user.id, user.admin));
    let Some((caller, admin)) = caller.or(by_name.then_some(("", false))) else {
        visit.near_miss(format!(
            "`u` is `{login}`; the users here are admin, alice and bob"
        ));
        let text = if method == "callback_init" {
            "Not authenticated"
        } else {
            "Bad login"
        };
        visit.refuse(text);
        return Some(refusal(method, text));
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
        "user_calls_get" => calls(visit, state, &params, caller, admin),
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
        refusal(method, said)
    }))
}

fn refusal(method: &str, text: &str) -> Page {
    match method {
        // This one method speaks through another element.
        "callback_init" => Page::Xml(el("Status", text)),
        _ => error_page(text),
    }
}

/// Texts that come from the server's language file, in Lithuanian.
const TRANSLATED: &[(&str, &str)] = &[
    ("Access Denied", "Prieiga uždrausta"),
    ("User was not found", "Vartotojas nerastas"),
];

const CURRENCY: &str = "EUR";

type Outcome = Result<Page, &'static str>;

/// From when lookups see what is done now.
fn visible_from(visit: &Visit<'_>) -> u64 {
    let delay = u64::try_from(visit.lookup_delay().as_millis()).unwrap_or(u64::MAX);
    visit.now_ms().saturating_add(delay)
}

/// Date and time as MOR prints them (the format is inferred from its other pages).
fn date(at_s: u64) -> String {
    let mut text =
        calendar::format(i64::try_from(at_s).unwrap_or(0).saturating_mul(1_000)).replace('T', " ");
    text.truncate("1970-01-01 00:00:00".len());
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::visit::tests::Ground;

    #[test]
    fn a_list_has_every_row_and_rows_are_kept_short() {
        let (ground, settings) = (Ground::new(), Settings::default());
        let mut state = State::new();
        let mut ask = |method, params: &[(&str, &str)]| {
            let mut visit = ground.visit("mor", 1);
            let pairs = params.iter().chain(&[("u", "admin")]);
            let pairs: Vec<Pair<'_>> = pairs.map(|(n, v)| ((*n).into(), (*v).into())).collect();
            let answer = run(&mut visit, &settings, &mut state, method, &pairs);
            match answer.unwrap() {
                Page::Xml(text) | Page::Bare(text) => text,
            }
        };
        let last = "x".repeat(1 << 14);
        for n in 0..=1_000 {
            let transaction = if n == 1_000 {
                last.clone()
            } else {
                n.to_string()
            };
            let payment = [("user_id", "2"), ("amount", "1"), ("p_currency", "EUR")];
            let about = [
                ("transaction", &*transaction),
                ("payer_email", &*transaction),
            ];
            ask("payment_create", &[&payment[..], &about[..]].concat());
            let call = [("device", "5"), ("src", "370600"), ("dst", &*transaction)];
            ask("callback_init", &call);
        }
        let rows = |list: &str, row: &str| list.matches(row).count();
        let list = ask("payments_get", &[]);
        assert_eq!(rows(&list, "<payment>"), 1_001);
        assert!(list.len() < 1 << 20, "{}", list.len());
        // The newest is there, and is found by all of its reference.
        let newest = ask("payments_get", &[("s_transaction", &last)]);
        assert_eq!(rows(&newest, "<payment>"), 1);
        let calls = ask("user_calls_get", &[]);
        assert_eq!(rows(&calls, "<call>"), 1_001);
        assert!(calls.contains("<total_calls>1001</total_calls>"));
        assert!(calls.len() < 1 << 20, "{}", calls.len());
    }
}
