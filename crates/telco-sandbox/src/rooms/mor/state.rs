//! MOR's books: users, devices, payments, calls, messages.

use std::collections::VecDeque;

/// Rows kept of each kind; the oldest go first.
const KEPT: usize = 100_000;

#[derive(Debug)]
pub(super) struct User {
    pub(super) id: &'static str,
    pub(super) username: &'static str,
    pub(super) first_name: &'static str,
    pub(super) last_name: &'static str,
    pub(super) uniquehash: &'static str,
    pub(super) admin: bool,
    /// Ten-thousandths of the currency.
    pub(super) balance: i64,
    pub(super) devices: &'static [&'static str],
}

#[derive(Debug, Clone)]
pub(super) struct Payment {
    pub(super) id: u64,
    pub(super) user_id: String,
    pub(super) transaction: String,
    pub(super) kind: String,
    pub(super) currency: String,
    pub(super) amount: i64,
    pub(super) fee: i64,
    pub(super) payer: String,
    pub(super) at_s: u64,
    /// From when lookups see it.
    pub(super) visible_ms: u64,
}

#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) user_id: String,
    pub(super) src: String,
    pub(super) dst: String,
    pub(super) device: String,
    pub(super) uniqueid: String,
    pub(super) at_s: u64,
    /// From when lookups see it.
    pub(super) visible_ms: u64,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) users: Vec<User>,
    pub(super) payments: VecDeque<Payment>,
    pub(super) calls: VecDeque<Call>,
    pub(super) last_id: u64,
}

impl State {
    pub(super) fn new() -> Self {
        let user = |id, username, first_name, uniquehash, admin, balance, devices| User {
            id,
            username,
            first_name,
            last_name: "Sandbox",
            uniquehash,
            admin,
            balance,
            devices,
        };
        Self {
            users: vec![
                user("0", "admin", "System", "0000000000", true, 0, &[] as &[_]),
                user(
                    "2",
                    "alice",
                    "Alice",
                    "a11ce00002",
                    false,
                    660_000,
                    &["5", "6"],
                ),
                user("3", "bob", "Bob", "b0b0000003", false, 1_000_000, &["7"]),
            ],
            payments: VecDeque::new(),
            calls: VecDeque::new(),
            last_id: 100,
        }
    }

    pub(super) fn next_id(&mut self) -> u64 {
        self.last_id = self.last_id.saturating_add(1);
        self.last_id
    }

    pub(super) fn find(&mut self, wanted: impl Fn(&User) -> bool) -> Option<&mut User> {
        self.users.iter_mut().find(|user| wanted(user))
    }

    pub(super) fn pay(&mut self, payment: Payment) {
        if self.payments.len() >= KEPT {
            self.payments.pop_front();
        }
        self.payments.push_back(payment);
    }

    pub(super) fn call(&mut self, call: Call) {
        if self.calls.len() >= KEPT {
            self.calls.pop_front();
        }
        self.calls.push_back(call);
    }
}

/// A decimal as ten-thousandths; no binary float. A sign may lead.
pub(super) fn decimal(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if !plain(whole)
        || !plain(part)
        || whole.len() > 12
        || part.len() > 4
        || (whole.is_empty() && part.is_empty())
    {
        return None;
    }
    let places = part.bytes().chain(std::iter::repeat(b'0')).take(4);
    // At most 16 digits.
    let value = whole.bytes().chain(places).fold(0_i64, |value, digit| {
        value
            .saturating_mul(10)
            .saturating_add(i64::from(digit & 15))
    });
    Some(if negative {
        value.saturating_neg()
    } else {
        value
    })
}

/// Ten-thousandths as text with four decimals.
pub(super) fn money(value: i64) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let value = value.unsigned_abs();
    format!("{sign}{}.{:04}", value / 10_000, value % 10_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact() {
        for (text, value) in [
            ("100", 1_000_000),
            ("-5.50", -55_000),
            ("+.5", 5_000),
            ("0.0001", 1),
        ] {
            assert_eq!(decimal(text), Some(value), "{text}");
        }
        for bad in ["", ".", "-", "1e3", "1,000", "1.23456", "1.2.3"] {
            assert_eq!(decimal(bad), None, "{bad}");
        }
        assert_eq!(money(-55_000), "-5.5000");
    }
}
