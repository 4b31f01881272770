//! The suite for [`TopupProvider`].

use telco_core::{
    FrozenTopup, Identity, Lookup, LookupSupport, NotSent, PreparedTopup, Reference, ReplayGuard,
    Submission, TopupExt, TopupIntent, TopupProvider, TopupReceipt,
};
use tokio::time::timeout;

use crate::{Harness, Limits, Phase, Report, Told, judge};

/// Checks a top-up provider against its harness. `intent` makes one that the harness will deliver, for a reference.
///
/// Fresh references are used throughout, so the suite may run many times against one server.
pub async fn topup(
    provider: &dyn TopupProvider,
    harness: &dyn Harness,
    limits: Limits,
    intent: &(dyn Fn(Reference) -> TopupIntent + Sync),
) -> Report {
    let mut report = Report::default();
    plain(&mut report, provider, harness, limits, intent).await;
    for &phase in Phase::ALL {
        faulted(&mut report, provider, harness, limits, intent, phase).await;
    }
    belongs_to_its_account(&mut report, provider, harness, intent).await;
    replay_is_gated(&mut report, provider, harness, intent).await;
    never_sent_is_not_found(&mut report, provider, intent).await;
    tells_its_balance(&mut report, provider, limits).await;
    report.keeps_to_itself(harness);
    // The one copy that may use a nonce again, so it comes last.
    an_allowed_replay(&mut report, provider, harness, limits, intent).await;
    report
}

pub(crate) fn fresh() -> Result<Reference, String> {
    Reference::generate().map_err(|e| e.to_string())
}

type Answer = Result<Submission<TopupReceipt>, NotSent>;

async fn submit(
    provider: &dyn TopupProvider,
    intent: &TopupIntent,
    limits: Limits,
) -> Result<Answer, String> {
    in_time(limits, provider.submit(intent)).await
}

async fn in_time<T>(limits: Limits, call: impl Future<Output = T>) -> Result<T, String> {
    timeout(limits.patience, call).await.map_err(|_| {
        format!(
            "no answer within {:?}: the client has no timeout of its own",
            limits.patience
        )
    })
}

async fn plain(
    report: &mut Report,
    provider: &dyn TopupProvider,
    harness: &dyn Harness,
    limits: Limits,
    intent: &(dyn Fn(Reference) -> TopupIntent + Sync),
) {
    let result = async {
        let intent = intent(fresh()?);
        let answer = submit(provider, &intent, limits).await?;
        judge(Told::of(&answer), harness.truth(&intent.reference), None)?;
        match answer {
            Ok(Submission::Accepted(receipt)) if receipt.reference != intent.reference => {
                Err("the receipt names another reference".into())
            }
            _ => Ok(()),
        }
    };
    report.check(
        "a top-up without a fault is accepted and delivered once",
        result.await,
    );
}

async fn faulted(
    report: &mut Report,
    provider: &dyn TopupProvider,
    harness: &dyn Harness,
    limits: Limits,
    intent: &(dyn Fn(Reference) -> TopupIntent + Sync),
    phase: Phase,
) {
    let name = format!("after {phase:?} the caller is told the truth, and nothing is sent twice");
    let mut armed = true;
    let result = async {
        let intent = intent(fresh()?);
        armed = harness.arm(&intent.reference, phase);
        if !armed {
            return Ok(());
        }
        let answer = submit(provider, &intent, limits).await?;
        let truth = harness.truth(&intent.reference);
        judge(Told::of(&answer), truth, Some(phase))?;
        if truth.delivered == 1 {
            found_later(provider, &intent).await
        } else {
            Ok(())
        }
    };
    let result = result.await;
    if armed {
        report.check(name, result)
    } else {
        report.left_out(name, "the harness cannot do that")
    }
}

/// What was delivered is found by lookup, if the provider has one, on its own schedule.
async fn found_later(provider: &dyn TopupProvider, intent: &TopupIntent) -> Result<(), String> {
    let Some(rules) = provider.topup_capabilities().rules(intent.product.kind()) else {
        return Err("the capabilities do not name the product that was sold".into());
    };
    if rules.lookup == LookupSupport::None {
        return Ok(());
    }
    for wait in std::iter::once(&std::time::Duration::ZERO).chain(&rules.poll_after) {
        tokio::time::sleep(*wait).await;
        match provider.lookup(intent).await {
            Ok(Lookup::Found(_)) => return Ok(()),
            Ok(Lookup::Mismatch(_)) => {
                return Err("the lookup says that something else is on record".into());
            }
            Ok(Lookup::NotFound) | Err(_) => {}
        }
    }
    Err("it was delivered, but the lookup never found it".into())
}

async fn belongs_to_its_account(
    report: &mut Report,
    provider: &dyn TopupProvider,
    harness: &dyn Harness,
    intent: &(dyn Fn(Reference) -> TopupIntent + Sync),
) {
    let result = async {
        let intent = intent(fresh()?);
        let mine = provider.prepare(&intent).map_err(|e| e.to_string())?;
        let frozen = mine.frozen();
        let foreign = Identity::new("conformance", "another account");
        let theirs = PreparedTopup::new(
            &foreign,
            intent.clone(),
            frozen.bytes().clone(),
            frozen.prepared_at(),
        );
        let told = Told::of(&provider.send(theirs).await);
        if told != Told::NotSent || harness.truth(&intent.reference).received > 0 {
            return Err(format!(
                "a request prepared by another account was sent (told {told:?})"
            ));
        }
        Ok(())
    };
    report.check(
        "a request prepared by another account is not sent",
        result.await,
    );
}

async fn replay_is_gated(
    report: &mut Report,
    provider: &dyn TopupProvider,
    harness: &dyn Harness,
    intent: &(dyn Fn(Reference) -> TopupIntent + Sync),
) {
    let name = "a replay that the capabilities do not allow sends nothing and ends unknown";
    let result = async {
        let intent = intent(fresh()?);
        let prepared = provider.prepare(&intent).map_err(|e| e.to_string())?;
        let frozen: &FrozenTopup = prepared.frozen();
        let guard = provider
            .topup_capabilities()
            .rules(intent.product.kind())
            .map(|rules| rules.replay);
        let late = match guard {
            Some(ReplayGuard::ByteIdentical { within }) => {
                frozen.prepared_at() + within + std::time::Duration::from_secs(1)
            }
            _ => frozen.prepared_at(),
        };
        let answer = provider.replay(frozen, late).await;
        if !matches!(answer, Submission::Unknown(_))
            || harness.truth(&intent.reference).received > 0
        {
            return Err("it was sent".into());
        }
        Ok(())
    };
    report.check(name, result.await);
}

/// Where the capabilities allow a replay, it is made: what was done once stays done once, and is told as such or not at all.
async fn an_allowed_replay(
    report: &mut Report,
    provider: &dyn TopupProvider,
    harness: &dyn Harness,
    limits: Limits,
    intent: &(dyn Fn(Reference) -> TopupIntent + Sync),
) {
    let name =
        "a replay that the capabilities allow is delivered once, and told as accepted or unknown";
    let mut allowed = true;
    let result = async {
        let intent = intent(fresh()?);
        let rules = provider.topup_capabilities().rules(intent.product.kind());
        allowed = rules.is_some_and(|rules| rules.replay != ReplayGuard::None);
        if !allowed {
            return Ok(());
        }
        let prepared = provider.prepare(&intent).map_err(|e| e.to_string())?;
        let frozen = prepared.frozen().clone();
        // If the harness can lose the first answer, the replay is one that somebody would make.
        let _ = harness.arm(&intent.reference, Phase::ActThenReset);
        let first = Told::of(&in_time(limits, provider.send(prepared)).await?);
        let again = in_time(limits, provider.replay(&frozen, frozen.prepared_at())).await?;
        let delivered = harness.truth(&intent.reference).delivered;
        match Told::of(&Ok(again)) {
            Told::Accepted | Told::Unknown if delivered == 1 => Ok(()),
            told => Err(format!(
                "told {first:?}, then {told:?}, and delivered {delivered} times"
            )),
        }
    };
    let result = result.await;
    if allowed {
        report.check(name, result);
    } else {
        report.left_out(name, "the capabilities allow none");
    }
}

async fn tells_its_balance(report: &mut Report, provider: &dyn TopupProvider, limits: Limits) {
    let result = async {
        match in_time(limits, provider.balance()).await? {
            Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    };
    report.check("the balance is told", result.await);
}

async fn never_sent_is_not_found(
    report: &mut Report,
    provider: &dyn TopupProvider,
    intent: &(dyn Fn(Reference) -> TopupIntent + Sync),
) {
    let result = async {
        match provider.lookup(&intent(fresh()?)).await {
            Ok(Lookup::Found(_) | Lookup::Mismatch(_)) => Err("something was found".to_owned()),
            Ok(Lookup::NotFound) | Err(_) => Ok(()),
        }
    };
    report.check(
        "a lookup of what was never sent finds nothing",
        result.await,
    );
}
