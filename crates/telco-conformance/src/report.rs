//! What a suite found.

use std::fmt;

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
