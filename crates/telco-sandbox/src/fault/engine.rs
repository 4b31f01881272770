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
        let concerns = |rule: &FaultRule| {
            rule.callback.is_none()
                && (rule.phases.is_empty() || rule.phases.iter().any(|p| phase_fits(*p)))
        };
        let words = [provider, operation, reference.unwrap_or("")];
        self.fire(&words, number, reference, concerns, |rule, draw| {
            let at = usize::try_from(draw.below(rule.phases.len() as u64)).unwrap_or(0);
            let drawn = rule
                .phases
                .get(at)
                .copied()
                .filter(|phase| phase_fits(*phase));
            if drawn.is_some() && chosen.phase.is_none() {
                chosen.phase = drawn;
                chosen.delay = Duration::from_millis(rule.delay_ms);
                chosen.location.clone_from(&rule.location);
            }
            if chosen.quirk.is_none() {
                chosen.quirk.clone_from(&rule.quirk);
            }
            chosen.lookup_delay = chosen
                .lookup_delay
                .max(Duration::from_millis(rule.lookup_delay_ms));
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
        self.fire(
            &words,
            number,
            reference,
            |rule| rule.callback.is_some(),
            |rule, _| {
                if let Some(fault) = rule.callback {
                    chosen.get_or_insert((fault, Duration::from_millis(rule.delay_ms)));
                }
            },
        );
        chosen
    }

    /// Runs `apply` on each rule that concerns this occasion and takes effect. `words` begin with provider and operation.
    fn fire(
        &self,
        words: &[&str],
        number: Option<&str>,
        reference: Option<&str>,
        concerns: impl Fn(&FaultRule) -> bool,
        mut apply: impl FnMut(&FaultRule, &mut Draw),
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
            if !concerns(rule) || !rule.matches(provider, operation, number, reference) {
                continue;
            }
            *hits = hits.saturating_add(1);
            let mut draw = Draw::new(self.seed.wrapping_add(index as u64), words, n);
            let now = match &rule.when {
                When::Always => true,
                When::Times(times) => *hits <= *times,
                When::Nth(which) => which.contains(hits),
                When::Chance(p) => draw.next_unit() < *p,
            };
            if now {
                apply(rule, &mut draw);
            }
        }
    }
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
