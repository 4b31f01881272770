//! Codes: sent by call or message, and checked.

use std::time::Duration;

use citcall_client::v3;
use clap::Args;
use serde_json::{Value, json};
use telco_core::{
    OtpChallenge, OtpCode, OtpRequest, OtpSender, OtpVerifier, PendingOtp, Verification,
};

use super::{Account, Api, Codes, Spend};
use crate::config::Settings;
use crate::exit::{Done, Failure, accepted};
use crate::input::valid;
use crate::interrupt::answered;
use crate::output::{self, Form};
use crate::secret::Source;

/// A missed call.
#[derive(Debug, Args)]
pub(crate) struct Call {
    #[command(flatten)]
    spend: Spend,
    /// Which API
    #[arg(long, value_enum, default_value_t = Api::V2)]
    api: Api,
    /// 0 for the first call, n for the n-th that the user asked for: takes another route
    #[arg(long, value_name = "N", default_value_t = 0)]
    resend: u32,
    #[command(flatten)]
    codes: Codes,
    #[command(flatten)]
    limits: Limits,
    #[command(flatten)]
    account: Account,
}

/// How long and how often the provider lets a code be checked.
#[derive(Debug, Args)]
pub(crate) struct Limits {
    /// v3: how many seconds the code is good for
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    valid_time: u64,
    /// v3: how often it may be tried, 1 to 20
    #[arg(long, value_name = "N", default_value_t = 5)]
    limit_try: u32,
}

/// A check.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// What `call` (or `sms --otp`) printed: env:NAME, file:PATH or -
    #[arg(long, value_name = "SOURCE")]
    pending: Source,
    /// What the user typed: env:NAME, file:PATH or -
    #[arg(long, value_name = "SOURCE", default_value = "-")]
    code: Source,
    #[command(flatten)]
    codes: Codes,
    #[command(flatten)]
    account: Account,
}

/// A message.
#[derive(Debug, Args)]
pub(crate) struct Sms {
    #[command(flatten)]
    spend: Spend,
    /// Which API: only v3 has messages
    #[arg(long, value_enum, default_value_t = Api::V3)]
    api: Api,
    /// The sender id, as it is open for the account
    #[arg(long, value_name = "ID")]
    sender: String,
    /// The text. With --otp it has XXXXX where the code goes
    #[arg(long)]
    text: String,
    /// Send a code, which the provider makes and checks; prints the pending record that `verify` takes
    #[arg(long)]
    otp: bool,
    #[command(flatten)]
    limits: Limits,
    #[command(flatten)]
    account: Account,
}

const SETTLE_CALL: &str = "it may have rung: do not call again by yourself. If the user was not called, and asks for it, call \
                           with --resend 1; the old code, if one came, is not known here";
const SETTLE_SMS: &str = "the message may be on its way: do not send it again by yourself; ask Citcall, or wait for its push";

impl Limits {
    fn valid_for(&self) -> Duration {
        Duration::from_secs(self.valid_time)
    }
}

pub(super) async fn call(call: &Call, settings: &Settings, form: Form) -> Done {
    let to = call.spend.to()?;
    let (sender, base_url): (Box<dyn OtpSender>, String) = match call.api {
        Api::V2 => {
            let codes = call.codes.local(settings)?;
            let (client, base_url) = call.account.v2(settings)?;
            (Box::new(client.missed_call(codes)), base_url)
        }
        Api::V3 => {
            let (client, base_url) = call.account.v3(settings)?;
            let limits = &call.limits;
            let calls = client.missed_call(limits.valid_for(), limits.limit_try)?;
            (Box::new(calls), base_url)
        }
    };
    let reference = call.spend.begin(&base_url, "rings", &to)?;
    let request = OtpRequest::new(to, reference).as_resend(call.resend);
    let answer = answered(&request.reference, SETTLE_CALL, sender.start(&request)).await?;
    let challenge = accepted(&request.reference, answer, SETTLE_CALL)?;
    show(form, &request, &challenge);
    Ok(())
}

pub(super) async fn sms(sms: &Sms, settings: &Settings, form: Form) -> Done {
    if sms.api == Api::V2 {
        return Err(Failure::usage("v2 has no messages: use --api v3"));
    }
    let to = sms.spend.to()?;
    let (client, base_url) = sms.account.v3(settings)?;
    if sms.otp {
        let limits = &sms.limits;
        let codes =
            client.sms_code(&sms.sender, &sms.text, limits.valid_for(), limits.limit_try)?;
        let reference = sms.spend.begin(&base_url, "sends a message to", &to)?;
        let request = OtpRequest::new(to, reference);
        let answer = answered(&request.reference, SETTLE_SMS, codes.start(&request)).await?;
        let challenge = accepted(&request.reference, answer, SETTLE_SMS)?;
        show(form, &request, &challenge);
        return Ok(());
    }
    let message = v3::Sms::new(&to, sms.sender.as_str(), sms.text.as_str());
    let reference = sms.spend.begin(&base_url, "sends a message to", &to)?;
    let call = client.sms(&reference, &message);
    let answer = answered(&reference, SETTLE_SMS, call).await?;
    let sent = accepted(&reference, answer, SETTLE_SMS)?;
    output::keep(&output::facts_text(
        form,
        &[
            ("outcome", json!("accepted")),
            ("reference", json!(reference.as_str())),
            ("trxid", json!(sent.trxid)),
            ("sms_count", json!(sent.sms_count)),
            ("currency", json!(sent.currency)),
            ("price", json!(sent.price)),
        ],
    ));
    Ok(())
}

fn show(form: Form, request: &OtpRequest, challenge: &OtpChallenge) {
    let pending = challenge.pending.to_storage();
    match form {
        Form::Table => {
            output::keep(&pending);
            if let Some(hint) = &challenge.hint {
                output::note(&format!("calling from {hint}"));
            }
            output::note("keep the line above on the server until the code is typed");
        }
        Form::Json => output::keep(&output::json_text(&json!({
            "outcome": "accepted",
            "reference": request.reference.as_str(),
            "provider_id": challenge.provider_id,
            "hint": challenge.hint,
            "verifiable": challenge.verifiable,
            "pending": pending,
        }))),
    }
    if !challenge.verifiable {
        output::note("accepted, but nothing came back to check a code with: offer a resend");
    }
}

pub(super) async fn verify(verify: &Verify, settings: &Settings, form: Form) -> Done {
    if verify.pending == Source::Stdin && verify.code == Source::Stdin {
        return Err(Failure::usage(
            "standard input cannot be both the pending record and the code",
        ));
    }
    let stored = verify.pending.text()?;
    let pending = valid(PendingOtp::from_storage(stored.expose().trim()))?;
    let code = OtpCode::new(verify.code.text()?.expose());
    let checked = verifier(verify, &pending, settings)?
        .verify(&pending, &code)
        .await
        .map_err(|e| Failure::of_read(&e))?;
    let (result, left) = match &checked {
        Verification::Valid(_) => ("valid", None),
        Verification::Invalid { attempts_left } => ("wrong", *attempts_left),
        Verification::Malformed => ("malformed", None),
        Verification::Expired => ("expired", None),
        Verification::TooManyAttempts => ("locked", None),
        Verification::AlreadyUsed => ("used", None),
        Verification::NotFound => ("not found", None),
        _ => ("refused", None),
    };
    let proven = match &checked {
        Verification::Valid(number) => Some(number.masked().to_string()),
        _ => None,
    };
    // The attempt was counted, and a right code is used up.
    output::keep(&output::facts_text(
        form,
        &[
            ("valid", Value::Bool(proven.is_some())),
            ("result", json!(result)),
            ("attempts_left", json!(left)),
            ("msisdn", json!(proven)),
        ],
    ));
    if proven.is_some() {
        Ok(())
    } else {
        Err(Failure::rejected(format!(
            "the code is not right: {result}"
        )))
    }
}

/// The adapter that the record is from: its identity says which.
fn verifier(
    verify: &Verify,
    pending: &PendingOtp,
    settings: &Settings,
) -> Result<Box<dyn OtpVerifier>, Failure> {
    // Only the account of these differs; what was asked for when the code was sent is the provider's to remember.
    const ANY: (Duration, u32) = (Duration::from_secs(300), 5);
    let account = pending.identity().account();
    if account.ends_with("+v3-call") {
        let (client, _) = verify.account.v3(settings)?;
        return Ok(Box::new(client.missed_call(ANY.0, ANY.1)?));
    }
    if account.ends_with("+v3-sms") {
        let (client, _) = verify.account.v3(settings)?;
        let place = v3::SmsOtp::PLACEHOLDER;
        return Ok(Box::new(client.sms_code("", place, ANY.0, ANY.1)?));
    }
    let codes = verify.codes.local(settings)?;
    let (client, _) = verify.account.v2(settings)?;
    Ok(Box::new(client.missed_call(codes)))
}
