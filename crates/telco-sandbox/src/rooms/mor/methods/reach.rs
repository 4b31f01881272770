//! What reaches a phone: messages and callbacks.

use super::{CURRENCY, Outcome, Params, visible_from};
use crate::handset::Arrival;
use crate::ledger::bounded;
use crate::room::Visit;
use crate::rooms::mor::settings::{Settings, Unescape};
use crate::rooms::mor::state::{Call, State};
use crate::rooms::mor::xml::{Page, el, group, page};
use crate::text::percent_decode;

fn plausible_number(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    (3..=20).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
}

pub(super) fn send_sms(
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

pub(super) fn callback(
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
        dst: bounded(dst).into_owned(),
        device: device.to_owned(),
        uniqueid,
        at_s,
        visible_ms: visible_from(visit),
    });
    visit.deliver();
    Ok(Page::Xml(el("Status", "Ok")))
}
