//! `telco kairos call`: one call from flags, many from a CSV file, one true line for each.

use std::collections::HashSet;
use std::pin::pin;

use clap::Args;
use kairos_client::{ContactNumber, Kairos, Kind, NumberPolicy, StartTime};
use serde_json::json;
use telco_core::{
    BatchReceipt, Call, CallBatch, CallCapabilities, CallExt as _, CallReport, CallTrigger, Error,
    ErrorKind, Identity, Msisdn, NotSent, PreparedCalls, Provider, Reference, Secret, Submission,
    async_trait,
};
use tokio::sync::watch;

use super::{Account, Key, KindName, public_key};
use crate::config::{Settings, confirm_spend};
use crate::exit::{Done, Failure};
use crate::input::reference;
use crate::interrupt::Interrupts;
use crate::mor::pair;
use crate::output::{self, Form};

pub(super) const EXAMPLES: &str = "Examples:\n  \
    telco kairos call --to 9812345678 --var Amount=1200 --reference due-17\n  \
    telco kairos call --csv dues.csv --reference dues-2026-03\n\n\
    The CSV file has a header. Its columns: number (several of one person with | between them, tried in turn); if you like, \
    reference and start_time; and one for each variable of the flow, by its name:\n  \
    reference,number,Amount\n  due-17,9812345678,1200\n  due-18,9812345679|9812345680,850\n\
    A number that stands in two rows is refused, unless you say --allow-duplicates.\n\n\
    Exit codes: 0 all were accepted · 10 nothing was sent · 11 the provider refused, and none was placed · 12 some were placed, or \
    may have been: never call the whole file again, only the rows that say not sent or rejected, under another --reference · \
    130 stopped by Ctrl-C: the rows say which were placed before.\n\n\
    What others on this machine must not see goes into a file, or to --csv - on standard input: a command line can be seen.";

const SETTLE: &str = "the phones may have rung: do not call again under another reference before the provider's reports, \
                      or `telco kairos pull`, say what became of it";

/// Calls to be placed.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// Whom to call; several numbers of one person, with commas between them, are tried in turn
    #[arg(
        long,
        value_name = "NUMBER",
        value_delimiter = ',',
        required_unless_present = "csv"
    )]
    to: Vec<String>,
    /// A variable of the flow; may be given again
    #[arg(long = "var", value_name = "name=value", value_parser = pair, conflicts_with = "csv")]
    variables: Vec<(String, String)>,
    /// When, such as 2030-01-23T08:02:53+05:30; at once if not given
    #[arg(long, value_name = "TIME", conflicts_with = "csv")]
    start_time: Option<String>,
    /// Many calls: a file with a header, or - for standard input
    #[arg(long, value_name = "FILE", conflicts_with = "to")]
    csv: Option<String>,
    /// Call a number again that stands in an earlier row
    #[arg(long, requires = "csv")]
    allow_duplicates: bool,
    /// Your own id of the call or the batch, for the provider's reports. Made up and printed if you give none
    #[arg(long, value_name = "ID")]
    reference: Option<String>,
    /// What the flow is, and whether requests are encrypted
    #[arg(long, value_enum, default_value_t)]
    kind: KindName,
    #[command(flatten)]
    key: Key,
    #[command(flatten)]
    account: Account,
    /// Do not ask before spending
    #[arg(long)]
    yes: bool,
}

/// One call as it was typed.
#[derive(Debug)]
pub(super) struct Typed {
    /// Its own id, if it has one.
    pub(super) reference: Option<String>,
    pub(super) numbers: Vec<String>,
    pub(super) start_time: Option<String>,
    pub(super) variables: Vec<(String, Secret)>,
}

impl Typed {
    fn call(self, otherwise: Reference) -> Result<Call, NotSent> {
        let invalid = |why| NotSent::new(ErrorKind::InvalidInput, why);
        let reference = match self.reference {
            Some(text) => {
                Reference::new(text).map_err(NotSent::because(ErrorKind::InvalidInput))?
            }
            None => otherwise,
        };
        let mut numbers = self.numbers.iter().map(|text| number(text));
        let first = numbers.next().ok_or_else(|| invalid("no number"))??;
        let mut call = numbers.try_fold(Call::new(reference, first), |call, number| {
            Ok::<_, NotSent>(call.or_to(number?))
        })?;
        if let Some(text) = &self.start_time {
            let start =
                StartTime::parse(text).map_err(NotSent::because(ErrorKind::InvalidInput))?;
            let moment = start.time();
            call = call.starting_at(moment.ok_or_else(|| invalid("no such moment"))?);
        }
        let with = |call: Call, (name, value)| call.variable(name, value);
        Ok(self.variables.into_iter().fold(call, with))
    }
}

/// As people in India type it, or with a country code.
fn number(text: &str) -> Result<Msisdn, NotSent> {
    let typed = ContactNumber::parse(text.trim(), NumberPolicy::India)
        .map_err(NotSent::because(ErrorKind::InvalidInput))?;
    Msisdn::parse(typed.expose()).map_err(NotSent::because(ErrorKind::InvalidInput))
}

impl Place {
    /// The batch, and its reference on standard error before anything is sent: whoever is interrupted can still ask.
    fn batch(&self) -> Result<CallBatch, Failure> {
        let reference = reference(self.reference.as_deref())?;
        let Some(file) = &self.csv else {
            let variable =
                |(name, value): &(String, String)| (name.clone(), Secret::new(value.as_str()));
            let typed = Typed {
                reference: None,
                numbers: self.to.clone(),
                start_time: self.start_time.clone(),
                variables: self.variables.iter().map(variable).collect(),
            };
            let call = typed.call(reference.clone())?;
            return Ok(CallBatch::new(reference, [call]));
        };
        let mut calls: Vec<Call> = Vec::new();
        let (mut called, mut again) = (HashSet::new(), Vec::new());
        for (line, typed) in super::csv::read(file)? {
            // Rows without an id of their own get one that can be told again from the batch's.
            let row = calls.len() + 1;
            let call = Reference::new(format!("{reference}-{row}"))
                .map_err(NotSent::because(ErrorKind::InvalidInput))
                .and_then(|otherwise| typed.call(otherwise));
            let call = call.map_err(|why| {
                let failure = Failure::from(why);
                let where_too = format!("line {line}: {}", failure.message());
                failure.reworded(where_too)
            })?;
            if call.to.iter().any(|number| called.contains(number)) {
                again.push(line);
            }
            called.extend(call.to.iter().cloned());
            calls.push(call);
        }
        if let Some(line) = again.first()
            && !self.allow_duplicates
        {
            return Err(Failure::not_sent(format!(
                "nothing was sent: a number of line {line} stands in an earlier line; there are {} such lines",
                again.len()
            ))
            .help("take them out, or call them all with --allow-duplicates"));
        }
        Ok(CallBatch::new(reference, calls))
    }

    fn client(&self, settings: &Settings) -> Result<Kairos, Failure> {
        let kind = Kind::from(self.kind);
        let builder = self.account.builder(settings, kind)?;
        if !kind.is_encrypted() {
            return Ok(builder.build()?);
        }
        let key = public_key(self.key.public_key.as_deref(), settings)?;
        let envelope = kairos_client::envelope::Envelope::default().with_padding(self.key.padding);
        Ok(builder.public_key(key).envelope(envelope).build()?)
    }
}

/// What is still wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    GoOn,
    /// No further request.
    SendNoMore,
    /// Nor the answer of the one in flight.
    WaitNoMore,
}

/// Runs it. Ctrl-C lets the request in flight finish and sends no further one. A second one does not wait for it: its calls
/// are unknown, and what was answered before is told all the same.
pub(super) async fn run(place: &Place, settings: &Settings, form: Form) -> Done {
    let client = place.client(settings)?;
    let batch = place.batch()?;
    let host = place.account.shown_url(settings, place.kind.into())?;
    let what = match batch.calls.as_slice() {
        [call] => {
            let numbers: Vec<String> = call.to.iter().map(|to| to.masked().to_string()).collect();
            format!("calls {}", numbers.join(", then "))
        }
        calls => format!("places {} calls", calls.len()),
    };
    confirm_spend(&host, &what, place.yes)?;
    let (wishing, wish) = watch::channel(Wish::GoOn);
    let until = UntilStopped { client, wish };
    // Listening before anything leaves, so that none is missed.
    let mut interrupts = Interrupts::listen();
    let mut placing = pin!(until.place(&batch));
    let report = loop {
        tokio::select! {
            biased;
            report = &mut placing => break report?,
            () = interrupts.next() => {
                let first = *wishing.borrow() == Wish::GoOn;
                if first {
                    output::note("stopping: the request in flight is finished, no further one is sent; Ctrl-C again stops waiting for it");
                }
                wishing.send_replace(if first { Wish::SendNoMore } else { Wish::WaitNoMore });
            }
        }
    };
    let stopped = *wishing.borrow() != Wish::GoOn;
    tell(&report, form, stopped)
}

/// Sends as the client does, until it is told to stop.
#[derive(Debug)]
struct UntilStopped {
    client: Kairos,
    wish: watch::Receiver<Wish>,
}

impl Provider for UntilStopped {
    fn identity(&self) -> &Identity {
        self.client.identity()
    }
}

#[async_trait]
impl CallTrigger for UntilStopped {
    fn call_capabilities(&self) -> &CallCapabilities {
        self.client.call_capabilities()
    }

    fn prepare(&self, batch: &CallBatch) -> Result<Vec<PreparedCalls>, NotSent> {
        self.client.prepare(batch)
    }

    async fn send(&self, prepared: PreparedCalls) -> Result<Submission<BatchReceipt>, NotSent> {
        if *self.wish.borrow() != Wish::GoOn {
            return Err(NotSent::new(
                ErrorKind::Policy,
                "stopped before this request",
            ));
        }
        let reference = prepared.intent().reference.clone();
        let mut wish = self.wish.clone();
        tokio::select! {
            biased;
            answer = self.client.send(prepared) => answer,
            // The sender outlives this.
            _ = wish.wait_for(|wish| *wish == Wish::WaitNoMore) => Ok(Submission::unknown(
                &reference,
                Error::in_doubt(ErrorKind::Interrupted, "stopped waiting for the answer"),
            )),
        }
    }
}

/// One row a call, and the worst of them as the end.
fn tell(report: &CallReport, form: Form, stopped: bool) -> Done {
    let mut counts = [0_usize; 4];
    let mut help = None;
    let mut rows = Vec::with_capacity(report.rows().len());
    for (reference, answer) in report.rows() {
        let (at, outcome, id, why): (_, _, _, Option<&Error>) = match answer {
            Ok(Submission::Accepted(receipt)) => (0, "accepted", receipt.call_id.clone(), None),
            Ok(Submission::Unknown(unknown)) => (1, "unknown", None, Some(unknown.cause())),
            Ok(Submission::Rejected(why)) => (2, "rejected", None, Some(why.as_error())),
            Err(why) => (3, "not sent", None, Some(why.as_error())),
        };
        if let Some(count) = counts.get_mut(at) {
            *count += 1;
        }
        help = help.or_else(|| why.and_then(Error::help).map(str::to_owned));
        rows.push(vec![
            json!(reference.as_str()),
            json!(outcome),
            json!(id),
            json!(why.and_then(Error::provider_code)),
            json!(why.map(|why| why.message().to_owned())),
        ]);
    }
    let all = rows.len();
    let header = ["reference", "outcome", "call_id", "code", "why"];
    output::keep(&output::rows_text(form, &header, rows));
    let [accepted, unknown, rejected, not_sent] = counts;
    let failure = match counts {
        [_, 0, 0, 0] => return Ok(()),
        _ if unknown > 0 => {
            help = Some(SETTLE.to_owned());
            Failure::unknown(format!(
                "{unknown} of {all} calls may have been placed, or not"
            ))
        }
        [_, 0, 0, _] if stopped => {
            Failure::interrupted(format!("stopped; {not_sent} of {all} calls were not sent"))
        }
        [0, 0, 0, _] => Failure::not_sent(format!("{not_sent} of {all} calls were not sent")),
        [0, 0, ..] => Failure::rejected(format!("{rejected} of {all} calls were rejected")),
        // A script must not take it for a file of which nothing was sent, and call all of it again.
        _ => Failure::unknown(format!("only {accepted} of {all} calls were placed")),
    };
    let can_be_called = match (rejected, not_sent) {
        (0, 0) => None,
        (0, _) => Some("not sent"),
        (_, 0) => Some("rejected"),
        _ => Some("not sent or rejected"),
    };
    if let Some(which) = can_be_called
        && accepted > 0
    {
        let rows = format!("{accepted} calls were placed: call only the rows that say {which}");
        help = Some(match help {
            Some(help) => format!("{help}\n  help: {rows}"),
            None => rows,
        });
    }
    Err(match help {
        Some(help) => failure.help(help),
        None => failure,
    })
}
