//! `telco topup …`: many top-ups, safely.

mod csv;
mod preflight;
mod rows;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::config::Settings;
use crate::cowrie::{Account, naira};
use crate::exit::{Done, Failure};
use crate::output::Form;
use preflight::{Preflight, Tolerance};

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Topup {
    /// Send a file of top-ups
    #[command(after_help = BULK_HELP)]
    Bulk(Bulk),
}

const BULK_HELP: &str = "\
The file is CSV (comma, semicolon or tab; UTF-8) with a header. Columns, in any order: number (or msisdn, phone), amount (whole \
naira), and if you like network (or net, operator), plan (or bundle; makes it a data plan), reference (yours, unique).

Examples:
  telco topup bulk march.csv --dry-run";

/// A file.
#[derive(Debug, Args)]
pub(crate) struct Bulk {
    /// The rows
    #[arg(value_name = "FILE.csv")]
    file: PathBuf,
    #[command(flatten)]
    account: Account,
    /// Say what the file would do, and send nothing
    #[arg(long)]
    dry_run: bool,
    /// Columns to leave out, by name
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    ignore: Vec<String>,
    /// Leave invalid rows out
    #[arg(long)]
    skip_invalid: bool,
    /// Send rows that ask for the same number, product and amount as a row before them
    #[arg(long)]
    allow_duplicates: bool,
    /// Begin even if the account holds less than the rows cost
    #[arg(long)]
    allow_shortfall: bool,
    /// Refuse a file that costs more
    #[arg(long, value_name = "NAIRA")]
    max_spend: Option<String>,
}

/// Runs one command.
pub(crate) async fn run(command: &Topup, settings: &Settings, form: Form) -> Done {
    match command {
        Topup::Bulk(options) => options.run(settings, form).await,
    }
}

impl Bulk {
    async fn run(&self, settings: &Settings, form: Form) -> Done {
        let max_spend = self.max_spend.as_deref().map(naira).transpose()?;
        let client = self.account.client(settings)?;
        let preflight = Preflight::of(&self.file, &self.ignore, &client).await?;
        let tolerance = Tolerance {
            invalid: self.skip_invalid,
            duplicates: self.allow_duplicates,
            shortfall: self.allow_shortfall,
            max_spend,
        };
        if self.dry_run {
            preflight.print(form)?;
            return preflight.admit(tolerance);
        }
        preflight.tell();
        preflight.admit(tolerance)?;
        Err(Failure::usage("add --dry-run"))
    }
}
