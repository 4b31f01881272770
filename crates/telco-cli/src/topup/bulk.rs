//! `telco topup bulk` and `resume`: from a file to one true final state per row.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use telco_core::Amount;
use telco_ledger::{Guards, Ledger, Store};

use super::job::Job;
use super::place::{LedgerAt, Place};
use super::plan;
use super::preflight::{Preflight, Tolerance};
use super::progress::Progress;
use super::run::{self, Pace};
use super::stop::{Stop, Why};
use super::summary::{Summary, rows};
use crate::config::{Settings, confirm_spend};
use crate::cowrie::{Account, naira};
use crate::exit::{Done, Failure};
use crate::output::{self, Form};

/// A file.
#[derive(Debug, Args)]
pub(crate) struct Bulk {
    /// The rows
    #[arg(value_name = "FILE.csv")]
    file: PathBuf,
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
    #[command(flatten)]
    sending: Sending,
}

/// A job that was begun.
#[derive(Debug, Args)]
pub(crate) struct Resume {
    /// Which: the 16 digits that `bulk` prints [default: the latest]
    job: Option<String>,
    #[command(flatten)]
    sending: Sending,
}

/// How rows are sent.
#[derive(Debug, Args)]
struct Sending {
    #[command(flatten)]
    ledger: LedgerAt,
    #[command(flatten)]
    account: Account,
    /// Rows on the way at a time, per worker
    #[arg(long, value_name = "N", default_value = "16")]
    concurrency: std::num::NonZeroU16,
    /// Workers in this process, each with its own connection (PostgreSQL). More of them join from elsewhere with `telco
    /// topup resume` on the same ledger
    #[arg(long, value_name = "N", default_value = "1")]
    workers: std::num::NonZeroU8,
    /// At most so many a second, all workers together
    #[arg(long, value_name = "N")]
    rate: Option<std::num::NonZeroU32>,
    /// Stop before the account holds less
    #[arg(long, value_name = "NAIRA")]
    min_balance: Option<String>,
    /// Stop when so many rows in a row were not accepted; 0: never
    #[arg(long, value_name = "N", default_value_t = 50)]
    give_up_after: u32,
    /// Do not ask before spending
    #[arg(long)]
    yes: bool,
}

impl Bulk {
    pub(super) async fn run(&self, settings: &Settings, form: Form) -> Done {
        let max_spend = self.max_spend.as_deref().map(naira).transpose()?;
        let tolerance = Tolerance {
            invalid: self.skip_invalid,
            duplicates: self.allow_duplicates,
            shortfall: self.allow_shortfall,
            max_spend,
        };
        let client = self.sending.account.client(settings)?;
        let place = (!self.dry_run)
            .then(|| self.sending.ledger.place(settings))
            .transpose()?;
        let found = Preflight::of(&self.file, &self.ignore, &client).await?;
        let Some(place) = place else {
            found.print(form)?;
            return found.admit(tolerance);
        };
        found.tell();
        let sender = Sender::open(&self.sending, settings, &place).await?;
        let known = Job::find(sender.store.as_ref(), &found.job).await?;
        if let Some(job) = known.filter(|job| job.complete) {
            output::note("this file is known: the job goes on, and no row is sent twice");
            return sender.go_on(&job, form).await;
        }
        found.admit(tolerance)?;
        let what = format!("tops up {} times for {} in all", found.valid, found.cost);
        let base_url = self.sending.account.base_url(settings)?;
        confirm_spend(&base_url, &what, self.sending.yes)?;
        let mut job = Job {
            id: found.job.clone(),
            file: self
                .file
                .file_name()
                .map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
            rows: found.valid,
            left_out: found.left_out.clone(),
            duplicates: self.allow_duplicates,
            complete: false,
        };
        let writing = Progress::new("writing down", found.valid);
        let written = plan::Planner {
            path: &self.file,
            ignored: &self.ignore,
            found: &found,
            ledger: &sender.ledger,
            store: &sender.store,
            progress: &writing,
            stop: &sender.stop,
        }
        .write(&mut job)
        .await;
        writing.end();
        written?;
        drop(found);
        sender.finish(&job, form).await
    }
}

impl Resume {
    pub(super) async fn run(&self, settings: &Settings, form: Form) -> Done {
        let place = self.sending.ledger.place(settings)?;
        let reader = place.reader().await?;
        let job = Job::named(reader.as_ref(), self.job.as_deref()).await?;
        if !job.complete {
            return Err(Failure::not_sent(format!(
                "nothing of job {} was sent: not all of its rows are written down",
                job.id
            ))
            .help(format!("`telco topup bulk {}` again goes on", job.file)));
        }
        drop(reader);
        let sender = Sender::open(&self.sending, settings, &place).await?;
        sender.go_on(&job, form).await
    }
}

/// A ledger that is open for writing, and how to send through it.
struct Sender<'a> {
    options: &'a Sending,
    settings: &'a Settings,
    ledger: Ledger,
    /// More workers, each with a connection of its own.
    helpers: Vec<Ledger>,
    store: Arc<dyn Store>,
    stop: Stop,
}

impl<'a> Sender<'a> {
    async fn open(
        options: &'a Sending,
        settings: &'a Settings,
        place: &Place,
    ) -> Result<Self, Failure> {
        let workers = options.workers.get();
        if workers > 1 && !place.is_shared() {
            return Err(Failure::usage("an SQLite ledger has one worker")
                .help("raise --concurrency, or use a ledger in PostgreSQL"));
        }
        let store = place.writer().await?;
        let ledger = options.ledger_on(store.clone(), settings).await?;
        let mut helpers = Vec::new();
        for _ in 1..workers {
            helpers.push(options.ledger_on(place.writer().await?, settings).await?);
        }
        Ok(Self {
            options,
            settings,
            ledger,
            helpers,
            store,
            stop: Stop::on_ctrl_c(),
        })
    }

    /// A job that was begun before: what is unknown is settled first, then what is left is sent.
    async fn go_on(&self, job: &Job, form: Form) -> Done {
        let settled = run::settle(&self.ledger, &self.stop).await;
        if settled.is_err() || self.stop.why().is_some() {
            return self.end(settled, job, form).await;
        }
        let again = self.ledger.replan(&job.id).await;
        let again = again.map_err(|e| Failure::of_ledger(&e))?;
        if again > 0 {
            output::note(&format!("not sent before, tried again: {}", rows(again)));
        }
        let left = Summary::of(job, self.store.as_ref()).await?.planned;
        if left > 0 {
            let base_url = self.options.account.base_url(self.settings)?;
            let what = format!("tops up {left} times");
            confirm_spend(&base_url, &what, self.options.yes)?;
        }
        self.finish(job, form).await
    }

    /// Sends what is planned, settles, and says how it stands.
    async fn finish(&self, job: &Job, form: Form) -> Done {
        let done = self.send(job).await;
        self.end(done, job, form).await
    }

    async fn send(&self, job: &Job) -> Done {
        let left = Summary::of(job, self.store.as_ref()).await?.planned;
        let pace = Pace {
            concurrency: usize::from(self.options.concurrency.get()),
            give_up_after: self.options.give_up_after,
        };
        if left > 0 && self.stop.why().is_none() {
            let workers: Vec<&Ledger> =
                std::iter::once(&self.ledger).chain(&self.helpers).collect();
            run::send(&workers, job, pace, left, &self.stop).await?;
        }
        run::settle(&self.ledger, &self.stop).await
    }

    /// Whatever happened: how the rows stand decides.
    async fn end(&self, done: Done, job: &Job, form: Form) -> Done {
        if let Err(failure) = done {
            let why = failure.message().to_owned();
            self.stop.because(Why::Because(why));
        }
        let summary = Summary::of(job, self.store.as_ref()).await;
        let summary = summary.map_err(|failure| {
            Failure::unknown(failure.message())
                .help("rows may have been on the way: mend the ledger, then `telco topup resume`")
        })?;
        summary.print(form)?;
        summary.verdict(self.stop.why())
    }
}

impl Sending {
    async fn ledger_on(
        &self,
        store: Arc<dyn Store>,
        settings: &Settings,
    ) -> Result<Ledger, Failure> {
        let client = Arc::new(self.account.client(settings)?);
        let mut behaviour = telco_ledger::Settings::default();
        behaviour.guards = self.guards()?;
        if let Some(seconds) = settings.of("topup").text("lease", None)? {
            let seconds = seconds.parse().map_err(|_| {
                Failure::not_sent("topup: lease is no number of seconds").help("write it as 120")
            })?;
            behaviour.lease = std::time::Duration::from_secs(seconds);
        }
        behaviour.lookups_at_a_time = u32::from(self.concurrency.get());
        let ledger = Ledger::open_with(store, client, behaviour).await;
        ledger.map_err(|e| Failure::of_ledger(&e))
    }

    fn guards(&self) -> Result<Guards, Failure> {
        let mut guards = Guards::default();
        let least: Option<Amount> = self.min_balance.as_deref().map(naira).transpose()?;
        guards.min_balance = least;
        guards.rate = self
            .rate
            .map(|most| (most.get(), std::time::Duration::from_secs(1)));
        Ok(guards)
    }
}
