//! A push of the provider, read from standard input.

use std::time::{Duration, SystemTime};

use citcall_client::{CallEnded, Callbacks, Cipher, Push as Pushed, SmsReport};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use telco_core::{Callback, CallbackParser, CallbackRequest};

use super::cipher::Window;
use crate::exit::{Done, Failure};
use crate::input::standard_input;
use crate::output::{self, Form};
use crate::secret::Source;

/// A push.
#[derive(Debug, Args)]
pub(crate) struct Push {
    /// What it is about, where the URL it came to says so
    #[arg(long, value_enum, default_value_t)]
    kind: Kind,
    /// For an encrypted push: the cipher's client id
    #[arg(long, value_name = "ID", requires = "secret")]
    client_id: Option<String>,
    /// For an encrypted push: the cipher's secret, env:NAME or file:PATH
    #[arg(long, value_name = "SOURCE", requires = "client_id")]
    secret: Option<Source>,
    #[command(flatten)]
    clock: Window,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Kind {
    /// Told apart by its fields
    #[default]
    Any,
    /// How a call ended
    Call,
    /// What became of a message
    Sms,
}

pub(super) fn read(push: &Push, form: Form) -> Done {
    let mut parser = Callbacks::default();
    if let (Some(client_id), Some(secret)) = (&push.client_id, &push.secret) {
        if *secret == Source::Stdin {
            return Err(Failure::usage(
                "standard input is the push: give the secret as env:NAME or file:PATH",
            ));
        }
        let window = Duration::from_secs(push.clock.window);
        let cipher = Cipher::new(client_id, &secret.text()?)?
            .with_window((!push.clock.any_time).then_some(window));
        parser = parser.with_cipher(cipher);
    }
    let body = standard_input()?;
    let received_at = SystemTime::UNIX_EPOCH
        .checked_add(Duration::from_secs(push.clock.now()))
        .ok_or_else(|| Failure::usage("--now is beyond any clock"))?;
    let request = CallbackRequest::new(&|_| None, &body, received_at);
    let event = match push.kind {
        Kind::Any => event(&parser, &request)?,
        Kind::Call => Pushed::Call(event(&parser.of_calls(), &request)?),
        Kind::Sms => Pushed::Sms(event(&parser.of_messages(), &request)?),
    };
    match event {
        Pushed::Call(call) => show_call(form, &call)?,
        Pushed::Sms(report) => show_report(form, &report)?,
        _ => {
            return Err(Failure::unread(
                "a kind of push that this program does not know",
            ));
        }
    }
    output::note(
        "nothing proves who sent this: take it only if it names a call of yours, and never as a verified code",
    );
    Ok(())
}

fn event<E: 'static>(
    parser: &dyn CallbackParser<Event = E>,
    request: &CallbackRequest<'_>,
) -> Result<E, Failure> {
    match parser.parse(request) {
        Ok(Callback::Verified(event) | Callback::Unverified(event)) => Ok(event),
        Err(e) => Err(Failure::not_sent(e.to_string())),
    }
}

/// The code stays hidden, and so does most of the number.
fn show_call(form: Form, call: &CallEnded) -> Done {
    let number = call.msisdn.as_ref().map(|to| to.masked().to_string());
    output::facts(
        form,
        &[
            ("kind", json!("call")),
            ("verified", Value::Bool(false)),
            ("succeeded", Value::Bool(call.succeeded())),
            ("rc", json!(call.code.to_string())),
            ("trxid", json!(call.trxid)),
            ("client_unique_id", json!(call.client_unique_id)),
            ("msisdn", json!(number)),
            (
                "caller",
                json!(call.token.as_ref().and_then(|token| token.hint())),
            ),
            ("dial_code", json!(call.dial_code)),
            ("dial_status", json!(call.dial_status)),
            ("call_status", json!(call.call_status)),
            ("result", json!(call.result)),
            ("price", json!(call.price)),
            ("encrypted", Value::Bool(call.encrypted)),
        ],
    )
}

fn show_report(form: Form, report: &SmsReport) -> Done {
    output::facts(
        form,
        &[
            ("kind", json!("sms")),
            ("verified", Value::Bool(false)),
            ("trxid", json!(report.trxid)),
            ("result", json!(report.result)),
            ("description", json!(report.description)),
            ("reported_date", json!(report.reported_date)),
        ],
    )
}
