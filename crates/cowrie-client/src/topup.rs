//! The shared trait: intents become requests here, and answers become outcomes.

use std::num::NonZeroU32;

use telco_core::{
    Amount, Balance, Currency, Error, ErrorKind, Identity, Lookup, Msisdn, NotSent, Operator,
    PreparedTopup, Product, Provider, Reference, Secret, Submission, TopupCapabilities,
    TopupIntent, TopupProvider, TopupReceipt, async_trait,
};

use crate::wire::{self, Operation, UnsignedRequest};
use crate::{CheckAnswer, Client, Encoding, Network, PROVIDER, Query};

/// Cowrie's limit is unknown; the longest ever seen is a UUID with hyphens.
const LONGEST_XREF: usize = 36;

impl Provider for Client {
    fn identity(&self) -> &Identity {
        &self.inner.identity
    }
}

#[async_trait]
impl TopupProvider for Client {
    fn topup_capabilities(&self) -> &TopupCapabilities {
        &self.inner.capabilities
    }

    fn prepare(&self, intent: &TopupIntent) -> Result<PreparedTopup, NotSent> {
        let (operation, query) = match &intent.product {
            Product::Airtime {
                to,
                operator,
                amount,
                ..
            } => {
                let query = self.recipient(to, operator.as_ref(), *amount)?;
                (
                    Operation::Credit,
                    self.channel(query)?.with("xref", xref(&intent.reference)?),
                )
            }
            Product::Data {
                to,
                operator,
                plan,
                amount,
                ..
            } => {
                let query = self.recipient(to, operator.as_ref(), *amount)?;
                let query = self
                    .channel(query)?
                    .with("xref", xref(&intent.reference)?)?;
                let query = match plan.as_deref() {
                    Some("") => return Err(invalid("the plan is empty: give its code, or none")),
                    Some(bundle) => query.with("bundle", bundle),
                    None => Ok(query),
                };
                (Operation::Data, query)
            }
            Product::Pins {
                face_value, count, ..
            } => self.pins(*face_value, *count, &intent.reference)?,
            _ => return Err(NotSent::unsupported("Cowrie does not sell this product")),
        };
        let query = query.map_err(|refusal| refusal.at(PROVIDER, operation.name()))?;
        // Last, so that nothing that is refused has spent a nonce.
        let request = UnsignedRequest::new(operation, self.nonce(operation)?, query);
        Ok(PreparedTopup::new(
            self.identity(),
            intent.clone(),
            request.freeze(),
            self.inner.clock.now(),
        ))
    }

    async fn send(&self, prepared: PreparedTopup) -> Result<Submission<TopupReceipt>, NotSent> {
        let reference = &prepared.intent().reference;
        let request = UnsignedRequest::thaw(prepared.bytes_for(self.identity())?)
            .map_err(NotSent::because(ErrorKind::InvalidInput))?;
        if request.query().value("xref") != Some(reference.as_str()) {
            return Err(invalid("the stored request belongs to another reference"));
        }
        match request.operation() {
            Operation::Credit | Operation::Data => {
                self.spend(reference, &request, |body| {
                    wire::read_topup(reference, &request, body)
                })
                .await
            }
            Operation::AllocateSingle | Operation::Allocate => {
                self.spend(reference, &request, |body| {
                    wire::read_pins(reference, &request, body)
                })
                .await
            }
            _ => Err(invalid("the stored request is no top-up")),
        }
    }

    async fn lookup(&self, intent: &TopupIntent) -> Result<Lookup, Error> {
        let asked = match &intent.product {
            Product::Airtime {
                to,
                operator,
                amount,
                ..
            } => Product::airtime(to.clone(), canonical(operator.as_ref()), *amount),
            Product::Data {
                to,
                operator,
                plan,
                amount,
                ..
            } => Product::data(
                to.clone(),
                canonical(operator.as_ref()),
                plan.clone(),
                *amount,
            ),
            _ => {
                return Err(NotSent::unsupported(
                    "Cowrie has no query for allocated PINs: only its staff can tell",
                )
                .at(PROVIDER, Operation::Check.name())
                .into());
            }
        };
        match self.check(intent.reference.as_str()).await? {
            CheckAnswer::NotFound => Ok(Lookup::NotFound),
            CheckAnswer::Found {
                record,
                ours: Some(false),
                ..
            } => Ok(Lookup::Mismatch(record)),
            CheckAnswer::Found { record, .. } => {
                Ok(record.compare(&TopupIntent::new(intent.reference.clone(), asked)))
            }
        }
    }

    async fn balance(&self) -> Result<Balance, Error> {
        let account = Client::balance(self).await?;
        Ok(Balance::new(account.balance))
    }
}

/// Aliases are one network.
fn canonical(operator: Option<&Operator>) -> Option<Operator> {
    operator.map(|named| {
        named
            .as_str()
            .parse::<Network>()
            .map_or_else(|_| named.clone(), Operator::from)
    })
}

impl Client {
    /// `net, msisdn, amount`.
    fn recipient(
        &self,
        to: &Msisdn,
        operator: Option<&Operator>,
        amount: Amount,
    ) -> Result<Query, NotSent> {
        let network = self.network(to, operator)?;
        let naira = whole_naira(amount)?;
        let limits = &self.inner.amounts;
        if let Some((_, least, greatest)) =
            limits.iter().find(|(of, ..)| of.code() == network.code())
            && !(least.minor()..=greatest.minor()).contains(&amount.minor())
        {
            return Err(invalid(format!(
                "{} takes {least} to {greatest} (your own limits)",
                network.code()
            )));
        }
        Query::new(self.inner.encoding)
            .with("net", network.code())?
            .with("msisdn", msisdn(to)?)?
            .with("amount", &naira)
    }

    /// The caller's word, else the number's prefix.
    fn network(&self, to: &Msisdn, operator: Option<&Operator>) -> Result<Network, NotSent> {
        let Some(named) = operator else {
            return self.inner.prefixes.suggest(to).ok_or_else(|| {
                invalid("the number's prefix belongs to no network that Cowrie serves: name the network")
            });
        };
        match named.as_str().parse() {
            Ok(known) => Ok(known),
            Err(_) if self.inner.own_networks.contains(named) => Ok(Network::Other(named.clone())),
            Err(unknown) => Err(NotSent::because(ErrorKind::InvalidInput)(unknown)
                .at(PROVIDER, "prepare")
                .with_help(
                    "`Builder::also_network` allows a code that Cowrie gave you and this crate does not know",
                )),
        }
    }

    fn channel(&self, query: Query) -> Result<Query, NotSent> {
        match &self.inner.channel {
            Some(channel) => query.with("channel", channel),
            None => Ok(query),
        }
    }

    /// `unit, [count,] type, message, xref`.
    fn pins(
        &self,
        face_value: Amount,
        count: NonZeroU32,
        reference: &Reference,
    ) -> Result<(Operation, Result<Query, NotSent>), NotSent> {
        let operation = if count == NonZeroU32::MIN {
            Operation::AllocateSingle
        } else {
            Operation::Allocate
        };
        operation.path(&self.inner.credentials.caller)?;
        if self.inner.max_pins.is_some_and(|most| count > most) {
            return Err(invalid("more PINs than your own limit allows"));
        }
        let query = Query::new(self.inner.encoding).with("unit", &whole_naira(face_value)?)?;
        let query = match operation {
            Operation::Allocate => query.with("count", &count.to_string())?,
            _ => query,
        };
        let query = query
            .with("type", &self.inner.pin_type)?
            .with("message", &self.inner.pin_label)?
            .with("xref", xref(reference)?);
        Ok((operation, query))
    }

    /// `net, msisdn, pin, xref`.
    pub(crate) fn redemption(
        &self,
        reference: &Reference,
        network: &Network,
        to: &Msisdn,
        pin: &Secret,
    ) -> Result<UnsignedRequest, NotSent> {
        Operation::Redeem.path(&self.inner.credentials.caller)?;
        let digits = pin.expose();
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(invalid("a PIN is digits only"));
        }
        let network = self.network(to, Some(&Operator::from(network.clone())))?;
        let query = Query::new(Encoding::Strict)
            .with("net", network.code())?
            .with("msisdn", msisdn(to)?)?
            .with("pin", digits)?
            .with("xref", xref(reference)?)?;
        Ok(UnsignedRequest::new(
            Operation::Redeem,
            self.nonce(Operation::Redeem)?,
            query,
        ))
    }
}

fn xref(reference: &Reference) -> Result<&str, NotSent> {
    let text = reference.as_str();
    if text.len() > LONGEST_XREF {
        return Err(invalid(
            "the reference is longer than the 36 characters that Cowrie is known to take",
        ));
    }
    Ok(text)
}

fn msisdn(to: &Msisdn) -> Result<&str, NotSent> {
    let digits = to.expose();
    if digits.len() != 13 || !digits.starts_with("234") {
        return Err(invalid("not a Nigerian number: 234 and ten more digits")
            .with_help("`cowrie_client::parse_msisdn` reads local spellings such as 0803…"));
    }
    Ok(digits)
}

/// Plain ASCII digits: no sign, separator or leading zero, under any locale.
fn whole_naira(amount: Amount) -> Result<String, NotSent> {
    if amount.currency() != Currency::NGN {
        return Err(invalid("Cowrie sells in naira (NGN)"));
    }
    match amount.exact_major() {
        Some(naira) if naira > 0 => Ok(naira.to_string()),
        _ => Err(invalid("the amount must be whole naira, and more than 0")),
    }
}

fn invalid(what: impl Into<std::borrow::Cow<'static, str>>) -> NotSent {
    NotSent::new(ErrorKind::InvalidInput, what).at(PROVIDER, "prepare")
}
