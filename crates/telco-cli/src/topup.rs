//! `telco topup …`: many top-ups, safely.

mod bulk;
mod earlier;
mod job;
mod lease;
mod place;
mod plan;
mod preflight;
mod progress;
mod reissue;
mod report;
mod rows;
mod run;
mod sender;
mod status;
mod stop;
mod summary;

use clap::Subcommand;

use crate::config::Settings;
use crate::exit::Done;
use crate::output::Form;

pub(crate) use earlier::window;
pub(crate) use lease::lease;
pub(crate) use place::Place;

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Topup {
    /// Send a file of top-ups
    #[command(after_help = BULK_HELP)]
    Bulk(bulk::Bulk),
    /// Go on with a job: settle what is unknown, send what was not sent
    #[command(after_help = RESUME_HELP)]
    Resume(bulk::Resume),
    /// One line per row of a job
    #[command(
        after_help = "Examples:\n  telco topup report --ledger sqlite://march.db --format csv > march-report.csv\n  \
                            telco topup report --ledger sqlite://march.db --format csv --state unresolved"
    )]
    Report(report::Report),
    /// How one top-up stands, with its history; or a job; or all
    #[command(
        after_help = "Examples:\n  telco topup status --ledger sqlite://march.db\n  \
                      telco topup status march-7 --ledger sqlite://march.db"
    )]
    Status(status::Status),
    /// Say what became of a top-up that nothing else could tell
    #[command(
        after_help = "Example:\n  telco topup resolve march-7 --delivered --who 'Ada, support' --why 'provider ticket 4711'"
    )]
    Resolve(status::Resolve),
}

const BULK_HELP: &str = "\
The file is CSV (comma, semicolon or tab; UTF-8) with a header. Columns, in any order: number (or msisdn, phone), amount (whole \
naira), and if you like network (or net, operator), plan (or bundle; makes it a data plan), reference (yours, unique).

Every row is written down in the ledger before the first is sent. The same file again goes on where it was; no row of it is sent \
twice. \"The same\" is octet by octet: a file that was changed in any way (a mended line, saved anew by a spreadsheet) is a new job. \
Rows of it that another job of this ledger has sent in the last days (--sent-within) are found and refused: --skip-sent leaves them \
out, --send-again sends them again.

Examples:
  telco topup bulk march.csv --dry-run
  telco topup bulk march.csv --ledger sqlite://march.db --max-spend 500000 --rate 20
  telco topup bulk march-mended.csv --ledger sqlite://march.db --skip-sent
  telco topup resume --ledger sqlite://march.db
  telco topup bulk march.csv --ledger postgres://app@127.0.0.1/app --workers 4

Exit codes: 0 all delivered · 2 usage · 10 some not sent · 11 some not delivered · 12 some unknown or for a person · \
13 the balance could not be read before the first row · 130 interrupted";

const RESUME_HELP: &str = "\
Unknown rows are looked up as they fall due, and are never sent again. What was not sent is sent, but for rows that \
another job has sent or that the duplicate guard refused (--send-again). What the provider refused stays refused, unless \
you say --reissue-rejected, such as after the account was funded.

Examples:
  telco topup resume --ledger sqlite://march.db
  telco topup resume --ledger sqlite://march.db --reissue-rejected --max-spend 100000";

/// Runs one command.
pub(crate) async fn run(command: &Topup, settings: &Settings, form: Form) -> Done {
    match command {
        Topup::Bulk(options) => options.run(settings, form).await,
        Topup::Resume(options) => options.run(settings, form).await,
        Topup::Report(options) => options.run(settings, form).await,
        Topup::Status(options) => options.run(settings, form).await,
        Topup::Resolve(options) => options.run(settings, form).await,
    }
}
