//! The ledger's file: can it be used, and by its owner only?

use std::path::Path;

use super::{Report, owner_only};
use crate::config::Section;
use crate::exit::{Done, Failure};

pub(super) fn check(report: &mut Report, section: Section<'_>) -> Done {
    match section.text("ledger", None) {
        Ok(Some(url)) => match url.strip_prefix("sqlite://") {
            Some(path) => report.tell("topup", file(Path::new(path))),
            None if url.starts_with("postgres://") => Ok(()),
            None => {
                let failure = Failure::not_sent("ledger: no address of a ledger");
                report.tell(
                    "topup",
                    Err(failure.help("write sqlite://FILE or postgres://…")),
                )
            }
        },
        // Told by the check of the fields.
        Ok(None) | Err(_) => Ok(()),
    }
}

fn file(path: &Path) -> Result<String, Failure> {
    let shown = path.display();
    match std::fs::metadata(path) {
        Ok(about) if !about.is_file() => {
            Err(Failure::not_sent(format!("ledger: {shown} is no file")).help("name a file"))
        }
        Ok(about) if about.permissions().readonly() => Err(Failure::not_sent(format!(
            "ledger: {shown} cannot be written"
        ))
        .help("a ledger is written before anything is sent: give it write permission")),
        Ok(_) => owner_only(path, "ledger").map(|()| format!("ledger: {shown} is there")),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            let folder = path
                .parent()
                .filter(|folder| !folder.as_os_str().is_empty());
            match folder.map(std::fs::metadata) {
                Some(Err(e)) => Err(Failure::not_sent(format!(
                    "ledger: the folder of {shown} cannot be used: {e}"
                ))
                .help("make the folder first")),
                _ => Ok(format!(
                    "ledger: {shown} will be made when it is first used"
                )),
            }
        }
        Err(e) => Err(
            Failure::not_sent(format!("ledger: {shown} cannot be used: {e}"))
                .help("check the path and its permissions"),
        ),
    }
}
