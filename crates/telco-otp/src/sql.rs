//! What SQLite and PostgreSQL have in common: the statements, which both read alike, and how times are written. `$1`, `$2`, … come
//! in this order in each: to SQLite they are names, numbered as they come.

use std::time::SystemTime;

use telco_core::{Error, ErrorKind};

/// One table holds counters and claims; a claim is a counter at 1, or at the number of its owner.
pub(crate) const CREATE: &str = "CREATE TABLE IF NOT EXISTS telco_otp (\
    key TEXT PRIMARY KEY, \
    count BIGINT NOT NULL, \
    forget_at_ms BIGINT NOT NULL)";

/// $1 key, $2 forget_at, $3 now. One statement, hence atomic.
pub(crate) const COUNT: &str = "INSERT INTO telco_otp (key, count, forget_at_ms) VALUES ($1, 1, $2) \
    ON CONFLICT (key) DO UPDATE SET \
    count = CASE WHEN telco_otp.forget_at_ms <= $3 THEN 1 ELSE telco_otp.count + 1 END, \
    forget_at_ms = CASE WHEN telco_otp.forget_at_ms <= $3 THEN excluded.forget_at_ms ELSE telco_otp.forget_at_ms END \
    RETURNING count";

/// $1 key, $2 forget_at, $3 now. Changes a row exactly if the claim is new or the old one is past.
pub(crate) const CLAIM: &str = "INSERT INTO telco_otp (key, count, forget_at_ms) VALUES ($1, 1, $2) \
    ON CONFLICT (key) DO UPDATE SET count = 1, forget_at_ms = excluded.forget_at_ms \
    WHERE telco_otp.forget_at_ms <= $3";

/// $1 key, $2 owner, in the column of the count, $3 forget_at, $4 now. The same owner changes its row again.
pub(crate) const CLAIM_AS: &str = "INSERT INTO telco_otp (key, count, forget_at_ms) VALUES ($1, $2, $3) \
    ON CONFLICT (key) DO UPDATE SET count = excluded.count, forget_at_ms = excluded.forget_at_ms \
    WHERE telco_otp.forget_at_ms <= $4 OR telco_otp.count = excluded.count";

/// The same bits: each owner is another number.
pub(crate) fn owner(owner: u64) -> i64 {
    i64::from_ne_bytes(owner.to_ne_bytes())
}

/// $1 key.
pub(crate) const RELEASE: &str = "DELETE FROM telco_otp WHERE key = $1";

/// $1 now.
pub(crate) const PURGE: &str = "DELETE FROM telco_otp WHERE forget_at_ms <= $1";

pub(crate) fn millis(time: SystemTime) -> i64 {
    let since = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

pub(crate) fn sum(count: i64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

pub(crate) fn failed(source: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::in_doubt(ErrorKind::Storage, "the store of one-time codes failed").with_source(source)
}

#[cfg(feature = "postgres")]
pub(crate) fn silent() -> Error {
    Error::in_doubt(
        ErrorKind::Storage,
        "the database of one-time codes does not answer",
    )
}

#[cfg(feature = "sqlite")]
pub(crate) fn gone() -> Error {
    Error::in_doubt(ErrorKind::Storage, "the store of one-time codes is closed")
}
