//! The suite for [`RequestSigner`].

use telco_core::{FieldFate, RequestSigner, SigningReport};

use crate::{Canaries, Report};

/// Requests of one scheme, and what must become of each.
///
/// Names are those of the report: a field that it calls signed is shown to be so by a request in which only that field is
/// another one.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SignSamples<R> {
    /// One that is signed.
    pub sound: R,
    /// The same with one signed field changed.
    pub covered: Vec<(&'static str, R)>,
    /// The same with one field changed that no signature protects.
    pub uncovered: Vec<(&'static str, R)>,
    /// Those that cannot be signed, and what is wrong with them.
    pub refused: Vec<(&'static str, R)>,
}

impl<R> SignSamples<R> {
    /// A request that is signed.
    pub fn new(sound: R) -> Self {
        Self {
            sound,
            covered: Vec::new(),
            uncovered: Vec::new(),
            refused: Vec::new(),
        }
    }

    /// The same request with this signed field changed, and nothing else.
    #[must_use]
    pub fn covered(mut self, name: &'static str, changed: R) -> Self {
        self.covered.push((name, changed));
        self
    }

    /// The same request with this unprotected field changed, and nothing else.
    #[must_use]
    pub fn uncovered(mut self, name: &'static str, changed: R) -> Self {
        self.uncovered.push((name, changed));
        self
    }

    /// A request that cannot be signed, and what is wrong with it.
    #[must_use]
    pub fn refused(mut self, name: &'static str, request: R) -> Self {
        self.refused.push((name, request));
        self
    }
}

/// Checks that what a signer explains is what it signs, and that its report tells no secret.
///
/// A field of the report that no sample changes is told as left out.
pub fn signer<'a, S: RequestSigner>(
    signer: &S,
    samples: &SignSamples<S::Request<'a>>,
    canaries: &Canaries,
) -> Report {
    let mut report = Report::default();
    report.check("there are secrets to look for", canaries.any());
    let sound = explained(signer, &samples.sound);
    report.check(
        "a request is signed and explained alike, every time",
        sound.as_ref().map(drop).map_err(Clone::clone),
    );
    let Ok(sound) = sound else {
        return report;
    };
    report.check(
        "what is signed has its place: from 0, without a gap or a repeat",
        in_order(&sound),
    );
    report.check("the explanation holds no secret", hides(&sound, canaries));
    for (name, changed) in &samples.covered {
        let result = || {
            if !signed(&sound, name)? {
                return Err("the report says that it is not covered".to_owned());
            }
            let changed = explained(signer, changed)?;
            hides(&changed, canaries)?;
            match changed.value == sound.value {
                true => Err("the value stays the same: it is not signed".into()),
                false => Ok(()),
            }
        };
        report.check(format!("{name} is signed"), result());
    }
    for (name, changed) in &samples.uncovered {
        let result = || {
            if signed(&sound, name)? {
                return Err("the report says that it is signed".to_owned());
            }
            let changed = explained(signer, changed)?;
            hides(&changed, canaries)?;
            match changed.value == sound.value {
                true => Ok(()),
                false => Err("the value changes with it: it is signed".into()),
            }
        };
        report.check(format!("{name} is not signed, and said to be"), result());
    }
    for (name, request) in &samples.refused {
        let result = || {
            let answers = [
                ("sign", signer.sign(request).map(drop)),
                ("explain", signer.explain(request).map(drop)),
            ];
            answers.into_iter().try_for_each(|(method, answer)| {
                let refusal = answer.err().ok_or(format!("{method} takes it"))?;
                canaries.search_error("the refusal", refusal.as_error())
            })
        };
        report.check(format!("{name} is refused"), result());
    }
    let changed = samples.covered.iter().chain(&samples.uncovered);
    for field in &sound.fields {
        if !changed.clone().any(|(name, _)| *name == field.name) {
            let name = format!("what the report says of {} is true", field.name);
            report.left_out(name, "no sample changes it");
        }
    }
    report
}

/// The explanation, if both methods agree on the value and give the same a second time.
fn explained<'a, S: RequestSigner>(
    signer: &S,
    request: &S::Request<'a>,
) -> Result<SigningReport, String> {
    let sign = || signer.sign(request).map_err(|e| e.to_string());
    let explain = || signer.explain(request).map_err(|e| e.to_string());
    let (value, told) = (sign()?, explain()?);
    if value != told.value {
        return Err("the value that is signed is not the value that is explained".into());
    }
    if value.expose().is_empty() {
        return Err("the value is empty".into());
    }
    match sign()? == value && explain()? == told {
        true => Ok(told),
        false => Err("the same request is signed in another way the second time".into()),
    }
}

fn in_order(told: &SigningReport) -> Result<(), String> {
    let places = told.fields.iter().filter_map(|field| match field.fate {
        FieldFate::Signed { position, .. } => Some(position),
        _ => None,
    });
    let mut places: Vec<usize> = places.collect();
    places.sort_unstable();
    if places.is_empty() {
        return Err("nothing is signed".into());
    }
    match places.iter().copied().eq(0..places.len()) {
        true => Ok(()),
        false => Err(format!("the places are {places:?}")),
    }
}

fn signed(told: &SigningReport, name: &str) -> Result<bool, String> {
    let mut fates = told.fields.iter().filter(|field| field.name == name);
    if fates.clone().next().is_none() {
        return Err("the report does not name it".into());
    }
    Ok(fates.any(|field| matches!(field.fate, FieldFate::Signed { .. })))
}

fn hides(told: &SigningReport, canaries: &Canaries) -> Result<(), String> {
    canaries.search("the signed text", &told.signed_text)?;
    for field in &told.fields {
        if let FieldFate::Signed { text, .. } = &field.fate {
            canaries.search(&format!("the text of {}", field.name), text)?;
        }
    }
    canaries.search_debug("Debug of the report", told)
}
