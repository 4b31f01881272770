//! Finished requests: made once, their bytes never change (docs/protocols/kairos.md, section 10).
//!
//! What is frozen holds no credential in clear. An envelope is frozen whole. A plain body is frozen with an empty `security-id`,
//! which is filled in as it is sent. Before it stand the kind of endpoint and a hash of the finished bytes: what would go out as
//! other bytes than those that were prepared, or to another host, is refused, for the provider would take it for a new order.

use std::ops::Range;
use std::time::SystemTime;

use bytes::Bytes;
use telco_core::{ErrorKind, NotSent, SecretBytes};
use telco_crypto::digest::sha256;
use telco_crypto::encoding::hex;
use zeroize::Zeroizing;

use crate::client::Kairos;
use crate::order::{InvalidOrder, Order};
use crate::wire::{self, json_length};
use crate::{InvalidStartTime, Kind, StartTime};

impl Kairos {
    /// Checks all orders, splits them, and finishes each request.
    pub(crate) fn freeze(
        &self,
        orders: &[Order],
        now: SystemTime,
    ) -> Result<Vec<(Range<usize>, SecretBytes)>, NotSent> {
        self.inner()
            .limits
            .check(orders, now)
            .map_err(|why| self.refuse(why))?;
        let start =
            StartTime::at(now, self.inner().limits.offset).map_err(|why| self.refuse(why))?;
        let calls: Vec<_> = orders.iter().map(|order| order.to_wire(&start)).collect();
        let ranges = self.ranges(&calls).map_err(|why| self.refuse(why))?;
        let mut calls = calls.into_iter();
        let request = |range: Range<usize>| {
            let bytes = self.finish(calls.by_ref().take(range.len()).collect())?;
            Ok((range, bytes))
        };
        ranges.into_iter().map(request).collect()
    }

    fn ranges(&self, calls: &[wire::Call<'_>]) -> Result<Vec<Range<usize>>, InvalidOrder> {
        let inner = self.inner();
        let around = json_length(&self.body(Vec::new(), inner.security.expose()));
        let lengths: Vec<usize> = calls.iter().map(wire::Call::json_length).collect();
        inner
            .limits
            .split(around, &lengths, |json| match &inner.seal {
                Some((key, envelope)) => envelope.body_length(json, &inner.flow, key),
                None => json,
            })
    }

    pub(crate) fn body<'a>(
        &'a self,
        calls: Vec<wire::Call<'a>>,
        security_id: &'a str,
    ) -> wire::Create<'a> {
        wire::Create {
            api_version: self.inner().api_version,
            security_id,
            flow_id: self.inner().flow.as_str(),
            calls,
        }
    }

    fn finish(&self, calls: Vec<wire::Call<'_>>) -> Result<SecretBytes, NotSent> {
        let inner = self.inner();
        let Some((key, envelope)) = &inner.seal else {
            let json = self.body(calls, "").to_json();
            let wire = self.with_security_id(&json).ok_or_else(|| {
                self.refuse_because(ErrorKind::Other, "the request cannot be put together")
            })?;
            return Ok(stored(inner.kind, &wire, &json));
        };
        let json = self.body(calls, inner.security.expose()).to_json();
        let text = std::str::from_utf8(&json).map_err(NotSent::because(ErrorKind::Other))?;
        let body = envelope.seal_own(&inner.flow, text, key, &inner.random);
        let body = body.map_err(|why| self.refuse_with(ErrorKind::Other, why))?;
        // A batch may be large: not two copies of it at a time.
        drop(json);
        Ok(stored(inner.kind, &body, &body))
    }

    /// What goes over the wire: the very bytes that were prepared, or nothing.
    pub(crate) fn thaw(&self, frozen: &SecretBytes) -> Result<Bytes, NotSent> {
        let inner = self.inner();
        let refuse = |why| self.refuse_because(ErrorKind::InvalidInput, why);
        let damaged =
            "the stored request is damaged, or of another version of phonon-kairos-client";
        let request = Stored::read(frozen.expose()).ok_or_else(|| refuse(damaged))?;
        if request.kind != inner.kind.name().as_bytes() {
            return Err(refuse(
                "this request was prepared for another kind of endpoint",
            ));
        }
        let wire = match &inner.seal {
            None => self.with_security_id(request.body),
            Some(_) => Some(Zeroizing::new(request.body.to_vec())),
        };
        match wire {
            Some(mut wire) if hex(&sha256(&wire)).as_bytes() == request.digest => {
                Ok(Bytes::from(std::mem::take(&mut *wire)))
            }
            _ => Err(refuse(
                "these would be other bytes than those that were prepared: it was made under another security id or API version, \
                 or it is damaged",
            )),
        }
    }

    /// A plain body with the security id in its place. `None` for a body that did not begin as this client's do.
    fn with_security_id(&self, frozen: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let head = self.head();
        let rest = frozen
            .strip_prefix(head.as_slice())?
            .strip_prefix(b"\"\"")?;
        // Written as JSON: an id of another form may hold a quote.
        let id = wire::json_text(self.inner().security.expose());
        Some(Zeroizing::new([&head, id.as_slice(), rest].concat()))
    }

    /// Everything before the security id and its quotes.
    fn head(&self) -> Vec<u8> {
        let mut json: Zeroizing<Vec<u8>> = self.body(Vec::new(), "").to_json();
        let before = json
            .windows(3)
            .position(|three| three == b"\"\",")
            .unwrap_or(0);
        json.truncate(before);
        std::mem::take(&mut *json)
    }

    fn refuse(&self, why: impl Refusal) -> NotSent {
        self.refuse_with(ErrorKind::InvalidInput, why)
    }

    fn refuse_because(&self, kind: ErrorKind, why: &'static str) -> NotSent {
        NotSent::new(kind, why).at(crate::judge::PROVIDER, self.inner().kind.operation())
    }

    fn refuse_with(
        &self,
        kind: ErrorKind,
        why: impl std::error::Error + Send + Sync + 'static,
    ) -> NotSent {
        NotSent::new(kind, why.to_string())
            .at(crate::judge::PROVIDER, self.inner().kind.operation())
            .with_source(why)
    }
}

/// First line of the stored form.
const VERSION: &[u8] = b"kairos-1";

/// The storable form, one line each: version, kind, hash of what goes over the wire, body.
fn stored(kind: Kind, wire: &[u8], body: &[u8]) -> SecretBytes {
    let hash = hex(&sha256(wire));
    let lines = [VERSION, kind.name().as_bytes(), hash.as_bytes(), body];
    SecretBytes::new(lines.join(&b'\n'))
}

/// What [`stored`] wrote.
struct Stored<'a> {
    kind: &'a [u8],
    digest: &'a [u8],
    body: &'a [u8],
}

impl<'a> Stored<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut lines = bytes.splitn(4, |&byte| byte == b'\n');
        if lines.next()? != VERSION {
            return None;
        }
        Some(Self {
            kind: lines.next()?,
            digest: lines.next()?,
            body: lines.next()?,
        })
    }
}

/// The caller's values, and nothing else, are to blame.
trait Refusal: std::error::Error + Send + Sync + 'static {}
impl Refusal for InvalidOrder {}
impl Refusal for InvalidStartTime {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ContactNumber, FlowId, NumberPolicy, SecurityId};
    use telco_core::Reference;

    #[test]
    fn a_security_id_of_another_form_stays_one_json_string() {
        let odd = r#"5c"45\a0"#;
        let flow = FlowId::new("Zb0RKJvh").unwrap();
        let kairos = Kairos::builder(flow, SecurityId::unchecked(odd))
            .build()
            .unwrap();
        let number = ContactNumber::parse("919812345678", NumberPolicy::AsIs).unwrap();
        let order = Order::new(Reference::new("due-17").unwrap(), number);
        let prepared = kairos
            .prepare_orders(&Reference::new("dues").unwrap(), &[order])
            .unwrap();
        let wire = kairos.thaw(prepared[0].frozen().bytes()).unwrap();
        let body: serde_json::Value = serde_json::from_slice(&wire).unwrap();
        assert_eq!(body["security-id"], odd);
        assert_eq!(body["calls"][0]["client-identifier"], "due-17");
        let frozen = prepared[0].frozen().bytes().expose();
        assert!(
            !frozen.windows(4).any(|four| four == b"5c\\\""),
            "the id is not in what is stored"
        );
    }
}
