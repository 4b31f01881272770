//! `telco doctor`: is everything in place? Nothing is spent, and no secret is shown.

mod fields;
mod ledger;
mod reach;

use std::path::Path;

use serde_json::{Value, json};

use crate::config::{self, Settings};
use crate::exit::{Done, Failure};
use crate::output::{self, Form};

/// Checks everything that is set up.
pub(crate) async fn run(settings: &Settings, form: Form) -> Done {
    let mut report = Report {
        form,
        checks: 0,
        failures: Vec::new(),
    };
    match &settings.path {
        Some(path) => report.fine("settings", format!("read from {}", path.display()))?,
        None => report.note(
            "settings",
            "no telco.toml here: flags and the environment must say everything; `telco config example` prints one",
        )?,
    }
    let known = config::known();
    for stray in settings
        .sections()
        .filter(|name| !known.contains_key(*name))
    {
        let failure = Failure::not_sent(format!("[{stray}] is no section that telco knows"));
        report.tell(
            "settings",
            Err(failure.help("`telco config example` lists them")),
        )?;
    }
    let sections = known
        .iter()
        .filter_map(|(name, value)| Some((name, value.as_table()?)));
    for (name, fields) in sections {
        let section = settings.of(name);
        if !section.is_set_up() {
            report.note(name, "not set up")?;
            continue;
        }
        fields::check(&mut report, name, section, fields)?;
        if name == "topup" {
            ledger::check(&mut report, settings).await?;
        } else {
            reach::check(&mut report, name, settings, fields).await?;
        }
    }
    report.end()
}

/// What everybody on the machine can read is no secret.
fn owner_only(path: &Path, field: &str) -> Done {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let shown = path.display();
        if std::fs::metadata(path).is_ok_and(|about| about.permissions().mode() & 0o077 != 0) {
            let failure = format!("{field}: others on this machine can read {shown}");
            return Err(Failure::not_sent(failure).help(format!("chmod 600 {shown}")));
        }
    }
    #[cfg(not(unix))]
    let _ = (path, field);
    Ok(())
}

/// The checks, told as they are made.
#[derive(Debug)]
struct Report {
    form: Form,
    checks: usize,
    failures: Vec<Failure>,
}

impl Report {
    /// Good, or not good and what to do about it.
    fn tell(&mut self, subject: &str, outcome: Result<String, Failure>) -> Done {
        self.checks += 1;
        match outcome {
            Ok(what) => self.fine(subject, what),
            Err(failure) => {
                self.line(subject, "failed", failure.message(), failure.advice())?;
                self.failures.push(failure);
                Ok(())
            }
        }
    }

    fn fine(&self, subject: &str, what: impl AsRef<str>) -> Done {
        self.line(subject, "ok", what.as_ref(), None)
    }

    /// Neither good nor bad.
    fn note(&self, subject: &str, what: &str) -> Done {
        self.line(subject, "note", what, None)
    }

    fn line(&self, subject: &str, state: &str, what: &str, advice: Option<&str>) -> Done {
        if self.form == Form::Json {
            let mut line = json!({ "subject": subject, "state": state, "what": what });
            if let (Some(fields), Some(advice)) = (line.as_object_mut(), advice) {
                fields.insert("advice".to_owned(), Value::from(advice));
            }
            return output::json(&line);
        }
        let mark = match state {
            "ok" => '✓',
            "note" => '·',
            _ => '✗',
        };
        let advice = advice.map_or_else(String::new, |advice| format!(": {advice}"));
        output::line(&output::clean(&format!(
            "{mark} {subject:<9} {what}{advice}"
        )))
    }

    /// The exit code is the first failure's.
    fn end(self) -> Done {
        let (failed, checks) = (self.failures.len(), self.checks);
        match self.failures.into_iter().next() {
            None => Ok(()),
            Some(first) => Err(first.reworded(format!("{failed} of {checks} checks failed"))),
        }
    }
}
