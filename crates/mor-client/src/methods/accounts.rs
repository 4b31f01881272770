//! Users and their balances.

use std::fmt;

use mor_hash::Call;
use telco_core::{Error, ErrorKind, NotSent, Reference, Submission};

use super::Record;
use crate::wire::Document;
use crate::{Decimal, MorClient};

/// Which user.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum UserRef {
    /// By number.
    Id(u64),
    /// By login.
    Username(String),
}

/// Without the login, which is often a number.
impl fmt::Debug for UserRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => f.debug_tuple("Id").field(id).finish(),
            Self::Username(_) => f.write_str("Username(***)"),
        }
    }
}

/// An answer of `user_balance_get`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Balance {
    /// A formatted number, as the server wrote it.
    pub balance: String,
    /// Present where it was asked for.
    pub currency: Option<String>,
}

/// An answer of `user_details_get`.
#[derive(Clone)]
#[non_exhaustive]
pub struct UserDetails {
    /// The user's number.
    pub user_id: Option<String>,
    /// What the account is called.
    pub account: Option<String>,
    /// A formatted balance.
    pub balance: Option<String>,
    /// The balance as a number.
    pub balance_number: Option<String>,
    /// Its currency.
    pub balance_currency: Option<String>,
    /// The credit limit.
    pub credit: Option<String>,
    /// The `reg_…` fields: name, address and the like.
    pub registration: Option<Record>,
    /// The whole answer.
    pub document: Document,
}

/// Without the person.
impl fmt::Debug for UserDetails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserDetails")
            .field("user_id", &self.user_id)
            .field("registration", &self.registration)
            .finish_non_exhaustive()
    }
}

/// An accepted `user_balance_update`.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BalanceChange {
    /// The balance after it, if the answer has it.
    pub balance: Option<String>,
    /// The user's login, if the answer has it.
    pub username: Option<String>,
}

/// Without the login.
impl fmt::Debug for BalanceChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BalanceChange")
            .field("balance", &self.balance)
            .finish_non_exhaustive()
    }
}

impl MorClient {
    /// The balance of a user, in that user's currency.
    ///
    /// # Errors
    /// [`Error`], see [`read`](Self::read); [`ErrorKind::UnreadableAnswer`] without a balance.
    pub async fn user_balance(&self, username: &str) -> Result<Balance, Error> {
        let call = Call::new("user_balance_get")
            .with("username", username)
            .with("user_currency", "1");
        let page = self.read(&call).await?;
        let balance = page
            .text_of("balance")
            .ok_or_else(|| missing("user_balance_get"))?;
        Ok(Balance {
            balance: balance.to_owned(),
            currency: page.text_of("currency").map(str::to_owned),
        })
    }

    /// What the server knows of a user.
    ///
    /// # Errors
    /// [`Error`], see [`read`](Self::read); [`ErrorKind::UnreadableAnswer`] without details.
    pub async fn user_details(&self, user: &UserRef) -> Result<UserDetails, Error> {
        let call = Call::new("user_details_get");
        let document = self
            .read(&match user {
                UserRef::Id(id) => call.with("user_id", id.to_string()),
                UserRef::Username(name) => call.with("username", name.as_str()),
            })
            .await?;
        let main = document
            .find("main_detail")
            .ok_or_else(|| missing("user_details_get"))?;
        let field = |name| main.child(name).map(str::to_owned);
        Ok(UserDetails {
            user_id: document.text_of("userid").map(str::to_owned),
            account: field("account"),
            balance: field("balance"),
            balance_number: field("balance_number"),
            balance_currency: field("balance_currency"),
            credit: field("credit"),
            registration: document.find("registration").map(Record::of),
            document,
        })
    }

    /// **Adds** an amount to a balance; a negative one subtracts (`user_balance_update`, whose page speaks of a new
    /// balance: the server adds, observed). A repeat books twice, and nothing in the answer or on the server tells the
    /// two apart: settle an unknown outcome by the balance before and after. Where you can, prefer
    /// [`create_payment`](Self::create_payment), which is found again by its reference.
    ///
    /// In which currency the amount is taken, the user's or the system's, is unknown: try it with a small one. The
    /// reference stays with you.
    ///
    /// # Errors
    /// [`NotSent`]: nothing left. Zero is refused.
    pub async fn add_to_balance(
        &self,
        reference: &Reference,
        user_id: u64,
        amount: &Decimal,
    ) -> Result<Submission<BalanceChange>, NotSent> {
        if amount.is_zero() {
            return Err(
                NotSent::new(ErrorKind::InvalidInput, "zero changes nothing")
                    .at("mor", "user_balance_update"),
            );
        }
        let id = user_id.to_string();
        let call = Call::new("user_balance_update")
            .with("user_id", id.as_str())
            .with("balance", amount.as_str());
        self.write_and_judge(
            reference,
            &call,
            "compare user_balance_get with the balance before",
            |page| {
                let user = page.find("user");
                // Another user in the answer is no success of ours.
                let echoed = user.and_then(|user| user.child("id"));
                let done = page.text_of("status") == Some("User balance updated")
                    || user?.child("balance").is_some();
                (done && echoed.is_none_or(|echoed| echoed == id)).then(|| BalanceChange {
                    balance: user
                        .and_then(|user| user.child("balance"))
                        .map(str::to_owned),
                    username: user
                        .and_then(|user| user.child("username"))
                        .map(str::to_owned),
                })
            },
        )
        .await
    }

    /// The version of the server. It hashes nothing but the secret (up to X8), so an answer speaks for the secret
    /// whatever the profile is (inferred); not where "Disable hash checking" is on: there every hash passes.
    ///
    /// # Errors
    /// [`Error`], see [`read`](Self::read). M2 and M4 have no such method.
    pub async fn system_version(&self) -> Result<String, Error> {
        let page = self.read(&Call::new("system_version_get")).await?;
        page.text_of("version")
            .map(str::to_owned)
            .ok_or_else(|| missing("system_version_get"))
    }
}

/// A read whose answer has no error and not what was asked for.
pub(crate) fn missing(operation: &'static str) -> Error {
    Error::answered(
        ErrorKind::UnreadableAnswer,
        "the answer does not hold what was asked for",
    )
    .at("mor", operation)
    .on_read()
}
