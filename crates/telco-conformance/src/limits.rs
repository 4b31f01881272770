//! The suite for what a client does at its limits: answers without end, many calls at once, callers that leave.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use telco_core::Reference;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::topup::fresh;
use crate::{Harness, Limits, Phase, Report, Told, judge};

/// One spending call under this reference, that the harness would deliver, and what its caller was told: whatever the
/// provider sells, one line of a test.
pub type Spend = Arc<dyn Fn(Reference) -> Pin<Box<dyn Future<Output = Told> + Send>> + Send + Sync>;

/// How many calls run at once.
const CROWD: usize = 32;

/// Checks a client at its limits. Run it on a runtime with more than one thread.
///
/// ```no_run
/// use std::sync::Arc;
/// use telco_conformance::{Harness, Limits, Spend, Told, limits};
/// use telco_core::{TopupExt, TopupIntent, TopupProvider};
///
/// # async fn suite<C: TopupProvider>(client: C, harness: &dyn Harness, patience: Limits, intent: fn(telco_core::Reference) -> TopupIntent) {
/// let client = Arc::new(client);
/// let spend: Spend = Arc::new(move |reference| {
///     let client = client.clone();
///     Box::pin(async move { Told::of(&client.submit(&intent(reference)).await) })
/// });
/// limits(&spend, harness, patience).await.assert_passed();
/// # }
/// ```
pub async fn limits(spend: &Spend, harness: &dyn Harness, patience: Limits) -> Report {
    let mut report = Report::default();
    for &phase in Phase::LIMITS {
        let name = format!("after {phase:?} the caller is told the truth, in time");
        let mut armed = true;
        let result = async {
            let reference = fresh()?;
            armed = harness.arm(&reference, phase);
            if !armed {
                return Ok(());
            }
            let told = in_time(spend, &reference, patience).await?;
            judge(told, harness.truth(&reference), Some(phase))
        };
        let result = result.await;
        if armed {
            report.check(name, result);
        } else {
            report.left_out(name, "the harness cannot do that");
        }
    }
    report.check(
        format!("{CROWD} calls at once are sent once each, and each caller is told the truth"),
        crowd(spend, harness, patience).await,
    );
    report.check(
        "a caller that leaves in the middle leaves one transmission at most",
        leaves(spend, harness).await,
    );
    report.keeps_to_itself(harness);
    report
}

async fn in_time(spend: &Spend, reference: &Reference, patience: Limits) -> Result<Told, String> {
    timeout(patience.patience, spend(reference.clone()))
        .await
        .map_err(|_| {
            format!(
                "no answer within {:?}: the client has no timeout of its own for the whole call",
                patience.patience
            )
        })
}

async fn crowd(spend: &Spend, harness: &dyn Harness, patience: Limits) -> Result<(), String> {
    let mut calls = JoinSet::new();
    for _ in 0..CROWD {
        let (spend, reference) = (Arc::clone(spend), fresh()?);
        calls.spawn(async move {
            let told = in_time(&spend, &reference, patience).await;
            (reference, told)
        });
    }
    while let Some(ended) = calls.join_next().await {
        let (reference, told) = ended.map_err(|e| e.to_string())?;
        judge(told?, harness.truth(&reference), None)?;
    }
    Ok(())
}

/// Dropped at different moments, a call may have left or not; what it must not do is go on sending by itself.
async fn leaves(spend: &Spend, harness: &dyn Harness) -> Result<(), String> {
    let mut references = Vec::new();
    for millis in [0, 1, 2, 5, 10] {
        let reference = fresh()?;
        let _ = timeout(Duration::from_millis(millis), spend(reference.clone())).await;
        references.push(reference);
    }
    sleep(Duration::from_millis(200)).await;
    for reference in &references {
        let truth = harness.truth(reference);
        if truth.received > 1 || truth.delivered > 1 {
            return Err(format!(
                "a call that was dropped arrived {} times",
                truth.received
            ));
        }
    }
    Ok(())
}
