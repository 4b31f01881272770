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
}

impl CallbackSample {
    /// A push without headers.
    pub fn new(name: &'static str, body: impl Into<Vec<u8>>, expect: Expect) -> Self {
        Self {
            name,
            headers: Vec::new(),
            body: body.into(),
            expect,
        }
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

/// Checks a parser with samples of its provider, and with what any parser meets: nothing, noise, cut and huge bodies.
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
    let signs = samples
        .iter()
        .any(|sample| sample.expect == Expect::Verified);
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
                Expect::Verified if signs => {
                    Err(format!("cut to {length} bytes it is still verified"))
                }
                _ => Ok(()),
            }
        });
        report.check("a cut body never panics and is never verified", cut);
    }
    let huge = vec![b' '; 32 << 20];
    report.check(
        "a body of 32 MiB is refused",
        match parse(parser, &[], &huge, at) {
            Expect::Refused => Ok(()),
            became => Err(format!("became {became:?}")),
        },
    );
    report
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
