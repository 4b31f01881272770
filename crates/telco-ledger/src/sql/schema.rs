//! The tables. What must always hold is held by the database itself, whoever writes to it: triggers refuse illegal steps,
//! write the history, and keep the sums that the caps are checked against.

use crate::State;

/// The version that this code writes, and the only one that it reads. Tables that change have a new one.
pub(crate) const VERSION: i64 = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    #[cfg(feature = "postgres")]
    Postgres,
}

/// All columns that are read, in the order of [`decode`](super::decode).
macro_rules! columns {
    () => {
        "id, reference, provider, account, job, line, kind, recipient, operator, plan_code, \
         amount, pieces, currency, decimals, state, delivered, attempt, owner, lease_until, fence, \
         planned_at, sent_at, changed_at, prepared_at, frozen, lookups, \
         why, why_kind, why_code, why_status, why_help, who, \
         provider_id, cost, balance, warnings, answer"
    };
}
pub(crate) use columns;

/// Rows of which nobody knows yet what happened; the same words as in the index, so that SQLite uses it.
macro_rules! open_states {
    () => {
        "state IN ('sending', 'replaying', 'unknown', 'unresolved')"
    };
}
pub(crate) use open_states;

/// Rows that may be on the way now. Of two lists of states SQLite seeks by the first, and this one is the shorter: what only waits
/// to be looked up may be very much.
macro_rules! on_the_way {
    () => {
        concat!(
            "state IN ('sending', 'replaying') AND ",
            crate::sql::schema::open_states!()
        )
    };
}
pub(crate) use on_the_way;

/// In milliseconds. A row that changed so long after now was written before the clock went back, and its times say nothing.
macro_rules! a_minute {
    () => {
        60000
    };
}
pub(crate) use a_minute;

/// See [`a_minute`].
macro_rules! clock_went_back {
    ($now:literal) => {
        concat!(
            "changed_at > CAST(",
            $now,
            " AS BIGINT) + ",
            crate::sql::schema::a_minute!()
        )
    };
}
pub(crate) use clock_went_back;

/// Nobody holds it.
macro_rules! free {
    ($now:literal) => {
        concat!(
            "(lease_until <= ",
            $now,
            " OR ",
            crate::sql::schema::clock_went_back!($now),
            ")"
        )
    };
}
pub(crate) use free;

const TABLES: &str = "
CREATE TABLE telco_topup (
  id            {ID},
  reference     TEXT NOT NULL UNIQUE,
  provider      TEXT NOT NULL,
  account       TEXT NOT NULL,
  job           TEXT,
  line          BIGINT,
  kind          TEXT NOT NULL,             -- airtime, data, pins
  recipient     TEXT,                      -- canonical digits
  operator      TEXT,
  plan_code     TEXT,
  amount        BIGINT NOT NULL,           -- minor units, of one piece
  pieces        BIGINT NOT NULL,
  price         BIGINT NOT NULL,           -- amount x pieces
  currency      TEXT NOT NULL,
  decimals      BIGINT NOT NULL,
  state         TEXT NOT NULL,
  delivered     BIGINT,                    -- 1 yes, 0 no, NULL not known
  counts        BIGINT NOT NULL,           -- 1: its price is spent, or may be
  attempt       BIGINT NOT NULL,
  owner         TEXT,
  lease_until   BIGINT NOT NULL,           -- times: milliseconds since 1970, UTC
  fence         BIGINT NOT NULL,
  claimed       BIGINT NOT NULL DEFAULT 0, -- the fence of the last right to send; what lower ones brought is of an earlier one
  planned_at    BIGINT NOT NULL,
  sent_at       BIGINT,
  changed_at    BIGINT NOT NULL,
  prepared_at   BIGINT,
  frozen        {BYTES},                   -- only while a replay may need it
  lookups       BIGINT NOT NULL DEFAULT 0,
  due_at        BIGINT,
  why           TEXT,
  why_kind      TEXT,
  why_code      TEXT,
  why_status    BIGINT,
  why_help      TEXT,
  who           TEXT,
  provider_id   TEXT,
  cost          BIGINT,
  balance       BIGINT,
  warnings      TEXT,
  answer        {BYTES}
);
CREATE INDEX telco_topup_open ON telco_topup (provider, account, state, due_at) WHERE {OPEN};
CREATE INDEX telco_topup_job ON telco_topup (job, state, id) WHERE job IS NOT NULL;
CREATE INDEX telco_topup_recipient ON telco_topup (recipient, sent_at) WHERE sent_at IS NOT NULL;
CREATE INDEX telco_topup_held ON telco_topup (lease_until) WHERE lease_until > 0;
CREATE INDEX telco_topup_ahead ON telco_topup (changed_at) WHERE state = 'unknown';
CREATE TABLE telco_event (
  id            {ID},
  topup         BIGINT NOT NULL,
  at            BIGINT NOT NULL,
  state         TEXT NOT NULL,
  attempt       BIGINT NOT NULL,
  owner         TEXT,
  who           TEXT,
  why           TEXT
);
CREATE INDEX telco_event_topup ON telco_event (topup);
CREATE TABLE telco_pin (
  topup         BIGINT NOT NULL,
  n             BIGINT NOT NULL,
  fence         BIGINT NOT NULL,           -- of whoever brought it
  serial        TEXT,
  code          TEXT NOT NULL,
  face_value    BIGINT,
  PRIMARY KEY (topup, n)
);
CREATE TABLE telco_answer (                -- that nobody could read, of a top-up that was sent again since
  topup         BIGINT NOT NULL,
  fence         BIGINT NOT NULL,
  answer        {BYTES} NOT NULL,
  PRIMARY KEY (topup, fence)
);
CREATE TABLE telco_meter (name TEXT PRIMARY KEY, value BIGINT NOT NULL);
CREATE TABLE telco_note (name TEXT PRIMARY KEY, text TEXT NOT NULL);
CREATE VIEW telco_history AS
  SELECT t.reference, {AT} AS at, e.state, e.attempt, e.owner, e.who, e.why
  FROM telco_event e JOIN telco_topup t ON t.id = e.topup ORDER BY e.id;
";

const SQLITE_TRIGGERS: &str = "
CREATE TRIGGER telco_step BEFORE UPDATE OF state ON telco_topup
  WHEN OLD.state || '>' || NEW.state NOT IN ({STEPS})
  BEGIN SELECT RAISE(ABORT, 'the ledger refuses this step'); END;
CREATE TRIGGER telco_first BEFORE INSERT ON telco_topup
  WHEN NEW.state NOT IN ('planned', 'sending')
  BEGIN SELECT RAISE(ABORT, 'a top-up begins as planned or sending'); END;
CREATE TRIGGER telco_keep BEFORE DELETE ON telco_topup
  BEGIN SELECT RAISE(ABORT, 'top-ups are never deleted'); END;
CREATE TRIGGER telco_event_kept BEFORE DELETE ON telco_event
  BEGIN SELECT RAISE(ABORT, 'the history is never deleted'); END;
CREATE TRIGGER telco_event_fixed BEFORE UPDATE ON telco_event
  BEGIN SELECT RAISE(ABORT, 'the history is never changed'); END;
CREATE TRIGGER telco_tell_first AFTER INSERT ON telco_topup BEGIN
  INSERT INTO telco_event (topup, at, state, attempt) VALUES (NEW.id, NEW.changed_at, 'planned', 0);
  INSERT INTO telco_event (topup, at, state, attempt, owner)
    SELECT NEW.id, NEW.changed_at, s.column1, NEW.attempt, NEW.owner FROM (VALUES ('prepared'), ('sending')) AS s
    WHERE NEW.state = 'sending';
END;
CREATE TRIGGER telco_tell_prepared BEFORE UPDATE OF state ON telco_topup WHEN NEW.state = 'sending' BEGIN
  INSERT INTO telco_event (topup, at, state, attempt, owner)
    VALUES (NEW.id, NEW.changed_at, 'prepared', NEW.attempt, NEW.owner);
END;
CREATE TRIGGER telco_tell AFTER UPDATE OF state ON telco_topup BEGIN
  INSERT INTO telco_event (topup, at, state, attempt, owner, who, why)
    VALUES (NEW.id, NEW.changed_at, NEW.state, NEW.attempt, NEW.owner, NEW.who, NEW.why);
END;
CREATE TRIGGER telco_sum_first AFTER INSERT ON telco_topup WHEN NEW.counts = 1 BEGIN
  INSERT INTO telco_meter (name, value) {SUMS} ON CONFLICT (name) DO UPDATE SET value = value + excluded.value;
END;
CREATE TRIGGER telco_sum AFTER UPDATE OF counts ON telco_topup WHEN NEW.counts <> OLD.counts BEGIN
  INSERT INTO telco_meter (name, value) {SUMS} ON CONFLICT (name) DO UPDATE SET value = value + excluded.value;
END;
";

#[cfg(feature = "postgres")]
const POSTGRES_TRIGGERS: &str = "
CREATE FUNCTION telco_before() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.state NOT IN ('planned', 'sending') THEN RAISE EXCEPTION 'a top-up begins as planned or sending'; END IF;
  ELSIF OLD.state || '>' || NEW.state NOT IN ({STEPS}) THEN RAISE EXCEPTION 'the ledger refuses this step';
  END IF;
  RETURN NEW;
END $f$;
CREATE TRIGGER telco_first BEFORE INSERT ON telco_topup FOR EACH ROW EXECUTE FUNCTION telco_before();
CREATE TRIGGER telco_step BEFORE UPDATE OF state ON telco_topup FOR EACH ROW EXECUTE FUNCTION telco_before();
CREATE FUNCTION telco_kept() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN
  RAISE EXCEPTION 'the ledger deletes no row and changes no history';
END $f$;
CREATE TRIGGER telco_keep BEFORE DELETE ON telco_topup FOR EACH ROW EXECUTE FUNCTION telco_kept();
CREATE TRIGGER telco_event_kept BEFORE DELETE OR UPDATE ON telco_event FOR EACH ROW EXECUTE FUNCTION telco_kept();
CREATE FUNCTION telco_after() RETURNS trigger LANGUAGE plpgsql AS $f$ DECLARE was BIGINT := 0; BEGIN
  IF TG_OP = 'UPDATE' THEN was := OLD.counts; END IF;
  INSERT INTO telco_event (topup, at, state, attempt, owner, who, why)
    SELECT NEW.id, NEW.changed_at, s.state, CASE s.n WHEN 1 THEN 0 ELSE NEW.attempt END,
      CASE s.n WHEN 1 THEN NULL ELSE NEW.owner END, NEW.who, NEW.why
    FROM (VALUES (1, 'planned', TG_OP = 'INSERT'), (2, 'prepared', NEW.state = 'sending'),
      (3, NEW.state, TG_OP = 'UPDATE' OR NEW.state = 'sending')) AS s (n, state, happened)
    WHERE s.happened ORDER BY s.n;
  IF NEW.counts <> was THEN
    INSERT INTO telco_meter AS m (name, value) {SUMS} ON CONFLICT (name) DO UPDATE SET value = m.value + excluded.value;
  END IF;
  RETURN NULL;
END $f$;
CREATE TRIGGER telco_tell_first AFTER INSERT ON telco_topup FOR EACH ROW EXECUTE FUNCTION telco_after();
CREATE TRIGGER telco_tell AFTER UPDATE OF state ON telco_topup FOR EACH ROW EXECUTE FUNCTION telco_after();
";

/// By day, account and job; `d` is what the row now adds, or takes back.
const SUMS: &str = "SELECT s.name, s.value FROM ( \
    SELECT 'day/' || NEW.currency || '/' || CAST(NEW.sent_at / 86400000 AS TEXT) AS name, {D} AS value \
    UNION ALL SELECT 'account/' || NEW.provider || '/' || NEW.account || '/' || NEW.currency, {D} \
    UNION ALL SELECT 'job/' || NEW.job || '/' || NEW.currency, {D} \
    ) AS s WHERE s.name IS NOT NULL";

/// The statements that make an empty ledger.
pub(crate) fn create(dialect: Dialect) -> String {
    let (id, bytes, at, triggers) = match dialect {
        Dialect::Sqlite => (
            "INTEGER PRIMARY KEY",
            "BLOB",
            "strftime('%Y-%m-%d %H:%M:%f', e.at / 1000.0, 'unixepoch')",
            SQLITE_TRIGGERS,
        ),
        #[cfg(feature = "postgres")]
        Dialect::Postgres => (
            "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
            "BYTEA",
            "to_timestamp(e.at / 1000.0)",
            POSTGRES_TRIGGERS,
        ),
    };
    let sums = SUMS.replace(
        "{D}",
        "CASE NEW.counts WHEN 1 THEN NEW.price ELSE -NEW.price END",
    );
    format!("{TABLES}{triggers}")
        .replace("{ID}", id)
        .replace("{BYTES}", bytes)
        .replace("{AT}", at)
        .replace("{OPEN}", open_states!())
        .replace("{STEPS}", &State::steps_in_sql())
        .replace("{SUMS}", &sums)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FNV-1a: of no use against somebody, but the same for ever.
    fn digest(text: &str) -> u64 {
        text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
    }

    /// A ledger with other tables under the same number opens, and fails in the middle of a job. So whoever changes the tables
    /// raises the version, and then writes the new numbers here.
    #[test]
    fn the_tables_of_a_version_never_change() {
        assert_eq!(
            (VERSION, digest(&create(Dialect::Sqlite))),
            (2, 2_995_306_234_078_932_124)
        );
        #[cfg(feature = "postgres")]
        assert_eq!(
            (VERSION, digest(&create(Dialect::Postgres))),
            (2, 9_340_495_698_192_469_796)
        );
    }
}
