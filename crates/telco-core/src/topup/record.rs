use crate::{Amount, Msisdn, Operator, Product, Reference, Secret, SecretBytes};

/// What is to be bought, under which reference. There is no secret in it: the whole of it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TopupIntent {
    /// The caller's id of this one top-up.
    pub reference: Reference,
    /// What is bought.
    pub product: Product,
}

impl TopupIntent {
    /// Store it before you send it.
    pub fn new(reference: Reference, product: Product) -> Self {
        Self { reference, product }
    }
}

/// A recharge PIN that was paid for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pin {
    /// The provider's number of it.
    pub serial: Option<String>,
    /// What is typed into the phone: worth money.
    pub code: Secret,
    /// What it is worth.
    pub face_value: Option<Amount>,
}

impl Pin {
    /// With its code only; set the rest.
    #[must_use]
    pub fn new(code: Secret) -> Self {
        Self {
            serial: None,
            code,
            face_value: None,
        }
    }
}

/// What the provider answered to an accepted top-up. Everything but the reference is as the provider told it, or absent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TopupReceipt {
    /// The caller's id.
    pub reference: Reference,
    /// The provider's id.
    pub provider_id: Option<String>,
    /// What was taken from the account.
    pub cost: Option<Amount>,
    /// What the account holds now.
    pub balance: Option<Amount>,
    /// The PINs bought.
    pub pins: Vec<Pin>,
    /// What a person should look at, though it was accepted.
    pub warnings: Vec<String>,
    /// It was a second copy of the same bytes that was accepted.
    pub replayed: bool,
    /// The whole answer.
    pub answer: Option<SecretBytes>,
}

impl TopupReceipt {
    /// With its reference only; set the rest.
    #[must_use]
    pub fn new(reference: Reference) -> Self {
        Self {
            reference,
            provider_id: None,
            cost: None,
            balance: None,
            pins: Vec::new(),
            warnings: Vec::new(),
            replayed: false,
            answer: None,
        }
    }
}

/// What the provider's books say about the state of a top-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RecordState {
    /// Delivered.
    Completed,
    /// Not delivered, for good.
    Failed,
    /// Delivered and taken back.
    Reversed,
    /// Not decided yet.
    Pending,
    /// On record, with nothing said about its state.
    Unstated,
}

/// One entry of the provider's books. What it did not tell is `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TopupRecord {
    /// Its state.
    pub state: RecordState,
    /// The provider's id.
    pub provider_id: Option<String>,
    /// The caller's id.
    pub reference: Option<Reference>,
    /// Who got it.
    pub recipient: Option<Msisdn>,
    /// On which network.
    pub operator: Option<Operator>,
    /// How much.
    pub amount: Option<Amount>,
}

impl TopupRecord {
    /// With its state only; set the rest.
    #[must_use]
    pub fn new(state: RecordState) -> Self {
        Self {
            state,
            provider_id: None,
            reference: None,
            recipient: None,
            operator: None,
            amount: None,
        }
    }

    /// Compares every field that both sides know: [`Found`](Lookup::Found), or [`Mismatch`](Lookup::Mismatch) at the first
    /// that differs.
    ///
    /// ```
    /// use telco_core::{Amount, Currency, Lookup, Msisdn, Product, RecordState, Reference, TopupIntent, TopupRecord};
    ///
    /// let naira = |n| Amount::from_major(n, Currency::NGN).unwrap();
    /// let to = Msisdn::parse("2348031234567").unwrap();
    /// let intent = TopupIntent::new(Reference::new("r1").unwrap(), Product::airtime(to, None, naira(100)));
    ///
    /// let mut record = TopupRecord::new(RecordState::Completed);
    /// record.amount = Some(naira(100));
    /// assert!(matches!(record.clone().compare(&intent), Lookup::Found(_)));
    /// record.amount = Some(naira(200));
    /// assert!(matches!(record.compare(&intent), Lookup::Mismatch(_)));
    /// ```
    pub fn compare(self, intent: &TopupIntent) -> Lookup {
        fn agree<T: PartialEq>(theirs: Option<&T>, ours: Option<&T>) -> bool {
            theirs.is_none() || ours.is_none() || theirs == ours
        }
        let product = &intent.product;
        let same = agree(self.reference.as_ref(), Some(&intent.reference))
            && agree(self.recipient.as_ref(), product.recipient())
            && agree(self.operator.as_ref(), product.operator())
            && agree(self.amount.as_ref(), product.price().as_ref());
        if same {
            Lookup::Found(self)
        } else {
            Lookup::Mismatch(self)
        }
    }
}

/// What a lookup found. Closed for ever. Could not tell is an `Err`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a lookup that is dropped settles nothing"]
pub enum Lookup {
    /// The operation is on record; [`TopupRecord::state`] says how.
    Found(TopupRecord),
    /// Something else is on record under this reference. Never a reason to send again.
    Mismatch(TopupRecord),
    /// Nothing on record. What that proves is said by [`LookupSupport`](crate::LookupSupport), nowhere else.
    NotFound,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Currency;

    fn naira(n: i64) -> Amount {
        Amount::from_major(n, Currency::NGN).unwrap()
    }

    fn intent() -> TopupIntent {
        let to = Msisdn::parse("2348031234567").unwrap();
        TopupIntent::new(
            Reference::new("r1").unwrap(),
            Product::airtime(to, Operator::new("MTN"), naira(100)),
        )
    }

    #[test]
    fn every_field_is_compared() {
        let same = TopupRecord {
            state: RecordState::Completed,
            provider_id: Some("X".into()),
            reference: Some(Reference::new("r1").unwrap()),
            recipient: Some(Msisdn::parse("2348031234567").unwrap()),
            operator: Some(Operator::new("mtn")),
            amount: Some(naira(100)),
        };
        assert!(matches!(same.clone().compare(&intent()), Lookup::Found(_)));
        assert!(matches!(
            TopupRecord::new(RecordState::Unstated).compare(&intent()),
            Lookup::Found(_)
        ));
        let differing = [
            TopupRecord {
                reference: Some(Reference::new("r2").unwrap()),
                ..same.clone()
            },
            TopupRecord {
                recipient: Some(Msisdn::parse("2348031234568").unwrap()),
                ..same.clone()
            },
            TopupRecord {
                operator: Some(Operator::new("GLO")),
                ..same.clone()
            },
            TopupRecord {
                amount: Some(naira(101)),
                ..same
            },
        ];
        for record in differing {
            assert!(matches!(record.compare(&intent()), Lookup::Mismatch(_)));
        }
    }
}
