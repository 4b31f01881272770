//! Devices and the calls that went through them.

use super::{CURRENCY, Outcome, Params, date};
use crate::room::Visit;
use crate::rooms::mor::state::{Call, State};
use crate::rooms::mor::xml::{el, group, page};

pub(super) fn devices(
    state: &mut State,
    params: &Params<'_>,
    caller: &str,
    admin: bool,
) -> Outcome {
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

pub(super) fn calls(
    visit: &Visit<'_>,
    state: &mut State,
    params: &Params<'_>,
    caller: &str,
    admin: bool,
) -> Outcome {
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
            (from..=till).contains(&c.at_s)
                && c.visible_ms <= visit.now_ms()
                && wanted.as_deref().is_none_or(|id| id == c.user_id)
        })
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
