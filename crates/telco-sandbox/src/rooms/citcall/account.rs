//! The books of the account: what is left of its balance, and the next transaction id.

use super::settings::Settings;
use super::{Citcall, Refusal};
use crate::calendar;
use crate::text::push_digits;

impl Citcall {
    /// Takes the price off the balance, or refuses.
    pub(super) fn charge(&self, price: u64, settings: &Settings) -> Result<(), Refusal> {
        let mut state = self.state();
        let spent = state.spent.saturating_add(price);
        if spent > settings.balance {
            return Err(Refusal::new(
                14,
                format!("{price} rupiah are more than what is left (setting `balance`)"),
            ));
        }
        state.spent = spent;
        Ok(())
    }

    /// 26 digits: local date and time (UTC+7), then twelve more.
    pub(super) fn trxid(&self, now_ms: u64) -> String {
        let mut state = self.state();
        state.last_trxid = state.last_trxid.wrapping_add(1);
        let local = i64::try_from(now_ms)
            .unwrap_or(0)
            .saturating_add(7 * 3_600_000);
        let mut digits = calendar::format(local).into_bytes();
        digits.retain(u8::is_ascii_digit);
        // Milliseconds go into the twelve.
        push_digits(&mut digits, state.last_trxid % 1_000_000_000, 9);
        String::from_utf8(digits).unwrap_or_default()
    }
}
