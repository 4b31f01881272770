//! The file: its permissions, its one writer, its version, and words for what goes wrong with it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use telco_core::{Error, ErrorKind, NotSent};

use crate::sql::{self, Dialect, VERSION, check, failed};

pub(super) fn unusable(path: &Path, what: &str) -> NotSent {
    let name = path.display();
    NotSent::new(ErrorKind::Storage, format!("the ledger {name} {what}"))
}

/// Makes the file, for its owner's eyes only. SQLite gives its companions the same permissions.
pub(super) fn own(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        if file.metadata()?.permissions().mode() & 0o077 != 0 {
            file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
        }
    }
    drop(file);
    Ok(())
}

/// Holds an exclusive lock on a file beside the ledger: the operating system lets it go with the process, however that ends.
pub(super) fn only_writer(path: &Path) -> Result<Connection, Error> {
    let mut name = path.as_os_str().to_owned();
    name.push("-writer");
    let beside = PathBuf::from(name);
    own(&beside).map_err(|e| unusable(path, "cannot be locked").with_source(e))?;
    let lock = Connection::open(&beside).map_err(|e| explain(path, e))?;
    lock.busy_timeout(Duration::ZERO)
        .and_then(|()| lock.pragma_update(None, "journal_mode", "memory"))
        .and_then(|()| lock.execute_batch("BEGIN EXCLUSIVE"))
        .map_err(|e| match e.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                unusable(path, "is written to by another process")
                    .with_help("stop that one first; for many workers at a time use PostgreSQL")
                    .into()
            }
            _ => explain(path, e),
        })?;
    Ok(lock)
}

pub(super) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

pub(super) fn migrate(connection: &mut Connection) -> rusqlite::Result<Result<(), Error>> {
    connection.busy_timeout(Duration::from_secs(10))?;
    let found = version(connection)?;
    if let Err(newer) = check(found) {
        return Ok(Err(newer));
    }
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "cache_size", -32_768)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if found == 0 {
        transaction.execute_batch(&sql::create(Dialect::Sqlite))?;
        transaction.pragma_update(None, "user_version", VERSION)?;
    }
    // Whoever held these is gone: this process is the only writer.
    transaction.execute(
        "UPDATE telco_topup SET lease_until = 0 WHERE lease_until > 0",
        [],
    )?;
    transaction.commit()?;
    Ok(Ok(()))
}

/// What to do about it, where that is known.
pub(super) fn explain(path: &Path, error: rusqlite::Error) -> Error {
    let what = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "cannot grow: the disk is full. Free space and go on",
        Some(ErrorCode::ReadOnly) => "is read-only: check its permissions and its folder's",
        Some(ErrorCode::CannotOpen) => "cannot be opened: check its name, folder and permissions",
        Some(ErrorCode::NotADatabase) => "is no ledger: give the name of another file",
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => "is locked by another process",
        Some(ErrorCode::DatabaseCorrupt) => "is damaged: restore it from a copy",
        Some(ErrorCode::SystemIoFailure) => "cannot be read or written: check its disk",
        _ => "failed",
    };
    let name = path.display();
    failed(format!("the ledger {name} {what}")).with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::ffi;

    #[test]
    fn a_refusal_says_what_to_do_about_it() {
        for (code, word) in [
            (ffi::SQLITE_FULL, "disk is full"),
            (ffi::SQLITE_READONLY, "read-only"),
            (ffi::SQLITE_CANTOPEN, "cannot be opened"),
            (ffi::SQLITE_NOTADB, "no ledger"),
            (ffi::SQLITE_BUSY, "locked by another process"),
            (ffi::SQLITE_LOCKED, "locked by another process"),
            (ffi::SQLITE_CORRUPT, "damaged"),
            (ffi::SQLITE_IOERR, "check its disk"),
            (ffi::SQLITE_MISMATCH, "failed"),
        ] {
            let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            let said = explain(Path::new("x.sqlite"), error).to_string();
            assert!(said.contains(word), "{code}: {said}");
        }
    }

    #[test]
    fn one_process_writes_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.sqlite");
        let first = only_writer(&path).unwrap();
        let second = only_writer(&path).unwrap_err();
        assert!(
            second.to_string().contains("by another process"),
            "{second}"
        );
        assert!(second.help().unwrap().contains("stop that one first"));
        drop(first);
        assert!(only_writer(&path).is_ok());
    }
}
