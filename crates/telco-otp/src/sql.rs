//! What SQLite and PostgreSQL have in common: the statements, which both read alike, and how times are written.

use std::time::SystemTime;

use telco_core::{Error, ErrorKind};

/// One table holds counters and claims; a claim is a counter at 1.
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

pub(crate) fn gone() -> Error {
    Error::in_doubt(ErrorKind::Storage, "the store of one-time codes is closed")
}
