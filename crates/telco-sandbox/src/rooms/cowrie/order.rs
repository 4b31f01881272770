//! What a recharge asks for, and whether its recipient can be served.

use super::settings::Settings;
use crate::text::{Pair, value};

/// Numbers that behave in a special way. No operator has the prefix 0800, so they meet nobody by chance.
pub(super) const SCENARIOS: &[(&str, &str)] = &[
    ("2348000000400", "400: a parameter is wrong"),
    ("2348000000402", "402: the balance does not suffice"),
    (
        "2348000000404",
        "404: no such number, or not on this network",
    ),
    ("2348000000500", "500, nothing done"),
    (
        "2348000000001",
        "ported: on MTN only; every other network answers 404",
    ),
];

/// Largest amount that any request may name, in naira; keeps sums far from overflow.
const LARGEST: i64 = 1_000_000_000;

/// What a checked request asks for.
pub(super) struct Order<'a> {
    pub(super) kind: &'static str,
    pub(super) xref: &'a str,
    pub(super) net: &'static str,
    pub(super) msisdn: &'a str,
    /// Naira.
    pub(super) amount: i64,
}

impl<'a> Order<'a> {
    /// The parameters of a recharge, checked.
    pub(super) fn read(
        kind: &'static str,
        pairs: &'a [Pair<'_>],
        grouped: bool,
    ) -> Result<Self, &'static str> {
        let field = |name| value(pairs, name).filter(|v| !v.is_empty());
        let net = field("net").ok_or("net required")?;
        let net = ["AIR", "GLO", "MTN", "ETI"]
            .into_iter()
            .find(|known| known.eq_ignore_ascii_case(net))
            .ok_or("unknown net")?;
        let msisdn = field("msisdn").ok_or("msisdn required")?;
        let amount = match kind {
            "redeem" => 0,
            _ => whole(field("amount").ok_or("amount required")?, grouped)
                .ok_or("amount must be whole naira")?,
        };
        let xref = field("xref").ok_or("xref required")?;
        Ok(Self {
            kind,
            xref,
            net,
            msisdn,
            amount,
        })
    }

    /// Whether the recipient can be served; the status to refuse with.
    pub(super) fn recipient(&self, settings: &Settings) -> Result<(), (u16, &'static str)> {
        let national = self.msisdn.strip_prefix("234").unwrap_or("");
        let shaped = national.len() == 10 && national.bytes().all(|b| b.is_ascii_digit());
        let ported = settings.ported.get(self.msisdn).map(String::as_str);
        match self.msisdn {
            _ if !shaped => Err((404, "Invalid MSISDN")),
            "2348000000400" => Err((400, "Invalid parameter")),
            "2348000000402" => Err((402, "Insufficient balance")),
            "2348000000404" => Err((404, "Invalid network or MSISDN")),
            "2348000000500" => Err((500, "Internal error")),
            "2348000000001" if self.net != "MTN" => Err((404, "Invalid network or MSISDN")),
            _ if ported.is_some_and(|net| net != self.net) => {
                Err((404, "Invalid network or MSISDN"))
            }
            _ => Ok(()),
        }
    }
}

/// Whole naira: plain ASCII digits, no leading zero, within reason; perhaps `grouped` in threes by commas.
pub(super) fn whole(text: &str, grouped: bool) -> Option<i64> {
    let in_threes = text.split(',').enumerate().all(|(at, group)| match at {
        0 => (1..=3).contains(&group.len()),
        _ => group.len() == 3,
    });
    let text = match grouped && in_threes {
        true => &text.replace(',', ""),
        false => text,
    };
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|n| plain && *n <= LARGEST)
}
