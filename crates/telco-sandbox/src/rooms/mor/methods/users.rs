//! Users and their balances.

use super::{CURRENCY, Outcome, Params};
use crate::room::Visit;
use crate::rooms::mor::state::{State, User, decimal, money};
use crate::rooms::mor::xml::{Page, el, group, page};

/// The user that a request is about: by `user_id`, by `username`, or the caller.
pub(super) fn subject<'s>(
    state: &'s mut State,
    params: &Params<'_>,
    caller: &str,
    admin: bool,
) -> Result<&'s mut User, &'static str> {
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

pub(super) fn balance(state: &mut State, params: &Params<'_>) -> Outcome {
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

pub(super) fn details(
    state: &mut State,
    params: &Params<'_>,
    caller: &str,
    admin: bool,
) -> Outcome {
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

pub(super) fn users(state: &State) -> Page {
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

pub(super) fn update_balance(
    visit: &mut Visit<'_>,
    state: &mut State,
    params: &Params<'_>,
) -> Outcome {
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
    // The server puts one page into another here (observed).
    let inside = [status, group("user", about.concat())].concat();
    Ok(page(group("page", inside)))
}
