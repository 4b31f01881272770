//! Settings: from flags, then the environment (`TELCO_<PROVIDER>_<FIELD>`), then `telco.toml`.

use std::path::{Path, PathBuf};

use telco_core::Secret;
use telco_otp::SqliteOtpStore;
use toml::Table;

use crate::exit::{Done, Failure};
use crate::output;
use crate::secret::Source;

const FILE: &str = "telco.toml";

/// What `telco config example` prints.
pub(crate) const EXAMPLE: &str = include_str!("telco.example.toml");

/// The settings file, and the environment before it.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    file: Table,
    /// Where it was read from, if it was.
    pub(crate) path: Option<PathBuf>,
}

impl Settings {
    /// Reads the file that was named, or `telco.toml` here if there is one.
    pub(crate) fn load(named: Option<&Path>) -> Result<Self, Failure> {
        let path = match named {
            Some(path) => path.to_owned(),
            None if Path::new(FILE).exists() => FILE.into(),
            None => return Ok(Self::default()),
        };
        let text = std::fs::read_to_string(&path).map_err(|e| {
            Failure::not_sent(format!(
                "the settings file {} cannot be read: {e}",
                path.display()
            ))
        })?;
        // The parser's own message quotes the line, which may hold a secret; its place is enough.
        let file = text.parse::<Table>().map_err(|e| {
            let line = e
                .span()
                .and_then(|span| text.get(..span.start))
                .map_or(1, |before| before.lines().count().max(1));
            Failure::not_sent(format!(
                "the settings file {} is no valid TOML, near line {line}",
                path.display()
            ))
            .help("`telco config example` prints one that is")
        })?;
        Ok(Self {
            file,
            path: Some(path),
        })
    }

    /// The sections that the file has.
    pub(crate) fn sections(&self) -> impl Iterator<Item = &str> {
        self.file.keys().map(String::as_str)
    }

    /// One provider's settings.
    pub(crate) fn of<'a>(&'a self, provider: &'a str) -> Section<'a> {
        Section {
            settings: self,
            provider,
        }
    }
}

/// One provider's settings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Section<'a> {
    settings: &'a Settings,
    provider: &'a str,
}

impl Section<'_> {
    /// The fields that the file has.
    pub(crate) fn in_file(&self) -> impl Iterator<Item = &str> {
        let section = self.settings.file.get(self.provider);
        let fields = section.and_then(toml::Value::as_table);
        fields
            .into_iter()
            .flat_map(|fields| fields.keys().map(String::as_str))
    }

    /// A setting that may be left out.
    pub(crate) fn text(&self, field: &str, flag: Option<&str>) -> Result<Option<String>, Failure> {
        if let Some(value) = flag {
            return Ok(Some(value.to_owned()));
        }
        match self.environment(field) {
            Some(value) => Ok(Some(value)),
            None => self.file(field),
        }
    }

    /// A setting that must be there.
    pub(crate) fn required(&self, field: &str, flag: Option<&str>) -> Result<String, Failure> {
        self.text(field, flag)?.ok_or_else(|| self.missing(field))
    }

    /// Where a secret comes from, if it was said.
    pub(crate) fn source(
        &self,
        field: &str,
        flag: Option<&Source>,
    ) -> Result<Option<Source>, Failure> {
        if let Some(source) = flag {
            return Ok(Some(source.clone()));
        }
        if let Some(value) = self.environment(field) {
            return Ok(Some(Source::from_environment(value)));
        }
        let Some(text) = self.file(field)? else {
            return Ok(None);
        };
        let source = text.parse().map_err(|why| {
            Failure::not_sent(format!(
                "{field} under [{}] in the settings file: {why}",
                self.provider
            ))
        })?;
        Ok(Some(source))
    }

    /// A secret that must be there.
    pub(crate) fn secret(&self, field: &str, flag: Option<&Source>) -> Result<Secret, Failure> {
        self.required_source(field, flag)?.text()
    }

    /// Where a secret comes from that must be there.
    pub(crate) fn required_source(
        &self,
        field: &str,
        flag: Option<&Source>,
    ) -> Result<Source, Failure> {
        self.source(field, flag)?.ok_or_else(|| self.missing(field))
    }

    /// What codes are counted and claimed in; all that check codes share it. A new one is told of: who meant an old one,
    /// in another folder, would count from the beginning.
    pub(crate) fn otp_store(&self, flag: Option<&str>) -> Result<SqliteOtpStore, Failure> {
        let path = self.text("otp_store", flag)?;
        let path = PathBuf::from(path.unwrap_or_else(|| "telco-otp.sqlite".to_owned()));
        let is_new = !path.exists();
        let store = SqliteOtpStore::open(&path).map_err(|e| {
            Failure::not_sent(format!("{}: {e}", path.display()))
                .help("give a file that can be written")
        })?;
        if is_new {
            output::note(&format!(
                "new store of codes {}: it knows nothing of what was sent and committed through another",
                std::path::absolute(&path).unwrap_or(path).display()
            ));
        }
        Ok(store)
    }

    /// There is anything at all under this provider.
    pub(crate) fn is_set_up(&self) -> bool {
        let prefix = format!("TELCO_{}_", self.provider.to_uppercase());
        self.settings.file.contains_key(self.provider)
            || std::env::vars_os().any(|(name, _)| name.to_string_lossy().starts_with(&prefix))
    }

    /// What to do about a field that is missing, where no flag gives it.
    pub(crate) fn advice(&self, field: &str) -> String {
        let (provider, variable) = (self.provider, self.variable(field));
        format!("set {variable}, or write {field} under [{provider}] in {FILE}")
    }

    fn variable(&self, field: &str) -> String {
        format!("TELCO_{}_{}", self.provider, field).to_uppercase()
    }

    /// As the environment says it. A variable that is empty says nothing.
    pub(crate) fn environment(&self, field: &str) -> Option<String> {
        std::env::var(self.variable(field))
            .ok()
            .filter(|value| !value.is_empty())
    }

    fn file(&self, field: &str) -> Result<Option<String>, Failure> {
        let value = self
            .settings
            .file
            .get(self.provider)
            .and_then(|section| section.get(field));
        match value {
            None => Ok(None),
            Some(toml::Value::String(text)) => Ok(Some(text.clone())),
            Some(toml::Value::Integer(number)) => Ok(Some(number.to_string())),
            Some(toml::Value::Boolean(flag)) => Ok(Some(flag.to_string())),
            Some(_) => Err(Failure::not_sent(format!(
                "{field} under [{}] in the settings file must be a text",
                self.provider
            ))),
        }
    }

    /// It must be there, and is not.
    pub(crate) fn missing(&self, field: &str) -> Failure {
        let help = format!("give --{}, or {}", flag(field), self.advice(field));
        Failure::not_sent(format!("{}: no {field}", self.provider)).help(help)
    }
}

/// What gives a field on the command line.
fn flag(field: &str) -> String {
    match field {
        "private_key" => "key".to_owned(),
        "public_key_path" => "public-key".to_owned(),
        _ => field.replace('_', "-"),
    }
}

/// The example's settings, as if nothing in it were commented out: the one list of what can be set.
pub(crate) fn known() -> Table {
    let uncommented: String = EXAMPLE
        .lines()
        .map(|line| {
            line.strip_prefix("# ")
                .filter(|rest| rest.contains(" = "))
                .unwrap_or(line)
        })
        .flat_map(|line| [line, "\n"])
        .collect();
    uncommented.parse().unwrap_or_default()
}

/// What does `telco config …` do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Config {
    /// Print a commented settings file: as it is, whatever --output says
    #[command(after_help = "Example:\n  telco config example > telco.toml")]
    Example,
}

/// Runs it.
pub(crate) fn run(command: &Config) -> Done {
    match command {
        Config::Example => output::octets(EXAMPLE.as_bytes()),
    }
}

/// Spending against a real provider is asked for; against this machine it is not.
pub(crate) fn confirm_spend(base_url: &str, what: &str, yes: bool) -> Done {
    ask(
        base_url,
        &format!("This {what} at {base_url} and costs money."),
        yes,
    )
}

/// What costs nothing and still is no trifle is asked about too.
pub(crate) fn confirm(base_url: &str, what: &str, yes: bool) -> Done {
    ask(base_url, &format!("This {what} at {base_url}."), yes)
}

fn ask(base_url: &str, question: &str, yes: bool) -> Done {
    if is_loopback(base_url) {
        Ok(())
    } else {
        output::confirm(question, yes)
    }
}

/// The host of a base URL is this machine.
pub(crate) fn is_loopback(base_url: &str) -> bool {
    let after_scheme = base_url
        .split_once("://")
        .map_or(base_url, |(_, rest)| rest);
    let authority = after_scheme
        .split(['/', '?', '#'])
        .next()
        .unwrap_or_default();
    // What stands before an @ is no host: http://127.0.0.1@example.com goes to example.com.
    let host_port = authority.rsplit('@').next().unwrap_or_default();
    let host = match host_port.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host_port
            .rsplit_once(':')
            .map_or(host_port, |(host, _)| host),
    };
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_loopback() {
        for yes in [
            "http://127.0.0.1:80",
            "http://localhost:9/x",
            "http://[::1]:8080",
            "http://127.9.9.9",
        ] {
            assert!(is_loopback(yes), "{yes}");
        }
        for no in [
            "https://api.cowriesys.com",
            "http://127.0.0.1.example.com",
            "http://127.0.0.1@example.com",
            "http://localhost.example",
            "",
        ] {
            assert!(!is_loopback(no), "{no}");
        }
    }

    #[test]
    fn the_example_is_valid_and_holds_no_literal_secret() {
        let table = known();
        assert!(table.contains_key("cowrie") && table.contains_key("topup"));
        for (provider, section) in &table {
            for (field, value) in section.as_table().unwrap() {
                if ["key", "secret", "token"]
                    .iter()
                    .any(|word| field.contains(word))
                    && !field.ends_with("_path")
                {
                    let text = value.as_str().unwrap();
                    assert!(text.parse::<Source>().is_ok(), "{provider}.{field}");
                }
            }
        }
    }

    #[test]
    fn a_literal_secret_in_the_file_is_refused() {
        let settings = Settings {
            file: "[cowrie]\nclient_key = 'hunter2hunter2'".parse().unwrap(),
            path: None,
        };
        let refusal = settings
            .of("cowrie")
            .source("client_key", None)
            .unwrap_err()
            .to_string();
        assert!(
            refusal.contains("env:NAME") && !refusal.contains("hunter2"),
            "{refusal}"
        );
    }
}
