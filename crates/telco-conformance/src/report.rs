//! What a suite found.

use std::fmt;

use crate::Harness;

/// One check and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Check {
    /// What was checked, as a sentence.
    pub name: String,
    /// Why it failed, if it did.
    pub failure: Option<String>,
    /// It was not made, and why.
    pub left_out: Option<String>,
}

/// The result of a suite: every check, made or left out.
#[derive(Debug, Clone, Default)]
#[must_use = "a report that nobody reads has tested nothing: call assert_passed()"]
pub struct Report {
    checks: Vec<Check>,
}

impl Report {
    pub(crate) fn check(&mut self, name: impl Into<String>, result: Result<(), String>) {
        self.checks.push(Check {
            name: name.into(),
            failure: result.err(),
            left_out: None,
        });
    }

    pub(crate) fn left_out(&mut self, name: impl Into<String>, why: impl Into<String>) {
        self.checks.push(Check {
            name: name.into(),
            failure: None,
            left_out: Some(why.into()),
        });
    }

    /// What must not have happened once, by the harness's count of it.
    pub(crate) fn never(&mut self, name: &str, count: Option<u64>, what: &str) {
        match count {
            None => self.left_out(name, "the harness does not count them"),
            Some(0) => self.check(name, Ok(())),
            Some(count) => self.check(name, Err(format!("{count} {what}"))),
        }
    }

    /// No credential went to another host, and no nonce was used twice.
    pub(crate) fn keeps_to_itself(&mut self, harness: &dyn Harness) {
        self.never(
            "no credential went to another host",
            harness.strayed(),
            "requests arrived at the other host",
        );
        self.never(
            "every transmission has a nonce of its own",
            harness.nonces_reused(),
            "nonces were used twice",
        );
    }

    /// All checks, in order.
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// Those that failed.
    pub fn failures(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| check.failure.is_some())
    }

    /// Those that were not made.
    pub fn skipped(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| check.left_out.is_some())
    }

    /// At least one check was made, and none failed.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.failures().next().is_none() && self.checks.iter().any(|check| check.left_out.is_none())
    }

    /// For tests.
    ///
    /// # Panics
    /// With the whole report, if a check failed or none was made.
    #[track_caller]
    #[expect(clippy::panic, reason = "the assertion of a test")]
    pub fn assert_passed(&self) {
        if !self.passed() {
            panic!("{self}");
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for check in &self.checks {
            match (&check.failure, &check.left_out) {
                (Some(why), _) => writeln!(f, "FAILED    {}: {why}", check.name)?,
                (None, Some(why)) => writeln!(f, "left out  {}: {why}", check.name)?,
                (None, None) => writeln!(f, "ok        {}", check.name)?,
            }
        }
        let (failed, skipped) = (self.failures().count(), self.skipped().count());
        write!(
            f,
            "{} ok, {failed} failed, {skipped} left out",
            self.checks.len() - failed - skipped
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_without_a_check_has_not_passed() {
        let mut report = Report::default();
        assert!(!report.passed());
        report.left_out("a", "cannot");
        assert!(!report.passed());
        report.check("b", Ok(()));
        assert!(report.passed());
        report.check("c", Err("broken".into()));
        assert!(!report.passed());
        assert_eq!(
            report.to_string(),
            "left out  a: cannot\nok        b\nFAILED    c: broken\n1 ok, 1 failed, 1 left out"
        );
    }
}
