//! A provider that does as it is told, for what the sandbox's provider never does.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use telco_core::{
    Balance, Error, ErrorKind, Identity, Lookup, NotSent, PreparedTopup, Provider, Rejection,
    SecretBytes, Submission, TopupCapabilities, TopupIntent, TopupProvider, TopupReceipt,
    UnknownOutcome, async_trait,
};
use tokio::sync::Semaphore;

/// The next answer to a send.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Accept,
    AcceptWith(Box<TopupReceipt>),
    /// It did not act.
    Reject,
    /// No byte left.
    Refuse,
    Lose(ErrorKind),
    /// Nobody knows, but this is what holds if it did happen.
    Doubt(Box<TopupReceipt>),
}

#[derive(Clone)]
pub(crate) struct Meanwhile(pub(crate) Arc<dyn Fn() + Send + Sync>);

impl std::fmt::Debug for Meanwhile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Meanwhile")
    }
}

#[derive(Debug)]
pub(crate) struct Fake {
    pub(crate) identity: Identity,
    pub(crate) capabilities: TopupCapabilities,
    pub(crate) prepared_at: Option<SystemTime>,
    pub(crate) answers: Mutex<VecDeque<Answer>>,
    pub(crate) looks: Mutex<VecDeque<Result<Lookup, Error>>>,
    pub(crate) balance: Arc<Mutex<i64>>,
    /// Finishes no request any more, as after a change of its settings.
    pub(crate) refusing: Arc<AtomicBool>,
    /// So many readings of the balance fail.
    pub(crate) unreadable: Arc<AtomicU32>,
    pub(crate) sent: Arc<AtomicU32>,
    pub(crate) looked: Arc<AtomicU32>,
    /// Happens while a look is under way.
    pub(crate) meanwhile: Option<Meanwhile>,
    /// Each send waits for a permit, if there is one.
    pub(crate) gate: Option<Arc<Semaphore>>,
    /// So does each look, if there is one.
    pub(crate) look_gate: Option<Arc<Semaphore>>,
    looking: AtomicU32,
    /// How many looks were under way at a time, at most.
    pub(crate) looked_at_once: Arc<AtomicU32>,
}

impl Fake {
    pub(crate) fn new(capabilities: TopupCapabilities) -> Self {
        Self {
            identity: Identity::new("fake", "shop"),
            capabilities,
            prepared_at: None,
            answers: Mutex::default(),
            looks: Mutex::default(),
            balance: Arc::default(),
            refusing: Arc::default(),
            unreadable: Arc::default(),
            sent: Arc::default(),
            looked: Arc::default(),
            meanwhile: None,
            gate: None,
            look_gate: None,
            looking: AtomicU32::new(0),
            looked_at_once: Arc::default(),
        }
    }

    pub(crate) fn answering(self, answers: impl Into<VecDeque<Answer>>) -> Self {
        Self {
            answers: Mutex::new(answers.into()),
            ..self
        }
    }

    /// The last look is repeated.
    pub(crate) fn showing(self, looks: impl Into<VecDeque<Result<Lookup, Error>>>) -> Self {
        Self {
            looks: Mutex::new(looks.into()),
            ..self
        }
    }
}

impl Provider for Fake {
    fn identity(&self) -> &Identity {
        &self.identity
    }
}

#[async_trait]
impl TopupProvider for Fake {
    fn topup_capabilities(&self) -> &TopupCapabilities {
        &self.capabilities
    }

    fn prepare(&self, intent: &TopupIntent) -> Result<PreparedTopup, NotSent> {
        if self.refusing.load(Ordering::SeqCst) {
            return Err(NotSent::unsupported("not sold any more"));
        }
        let at = self.prepared_at.unwrap_or_else(SystemTime::now);
        let bytes = SecretBytes::new(format!("nonce of {}", intent.reference));
        Ok(PreparedTopup::new(
            &self.identity,
            intent.clone(),
            bytes,
            at,
        ))
    }

    async fn send(&self, prepared: PreparedTopup) -> Result<Submission<TopupReceipt>, NotSent> {
        let reference = &prepared.intent().reference;
        let bytes = prepared.bytes_for(&self.identity)?;
        assert_eq!(bytes.expose(), format!("nonce of {reference}").as_bytes());
        self.sent.fetch_add(1, Ordering::SeqCst);
        if let Some(gate) = &self.gate {
            gate.acquire().await.unwrap().forget();
        }
        let answer = self.answers.lock().unwrap().pop_front();
        Ok(match answer {
            None | Some(Answer::Accept) => {
                Submission::Accepted(TopupReceipt::new(reference.clone()))
            }
            Some(Answer::AcceptWith(receipt)) => Submission::Accepted(*receipt),
            Some(Answer::Reject) => {
                Submission::Rejected(Rejection::new(ErrorKind::InsufficientBalance, "no money"))
            }
            Some(Answer::Refuse) => {
                return Err(NotSent::new(ErrorKind::Connect, "nobody listens"));
            }
            Some(Answer::Lose(kind)) => {
                Submission::unknown(reference, Error::in_doubt(kind, "lost"))
            }
            Some(Answer::Doubt(receipt)) => {
                let cause = Error::in_doubt(ErrorKind::UnreadableAnswer, "garbled");
                let unknown = UnknownOutcome::new(reference, cause);
                let unknown = match receipt.answer.clone() {
                    Some(answer) => unknown.with_answer(answer),
                    None => unknown,
                };
                Submission::Unknown(unknown.with_provisional(*receipt))
            }
        })
    }

    async fn lookup(&self, _: &TopupIntent) -> Result<Lookup, Error> {
        let before = self.looked.fetch_add(1, Ordering::SeqCst);
        let looking = self.looking.fetch_add(1, Ordering::SeqCst) + 1;
        self.looked_at_once.fetch_max(looking, Ordering::SeqCst);
        // Not all of one length, so that some end while others go on.
        for _ in 0..10 * (1 + before % 3) {
            tokio::task::yield_now().await;
        }
        if let Some(gate) = &self.look_gate {
            gate.acquire().await.unwrap().forget();
        }
        self.looking.fetch_sub(1, Ordering::SeqCst);
        if let Some(Meanwhile(happens)) = &self.meanwhile {
            happens();
        }
        let mut looks = self.looks.lock().unwrap();
        if looks.len() > 1 {
            looks.pop_front().unwrap()
        } else {
            looks.front().cloned().unwrap_or(Ok(Lookup::NotFound))
        }
    }

    async fn balance(&self) -> Result<Balance, Error> {
        let (set, fetch) = (Ordering::SeqCst, Ordering::SeqCst);
        let fails = self
            .unreadable
            .fetch_update(set, fetch, |left| left.checked_sub(1));
        if fails.is_ok() {
            return Err(Error::answered(ErrorKind::Unavailable, "closed for lunch"));
        }
        Ok(Balance::new(super::naira(*self.balance.lock().unwrap())))
    }
}
