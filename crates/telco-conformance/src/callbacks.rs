//! The suite for [`CallbackParser`].

use std::fmt::Debug;
use std::time::SystemTime;

use telco_core::{Callback, CallbackParser, CallbackRequest};

use crate::Report;

/// One push and what must become of it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CallbackSample {
    /// For the report.
    pub name: &'static str,
    /// Name and value.
    pub headers: Vec<(&'static str, Vec<u8>)>,
    /// As it arrives.
    pub body: Vec<u8>,
    /// What must become of it.
    pub expect: Expect,
    /// Parts of the body that no signature covers.
    pub unsigned: Vec<&'static str>,
}

impl CallbackSample {
    /// A push without headers.
    pub fn new(name: &'static str, body: impl Into<Vec<u8>>, expect: Expect) -> Self {
        Self {
            name,
            headers: Vec::new(),
            body: body.into(),
            expect,
            unsigned: Vec::new(),
        }
    }

    /// A part of the body (a member with its name, say) that the provider's signature does not cover: when it is changed,
    /// the push may still be verified.
    #[must_use]
    pub fn unsigned(mut self, part: &'static str) -> Self {
        self.unsigned.push(part);
        self
    }

    /// One header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// What must become of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// The provider's signature holds.
    Verified,
    /// Nothing proves its origin.
    Unverified,
    /// It is refused.
    Refused,
}

/// Checks a parser with samples of its provider, and with what any parser meets: nothing, noise, cut, changed and huge
/// bodies.
pub fn callbacks<E: Debug + 'static>(
    parser: &dyn CallbackParser<Event = E>,
    samples: &[CallbackSample],
    at: SystemTime,
) -> Report {
    let mut report = Report::default();
    for sample in samples {
        let became = parse(parser, &sample.headers, &sample.body, at);
        let result = match (became, sample.expect) {
            (became, expected) if became == expected => Ok(()),
            (became, expected) => Err(format!("became {became:?}, expected {expected:?}")),
        };
        report.check(sample.name, result);
    }
    let never_verified = |body: &[u8]| match parse(parser, &[], body, at) {
        Expect::Verified => Err("noise was taken for the provider's word".to_owned()),
        _ => Ok(()),
    };
    let noise: Vec<u8> = (0..=255).cycle().take(4096).collect();
    for (name, body) in [
        ("nothing", &b""[..]),
        ("noise", &noise),
        ("an array", b"[]"),
        ("null", b"null"),
    ] {
        report.check(format!("{name} is never verified"), never_verified(body));
    }
    if let Some(sample) = samples
        .iter()
        .find(|sample| sample.expect != Expect::Refused)
    {
        let cut = (0..sample.body.len()).try_for_each(|length| {
            let part = sample.body.get(..length).unwrap_or_default();
            match parse(parser, &sample.headers, part, at) {
                Expect::Verified => Err(format!("cut to {length} bytes it is still verified")),
                _ => Ok(()),
            }
        });
        report.check("a cut body never panics and is never verified", cut);
        let (mut sound, padding) = (sample.body.clone(), b" ".repeat(32 << 20));
        sound.extend(padding);
        report.check(
            "a sound body with 32 MiB of blanks behind it is refused",
            match parse(parser, &sample.headers, &sound, at) {
                Expect::Refused => Ok(()),
                became => Err(format!("became {became:?}")),
            },
        );
    }
    for sample in samples
        .iter()
        .filter(|sample| sample.expect != Expect::Refused)
    {
        let name = format!(
            "{}, with any one byte changed, is never verified",
            sample.name
        );
        report.check(name, changed(parser, sample, at));
    }
    report
}

/// Changes one byte after the other, but those that no signature covers.
fn changed<E: 'static>(
    parser: &dyn CallbackParser<Event = E>,
    sample: &CallbackSample,
    at: SystemTime,
) -> Result<(), String> {
    let free = sample.unsigned.iter().flat_map(|part| {
        let windows = sample.body.windows(part.len().max(1)).enumerate();
        let found = windows.filter(|(_, window)| *window == part.as_bytes());
        found.map(|(from, _)| from..from + part.len())
    });
    let free: Vec<_> = free.collect();
    let mut body = sample.body.clone();
    for place in (0..body.len()).filter(|place| !free.iter().any(|free| free.contains(place))) {
        let Some(byte) = body.get_mut(place) else {
            continue;
        };
        let was = std::mem::replace(byte, *byte ^ 1);
        if parse(parser, &sample.headers, &body, at) == Expect::Verified {
            return Err(format!("with byte {place} changed it is still verified"));
        }
        if let Some(byte) = body.get_mut(place) {
            *byte = was;
        }
    }
    Ok(())
}

fn parse<E: 'static>(
    parser: &dyn CallbackParser<Event = E>,
    headers: &[(&'static str, Vec<u8>)],
    body: &[u8],
    at: SystemTime,
) -> Expect {
    let header = |name: &str| {
        headers
            .iter()
            .find(|(of, _)| of.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_slice())
    };
    match parser.parse(&CallbackRequest::new(&header, body, at)) {
        Ok(Callback::Verified(_)) => Expect::Verified,
        Ok(Callback::Unverified(_)) => Expect::Unverified,
        Err(_) => Expect::Refused,
    }
}

#[cfg(test)]
mod tests {
    use telco_core::CallbackError;

    use super::*;

    /// A push is a sum and a text, of which the sum covers two letters. Broken in one way, or in none.
    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Push {
        Sound,
        TakesCutOnes,
        LooksAtNothing,
        HasNoLimit,
    }

    const SOUND: &[u8] = b"\x8dab free";

    impl CallbackParser for Push {
        type Event = ();

        fn parse(&self, request: &CallbackRequest<'_>) -> Result<Callback<()>, CallbackError> {
            let body = request.body.trim_ascii_end();
            if *self != Self::HasNoLimit && request.body.len() > 1 << 20 {
                return Err(CallbackError::TooLarge);
            }
            let Some((sum, text)) = body.split_first() else {
                return Err(CallbackError::Malformed("empty"));
            };
            let covered = text.get(..2).unwrap_or_default();
            let right = covered
                .iter()
                .fold(200_u8, |sum, byte| sum.wrapping_mul(3).wrapping_add(*byte));
            let whole = text.ends_with(b"ree") || *self == Self::TakesCutOnes;
            match whole && (*sum == right || *self == Self::LooksAtNothing) {
                true => Ok(Callback::Verified(())),
                false => Err(CallbackError::BadSignature),
            }
        }
    }

    fn failures(parser: Push) -> Vec<String> {
        let sample = CallbackSample::new("a push", SOUND, Expect::Verified).unsigned(" free");
        let report = callbacks(&parser, &[sample], SystemTime::UNIX_EPOCH);
        report.failures().map(|check| check.name.clone()).collect()
    }

    #[test]
    fn a_cut_a_changed_and_a_padded_body_are_found() {
        assert_eq!(failures(Push::Sound), Vec::<String>::new());
        assert_eq!(
            failures(Push::TakesCutOnes),
            ["a cut body never panics and is never verified"]
        );
        assert_eq!(
            failures(Push::LooksAtNothing),
            ["a push, with any one byte changed, is never verified"]
        );
        let huge = "a sound body with 32 MiB of blanks behind it is refused";
        assert_eq!(failures(Push::HasNoLimit), [huge]);
    }

    #[test]
    fn a_provider_that_signs_nothing_verifies_nothing() {
        // Of two bytes it takes any: the sample is one that it does not vouch for.
        #[derive(Debug)]
        struct Careless;
        impl CallbackParser for Careless {
            type Event = ();
            fn parse(&self, request: &CallbackRequest<'_>) -> Result<Callback<()>, CallbackError> {
                match request.body.len() {
                    0 => Err(CallbackError::Malformed("empty")),
                    1 => Ok(Callback::Verified(())),
                    2 => Ok(Callback::Unverified(())),
                    _ => Err(CallbackError::TooLarge),
                }
            }
        }
        let sample = CallbackSample::new("two", *b"ab", Expect::Unverified);
        let report = callbacks(&Careless, &[sample], SystemTime::UNIX_EPOCH);
        let failed: Vec<_> = report.failures().map(|check| check.name.as_str()).collect();
        assert_eq!(failed, ["a cut body never panics and is never verified"]);
    }
}
