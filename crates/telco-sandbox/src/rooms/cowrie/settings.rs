//! What the documents leave open, and what the sandbox does until told otherwise.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answer::ErrorBody;
use crate::room::Answer;

/// Over which text the signature is verified (unknown; cowrie.md 2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Verify {
    /// Either text will do.
    Either,
    /// The query as it came over the wire.
    AsSent,
    /// The query after decoding.
    Decoded,
}

/// What a second request with the same `xref` and a new nonce does (unknown; cowrie.md 7.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RepeatedXref {
    /// It is carried out again: only the nonce protects. The cautious assumption for a client.
    Apply,
    /// 409.
    Conflict,
    /// 400.
    Refuse,
    /// The first answer again; nothing is done.
    SameAnswer,
}

/// How Check says that it knows nothing (unknown; cowrie.md 7.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum NotFound {
    /// 200 without a body.
    Empty,
    /// 200 with `null`.
    Null,
    /// 200 with `{}`.
    Object,
    /// 200 with `[]`.
    Array,
    /// 404.
    Status404,
    /// 400.
    Status400,
}

impl NotFound {
    pub(super) fn answer(self, form: ErrorBody) -> Answer {
        let ok = |body: &'static str| Answer::new(200, "application/json", body);
        match self {
            Self::Empty => ok(""),
            Self::Null => ok("null"),
            Self::Object => ok("{}"),
            Self::Array => ok("[]"),
            Self::Status404 => form.error(404, "Not found"),
            Self::Status400 => form.error(400, "Invalid reference"),
        }
    }
}

/// Which field ends a Check answer: `status` in the documentation, `stamp` in the vendor's clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum CheckStyle {
    /// `"status":"OK"`.
    Status,
    /// `"stamp":"2026-01-31T12:00:00"`.
    Stamp,
}

/// Settings of the Cowrie room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Settings {
    /// Naira in the account; setting it funds the account.
    pub(super) balance: i64,
    /// Percent.
    pub(super) discount: i64,
    /// Over which text signatures are verified.
    pub(super) verify: Verify,
    /// How long a nonce is remembered.
    pub(super) nonce_memory_ms: u64,
    /// What a repeated `xref` does.
    pub(super) repeated_xref: RepeatedXref,
    /// How long Check takes to see what was done.
    pub(super) check_delay_ms: u64,
    /// How Check says that it knows nothing.
    pub(super) not_found: NotFound,
    /// How a Check answer ends.
    pub(super) check_style: CheckStyle,
    /// Kinds that Check sees: `credit`, `data`, `redeem`.
    pub(super) check_sees: Vec<String>,
    /// Whether Check finds by the server's `id` too.
    pub(super) check_accepts_id: bool,
    /// Whether Credit and Data tell `balance` and `charge`.
    pub(super) balance_in_answers: bool,
    /// Whether amounts of money may have decimals in answers.
    pub(super) decimals: bool,
    /// Form of an error's body.
    pub(super) error_body: ErrorBody,
    /// Terminals that the agent may name; none: any.
    pub(super) terminals: Vec<String>,
    /// Whether amounts may be grouped by commas: the vendor's Java client sends `1,000` for 1000.
    pub(super) grouped_amounts: bool,
    /// Naira; below, 400.
    pub(super) min_amount: i64,
    /// Naira; above, 400.
    pub(super) max_amount: Option<i64>,
    /// PINs per batch.
    pub(super) max_count: i64,
    /// PINs of each face value in stock.
    pub(super) pin_stock: i64,
    /// Numbers that live on another network than their prefix says: number and network.
    pub(super) ported: BTreeMap<String, String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            balance: 10_000_000,
            discount: 4,
            verify: Verify::Either,
            nonce_memory_ms: 86_400_000,
            repeated_xref: RepeatedXref::Apply,
            check_delay_ms: 0,
            not_found: NotFound::Null,
            check_style: CheckStyle::Status,
            check_sees: vec!["credit".to_owned()],
            check_accepts_id: true,
            balance_in_answers: true,
            decimals: false,
            error_body: ErrorBody::Message,
            terminals: Vec::new(),
            grouped_amounts: false,
            min_amount: 1,
            max_amount: None,
            max_count: 1_000,
            pin_stock: 1_000_000,
            ported: BTreeMap::new(),
        }
    }
}

impl Settings {
    pub(super) fn validate(&self) -> Result<(), String> {
        let kinds = ["credit", "data", "redeem"];
        if let Some(kind) = self
            .check_sees
            .iter()
            .find(|k| !kinds.contains(&k.as_str()))
        {
            return Err(format!(
                "check_sees: there is no kind `{kind}`; there are: {}",
                kinds.join(", ")
            ));
        }
        match () {
            () if !(0..=100).contains(&self.discount) => Err("discount is a percentage".to_owned()),
            () if !(0..=1_000_000_000_000).contains(&self.balance) => {
                Err("balance is out of range".to_owned())
            }
            () => Ok(()),
        }
    }

    /// What the account pays for this face value: kobo for naira.
    pub(super) fn charge(&self, naira: i64) -> i64 {
        naira.saturating_mul(100_i64.saturating_sub(self.discount))
    }

    /// The answer, if a repeat can ask for it: a batch of PINs is long.
    pub(super) fn kept(&self, answer: &Bytes) -> Option<Bytes> {
        (self.repeated_xref == RepeatedXref::SameAnswer).then(|| answer.clone())
    }

    /// An amount of money as answers print it.
    pub(super) fn naira(&self, kobo: i64) -> Value {
        match (self.decimals, kobo % 100) {
            (true, rest) if rest != 0 => {
                // Exact decimal text, never by way of a binary float.
                let text = format!("{}.{:02}", kobo / 100, rest.abs());
                serde_json::from_str(&text).unwrap_or_else(|_| json!(text))
            }
            _ => json!(kobo / 100),
        }
    }
}
