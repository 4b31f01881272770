//! What a room has while it answers one request.

use std::time::{Duration, SystemTime};

use crate::callback::Callback;
use crate::clock::Clock;
use crate::fault::{Chosen, Faults, Phase};
use crate::handset::{Arrival, Handsets, Received};
use crate::ledger::{Asked, Detail, Entry, Ledger, What};
use crate::random::Draw;
use crate::room::Halt;
use crate::text::excerpt;

/// Bytes kept of one explanation, which may quote what came from outside, and of all those of a request.
const NEAR_MISS: usize = 4_096;
const NEAR_MISSES: usize = 16_384;
const MORE: &str = "there is more to say, and no room for it";

/// Everything a room needs while it answers one request.
#[derive(Debug)]
pub struct Visit<'a> {
    pub(crate) world: World<'a>,
    pub(crate) provider: &'static str,
    pub(crate) exchange: u64,
    /// Whether the connection already served a request.
    pub(crate) reused: bool,
    pub(crate) operation: &'static str,
    pub(crate) reference: Option<String>,
    pub(crate) number: Option<String>,
    pub(crate) detail: Detail,
    pub(crate) chosen: Chosen,
    pub(crate) acted: bool,
    pub(crate) near_misses: Vec<String>,
    pub(crate) touched: Vec<Touched>,
    pub(crate) callbacks: Vec<Callback>,
    /// Whether something reached a phone.
    pub(crate) rang: bool,
    random: Option<Draw>,
}

/// An operation that this request did something to.
#[derive(Debug)]
pub(crate) struct Touched {
    pub(crate) reference: String,
    pub(crate) entry: Entry,
    /// Which request for it this one is, if it is one: no other has this number, however many come at once.
    nth: Option<u64>,
}

/// What all visits share.
#[derive(Debug, Clone, Copy)]
pub(crate) struct World<'a> {
    pub(crate) seed: u64,
    pub(crate) clock: &'a Clock,
    pub(crate) faults: &'a Faults,
    pub(crate) ledger: &'a Ledger,
    pub(crate) handsets: &'a Handsets,
}

impl<'a> Visit<'a> {
    pub(crate) fn new(
        world: World<'a>,
        provider: &'static str,
        exchange: u64,
        reused: bool,
    ) -> Self {
        Self {
            world,
            provider,
            exchange,
            reused,
            operation: "",
            reference: None,
            number: None,
            detail: Vec::new(),
            chosen: Chosen::default(),
            acted: false,
            near_misses: Vec::new(),
            touched: Vec::new(),
            callbacks: Vec::new(),
            rang: false,
            random: None,
        }
    }

    /// The caller's reference of the business operation. Say it before [`begin`](Self::begin).
    pub fn reference(&mut self, reference: impl Into<String>) -> &mut Self {
        self.reference = Some(reference.into());
        self
    }

    /// The phone number it concerns, in the provider's form. Say it before [`begin`](Self::begin).
    pub fn number(&mut self, number: impl Into<String>) -> &mut Self {
        self.number = Some(number.into());
        self
    }

    /// One more thing the ledger should show. Say it before [`begin_spending`](Self::begin_spending).
    pub fn detail(&mut self, name: &'static str, value: impl Into<String>) -> &mut Self {
        self.detail.push((name, value.into()));
        self
    }

    /// Says which operation this is: a read, or a call whose business operations the room itself will name with
    /// [`request_for`](Self::request_for) (a batch). Faults that come before acting happen here.
    ///
    /// # Errors
    ///
    /// [`Halt`], to hand on with `?`.
    pub fn begin(&mut self, operation: &'static str) -> Result<(), Halt> {
        self.operation = operation;
        let reused = self.reused;
        let fits = |phase| match phase {
            Phase::Refuse => false,
            Phase::ResetReused => reused,
            _ => true,
        };
        self.chosen = self.world.faults.choose(
            self.provider,
            operation,
            self.number.as_deref(),
            self.reference.as_deref(),
            fits,
        );
        match self.chosen.phase {
            Some(phase) if !phase.acts() => Err(Halt(phase)),
            _ => Ok(()),
        }
    }

    /// [`begin`](Self::begin) for an operation that costs: the ledger opens (or finds) the operation of this reference
    /// and counts the request. Without a reference, the request is an operation of its own.
    ///
    /// # Errors
    ///
    /// [`Halt`], to hand on with `?`.
    pub fn begin_spending(&mut self, operation: &'static str) -> Result<(), Halt> {
        let reference = self
            .reference
            .take()
            .unwrap_or_else(|| format!("request-{}", self.exchange));
        let (number, detail) = (self.number.clone(), std::mem::take(&mut self.detail));
        self.ask(operation, &reference, || (number, detail));
        self.reference = Some(reference);
        self.begin(operation)
    }

    /// Opens (or finds) one business operation and counts a request for it: for the members of a batch.
    pub fn request_for(
        &mut self,
        kind: &'static str,
        reference: &str,
        number: Option<&str>,
        detail: &[(&'static str, String)],
    ) {
        self.ask(kind, reference, || {
            (number.map(str::to_owned), detail.to_vec())
        });
    }

    fn ask(
        &mut self,
        kind: &'static str,
        reference: &str,
        about: impl FnOnce() -> (Option<String>, Detail),
    ) {
        let asked = Asked {
            provider: self.provider,
            kind,
            reference,
        };
        let World { ledger, clock, .. } = self.world;
        let (entry, nth) = ledger.requested(clock.now_ms(), self.exchange, &asked, about);
        self.touch(reference, entry, Some(nth));
    }

    /// It really happened: the operation of this request was done once (more).
    pub fn deliver(&mut self) {
        if let Some(reference) = self.reference.take() {
            self.deliver_of(&reference);
            self.reference = Some(reference);
        }
    }

    /// It really happened: for one member of a batch.
    pub fn deliver_of(&mut self, reference: &str) {
        self.acted = true;
        let entry = self.world.ledger.delivered(
            self.world.clock.now_ms(),
            self.exchange,
            self.provider,
            reference,
        );
        self.touch(reference, entry, None);
    }

    /// It did not happen, and why.
    pub fn refuse(&mut self, why: &str) {
        if let Some(reference) = self.reference.take() {
            if self.touched.iter().any(|t| t.reference == reference) {
                self.refuse_of(&reference, why);
            }
            self.reference = Some(reference);
        }
    }

    /// It did not happen, for one member of a batch.
    pub fn refuse_of(&mut self, reference: &str, why: &str) {
        let entry = self.world.ledger.refused(
            self.world.clock.now_ms(),
            self.exchange,
            self.provider,
            reference,
            why,
        );
        self.touch(reference, entry, None);
    }

    /// The reference under which the ledger files this request; empty before there is one.
    #[must_use]
    pub fn reference_of(&self) -> &str {
        self.reference.as_deref().unwrap_or("")
    }

    /// Something reaches a phone; its number in international digits. Tests read it with
    /// [`Sandbox::handset`](crate::Sandbox::handset).
    pub fn arrive(&mut self, number: &str, arrival: Arrival) {
        let reference = self.reference_of().to_owned();
        self.arrive_of(&reference, number, arrival);
    }

    /// The same for one member of a batch.
    pub fn arrive_of(&mut self, reference: &str, number: &str, arrival: Arrival) {
        let received = Received::new(self.now_ms(), self.provider, reference, arrival);
        self.world.handsets.arrive(number, received);
        self.rang = true;
    }

    /// A line in the story of an existing operation: a lookup of it, a reversal, a note.
    pub fn note(&mut self, reference: &str, what: What) {
        self.world.ledger.note(
            self.world.clock.now_ms(),
            self.exchange,
            self.provider,
            reference,
            what,
        );
    }

    /// Explains a refusal to the developer: shown in the admin API and on screen, never in the provider's answer.
    pub fn near_miss(&mut self, text: impl Into<String>) {
        let kept: usize = self.near_misses.iter().map(String::len).sum();
        match kept < NEAR_MISSES {
            true => self
                .near_misses
                .push(excerpt(text.into().as_bytes(), NEAR_MISS)),
            false if self.near_misses.last().is_none_or(|last| last != MORE) => {
                self.near_misses.push(MORE.to_owned());
            }
            false => {}
        }
    }

    /// Pushes a callback to the listener of this provider (or to the URL it names), after the answer.
    pub fn push(&mut self, callback: Callback) {
        self.callbacks.push(callback);
    }

    /// The time the provider believes it is.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.world.clock.now()
    }

    /// The same in milliseconds since the epoch.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.world.clock.now_ms()
    }

    /// How long what is done now stays invisible to lookups, beyond the room's own setting.
    #[must_use]
    pub fn lookup_delay(&self) -> Duration {
        self.chosen.lookup_delay
    }

    /// Whether a rule asks this room to misbehave in this way.
    #[must_use]
    pub fn quirk(&self, name: &str) -> bool {
        self.chosen.quirk.as_deref() == Some(name)
    }

    /// Chance that repeats: the same seed, operation, reference and request number give the same stream.
    pub fn random(&mut self) -> &mut Draw {
        let draw = self.random.take().unwrap_or_else(|| self.draw());
        self.random.insert(draw)
    }

    fn draw(&self) -> Draw {
        let reference = self.reference_of();
        let ordinal = match reference {
            "" => self.exchange,
            known => {
                let mut touched = self.touched.iter();
                let asked = touched.find(|touched| touched.reference == known);
                let nth = asked.and_then(|touched| touched.nth);
                nth.unwrap_or_else(|| self.world.ledger.requests_of(self.provider, known))
            }
        };
        Draw::new(
            self.world.seed,
            &[self.provider, self.operation, reference, "room"],
            ordinal,
        )
    }

    fn touch(&mut self, reference: &str, entry: Entry, nth: Option<u64>) {
        if !self.touched.iter().any(|t| t.entry == entry) {
            self.touched.push(Touched {
                reference: reference.to_owned(),
                entry,
                nth,
            });
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// What visits share, for the tests of rooms.
    pub(crate) struct Ground {
        clock: Clock,
        faults: Faults,
        ledger: Ledger,
        handsets: Handsets,
    }

    impl Ground {
        pub(crate) fn new() -> Self {
            Self {
                clock: Clock::default(),
                faults: Faults::new(0),
                ledger: Ledger::new(10),
                handsets: Handsets::default(),
            }
        }

        pub(crate) fn visit(&self, provider: &'static str, exchange: u64) -> Visit<'_> {
            let world = World {
                seed: 0,
                clock: &self.clock,
                faults: &self.faults,
                ledger: &self.ledger,
                handsets: &self.handsets,
            };
            Visit::new(world, provider, exchange, false)
        }
    }

    #[test]
    fn two_copies_at_once_draw_each_their_own_chance() {
        let ground = Ground::new();
        let (mut one, mut two) = (ground.visit("p", 1), ground.visit("p", 2));
        for visit in [&mut one, &mut two] {
            visit.reference("same").begin_spending("o").unwrap();
        }
        assert_ne!(one.random().hex(32), two.random().hex(32));
    }

    #[test]
    fn explanations_are_bounded_in_length_and_number() {
        let ground = Ground::new();
        let mut visit = ground.visit("p", 1);
        for _ in 0..100 {
            visit.near_miss("x".repeat(10_000));
        }
        let kept: usize = visit.near_misses.iter().map(String::len).sum();
        assert!(kept < NEAR_MISS + NEAR_MISSES + 200, "{kept}");
        assert_eq!(visit.near_misses.last().map(String::as_str), Some(MORE));
    }
}
