//! Rows that the provider refused, sent once more.

use telco_core::{NotSent, Submission, TopupIntent, TopupReceipt};
use telco_ledger::{Filter, Guard, Ledger, Options, State};
use tokio::task::JoinSet;

use super::run::{Shared, TAKEN};
use crate::exit::{Done, Failure};

/// Sends every row again of which the provider said that it did not act. What is unknown, unresolved or decided by a person
/// is none of them, and the ledger refuses it besides. Each row once: one that is refused again stays refused.
pub(super) async fn rejected(ledger: &Ledger, shared: &Shared) -> Done {
    let mut filter = Filter::default()
        .job(&shared.job)
        .state(State::Rejected)
        .at_most(TAKEN);
    let mut on_the_way = JoinSet::new();
    let mut outcome = Ok(());
    'pages: while shared.stop.why().is_none() {
        let page = ledger.list(filter.clone()).await;
        let page = match page.map_err(|e| Failure::of_ledger(&e)) {
            Ok(page) => page,
            Err(failure) => {
                outcome = Err(failure);
                break;
            }
        };
        let Some(last) = page.last() else { break };
        filter = filter.after(last.id);
        for row in page {
            if shared.stop.why().is_some() {
                break 'pages;
            }
            if on_the_way.len() >= shared.pace.concurrency
                && let Some(Ok(answer)) = on_the_way.join_next().await
            {
                shared.judge(answer);
            }
            let options = shared.options.reissue();
            on_the_way.spawn(send(
                ledger.clone(),
                row.intent,
                options,
                shared.stop.clone(),
            ));
        }
    }
    while let Some(answer) = on_the_way.join_next().await {
        if let Ok(answer) = answer {
            shared.judge(answer);
        }
    }
    outcome
}

/// One row. The pace of all workers is waited for.
async fn send(
    ledger: Ledger,
    intent: TopupIntent,
    options: Options,
    stop: super::stop::Stop,
) -> Result<Submission<TopupReceipt>, NotSent> {
    loop {
        let answer = ledger.submit_with(&intent, options).await;
        let wait = match &answer {
            Err(refusal) if Guard::behind(refusal.as_error()) == Some(Guard::Rate) => {
                refusal.as_error().retry_after()
            }
            _ => None,
        };
        match wait {
            Some(wait) if stop.why().is_none() => tokio::time::sleep(wait).await,
            _ => return answer,
        }
    }
}
