//! Payments: booked and listed.

use super::{Outcome, Params, date, visible_from};
use crate::ledger::bounded;
use crate::room::Visit;
use crate::rooms::mor::settings::{Repeated, Settings};
use crate::rooms::mor::state::{Payment, State, decimal, money};
use crate::rooms::mor::xml::{Page, el, group, page};
use crate::text::escape;

pub(super) fn create_payment(
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
        .ok_or("No currency")?;
    let kept = |text: &str| bounded(text).into_owned();
    let transaction = kept(params.text("transaction"));
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
        kind: kept(
            params
                .get("paymenttype")
                .filter(|t| !t.is_empty())
                .unwrap_or("api"),
        ),
        currency: kept(currency),
        amount,
        fee: decimal(params.text("fee")).unwrap_or(0),
        payer: kept(params.text("payer_email")),
        at_s: visit.now_ms() / 1_000,
        visible_ms: visible_from(visit),
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

pub(super) fn payments(
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
    let seen = |p: &&Payment| {
        let is = |name: &str, value: &str| {
            params
                .get(name)
                .is_none_or(|wanted| wanted.is_empty() || bounded(wanted) == value)
        };
        (from..=till).contains(&p.at_s)
            && p.visible_ms <= visit.now_ms()
            && is("s_transaction", &p.transaction)
            && is("s_user_id", &p.user_id)
            && is("s_currency", &p.currency)
            && is("s_paymenttype", &p.kind)
            && (admin || p.user_id == caller)
    };
    let rows = state.payments.iter().filter(seen).map(|p| {
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
