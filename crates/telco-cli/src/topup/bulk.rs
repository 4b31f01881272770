//! `telco topup bulk` and `resume`: from a file to one true final state per row.

use std::path::PathBuf;

use clap::Args;

use super::earlier::{self, Others};
use super::job::Job;
use super::plan;
use super::preflight::{Preflight, Question, Tolerance};
use super::progress::Progress;
use super::rows::Snapshot;
use super::sender::{Sender, Sending};
use super::summary::Summary;
use crate::config::{Settings, confirm_spend};
use crate::exit::Done;
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
    /// Send rows that ask for the same number, product and amount as a row before them in this file
    #[arg(long)]
    allow_duplicates: bool,
    /// Leave out the rows of which another job of this ledger has sent the same number, product and amount
    #[arg(long, conflicts_with = "send_again")]
    skip_sent: bool,
    /// How many days back other jobs are looked at; 0: not at all [TELCO_TOPUP_SENT_WITHIN; default 6]
    #[arg(long, value_name = "DAYS")]
    sent_within: Option<u32>,
    /// Begin even if the account holds less than the rows cost
    #[arg(long)]
    allow_shortfall: bool,
    #[command(flatten)]
    sending: Sending,
}

/// A job that was begun.
#[derive(Debug, Args)]
pub(crate) struct Resume {
    /// Which: the 16 digits that `bulk` prints [default: the latest]
    job: Option<String>,
    /// Send the rows again that the provider refused; never what is unknown
    #[arg(long)]
    reissue_rejected: bool,
    #[command(flatten)]
    sending: Sending,
}

impl Bulk {
    pub(super) async fn run(&self, settings: &Settings, form: Form) -> Done {
        let sending = &self.sending;
        let account = sending.open(settings)?;
        let file = Snapshot::of(&self.file)?;
        let window = earlier::window(self.sent_within, settings)?;
        let place = if self.dry_run {
            sending.ledger.place_if_named(settings)?
        } else {
            Some(sending.ledger.place(settings)?)
        };
        let existing = match &place {
            Some(place) => place.existing().await?,
            None => None,
        };
        if let Some(store) = &existing
            && let Some(job) = Job::find(store.as_ref(), &file.job).await?
        {
            if self.dry_run {
                output::note("this file is known: the job would go on, and no row be sent twice");
                return Summary::of(&job, store.as_ref()).await?.print_outlook(form);
            }
            drop(existing);
            let place = sending.ledger.place(settings)?;
            let sender = Sender::open(sending, account, &place).await?;
            return go_on(&sender, &job, form).await;
        }
        let others = match existing.zip(window.filter(|_| !sending.send_again)) {
            Some((store, window)) => {
                let since = earlier::since(store.as_ref(), window).await?;
                Some(Others { store, since })
            }
            None => None,
        };
        let found = Preflight::of(Question {
            file: &file,
            ignored: &self.ignore,
            provider: account.client.as_ref(),
            others,
            skip_sent: self.skip_sent,
        })
        .await?;
        let tolerance = Tolerance {
            invalid: self.skip_invalid,
            sent: self.skip_sent,
            duplicates: self.allow_duplicates,
            shortfall: self.allow_shortfall,
            max_spend: account.max_spend,
        };
        let Some(place) = place.filter(|_| !self.dry_run) else {
            found.print(form)?;
            return found.admit(tolerance);
        };
        found.tell();
        found.admit(tolerance)?;
        let what = format!("tops up {} times for {} in all", found.valid, found.cost);
        confirm_spend(&account.base_url, &what, sending.yes)?;
        let sender = Sender::open(sending, account, &place).await?;
        // Somebody may have begun with the same file while the question stood there.
        if let Some(job) = Job::find(sender.store.as_ref(), &file.job).await? {
            return go_on(&sender, &job, form).await;
        }
        let mut job = Job {
            id: file.job.clone(),
            file: self
                .file
                .file_name()
                .map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
            rows: found.valid,
            left_out: found.left_out.clone(),
            skipped: found.skipped.clone(),
            since: None,
            duplicates: self.allow_duplicates,
        };
        if let Some(window) = window {
            job.look_back(sender.store.as_ref(), window).await?;
            sender.send_again(&mut job).await?;
        }
        let writing = Progress::new("writing down", found.valid);
        let written = plan::Planner {
            file: &file,
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

async fn go_on(sender: &Sender<'_>, job: &Job, form: Form) -> Done {
    output::note("this file is known: the job goes on, and no row is sent twice");
    sender.go_on(job, false, form).await
}

impl Resume {
    pub(super) async fn run(&self, settings: &Settings, form: Form) -> Done {
        let account = self.sending.open(settings)?;
        let place = self.sending.ledger.place(settings)?;
        let reader = place.reader().await?;
        let job = Job::named(reader.as_ref(), self.job.as_deref()).await?;
        drop(reader);
        let sender = Sender::open(&self.sending, account, &place).await?;
        sender.go_on(&job, self.reissue_rejected, form).await
    }
}
