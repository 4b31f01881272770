//! The rules in force, and what they choose for one request or callback.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{CallbackFault, FaultRule, Phase, When};
use crate::random::{self, Draw};

/// What the rules chose for one request.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Chosen {
    pub(crate) phase: Option<Phase>,
    pub(crate) quirk: Option<String>,
    pub(crate) delay: Duration,
    pub(crate) location: String,
    pub(crate) lookup_delay: Duration,
}

/// The rules in force.
#[derive(Debug)]
pub struct Faults {
    seed: u64,
    rules: Mutex<Rules>,
}

#[derive(Debug, Default)]
struct Rules {
    /// Each with how often it met its occasion (`nth`) or took effect (`times`).
    list: Vec<(FaultRule, u64)>,
    /// How many requests each (provider, operation, reference) has made, by key. Two generations bound its size.
    seen: HashMap<u64, u64>,
    seen_before: HashMap<u64, u64>,
}

/// References counted per generation.
const GENERATION: usize = 500_000;

impl Faults {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            rules: Mutex::default(),
        }
    }

    fn rules(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a rule. Where several match, the first that takes effect decides the phase; later ones may still add a
    /// quirk or a lookup delay.
    pub fn add(&self, rule: FaultRule) {
        self.rules().list.push((rule, 0));
    }

    /// Replaces all rules.
    pub fn set(&self, rules: impl IntoIterator<Item = FaultRule>) {
        *self.rules() = Rules {
            list: rules.into_iter().map(|rule| (rule, 0)).collect(),
            ..Rules::default()
        };
    }

    /// Removes all rules: from now on everything works.
    pub fn clear(&self) {
        self.set([]);
    }

    /// The rules in force.
    #[must_use]
    pub fn list(&self) -> Vec<FaultRule> {
        self.rules()
            .list
            .iter()
            .map(|(rule, _)| rule.clone())
            .collect()
    }

    /// Whether this connection is reset unread: the one thing that is decided before there is a request. Where a rule has
    /// other phases too, they are drawn from all of them, and what is not [`Phase::Refuse`] is left to the request.
    pub(crate) fn refuses(&self, provider: &str) -> bool {
        let mut refused = false;
        let refuse = |rule: &FaultRule, draw: &mut Draw| {
            let concerns = rule.callback.is_none() && rule.phases.contains(&Phase::Refuse);
            concerns
                .then(|| drawn(&rule.phases, draw))?
                .filter(|phase| *phase == Phase::Refuse)
        };
        self.fire(&[provider, "connect", ""], None, None, refuse, |_, _| {
            !std::mem::replace(&mut refused, true)
        });
        refused
    }

    /// Chooses for one request. `phase_fits` says which phases can happen at this point of its life.
    pub(crate) fn choose(
        &self,
        provider: &str,
        operation: &str,
        number: Option<&str>,
        reference: Option<&str>,
        phase_fits: impl Fn(Phase) -> bool,
    ) -> Chosen {
        let mut chosen = Chosen::default();
        let offer = |rule: &FaultRule, draw: &mut Draw| match rule.phases.as_slice() {
            _ if rule.callback.is_some() => None,
            [] => Some(None),
            phases => {
                let first = drawn(phases, draw).filter(|phase| phase_fits(*phase));
                let fitting = || {
                    phases
                        .iter()
                        .copied()
                        .filter(|phase| phase_fits(*phase))
                        .collect::<Vec<_>>()
                };
                first.or_else(|| drawn(&fitting(), draw)).map(Some)
            }
        };
        let words = [provider, operation, reference.unwrap_or("")];
        self.fire(&words, number, reference, offer, |rule, phase| {
            let mut applied = false;
            if phase.is_some() && chosen.phase.is_none() {
                applied = true;
                chosen.phase = phase;
                chosen.delay = Duration::from_millis(rule.delay_ms);
                chosen.location.clone_from(&rule.location);
            }
            if rule.quirk.is_some() && chosen.quirk.is_none() {
                applied = true;
                chosen.quirk.clone_from(&rule.quirk);
            }
            let lookup_delay = Duration::from_millis(rule.lookup_delay_ms);
            if lookup_delay > chosen.lookup_delay {
                applied = true;
                chosen.lookup_delay = lookup_delay;
            }
            applied
        });
        chosen
    }

    /// Chooses for one callback.
    pub(crate) fn choose_callback(
        &self,
        provider: &str,
        operation: &str,
        number: Option<&str>,
        reference: Option<&str>,
    ) -> Option<(CallbackFault, Duration)> {
        let mut chosen = None;
        let words = [provider, operation, reference.unwrap_or(""), "callback"];
        let offer = |rule: &FaultRule, _: &mut Draw| rule.callback;
        self.fire(&words, number, reference, offer, |rule, fault| {
            let first = chosen.is_none();
            chosen.get_or_insert((fault, Duration::from_millis(rule.delay_ms)));
            first
        });
        chosen
    }

    /// Runs `apply` on what each rule that matches offers for this occasion, if it takes effect now. A rule that offers
    /// nothing has not met the occasion, and what another rule has already decided uses up none of its `times`.
    /// `words` begin with provider and operation.
    fn fire<T>(
        &self,
        words: &[&str],
        number: Option<&str>,
        reference: Option<&str>,
        offer: impl Fn(&FaultRule, &mut Draw) -> Option<T>,
        mut apply: impl FnMut(&FaultRule, T) -> bool,
    ) {
        let mut rules = self.rules();
        if rules.list.is_empty() {
            return;
        }
        let (provider, operation) = (
            words.first().copied().unwrap_or(""),
            words.get(1).copied().unwrap_or(""),
        );
        let n = rules.count(random::key(self.seed, words));
        for (index, (rule, hits)) in rules.list.iter_mut().enumerate() {
            if !rule.matches(provider, operation, number, reference) {
                continue;
            }
            let mut draw = Draw::new(self.seed.wrapping_add(index as u64), words, n);
            let lucky = match &rule.when {
                When::Chance(p) => draw.next_unit() < *p,
                _ => true,
            };
            let Some(offered) = offer(rule, &mut draw) else {
                continue;
            };
            let turn = hits.saturating_add(1);
            let (now, counts) = match &rule.when {
                When::Always | When::Chance(_) => (lucky, false),
                When::Times(times) => (turn <= *times, false),
                When::Nth(which) => (which.contains(&turn), true),
            };
            let applied = now && apply(rule, offered);
            if applied || counts {
                *hits = turn;
            }
        }
    }
}

/// One of these phases.
fn drawn(phases: &[Phase], draw: &mut Draw) -> Option<Phase> {
    let at = usize::try_from(draw.below(phases.len() as u64)).ok()?;
    phases.get(at).copied()
}

impl Rules {
    fn count(&mut self, key: u64) -> u64 {
        if self.seen.len() >= GENERATION && !self.seen.contains_key(&key) {
            self.seen_before = std::mem::take(&mut self.seen);
        }
        let before = self.seen_before.get(&key).copied().unwrap_or(0);
        let n = self.seen.entry(key).or_insert(before);
        *n = n.saturating_add(1);
        *n
    }
}
