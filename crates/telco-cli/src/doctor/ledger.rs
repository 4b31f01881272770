//! The ledger: can it be used, by its owner only, and is anything open in it?

use std::path::Path;
use std::time::SystemTime;

use super::{Report, owner_only};
use crate::config::Settings;
use crate::exit::{Done, Failure};
use crate::output;
use crate::topup::{Place, lease, window};

pub(super) async fn check(report: &mut Report, settings: &Settings) -> Done {
    match Place::of(settings, None) {
        // Told by the check of the fields.
        Ok(None) => return Ok(()),
        Ok(Some(place)) => report.tell("topup", ledger(place).await)?,
        Err(failure) => report.tell("topup", Err(failure))?,
    }
    let lease = lease(settings);
    report.tell(
        "topup",
        lease.map(|lease| format!("a lease of {lease:?} is long enough")),
    )?;
    let window = window(None, settings);
    let since = |window| output::time(SystemTime::now().checked_sub(window)?);
    report.tell(
        "topup",
        window.map(|window| match window.and_then(since) {
            Some(since) => format!("what other jobs sent since {since} counts as sent"),
            None => "what other jobs sent is not looked at".to_owned(),
        }),
    )
}

async fn ledger(place: Place) -> Result<String, Failure> {
    if let Place::Sqlite(path) = &place
        && !is_usable(path)?
    {
        return Ok(format!(
            "ledger: {} will be made when it is first used",
            path.display()
        ));
    }
    let Some(store) = place.existing().await? else {
        return Ok("ledger: its tables will be made when it is first used".to_owned());
    };
    let counts = store.count(None).await;
    let counts = counts.map_err(|e| Failure::of_ledger(&e))?;
    let (all, open) = (counts.all(), counts.open());
    if open == 0 {
        return Ok(format!("ledger: {all} top-ups, none of them open"));
    }
    Err(Failure::not_sent(format!("ledger: {open} of {all} top-ups are open"))
        .help("`telco topup resume` looks them up; `telco topup status` shows what is left for a person"))
}

/// Whether there is one already.
fn is_usable(path: &Path) -> Result<bool, Failure> {
    let shown = path.display();
    let refuse =
        |what: String, help: &str| Err(Failure::not_sent(format!("ledger: {what}")).help(help));
    match std::fs::metadata(path) {
        Ok(about) if !about.is_file() => refuse(format!("{shown} is no file"), "name a file"),
        Ok(about) if about.permissions().readonly() => refuse(
            format!("{shown} cannot be written"),
            "a ledger is written before anything is sent: give it write permission",
        ),
        Ok(_) => owner_only(path, "ledger").map(|()| true),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            let folder = path
                .parent()
                .filter(|folder| !folder.as_os_str().is_empty());
            match folder.map(std::fs::metadata) {
                Some(Err(e)) => refuse(
                    format!("the folder of {shown} cannot be used: {e}"),
                    "make the folder first",
                ),
                _ => Ok(false),
            }
        }
        Err(e) => refuse(
            format!("{shown} cannot be used: {e}"),
            "check the path and its permissions",
        ),
    }
}
