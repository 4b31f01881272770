//! Where a ledger is: `sqlite://FILE` or `postgres://…`.

use std::borrow::Cow;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use telco_ledger::tokio_postgres::config::{Host, SslMode};
use telco_ledger::tokio_postgres::{Config, NoTls};
use telco_ledger::{PostgresStore, SqliteStore, Store};

use crate::config::{Settings, is_loopback};
use crate::exit::{Done, Failure};

/// Which ledger.
#[derive(Debug, Args)]
pub(crate) struct LedgerAt {
    /// The ledger, sqlite://FILE or postgres://… [TELCO_TOPUP_LEDGER]
    #[arg(long, value_name = "URL")]
    ledger: Option<String>,
}

impl LedgerAt {
    pub(super) fn place(&self, settings: &Settings) -> Result<Place, Failure> {
        let place = self.place_if_named(settings)?;
        place.ok_or_else(|| settings.of("topup").missing("ledger"))
    }

    /// What names the same ledger in a command to copy: the flag, since what else named it holds there too.
    pub(super) fn words(&self) -> String {
        let named = self.ledger.as_deref();
        named.map_or_else(String::new, |url| format!(" --ledger {}", quoted(url)))
    }

    /// If one was named.
    pub(super) fn place_if_named(&self, settings: &Settings) -> Result<Option<Place>, Failure> {
        Place::of(settings, self.ledger.as_deref())
    }
}

/// As a shell takes it for one word.
fn quoted(word: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_alphanumeric() || "_-./:@=%+,".contains(c);
    if word.chars().all(is_plain) {
        return Cow::Borrowed(word);
    }
    Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")))
}

/// A ledger's address.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    /// One file, one writer.
    Sqlite(PathBuf),
    /// A database, any number of workers. Its `Debug` hides the password.
    Postgres(Box<Config>),
}

impl std::str::FromStr for Place {
    type Err = Failure;

    fn from_str(url: &str) -> Result<Self, Failure> {
        match url.split_once("://") {
            Some(("sqlite", path)) if !path.is_empty() => Ok(Self::Sqlite(path.into())),
            Some(("postgres" | "postgresql", _)) => {
                // Neither the text nor the parser's word on it is repeated: there may be a password in it.
                let config = url.parse().map_err(|_| unknown())?;
                plain_text_allowed(&config)?;
                Ok(Self::Postgres(Box::new(config)))
            }
            _ => Err(unknown()),
        }
    }
}

fn unknown() -> Failure {
    Failure::not_sent("that is no address of a ledger")
        .help("write sqlite://FILE or postgres://USER@HOST/DATABASE")
}

/// This program speaks to PostgreSQL without TLS. Beyond this machine that must be wanted.
fn plain_text_allowed(config: &Config) -> Done {
    let is_here = |host: &Host| match host {
        Host::Tcp(name) if name.contains(':') && !name.starts_with('[') => {
            is_loopback(&format!("postgres://[{name}]"))
        }
        Host::Tcp(name) => is_loopback(&format!("postgres://{name}")),
        #[cfg(unix)]
        Host::Unix(_) => true,
    };
    // Where addresses are given it connects to those, whatever the names beside them are.
    let (hosts, addresses) = (config.get_hosts(), config.get_hostaddrs());
    let here = if addresses.is_empty() {
        !hosts.is_empty() && hosts.iter().all(is_here)
    } else {
        addresses.iter().all(IpAddr::is_loopback)
    };
    if here || config.get_ssl_mode() == SslMode::Disable {
        return Ok(());
    }
    if hosts.is_empty() && addresses.is_empty() {
        return Err(Failure::not_sent("the ledger's address names no host")
            .help("write postgres://USER@HOST/DATABASE"));
    }
    Err(Failure::not_sent(
        "the database is not on this machine, and telco speaks to PostgreSQL without TLS",
    )
    .help("use a tunnel, or add sslmode=disable to the address if the network between is trusted"))
}

impl Place {
    /// The one that the flag names, or else the settings; `None`: neither does.
    pub(crate) fn of(settings: &Settings, flag: Option<&str>) -> Result<Option<Self>, Failure> {
        let section = settings.of("topup");
        let Some(url) = section.text("ledger", flag)? else {
            return Ok(None);
        };
        let place: Self = url.parse()?;
        // Neither a command line nor a settings file is a place for a password; the environment is.
        let shown = flag.is_some() || section.environment("ledger").is_none();
        if shown && place.has_password() {
            return Err(Failure::usage("the ledger's address holds a password").help(
                "leave it out and set PGPASSWORD, or give the whole address in TELCO_TOPUP_LEDGER",
            ));
        }
        Ok(Some(place))
    }

    fn has_password(&self) -> bool {
        matches!(self, Self::Postgres(config) if config.get_password().is_some())
    }

    /// Whether several workers may write at a time.
    pub(super) fn is_shared(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// To write to.
    pub(super) async fn writer(&self) -> Result<Arc<dyn Store>, Failure> {
        match self {
            Self::Sqlite(path) => {
                let store = SqliteStore::open(path).map_err(|e| Failure::of_ledger(&e))?;
                Ok(Arc::new(store))
            }
            Self::Postgres(config) => {
                let store = PostgresStore::connect(with_password(config), NoTls).await;
                Ok(Arc::new(store.map_err(|e| Failure::of_ledger(&e))?))
            }
        }
    }

    /// To read from, while others write. Makes nothing: `None` if there is no ledger yet.
    pub(crate) async fn existing(&self) -> Result<Option<Arc<dyn Store>>, Failure> {
        match self {
            // An empty file is none yet either.
            Self::Sqlite(path)
                if !path.exists() || path.metadata().is_ok_and(|about| about.len() == 0) =>
            {
                Ok(None)
            }
            Self::Sqlite(path) => {
                let store = SqliteStore::read(path).map_err(|e| Failure::of_ledger(&e))?;
                Ok(Some(Arc::new(store)))
            }
            Self::Postgres(config) => {
                let store = PostgresStore::read(with_password(config), NoTls).await;
                let store = store.map_err(|e| Failure::of_ledger(&e))?;
                Ok(store.map(|store| Arc::new(store) as Arc<dyn Store>))
            }
        }
    }

    /// To read from what must be there.
    pub(super) async fn reader(&self) -> Result<Arc<dyn Store>, Failure> {
        self.existing().await?.ok_or_else(|| {
            let none = match self {
                Self::Sqlite(path) => format!("there is no ledger at {}", path.display()),
                Self::Postgres(_) => "there is no ledger in this database".to_owned(),
            };
            Failure::not_sent(none).help("it is made by the first `telco topup bulk`")
        })
    }
}

fn with_password(config: &Config) -> Config {
    let mut config = config.clone();
    if let (None, Ok(password)) = (config.get_password(), std::env::var("PGPASSWORD")) {
        config.password(password);
    }
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_is_one_word_of_a_shell() {
        for (url, word) in [
            ("sqlite://march.db", "sqlite://march.db"),
            ("sqlite://my march.db", "'sqlite://my march.db'"),
            ("sqlite://it's.db", r"'sqlite://it'\''s.db'"),
        ] {
            let ledger = Some(url.to_owned());
            let words = LedgerAt { ledger }.words();
            assert_eq!(words, format!(" --ledger {word}"));
        }
        assert_eq!(LedgerAt { ledger: None }.words(), "");
    }

    #[test]
    fn addresses_are_read_and_passwords_not_shown() {
        for good in [
            "sqlite://x.db",
            "postgres://app@127.0.0.1/app",
            "postgresql://app@localhost:5433/app?application_name=x",
            "postgres://app:hunter2@[::1]/app",
            "postgres://app@db.example/app?sslmode=disable",
            "postgres://app@db.example/app?hostaddr=127.0.0.1",
        ] {
            let place: Place = good.parse().unwrap();
            assert!(!format!("{place:?}").contains("hunter2"));
        }
        for bad in [
            "",
            "x.db",
            "sqlite://",
            "mysql://hunter2@x/y",
            "postgres://app:hunter2@db.example/app",
            "postgres://app:hunter2@localhost/app?hostaddr=192.0.2.1",
            "postgres:///app?user=app&password=hunter2&hostaddr=192.0.2.1",
            "postgres:///app?user=app&password=hunter2",
            "postgres://app:hunter2@db.example/app?application_name=sslmode%3Ddisable",
            "postgres://app:hunter2@127.0.0.1:port/app",
        ] {
            let refusal = bad.parse::<Place>().unwrap_err().to_string();
            assert!(!refusal.contains("hunter2"), "{refusal}");
        }
    }
}
