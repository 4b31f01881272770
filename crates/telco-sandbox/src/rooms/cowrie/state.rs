//! Cowrie's books: money, nonces, what was done, PINs.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use super::settings::Settings;
use crate::ledger::bounded;

/// Nonces, records and PINs kept of each; the oldest go first.
const KEPT: usize = 500_000;

/// Something that was done.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) id: String,
    pub(super) kind: &'static str,
    pub(super) net: &'static str,
    pub(super) msisdn: String,
    /// Naira.
    pub(super) amount: i64,
    /// As the ledger keeps it, where it is long.
    pub(super) xref: Arc<str>,
    pub(super) at_ms: u64,
    /// From when Check sees it.
    pub(super) visible_ms: u64,
    /// The body of the answer, kept for a server that answers a repeat like the first.
    pub(super) answer: Option<Bytes>,
}

#[derive(Debug)]
pub(super) struct Pin {
    pub(super) serial: String,
    pub(super) code: String,
    /// Naira.
    pub(super) unit: i64,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) balance_kobo: i64,
    nonces: HashMap<Arc<str>, u64>,
    nonce_order: VecDeque<Arc<str>>,
    /// By xref; a repeat that is carried out replaces its forerunner.
    records: HashMap<Arc<str>, Record>,
    record_order: VecDeque<Arc<str>>,
    xref_of_id: HashMap<String, Arc<str>>,
    /// Sold PINs by code: face value, and whether it was redeemed.
    sold: HashMap<String, (i64, bool)>,
    sold_order: VecDeque<String>,
    sold_of_unit: HashMap<i64, i64>,
}

impl State {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            balance_kobo: settings.balance.saturating_mul(100),
            nonces: HashMap::new(),
            nonce_order: VecDeque::new(),
            records: HashMap::new(),
            record_order: VecDeque::new(),
            xref_of_id: HashMap::new(),
            sold: HashMap::new(),
            sold_order: VecDeque::new(),
            sold_of_unit: HashMap::new(),
        }
    }

    /// Takes the money, if it is there.
    pub(super) fn charge(&mut self, kobo: i64) -> bool {
        let enough = self.balance_kobo >= kobo;
        if enough {
            self.balance_kobo = self.balance_kobo.saturating_sub(kobo);
        }
        enough
    }

    /// Remembers a nonce; false if it was used within the memory.
    pub(super) fn use_nonce(&mut self, nonce: &str, now_ms: u64, keep_ms: u64) -> bool {
        let until = now_ms.saturating_add(keep_ms);
        let nonce = &*bounded(nonce);
        match self.nonces.get_mut(nonce) {
            Some(forgotten) if *forgotten <= now_ms => *forgotten = until,
            Some(_) => return false,
            None => {
                let nonce: Arc<str> = Arc::from(nonce);
                self.nonces.insert(Arc::clone(&nonce), until);
                self.nonce_order.push_back(nonce);
            }
        }
        while self.nonce_order.len() > KEPT {
            if let Some(oldest) = self.nonce_order.pop_front() {
                self.nonces.remove(&oldest);
            }
        }
        true
    }

    pub(super) fn by_xref(&self, xref: &str) -> Option<&Record> {
        self.records.get(&*bounded(xref))
    }

    pub(super) fn by_id(&self, id: &str) -> Option<&Record> {
        self.records.get(self.xref_of_id.get(id)?)
    }

    pub(super) fn record(&mut self, record: Record) {
        let xref = Arc::clone(&record.xref);
        self.xref_of_id.insert(record.id.clone(), Arc::clone(&xref));
        match self.records.insert(Arc::clone(&xref), record) {
            Some(before) => {
                self.xref_of_id.remove(&before.id);
            }
            None => self.record_order.push_back(xref),
        }
        while self.record_order.len() > KEPT {
            if let Some(gone) = self
                .record_order
                .pop_front()
                .and_then(|xref| self.records.remove(&xref))
            {
                self.xref_of_id.remove(&gone.id);
            }
        }
    }

    /// PINs of this face value that are left.
    pub(super) fn stock(&self, settings: &Settings, unit: i64) -> i64 {
        let sold = self.sold_of_unit.get(&unit).copied().unwrap_or(0);
        settings.pin_stock.saturating_sub(sold)
    }

    pub(super) fn sell(&mut self, pin: Pin) {
        let sold = self.sold_of_unit.entry(pin.unit).or_default();
        *sold = sold.saturating_add(1);
        self.sold_order.push_back(pin.code.clone());
        self.sold.insert(pin.code, (pin.unit, false));
        while self.sold_order.len() > KEPT {
            if let Some(oldest) = self.sold_order.pop_front() {
                self.sold.remove(&oldest);
            }
        }
    }

    /// Uses a PIN up; its face value.
    pub(super) fn redeem(&mut self, code: &str) -> Result<i64, &'static str> {
        match self.sold.get_mut(code) {
            None => Err("unknown PIN"),
            Some((_, true)) => Err("PIN already used"),
            Some((unit, used)) => {
                *used = true;
                Ok(*unit)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_kept_short_and_found_by_all_of_them() {
        let mut state = State::new(&Settings::default());
        let long = "x".repeat(1 << 16);
        assert!(state.use_nonce(&long, 0, 1) && !state.use_nonce(&long, 0, 1));
        assert!(state.use_nonce(&format!("{long}x"), 0, 1));
        assert!(state.nonces.keys().all(|nonce| nonce.len() <= 256));

        state.record(Record {
            id: "id".to_owned(),
            kind: "credit",
            net: "MTN",
            msisdn: String::new(),
            amount: 1,
            xref: Arc::from(&*bounded(&long)),
            at_ms: 0,
            visible_ms: 0,
            answer: None,
        });
        assert!(state.by_xref(&long).is_some() && state.by_id("id").is_some());
        assert!(state.by_xref(&format!("{long}x")).is_none());
    }
}
