//! The suite for [`SubscriptionOtp`], whose check charges.

use telco_core::{Msisdn, OtpChallenge, OtpCode, OtpRequest, Submission, SubscriptionOtp};
use tokio::time::timeout;

use crate::otp::wrong;
use crate::topup::fresh;
use crate::{Harness, Limits, Phase, Report, Told, Truth, judge};

/// Checks that a commit charges at most once, and that every answer to it is true.
///
/// `charges` tells what really happened to the commits of a reference; `harness` arms faults for them (arm the start and
/// it would be the start that fails, so the harness is asked between the two).
pub async fn subscription(
    provider: &dyn SubscriptionOtp,
    harness: &dyn Harness,
    limits: Limits,
    to: &(dyn Fn() -> Msisdn + Sync),
    charges: &(dyn Fn(&telco_core::Reference) -> Truth + Sync),
) -> Report {
    let mut report = Report::default();
    let result = async {
        let (challenge, code) = arrived(provider, harness, limits, &to()).await?;
        let reference = challenge.pending.reference();
        let told = commit(provider, &challenge, &wrong(&code), limits).await?;
        if told != Told::Rejected || charges(reference).delivered > 0 {
            return Err(format!("a wrong code was told {told:?}"));
        }
        let before = charges(reference).received;
        let told = commit(provider, &challenge, &code, limits).await?;
        let truth = charges(reference);
        judge(
            told,
            Truth {
                received: truth.received - before,
                ..truth
            },
            None,
        )?;
        let again = commit(provider, &challenge, &code, limits).await?;
        if charges(reference).delivered > 1 {
            return Err("a second commit charged again".into());
        }
        match again {
            Told::Unknown | Told::NotSent => Ok(()),
            told => Err(format!(
                "a second commit was told {told:?}, where something acted before"
            )),
        }
    };
    report.check(
        "a wrong code is rejected, the right one charges once, a second commit is unknown",
        result.await,
    );
    for &phase in Phase::ALL {
        let name = format!(
            "after {phase:?} of a commit the caller is told the truth, and nothing is charged twice"
        );
        let mut armed = true;
        let result = async {
            let (challenge, code) = arrived(provider, harness, limits, &to()).await?;
            let reference = challenge.pending.reference();
            armed = harness.arm(reference, phase);
            if !armed {
                return Ok(());
            }
            let told = commit(provider, &challenge, &code, limits).await?;
            judge(told, charges(reference), Some(phase))
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

async fn arrived(
    provider: &dyn SubscriptionOtp,
    harness: &dyn Harness,
    limits: Limits,
    to: &Msisdn,
) -> Result<(OtpChallenge, OtpCode), String> {
    let request = OtpRequest::new(to.clone(), fresh()?);
    let answer = timeout(limits.patience, provider.start(&request))
        .await
        .map_err(|_| "start hangs".to_owned())?;
    let challenge = match answer {
        Ok(Submission::Accepted(challenge)) => challenge,
        other => return Err(format!("the start was told {:?}", Told::of(&other))),
    };
    let code = harness.code_at(to).ok_or("no code arrived at the phone")?;
    Ok((challenge, OtpCode::new(code)))
}

async fn commit(
    provider: &dyn SubscriptionOtp,
    challenge: &OtpChallenge,
    code: &OtpCode,
    limits: Limits,
) -> Result<Told, String> {
    let answer = timeout(limits.patience, provider.commit(&challenge.pending, code))
        .await
        .map_err(|_| {
            format!(
                "no answer within {:?}: the client has no timeout of its own",
                limits.patience
            )
        })?;
    Ok(Told::of(&answer))
}
