//! The suites for [`OtpSender`] and [`OtpVerifier`].

use telco_core::{
    CodeOrigin, Delivery, Error, Identity, Msisdn, NotSent, OtpChallenge, OtpCode, OtpRequest,
    OtpSender, OtpVerifier, PendingOtp, Reference, Submission, Verification,
};
use tokio::time::timeout;

use crate::outcome::happened;
use crate::topup::fresh;
use crate::{Harness, Limits, Phase, Report, Told, Truth, judge};

type Answer = Result<Submission<OtpChallenge>, NotSent>;

async fn start(
    sender: &dyn OtpSender,
    request: &OtpRequest,
    limits: Limits,
) -> Result<Answer, String> {
    timeout(limits.patience, sender.start(request))
        .await
        .map_err(|_| {
            format!(
                "no answer within {:?}: the client has no timeout of its own",
                limits.patience
            )
        })
}

/// Checks that sending a code is honest under faults: for every sender.
pub async fn otp_sender(
    sender: &dyn OtpSender,
    harness: &dyn Harness,
    limits: Limits,
    to: &Msisdn,
) -> Report {
    let mut report = Report::default();
    let plain = async {
        let request = OtpRequest::new(to.clone(), fresh()?);
        let answer = start(sender, &request, limits).await?;
        judge(Told::of(&answer), harness.truth(&request.reference), None)?;
        let Ok(Submission::Accepted(challenge)) = answer else {
            return Err("not accepted".to_owned());
        };
        belongs_to(&challenge, &request, sender)
    };
    report.check(
        "a code without a fault is accepted and arrives once",
        plain.await,
    );
    for &phase in Phase::ALL {
        let name =
            format!("after {phase:?} the caller is told the truth, and no second code is sent");
        let mut armed = true;
        let result = async {
            let request = OtpRequest::new(to.clone(), fresh()?);
            armed = harness.arm(&request.reference, phase);
            if !armed {
                return Ok(());
            }
            let answer = start(sender, &request, limits).await?;
            judge(
                Told::of(&answer),
                harness.truth(&request.reference),
                Some(phase),
            )?;
            keeps_our_own_code(sender, &request, answer)
        };
        let result = result.await;
        if armed {
            report.check(name, result)
        } else {
            report.left_out(name, "the harness cannot do that")
        }
    }
    report.keeps_to_itself(harness);
    report
}

fn belongs_to(
    challenge: &OtpChallenge,
    request: &OtpRequest,
    sender: &dyn OtpSender,
) -> Result<(), String> {
    let pending = &challenge.pending;
    if pending.identity() != sender.identity()
        || pending.reference() != &request.reference
        || pending.to() != &request.to
    {
        return Err("the pending record is of another account, reference or number".into());
    }
    let restored = PendingOtp::from_storage(&pending.to_storage()).map_err(|e| e.to_string())?;
    if restored == *pending {
        Ok(())
    } else {
        Err("the pending record does not survive storage".into())
    }
}

/// Where we make the code, the message may have arrived though its answer was lost: its reader must get in.
fn keeps_our_own_code(
    sender: &dyn OtpSender,
    request: &OtpRequest,
    answer: Answer,
) -> Result<(), String> {
    if sender.otp_capabilities().code_origin != CodeOrigin::Client {
        return Ok(());
    }
    match answer {
        Ok(Submission::Unknown(unknown)) => match unknown.into_provisional() {
            Some(challenge) => belongs_to(&challenge, request, sender),
            None => Err("an unknown start lost the code that we made ourselves".into()),
        },
        _ => Ok(()),
    }
}

/// Checks a verifier that counts attempts on our side: everything of [`otp_remote`], and the limits.
///
/// `max_attempts` is what the verifier was set up with, at least 2.
pub async fn otp_local(
    verifier: &dyn OtpVerifier,
    harness: &dyn Harness,
    limits: Limits,
    to: &Msisdn,
    max_attempts: u32,
) -> Report {
    let mut report = otp_remote(verifier, harness, limits, to).await;
    let result = async {
        let (challenge, code) = arrived(verifier, harness, limits, to).await?;
        for attempt in 0..max_attempts {
            match check(verifier, &challenge, &wrong(&code)).await? {
                Verification::Invalid { .. } | Verification::TooManyAttempts
                    if attempt + 1 == max_attempts => {}
                Verification::Invalid { .. } => {}
                other => {
                    return Err(format!(
                        "wrong attempt {attempt} was answered {}",
                        name(&other)
                    ));
                }
            }
        }
        match check(verifier, &challenge, &code).await? {
            Verification::TooManyAttempts => Ok(()),
            other => Err(format!(
                "the right code after {max_attempts} wrong ones was answered {}",
                name(&other)
            )),
        }
    };
    report.check(
        "after the allowed number of attempts even the right code is refused",
        result.await,
    );
    let result = async {
        let (challenge, code) = arrived(verifier, harness, limits, to).await?;
        let nonsense = OtpCode::new("not a code");
        for _ in 0..=max_attempts {
            match check(verifier, &challenge, &nonsense).await? {
                Verification::Malformed => {}
                other => return Err(format!("nonsense was answered {}", name(&other))),
            }
        }
        match check(verifier, &challenge, &code).await? {
            Verification::Valid(_) => Ok(()),
            other => Err(format!(
                "nonsense used up attempts: the right code was answered {}",
                name(&other)
            )),
        }
    };
    report.check("what cannot be a code uses up no attempt", result.await);
    report
}

/// Checks that right codes let in, once, and wrong ones do not.
pub async fn otp_remote(
    verifier: &dyn OtpVerifier,
    harness: &dyn Harness,
    limits: Limits,
    to: &Msisdn,
) -> Report {
    let mut report = Report::default();
    let result = async {
        let (challenge, code) = arrived(verifier, harness, limits, to).await?;
        match check(verifier, &challenge, &wrong(&code)).await? {
            Verification::Invalid { .. } => {}
            other => return Err(format!("a wrong code was answered {}", name(&other))),
        }
        match check(verifier, &challenge, &code).await? {
            Verification::Valid(number) if number == *to => {}
            other => return Err(format!("the right code was answered {}", name(&other))),
        }
        match check(verifier, &challenge, &code).await? {
            Verification::Valid(_) => Err("the right code let in twice".into()),
            _ => Ok(()),
        }
    };
    report.check(
        "a wrong code is refused, the right one lets in, once",
        result.await,
    );
    let result = async {
        let (challenge, code) = arrived(verifier, harness, limits, to).await?;
        let pending = &challenge.pending;
        let state = pending
            .state_for(verifier.identity())
            .map_err(|e| e.to_string())?
            .to_owned();
        let foreign = Identity::new("conformance", "another account");
        let request = OtpRequest::new(to.clone(), pending.reference().clone());
        let moved = PendingOtp::new(
            &foreign,
            &request,
            pending.issued_at(),
            pending.expires_at(),
            state,
        );
        match verifier.verify(&moved, &code).await {
            Ok(Verification::Valid(_)) => {
                Err("a record of another account let somebody in".to_owned())
            }
            _ => Ok(()),
        }
    };
    report.check(
        "a pending record opens only for the account that made it",
        result.await,
    );
    report
}

/// Checks that the right code is asked about once, and answered truly when the exchange with the provider goes wrong: for
/// verifiers whose provider checks.
///
/// `checks` tells what really happened to the checks of a reference: how many arrived, and how often one let in. `harness`
/// arms faults for them (it is asked between start and check), and what it armed is over when `checks` has been asked.
pub async fn otp_verify(
    verifier: &dyn OtpVerifier,
    harness: &dyn Harness,
    limits: Limits,
    to: &Msisdn,
    checks: &(dyn Fn(&Reference) -> Truth + Sync),
) -> Report {
    let mut report = Report::default();
    let result = async {
        let (challenge, code) = arrived(verifier, harness, limits, to).await?;
        let checked = asked(verifier, &challenge, &code, limits).await?;
        judge_check(&checked, to, checks(challenge.pending.reference()), None)
    };
    report.check(
        "the right code is asked about once, and lets in",
        result.await,
    );
    for &phase in Phase::ALL {
        let name = format!(
            "after {phase:?} of a check nothing is said of the code but what is known, and it is not asked about twice"
        );
        let mut armed = true;
        let result = async {
            let (challenge, code) = arrived(verifier, harness, limits, to).await?;
            armed = harness.arm(challenge.pending.reference(), phase);
            if !armed {
                return Ok(());
            }
            let checked = asked(verifier, &challenge, &code, limits).await?;
            let before = checks(challenge.pending.reference());
            judge_check(&checked, to, before, Some(phase))?;
            if phase.acts() {
                return Ok(());
            }
            let again = asked(verifier, &challenge, &code, limits).await?;
            let after = checks(challenge.pending.reference());
            let again_alone = Truth {
                received: after.received.saturating_sub(before.received),
                delivered: after.delivered,
            };
            judge_check(&again, to, again_alone, None)
                .map_err(|why| format!("when the user tries again: {why}"))
        };
        let result = result.await;
        if armed {
            report.check(name, result)
        } else {
            report.left_out(name, "the harness cannot do that")
        }
    }
    report.keeps_to_itself(harness);
    report
}

async fn asked(
    verifier: &dyn OtpVerifier,
    challenge: &OtpChallenge,
    code: &OtpCode,
    limits: Limits,
) -> Result<Result<Verification, Error>, String> {
    timeout(limits.patience, verifier.verify(&challenge.pending, code))
        .await
        .map_err(|_| {
            format!(
                "no answer within {:?}: the client has no timeout of its own",
                limits.patience
            )
        })
}

/// What was told of a right code against what happened. An attempt may have been counted wherever a request arrived: such a
/// failure is never one to repeat.
fn judge_check(
    answer: &Result<Verification, Error>,
    to: &Msisdn,
    truth: Truth,
    phase: Option<Phase>,
) -> Result<(), String> {
    if truth.received > 1 {
        return Err(format!(
            "asked {} times: a check may use up an attempt, and is sent once",
            truth.received
        ));
    }
    if let Some(phase) = phase {
        happened(phase, truth)?;
    }
    let readable = matches!(phase, None | Some(Phase::SlowAnswer));
    // A protocol whose body is judged before its status may find the answer behind a 500.
    let may_let_in = readable || phase == Some(Phase::ActThen500);
    match answer {
        Ok(Verification::Valid(number)) if number != to => {
            Err("told Valid, and of another number".into())
        }
        Ok(Verification::Valid(_)) if truth.delivered == 0 => {
            Err("told Valid, but the provider let nobody in".into())
        }
        Ok(Verification::Valid(_)) if may_let_in => Ok(()),
        Ok(other) => Err(format!(
            "the right code was answered {}, where {} is honest",
            name(other),
            if readable {
                "only Valid"
            } else {
                "only an error"
            }
        )),
        Err(failure) if readable => Err(failure.to_string()),
        Err(failure) if truth.received > 0 && failure.delivery() == Delivery::NotSent => {
            Err("told as not sent, but a request arrived".into())
        }
        Err(failure) if truth.received > 0 && failure.is_retryable() => {
            Err("told as one to repeat, but an attempt may have been counted".into())
        }
        Err(_) => Ok(()),
    }
}

async fn arrived(
    verifier: &dyn OtpVerifier,
    harness: &dyn Harness,
    limits: Limits,
    to: &Msisdn,
) -> Result<(OtpChallenge, OtpCode), String> {
    let request = OtpRequest::new(to.clone(), fresh()?);
    let answer = timeout(limits.patience, verifier.start(&request))
        .await
        .map_err(|_| "start hangs".to_owned())?;
    let challenge = match answer {
        Ok(Submission::Accepted(challenge)) => challenge,
        other => return Err(format!("the start was told {:?}", Told::of(&other))),
    };
    let code = harness.code_at(to).ok_or("no code arrived at the phone")?;
    Ok((challenge, OtpCode::new(code)))
}

async fn check(
    verifier: &dyn OtpVerifier,
    challenge: &OtpChallenge,
    typed: &OtpCode,
) -> Result<Verification, String> {
    verifier
        .verify(&challenge.pending, typed)
        .await
        .map_err(|e| e.to_string())
}

/// Of the same shape, and another code: the last digit is one more.
pub(crate) fn wrong(code: &OtpCode) -> OtpCode {
    let mut text = code.expose().to_owned();
    let last = text.pop().and_then(|c| c.to_digit(10)).unwrap_or(0);
    text.push(char::from_digit((last + 1) % 10, 10).unwrap_or('0'));
    OtpCode::new(text)
}

fn name(verification: &Verification) -> &'static str {
    match verification {
        Verification::Valid(_) => "Valid",
        Verification::Invalid { .. } => "Invalid",
        Verification::Malformed => "Malformed",
        Verification::Expired => "Expired",
        Verification::TooManyAttempts => "TooManyAttempts",
        Verification::AlreadyUsed => "AlreadyUsed",
        Verification::NotFound => "NotFound",
        _ => "something new",
    }
}
