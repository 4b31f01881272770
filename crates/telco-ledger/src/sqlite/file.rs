//! The file: its place, its permissions, its one writer, its version, and words for what goes wrong with it.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};
use telco_core::{Error, ErrorKind, NotSent};

use crate::sql::{self, Dialect, VERSION, check, failed};

pub(super) fn unusable(path: &Path, what: &str) -> NotSent {
    let name = path.display();
    NotSent::new(ErrorKind::Storage, format!("the ledger {name} {what}"))
}

/// What this process writes to. Closing **any** descriptor of a file lets all of a process's POSIX locks on it go, SQLite's too
/// (<https://sqlite.org/howtocorrupt.html>, 2.2): so a second opening is refused from here, before it touches the file.
static WRITTEN: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

fn written() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    WRITTEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A file that this process alone may write to, from this one place in it.
pub(super) struct Place(PathBuf);

impl Place {
    /// The file itself, behind links and relative names; made where it is missing, for its owner's eyes only.
    pub(super) fn take(path: &Path) -> Result<Self, Error> {
        let unusable = |e| unusable(path, "cannot be opened for writing").with_source(e);
        let mut written = written();
        make(path).map_err(unusable)?;
        let place = std::fs::canonicalize(path).map_err(unusable)?;
        if !written.insert(place.clone()) {
            return Err(
                self::unusable(path, "is open for writing in this process already")
                    .with_help("open it once, and share the store")
                    .into(),
            );
        }
        Ok(Self(place))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.0.clone().into_os_string();
        name.push(suffix);
        name.into()
    }

    /// A file of something else is found out before anything of it is changed.
    pub(super) fn is_a_ledger(&self) -> Result<(), Error> {
        let path = &self.0;
        let connection = connect(path, WRITING)?;
        let found = version(&connection).map_err(|e| explain(path, e))?;
        let ours = "SELECT count(*), COALESCE(SUM(name = 'telco_topup'), 0) FROM sqlite_schema";
        let (all, ours): (i64, i64) = connection
            .query_row(ours, [], |row| Ok((row.get(0)?, row.get(1)?)))
            .map_err(|e| explain(path, e))?;
        if (all == 0 && found == 0) || ours > 0 {
            return check(found);
        }
        Err(unusable(path, "is no ledger: give the name of another file").into())
    }

    /// For its owner's eyes only, with what SQLite keeps beside it. By name: see [`WRITTEN`].
    fn close_to_others(&self) -> Result<(), Error> {
        for suffix in ["", "-wal", "-shm"] {
            private(&self.beside(suffix))
                .map_err(|e| unusable(&self.0, "cannot be closed to others").with_source(e))?;
        }
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        written().remove(&self.0);
    }
}

/// An empty file where there is none.
fn make(path: &Path) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(e) => Err(e),
    }
}

#[cfg(unix)]
fn private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    // Not there, or not to be reached: then it is not to be opened either.
    let Ok(file) = std::fs::metadata(path) else {
        return Ok(());
    };
    if file.permissions().mode() & 0o077 != 0 {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn private(_: &Path) -> io::Result<()> {
    Ok(())
}

pub(super) const WRITING: OpenFlags =
    OpenFlags::SQLITE_OPEN_READ_WRITE.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);
pub(super) const READING: OpenFlags =
    OpenFlags::SQLITE_OPEN_READ_ONLY.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);

/// Of a whole path: SQLite may take another name for a URI, or for a ledger in memory that is gone with the process.
pub(super) fn connect(place: &Path, flags: OpenFlags) -> Result<Connection, Error> {
    Connection::open_with_flags(place, flags).map_err(|e| explain(place, e))
}

/// The right to write.
pub(super) struct Lock {
    _beside: Connection,
    /// Let go after the lock.
    _place: Place,
}

/// Holds an exclusive lock on a file beside the ledger: the operating system lets it go with the process, however that ends.
pub(super) fn only_writer(place: Place) -> Result<Lock, Error> {
    let (path, beside) = (place.path(), place.beside("-writer"));
    let unlockable = |e| unusable(path, "cannot be locked").with_source(e);
    make(&beside).map_err(unlockable)?;
    private(&beside).map_err(unlockable)?;
    let lock = connect(&beside, WRITING)?;
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
    place.close_to_others()?;
    Ok(Lock {
        _beside: lock,
        _place: place,
    })
}

pub(super) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

pub(super) fn migrate(connection: &mut Connection) -> rusqlite::Result<Result<(), Error>> {
    connection.busy_timeout(Duration::from_secs(10))?;
    let found = version(connection)?;
    if let Err(other) = check(found) {
        return Ok(Err(other));
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
        let lock = || only_writer(Place::take(&path)?);
        let told = |lock: Result<Lock, Error>| lock.err().unwrap();
        let first = lock().unwrap();
        let second = told(lock());
        assert!(second.to_string().contains("in this process"), "{second}");
        assert!(second.help().unwrap().contains("share the store"));
        drop(first);
        // The lock of another process, which SQLite cannot tell from that of another connection.
        let other = Connection::open(folder.path().join("ledger.sqlite-writer")).unwrap();
        other.execute_batch("BEGIN EXCLUSIVE").unwrap();
        let second = told(lock());
        assert!(
            second.to_string().contains("by another process"),
            "{second}"
        );
        assert!(second.help().unwrap().contains("stop that one first"));
        drop(other);
        assert!(lock().is_ok());
    }
}
