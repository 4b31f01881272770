//! Payments.

use std::fmt;
use std::time::SystemTime;

use mor_hash::Call;
use telco_core::{Amount, Error, NotSent, Reference, Submission};

use super::accounts::missing;
use super::calls::unix;
use crate::wire::Element;
use crate::{Decimal, MorClient};

/// Which payments to list. Both ends of the time are always sent: without them the server lists today's alone.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct PaymentsQuery {
    from: SystemTime,
    till: SystemTime,
    user_id: Option<u64>,
    transaction: Option<String>,
    completed: Option<bool>,
}

/// One payment as listed. All texts are the server's.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Payment {
    /// The user.
    pub user: Option<String>,
    /// Who paid.
    pub payer: Option<String>,
    /// The caller-chosen `transaction`.
    pub transaction_id: Option<String>,
    /// When it was made.
    pub date: Option<String>,
    /// When it was confirmed.
    pub confirm_date: Option<String>,
    /// The kind of payment.
    pub kind: Option<String>,
    /// Without tax.
    pub amount: Option<String>,
    /// The fee.
    pub fee: Option<String>,
    /// With tax.
    pub amount_with_tax: Option<String>,
    /// The currency's code.
    pub currency: Option<String>,
    /// Whether it is complete.
    pub completed: Option<String>,
    /// Whether an administrator confirmed it.
    pub confirmed_by_admin: Option<String>,
}

/// A payment to create.
#[derive(Clone)]
#[must_use]
pub struct PaymentOrder {
    reference: Reference,
    user_id: u64,
    amount: Amount,
    description: Option<String>,
    payment_type: Option<String>,
    tax_in_amount: Option<bool>,
    payer_email: Option<String>,
    fee: Option<Decimal>,
}

/// An accepted payment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CreatedPayment {
    /// The server's number.
    pub payment_id: Option<String>,
    /// The tax in it.
    pub tax: Option<String>,
    /// Without tax.
    pub amount: Option<String>,
    /// With tax.
    pub gross: Option<String>,
    /// The currency's code.
    pub currency: Option<String>,
    /// `Yes` or `No` in newer versions.
    pub confirmed: Option<String>,
}

/// Without the people.
impl fmt::Debug for Payment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Payment")
            .field("transaction_id", &self.transaction_id)
            .field("date", &self.date)
            .field("kind", &self.kind)
            .field("amount", &self.amount)
            .field("currency", &self.currency)
            .field("completed", &self.completed)
            .finish_non_exhaustive()
    }
}

/// Without the payer's address and the text, which may name somebody.
impl fmt::Debug for PaymentOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PaymentOrder")
            .field("reference", &self.reference)
            .field("user_id", &self.user_id)
            .field("amount", &self.amount)
            .field("payment_type", &self.payment_type)
            .field("tax_in_amount", &self.tax_in_amount)
            .field("fee", &self.fee)
            .finish_non_exhaustive()
    }
}

impl PaymentsQuery {
    /// All payments between two moments.
    pub fn between(from: SystemTime, till: SystemTime) -> Self {
        Self {
            from,
            till,
            user_id: None,
            transaction: None,
            completed: None,
        }
    }

    /// Of one user.
    pub fn of_user(self, user_id: u64) -> Self {
        Self {
            user_id: Some(user_id),
            ..self
        }
    }

    /// With this `transaction`: how a payment is found again by its reference.
    pub fn with_transaction(self, transaction: impl Into<String>) -> Self {
        Self {
            transaction: Some(transaction.into()),
            ..self
        }
    }

    /// Complete ones, or the others.
    pub fn completed(self, completed: bool) -> Self {
        Self {
            completed: Some(completed),
            ..self
        }
    }
}

impl PaymentOrder {
    /// A payment of one user. The reference is sent as `transaction`, so that the payment can be found again; whether
    /// the server refuses a second payment with the same one is unknown, so do not rely on it.
    pub fn new(reference: Reference, user_id: u64, amount: Amount) -> Self {
        Self {
            reference,
            user_id,
            amount,
            description: None,
            payment_type: None,
            tax_in_amount: None,
            payer_email: None,
            fee: None,
        }
    }

    /// A text for people.
    pub fn with_description(self, description: impl Into<String>) -> Self {
        Self {
            description: Some(description.into()),
            ..self
        }
    }

    /// `paymenttype`.
    pub fn with_payment_type(self, payment_type: impl Into<String>) -> Self {
        Self {
            payment_type: Some(payment_type.into()),
            ..self
        }
    }

    /// Whether the amount includes the tax.
    pub fn tax_included(self, included: bool) -> Self {
        Self {
            tax_in_amount: Some(included),
            ..self
        }
    }

    /// The payer's address.
    pub fn with_payer_email(self, email: impl Into<String>) -> Self {
        Self {
            payer_email: Some(email.into()),
            ..self
        }
    }

    /// A fee.
    pub fn with_fee(self, fee: Decimal) -> Self {
        Self {
            fee: Some(fee),
            ..self
        }
    }

    fn call(&self) -> Call<'_> {
        let flag = |yes: bool| if yes { "1" } else { "0" };
        let mut call = Call::new("payment_create")
            .with("user_id", self.user_id.to_string())
            .with("p_currency", self.amount.currency().code().to_owned())
            .with("amount", Decimal::from(self.amount).as_str().to_owned())
            .with("transaction", self.reference.as_str());
        let optional = [
            ("description", self.description.as_deref()),
            ("paymenttype", self.payment_type.as_deref()),
            ("tax_in_amount", self.tax_in_amount.map(flag)),
            ("payer_email", self.payer_email.as_deref()),
            ("fee", self.fee.as_ref().map(Decimal::as_str)),
        ];
        call.extend(
            optional
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        call
    }
}

impl MorClient {
    /// Lists payments.
    ///
    /// # Errors
    /// [`Error`], see [`read`](Self::read); [`ErrorKind::UnreadableAnswer`](telco_core::ErrorKind::UnreadableAnswer)
    /// without a list.
    pub async fn payments(&self, query: &PaymentsQuery) -> Result<Vec<Payment>, Error> {
        let mut call = Call::new("payments_get")
            .with("s_from", unix(query.from)?)
            .with("s_till", unix(query.till)?);
        if let Some(user_id) = query.user_id {
            call = call.with("s_user_id", user_id.to_string());
        }
        if let Some(transaction) = &query.transaction {
            call = call.with("s_transaction", transaction.as_str());
        }
        if let Some(completed) = query.completed {
            call = call.with("s_completed", if completed { "1" } else { "0" });
        }
        let page = self.read(&call).await?;
        let list = page
            .find("payments")
            .ok_or_else(|| missing("payments_get"))?;
        Ok(list
            .children
            .iter()
            .filter(|child| child.name == "payment")
            .map(Payment::of)
            .collect())
    }

    /// Creates a payment: money moves. After an unknown outcome look for the reference with
    /// [`PaymentsQuery::with_transaction`].
    ///
    /// # Errors
    /// [`NotSent`]: nothing left.
    pub async fn create_payment(
        &self,
        order: &PaymentOrder,
    ) -> Result<Submission<CreatedPayment>, NotSent> {
        if !order.amount.is_positive() {
            let kind = telco_core::ErrorKind::InvalidInput;
            return Err(
                NotSent::new(kind, "a payment is more than zero").at("mor", "payment_create")
            );
        }
        let settle = "look for the reference in payments_get: s_from and s_till around the time, s_transaction";
        self.write_and_judge(&order.reference, &order.call(), settle, |page| {
            let response = page.find("response")?;
            if response.child("status")? != "ok" {
                return None;
            }
            let payment = response.find("payment");
            let field = |name| {
                payment
                    .and_then(|payment| payment.child(name))
                    .map(str::to_owned)
            };
            Some(CreatedPayment {
                payment_id: field("payment_id"),
                tax: field("tax"),
                amount: field("amount"),
                gross: field("gross"),
                currency: payment
                    .and_then(|payment| payment.attribute("currency"))
                    .map(str::to_owned),
                confirmed: response.child("confirmed").map(str::to_owned),
            })
        })
        .await
    }
}

impl Payment {
    fn of(element: &Element) -> Self {
        let field = |name| element.child(name).map(str::to_owned);
        Self {
            user: field("user"),
            payer: field("payer"),
            transaction_id: field("transaction_id"),
            date: field("date"),
            confirm_date: field("confirm_date"),
            kind: field("type"),
            amount: field("amount"),
            fee: field("fee"),
            amount_with_tax: field("amount_with_tax"),
            currency: field("currency"),
            completed: field("completed"),
            confirmed_by_admin: field("confirmed_by_admin"),
        }
    }
}
