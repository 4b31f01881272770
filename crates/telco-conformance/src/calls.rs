//! The suite for [`CallTrigger`].

use telco_core::{
    Call, CallBatch, CallExt, CallRow, CallTrigger, Identity, Msisdn, PreparedCalls, Reference,
};
use tokio::time::timeout;

use crate::topup::fresh;
use crate::{Harness, Limits, Phase, Report, Told, judge};

/// Checks a caller. `number` gives numbers that the harness will ring, a new one each time; `dress` adds what the flow of
/// the harness needs to a call (variables).
pub async fn calls(
    trigger: &dyn CallTrigger,
    harness: &dyn Harness,
    limits: Limits,
    number: &(dyn Fn() -> Msisdn + Sync),
    dress: &(dyn Fn(Call) -> Call + Sync),
) -> Report {
    let mut report = Report::default();
    let batch = |size: usize| -> Result<CallBatch, String> {
        let calls: Result<Vec<_>, String> = (0..size)
            .map(|_| Ok(dress(Call::new(fresh()?, number()))))
            .collect();
        Ok(CallBatch::new(fresh()?, calls?))
    };
    let plain = async {
        let batch = batch(3)?;
        for (reference, told) in place(trigger, &batch, limits).await? {
            judge(told, harness.truth(&reference), None)?;
        }
        Ok(())
    };
    report.check(
        "three calls without a fault are accepted and ring once each",
        plain.await,
    );
    for &phase in Phase::ALL {
        let name = format!(
            "after {phase:?} of a request each row tells the truth, and no call is made twice"
        );
        let mut armed = true;
        let result = async {
            let batch = batch(2)?;
            armed = batch
                .calls
                .first()
                .is_some_and(|call| harness.arm(&call.reference, phase));
            if !armed {
                return Ok(());
            }
            let rows = place(trigger, &batch, limits).await?;
            if rows.len() != batch.calls.len() {
                return Err(format!(
                    "{} rows for {} calls",
                    rows.len(),
                    batch.calls.len()
                ));
            }
            rows.iter().try_for_each(|(reference, told)| {
                judge(*told, harness.truth(reference), Some(phase))
            })
        };
        let result = result.await;
        if armed {
            report.check(name, result)
        } else {
            report.left_out(name, "the harness cannot do that")
        }
    }
    let result = async {
        let size = trigger.call_capabilities().max_calls_per_request + 1;
        let batch = batch(size)?;
        let parts = trigger.prepare(&batch).map_err(|e| e.to_string())?;
        let split: Vec<_> = parts
            .iter()
            .flat_map(|part| &part.intent().calls)
            .map(|call| &call.reference)
            .collect();
        let whole: Vec<_> = batch.calls.iter().map(|call| &call.reference).collect();
        if parts.len() < 2 || split != whole {
            return Err(format!(
                "{size} calls were split into {} requests with {} calls",
                parts.len(),
                split.len()
            ));
        }
        Ok(())
    };
    report.check(
        "a batch over the limit is split, in order, with nothing lost",
        result.await,
    );
    let result = async {
        let batch = batch(1)?;
        let parts = trigger.prepare(&batch).map_err(|e| e.to_string())?;
        let frozen = parts.first().ok_or("nothing prepared")?.frozen();
        let foreign = Identity::new("conformance", "another account");
        let theirs = PreparedCalls::new(
            &foreign,
            batch.clone(),
            frozen.bytes().clone(),
            frozen.prepared_at(),
        );
        let told = Told::of(&trigger.send(theirs).await);
        let mut calls = batch.calls.iter();
        if told != Told::NotSent || calls.any(|call| harness.truth(&call.reference).received > 0) {
            return Err(format!("it was sent (told {told:?})"));
        }
        Ok(())
    };
    report.check(
        "a request prepared by another account is not sent",
        result.await,
    );
    report.keeps_to_itself(harness);
    report
}

async fn place(
    trigger: &dyn CallTrigger,
    batch: &CallBatch,
    limits: Limits,
) -> Result<Vec<(Reference, Told)>, String> {
    let report = timeout(limits.patience, trigger.place(batch))
        .await
        .map_err(|_| {
            format!(
                "no answer within {:?}: the client has no timeout of its own",
                limits.patience
            )
        })?
        .map_err(|e| e.to_string())?;
    Ok(report
        .into_iter()
        .map(|(reference, answer): CallRow| (reference, Told::of(&answer)))
        .collect())
}
