//! One fault: whom it concerns, when, and what happens.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{CallbackFault, Phase};

/// When a rule that matches takes effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum When {
    /// Each time.
    Always,
    /// The first so many times that it takes effect.
    Times(u64),
    /// These times, counted from 1 since the rule was set: `Nth(vec![3])` is "the third" that it could concern.
    Nth(Vec<u64>),
    /// With this probability, drawn from (seed, provider, operation, reference, n-th request of that reference): the
    /// same requests meet the same faults however they interleave.
    Chance(f64),
}

/// One fault: whom it concerns, when, and what happens. Absent scope fields match everything.
///
/// ```
/// use telco_sandbox::{FaultRule, Phase};
/// // The third credit acts, then resets.
/// let rule = FaultRule::new(Phase::ActThenReset).provider("cowrie").operation("credit").nth(3);
/// assert_eq!(serde_json::to_value(&rule).unwrap()["when"]["nth"][0], 3);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct FaultRule {
    /// Only this provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Only this operation of the provider, by the name the history shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// Only this phone number, in the provider's form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// Only this reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Phases to choose from (one is drawn when there are several). [`Phase::Refuse`] is drawn when the connection opens,
    /// before there is an operation, number or reference; the others when the request is read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<Phase>,
    /// What to do to callbacks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback: Option<CallbackFault>,
    /// A misbehaviour that only one room knows, by its name (see `GET /_sandbox/fidelity`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quirk: Option<String>,
    /// Where a redirect points to.
    #[serde(default = "default_location")]
    pub location: String,
    /// How late a slow answer or a late callback is, and how late at most a reordered callback that none follows.
    #[serde(default = "default_delay")]
    pub delay_ms: u64,
    /// For how long lookups do not see what was done (works with every phase that acts).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub lookup_delay_ms: u64,
    /// When.
    #[serde(default = "always")]
    pub when: When,
}

/// Nobody listens on the port for discarding.
fn default_location() -> String {
    "http://127.0.0.1:9/elsewhere".to_owned()
}

fn default_delay() -> u64 {
    2_000
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature serde asks for"
)]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

fn always() -> When {
    When::Always
}

impl FaultRule {
    fn empty() -> Self {
        Self {
            provider: None,
            operation: None,
            number: None,
            reference: None,
            phases: Vec::new(),
            callback: None,
            quirk: None,
            location: default_location(),
            delay_ms: default_delay(),
            lookup_delay_ms: 0,
            when: When::Always,
        }
    }

    /// This phase, always, for everybody.
    #[must_use]
    pub fn new(phase: Phase) -> Self {
        Self::any_of([phase])
    }

    /// One of these phases.
    #[must_use]
    pub fn any_of(phases: impl Into<Vec<Phase>>) -> Self {
        Self {
            phases: phases.into(),
            ..Self::empty()
        }
    }

    /// A misbehaviour of one room.
    #[must_use]
    pub fn quirk(name: impl Into<String>) -> Self {
        Self {
            quirk: Some(name.into()),
            ..Self::empty()
        }
    }

    /// A fault of callbacks.
    #[must_use]
    pub fn callback(fault: CallbackFault) -> Self {
        Self {
            callback: Some(fault),
            ..Self::empty()
        }
    }

    /// Work that is done, but that lookups do not see for a while.
    #[must_use]
    pub fn late_lookup(delay: Duration) -> Self {
        Self::empty().lookup_delay(delay)
    }

    /// An answer that sends the client elsewhere; nothing is done.
    #[must_use]
    pub fn redirect(location: impl Into<String>) -> Self {
        Self {
            location: location.into(),
            ..Self::new(Phase::Redirect)
        }
    }

    /// Only this provider.
    #[must_use]
    pub fn provider(mut self, provider: impl Into<String>) -> Self {
        self.provider = Some(provider.into());
        self
    }

    /// Only this operation.
    #[must_use]
    pub fn operation(mut self, operation: impl Into<String>) -> Self {
        self.operation = Some(operation.into());
        self
    }

    /// Only this phone number.
    #[must_use]
    pub fn number(mut self, number: impl Into<String>) -> Self {
        self.number = Some(number.into());
        self
    }

    /// Only this reference.
    #[must_use]
    pub fn reference(mut self, reference: impl Into<String>) -> Self {
        self.reference = Some(reference.into());
        self
    }

    /// Only the first so many times.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.when = When::Times(times);
        self
    }

    /// Only the n-th time, counted from 1.
    #[must_use]
    pub fn nth(mut self, n: u64) -> Self {
        self.when = When::Nth(vec![n]);
        self
    }

    /// With this probability.
    #[must_use]
    pub fn chance(mut self, probability: f64) -> Self {
        self.when = When::Chance(probability);
        self
    }

    /// How late.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay_ms = millis(delay);
        self
    }

    /// For how long lookups do not see what was done.
    #[must_use]
    pub fn lookup_delay(mut self, delay: Duration) -> Self {
        self.lookup_delay_ms = millis(delay);
        self
    }

    /// What would make this rule one that never does anything.
    pub(crate) fn check(&self) -> Result<(), String> {
        let idle = self.phases.is_empty()
            && self.callback.is_none()
            && self.quirk.is_none()
            && self.lookup_delay_ms == 0;
        if idle {
            return Err(
                "a fault rule names `phases`, `callback`, `quirk` or `lookup_delay_ms`".to_owned(),
            );
        }
        if self.callback.is_some()
            && (!self.phases.is_empty() || self.quirk.is_some() || self.lookup_delay_ms > 0)
        {
            return Err(
                "a rule is about callbacks (`callback`) or about requests, not both".to_owned(),
            );
        }
        let scoped = self.operation.is_some() || self.number.is_some() || self.reference.is_some();
        if self.phases.contains(&Phase::Refuse) && scoped {
            return Err(
                "`refuse` meets a connection, which has no `operation`, `number` or `reference` yet".to_owned(),
            );
        }
        match &self.when {
            When::Chance(p) if !(0.0..=1.0).contains(p) => {
                Err(format!("`chance` is {p}, and goes from 0 to 1"))
            }
            When::Nth(which) if which.is_empty() || which.contains(&0) => {
                Err("`nth` counts from 1".to_owned())
            }
            _ => Ok(()),
        }
    }

    pub(super) fn matches(
        &self,
        provider: &str,
        operation: &str,
        number: Option<&str>,
        reference: Option<&str>,
    ) -> bool {
        let scoped = |scope: &Option<String>, value: Option<&str>| {
            scope.as_deref().is_none_or(|wanted| value == Some(wanted))
        };
        scoped(&self.provider, Some(provider))
            && scoped(&self.operation, Some(operation))
            && scoped(&self.number, number)
            && scoped(&self.reference, reference)
    }
}

fn millis(d: Duration) -> u64 {
    u64::try_from(d.as_millis()).unwrap_or(u64::MAX)
}
