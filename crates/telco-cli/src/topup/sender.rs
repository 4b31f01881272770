//! Sends the rows of a job that are written down, and says how it ended.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use telco_core::{Amount, TopupProvider};
use telco_ledger::{Guards, Ledger, LeftOut, Options, Store};

use super::job::Job;
use super::lease::lease;
use super::place::{LedgerAt, Place};
use super::reissue;
use super::run::{self, Pace, Shared};
use super::stop::{Stop, Why};
use super::summary::{Summary, rows};
use crate::config::{Settings, confirm_spend};
use crate::cowrie::{Account, naira};
use crate::exit::{Done, Failure};
use crate::output::{self, Form};

/// How rows are sent.
#[derive(Debug, Args)]
pub(super) struct Sending {
    #[command(flatten)]
    pub(super) ledger: LedgerAt,
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
    /// Send nothing if what is to be sent costs more
    #[arg(long, value_name = "NAIRA")]
    max_spend: Option<String>,
    /// Send rows although another job has sent the same number, product and amount until now; with `resume`, also those that were
    /// refused for that, or since another row had got the same a short while before
    #[arg(long)]
    pub(super) send_again: bool,
    /// Stop before the account holds less
    #[arg(long, value_name = "NAIRA")]
    min_balance: Option<String>,
    /// Stop when so many rows in a row were not accepted; 0: never
    #[arg(long, value_name = "N", default_value_t = 50)]
    give_up_after: u32,
    /// Do not ask before spending
    #[arg(long)]
    pub(super) yes: bool,
}

/// The account that is sent through, and the rules of the user's own. Made once: a key that comes on standard input, or from a
/// file that is a pipe, can be read only once.
pub(super) struct Through {
    pub(super) client: Arc<dyn TopupProvider>,
    pub(super) base_url: String,
    behaviour: telco_ledger::Settings,
    pub(super) max_spend: Option<Amount>,
}

/// A ledger that is open for writing, and how to send through it.
pub(super) struct Sender<'a> {
    options: &'a Sending,
    account: Through,
    pub(super) ledger: Ledger,
    /// More workers, each with a connection of its own.
    helpers: Vec<Ledger>,
    pub(super) store: Arc<dyn Store>,
    pub(super) stop: Stop,
}

impl<'a> Sender<'a> {
    pub(super) async fn open(
        options: &'a Sending,
        account: Through,
        place: &Place,
    ) -> Result<Self, Failure> {
        let workers = options.workers.get();
        if workers > 1 && !place.is_shared() {
            return Err(Failure::usage("an SQLite ledger has one worker")
                .help("raise --concurrency, or use a ledger in PostgreSQL"));
        }
        let store = place.writer().await?;
        let ledger = account.ledger_on(store.clone()).await?;
        let mut helpers = Vec::new();
        for _ in 1..workers {
            helpers.push(account.ledger_on(place.writer().await?).await?);
        }
        Ok(Self {
            options,
            account,
            ledger,
            helpers,
            store,
            stop: Stop::on_ctrl_c(),
        })
    }

    /// A job that was begun before: what is unknown is looked up if it is due, and what is left is sent.
    pub(super) async fn go_on(&self, job: &Job, reissue: bool, form: Form) -> Done {
        self.is_ours(job).await?;
        let mut job = job.clone();
        self.send_again(&mut job).await?;
        let job = &job;
        job.is_latest(self.store.as_ref()).await?;
        // What is due now. What is not due yet is settled while rows are sent, and after.
        let looked = self.ledger.resume().await;
        let looked = looked.map(drop).map_err(|e| Failure::of_ledger(&e));
        if looked.is_err() || self.stop.why().is_some() {
            return self.end(looked, job, form).await;
        }
        let too: &[LeftOut] = if self.options.send_again {
            &[LeftOut::Duplicate, LeftOut::SentByOtherJob]
        } else {
            &[]
        };
        let summary = Summary::of(job, self.store.as_ref()).await?;
        let (left, mut cost) = summary.left(too);
        let mut refused = 0;
        if reissue {
            let (rows, price) = summary.refused();
            let too_much = || Failure::not_sent("the rows together cost more than can be counted");
            (refused, cost) = (rows, cost.checked_add(price).ok_or_else(too_much)?);
        }
        let within = within(self.account.max_spend, cost, "what is left costs");
        if within.is_err() {
            return self.end(within, job, form).await;
        }
        let to_send = left.saturating_add(refused);
        if to_send > 0 {
            let what = format!("tops up {to_send} times for {cost} in all");
            self.ask(what).await?;
        }
        // Not before somebody has said yes: what is planned is sent by whoever resumes next, without being asked for it.
        let again = self.ledger.replan_with(&job.id, too).await;
        let again = again.map_err(|e| Failure::of_ledger(&e))?;
        if again > 0 {
            output::note(&format!("not sent before, tried again: {}", rows(again)));
        }
        if refused > 0 {
            output::note(&format!("refused before, sent again: {}", rows(refused)));
            let shared = self.shared(job, ("sending again", refused));
            let sent = reissue::rejected(&self.ledger, &shared).await;
            shared.end();
            if sent.is_err() {
                return self.end(sent, job, form).await;
            }
        }
        self.finish(job, form).await
    }

    /// Whether to spend. An interruption is an answer too.
    async fn ask(&self, what: String) -> Done {
        let (base_url, yes) = (self.account.base_url.clone(), self.options.yes);
        let (tell, told) = tokio::sync::oneshot::channel();
        // Nothing ends a read from a terminal: a thread that nobody waits for.
        std::thread::spawn(move || tell.send(confirm_spend(&base_url, &what, yes)));
        tokio::select! {
            answer = told => answer.unwrap_or_else(|e| Err(Failure::broken(e.to_string()))),
            () = self.stop.interrupted() => Err(Failure::interrupted("stopped; nothing was sent")),
        }
    }

    /// What is sent again, where that was asked for, is what was sent until now. What others send from now on is not: two jobs that
    /// run at once send nothing twice.
    pub(super) async fn send_again(&self, job: &mut Job) -> Done {
        if self.options.send_again && job.since.is_some() {
            job.look_back(self.store.as_ref(), Duration::ZERO).await?;
        }
        Ok(())
    }

    /// Another account's rows would never come: nobody takes them here, and they stay planned.
    async fn is_ours(&self, job: &Job) -> Done {
        let (theirs, ours) = (
            job.account(self.store.as_ref()).await?,
            self.ledger.identity(),
        );
        match theirs {
            Some(theirs) if theirs != *ours => Err(Failure::not_sent(format!(
                "job {} was begun through the account {theirs}, and the settings name {ours}",
                job.id
            ))
            .help("name that account: --client-id, TELCO_COWRIE_CLIENT_ID, or client_id under [cowrie]")),
            _ => Ok(()),
        }
    }

    fn shared(&self, job: &Job, what: (&'static str, u64)) -> Shared {
        let pace = Pace {
            concurrency: usize::from(self.options.concurrency.get()),
            give_up_after: self.options.give_up_after,
        };
        let mut options = Options::default();
        // Who sends it again on purpose means it now, not in half a minute.
        if job.duplicates || self.options.send_again {
            options = options.allow_duplicate();
        }
        if let Some(since) = job.since() {
            options = options.not_sent_by_other_jobs_since(since);
        }
        Shared::new(&job.id, pace, options, what, &self.stop)
    }

    /// Sends what is planned, settles, and says how it stands.
    pub(super) async fn finish(&self, job: &Job, form: Form) -> Done {
        let done = self.send(job).await;
        self.end(done, job, form).await
    }

    async fn send(&self, job: &Job) -> Done {
        let left = Summary::of(job, self.store.as_ref()).await?.planned;
        if left > 0 && self.stop.why().is_none() {
            let workers: Vec<&Ledger> =
                std::iter::once(&self.ledger).chain(&self.helpers).collect();
            run::send(&workers, self.shared(job, ("sending", left))).await?;
        }
        run::settle(&self.ledger, &job.id, &self.stop).await
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
        let verdict = summary.verdict(self.stop.why());
        summary.keep(form);
        verdict
    }
}

/// `--max-spend`.
pub(super) fn within(most: Option<Amount>, cost: Amount, what: &str) -> Done {
    match most.filter(|most| cost.minor() > most.minor()) {
        None => Ok(()),
        Some(most) => Err(
            Failure::not_sent(format!("{what} {cost}, and --max-spend is {most}"))
                .help("send fewer rows, or raise the limit"),
        ),
    }
}

impl Through {
    async fn ledger_on(&self, store: Arc<dyn Store>) -> Result<Ledger, Failure> {
        let ledger = Ledger::open_with(store, self.client.clone(), self.behaviour.clone()).await;
        ledger.map_err(|e| Failure::of_ledger(&e))
    }
}

/// So many a second, spread over it where that can be divided: so many in each part are no more in any second.
fn spread(most: u32) -> (u32, Duration) {
    let parts = [10, 5, 2]
        .into_iter()
        .find(|parts| most.is_multiple_of(*parts));
    let parts = parts.unwrap_or(1);
    (most / parts, Duration::from_secs(1) / parts)
}

fn naira_in(flag: &str, text: Option<&str>) -> Result<Option<Amount>, Failure> {
    text.map(|text| naira(flag, text)).transpose()
}

impl Sending {
    /// Everything that can be wrong with flags and settings is found here, before anything is looked at.
    pub(super) fn open(&self, settings: &Settings) -> Result<Through, Failure> {
        let mut behaviour = telco_ledger::Settings::default();
        behaviour.guards = self.guards()?;
        behaviour.lease = lease(settings)?;
        behaviour.lookups_at_a_time = u32::from(self.concurrency.get());
        Ok(Through {
            max_spend: naira_in("--max-spend", self.max_spend.as_deref())?,
            base_url: self.account.base_url(settings)?,
            client: Arc::new(self.account.client(settings)?),
            behaviour,
        })
    }

    fn guards(&self) -> Result<Guards, Failure> {
        let mut guards = Guards::default();
        guards.min_balance = naira_in("--min-balance", self.min_balance.as_deref())?;
        guards.rate = self.rate.map(|most| spread(most.get()));
        Ok(guards)
    }
}
