//! Where a ledger is: `sqlite://FILE` or `postgres://…`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use telco_ledger::{SqliteStore, Store};

use crate::config::Settings;
use crate::exit::Failure;

/// Which ledger.
#[derive(Debug, Args)]
pub(crate) struct LedgerAt {
    /// The ledger, sqlite://FILE or postgres://… [TELCO_TOPUP_LEDGER]
    #[arg(long, value_name = "URL")]
    ledger: Option<String>,
}

impl LedgerAt {
    pub(super) fn place(&self, settings: &Settings) -> Result<Place, Failure> {
        let url = settings
            .of("topup")
            .required("ledger", self.ledger.as_deref())?;
        url.parse()
    }
}

/// A ledger's address.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    Sqlite(PathBuf),
}

impl std::str::FromStr for Place {
    type Err = Failure;

    fn from_str(url: &str) -> Result<Self, Failure> {
        match url.split_once("://") {
            Some(("sqlite", path)) if !path.is_empty() => Ok(Self::Sqlite(path.into())),
            // The text is not repeated: there may be a password in it.
            _ => {
                Err(Failure::not_sent("that is no address of a ledger").help("write sqlite://FILE"))
            }
        }
    }
}

impl Place {
    /// To write to: the only one at a time.
    pub(super) async fn writer(&self) -> Result<Arc<dyn Store>, Failure> {
        match self {
            Self::Sqlite(path) => {
                let store = SqliteStore::open(path).map_err(|e| Failure::of_ledger(&e))?;
                Ok(Arc::new(store))
            }
        }
    }

    /// To read from, while others write.
    pub(super) async fn reader(&self) -> Result<Arc<dyn Store>, Failure> {
        match self {
            Self::Sqlite(path) if !path.exists() => Err(Failure::not_sent(format!(
                "there is no ledger at {}",
                path.display()
            ))
            .help("it is made by the first `telco topup bulk`")),
            Self::Sqlite(path) => {
                let store = SqliteStore::read(path).map_err(|e| Failure::of_ledger(&e))?;
                Ok(Arc::new(store))
            }
        }
    }
}
