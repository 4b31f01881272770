//! All 145 answers of the vectors over loopback: the outcome and every value.
#![cfg(any(feature = "rustls", feature = "native-tls"))]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod support;

use std::num::NonZeroU32;
use std::time::Duration;

use cowrie_client::wire::{
    EchoMismatch, Operation, RecordStatus, UnsignedRequest, error_text, read_pins,
};
use cowrie_client::{Account, CheckAnswer, Class, Client, Code, Encoding, Network, Nonce, Query};
use serde_json::Value;
use support::*;
use telco_core::{
    Amount, Error, ErrorKind, Lookup, LookupSupport, Msisdn, Product, ProductKind, RecordState,
    Reference, Secret, Submission, TopupExt as _, TopupIntent, TopupProvider as _, TopupReceipt,
};
use telco_crypto::encoding::decode_base64_forgiving;

struct Vector(Value);

impl Vector {
    fn text(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap()
    }

    fn id(&self) -> &str {
        self.text("id")
    }

    fn status(&self) -> u16 {
        self.0["status"].as_u64().unwrap().try_into().unwrap()
    }

    fn sent(&self, name: &str) -> &str {
        self.0["sent"][name].as_str().unwrap()
    }

    fn amount(&self, name: &str) -> Amount {
        naira(self.sent(name).parse().unwrap())
    }

    fn outcome(&self) -> &str {
        self.0["expect"]["outcome"].as_str().unwrap()
    }

    fn next(&self) -> Option<&str> {
        self.0["expect"]["next"].as_str()
    }

    fn flagged(&self, flag: &str) -> bool {
        let flags = self.0["expect"]["flags"].as_array();
        flags.is_some_and(|flags| flags.iter().any(|f| f == flag))
    }

    /// A text that the answer must have been read as.
    fn string(&self, name: &str) -> Option<&str> {
        self.0["expect"]["strings"][name].as_str()
    }

    /// A number of the answer, in hundredths.
    fn hundredths(&self, name: &str) -> Option<i64> {
        self.0["expect"]["hundredths"][name].as_i64()
    }

    fn error_text(&self) -> Option<&str> {
        self.0["expect"]["error_text"].as_str()
    }

    fn body(&self) -> Vec<u8> {
        if let Some(text) = self.0["body"].as_str() {
            return text.into();
        }
        if let Some(text) = self.0["body_base64"].as_str() {
            return decode_base64_forgiving(text).unwrap().clone();
        }
        let parts = self.0["body_parts"].as_array().unwrap().iter();
        let text: String = parts
            .map(|part| {
                let times = part["repeat"].as_u64().unwrap_or(1);
                part["text"]
                    .as_str()
                    .unwrap()
                    .repeat(times.try_into().unwrap())
            })
            .collect();
        text.into_bytes()
    }

    async fn server(&self) -> Server {
        let content_type = self.0["content_type"]
            .as_str()
            .unwrap_or("application/json");
        let reply = Reply::new(self.status(), self.body())
            .header(&format!("content-type: {content_type}"))
            .header("location: http://127.0.0.1:9/elsewhere");
        Server::start([reply]).await
    }

    fn client(&self, server: &Server) -> Client {
        // Bodies of 4 MiB take their time in a debug build.
        let builder = hasty(Client::builder(credentials()), server.base_url())
            .settings(
                cowrie_client::http::Settings::default()
                    .with_timeouts(Duration::from_secs(30), Duration::from_secs(30)),
            )
            .replay_within(Duration::from_secs(600));
        match self.0["sent"]["message"].as_str() {
            Some(label) => builder.pin_label(label),
            None => builder,
        }
        .build()
        .unwrap()
    }

    fn intent(&self) -> TopupIntent {
        let to = || Msisdn::parse(self.sent("msisdn")).unwrap();
        let net = || -> Network { self.sent("net").parse().unwrap() };
        let count = || self.0["sent"]["count"].as_str().map_or("1", |count| count);
        let product = match self.text("call") {
            "Credit" | "Check" => Product::airtime(to(), net(), self.amount("amount")),
            "Data" => Product::data(to(), net(), None, self.amount("amount")),
            "AllocateSingle" | "Allocate" => {
                let count: NonZeroU32 = count().parse().unwrap();
                Product::pins(self.amount("unit"), count)
            }
            other => panic!("{other} is no top-up"),
        };
        let name = if self.text("call") == "Check" {
            "reference"
        } else {
            "xref"
        };
        TopupIntent::new(reference(self.sent(name)), product)
    }

    /// The class column of the result table, for what the status alone decides.
    fn class_fits(&self, costs: bool) {
        let expected = match self.0["expect"]["class"].as_str() {
            Some("ok") => Class::Ok,
            Some("auth-or-input") => Class::AuthOrInput,
            Some("auth") => Class::Auth,
            Some("balance") => Class::Balance,
            Some("input") => Class::Input,
            Some("conflict") => Class::Conflict,
            Some("rate") => Class::Rate,
            Some("undocumented") => Class::Undocumented,
            Some("transient") => Class::Transient,
            Some("unknown-outcome") => Class::UnknownOutcome,
            None => return,
            Some(other) => panic!("{other}"),
        };
        if self.status() != 200 {
            assert_eq!(
                Code::from(self.status()).class(costs),
                expected,
                "{}",
                self.id()
            );
        }
    }
}

fn vectors(calls: &[&str]) -> Vec<Vector> {
    let file: Value = serde_json::from_str(include_str!("../vectors/responses.json")).unwrap();
    let all = file["vectors"].as_array().unwrap();
    assert_eq!(all.len(), 145);
    let chosen: Vec<Vector> = all
        .iter()
        .filter(|v| calls.contains(&v["call"].as_str().unwrap()))
        .cloned()
        .map(Vector)
        .collect();
    assert!(!chosen.is_empty());
    chosen
}

/// The text of the provider is shown as far as it is fit to be.
fn says(vector: &Vector, error: &Error) {
    if let Some(text) = vector.error_text() {
        assert_eq!(error_text(&vector.body()).as_deref(), Some(text));
        assert_eq!(error.body_excerpt(), Some(text), "{}", vector.id());
    }
    if let Some(octets) = vector.0["expect"]["error_text_octets"].as_u64() {
        let cut = vector.body()[..8 * 1024].to_vec();
        assert_eq!(error_text(&cut).unwrap().len() as u64, octets);
        assert!(error.body_excerpt().is_some());
    }
}

/// A read that failed: repeated or not, and what the caller hears.
fn read_failed(vector: &Vector, server: &Server, failure: &Error) {
    let id = vector.id();
    says(vector, failure);
    match vector.outcome() {
        "retry" => assert_eq!(
            server.count(),
            2,
            "{id} is repeated, with a nonce of its own"
        ),
        "error" => assert_eq!(server.count(), 1, "{id}"),
        "config-error" => {
            assert_eq!(server.count(), 1, "{id}");
            let kinds = [ErrorKind::Authentication, ErrorKind::InvalidConfiguration];
            assert!(kinds.contains(&failure.kind()), "{id}: {failure}");
        }
        other => panic!("{id}: {failure}, where {other} was expected"),
    }
    let nonces = server.nonces();
    let distinct: std::collections::HashSet<&String> = nonces.iter().collect();
    assert_eq!(distinct.len(), nonces.len(), "{id}");
}

#[tokio::test]
async fn balance() {
    for vector in vectors(&["Balance"]) {
        vector.class_fits(false);
        let server = vector.server().await;
        match vector.client(&server).balance().await {
            Ok(Account {
                balance,
                discount_hundredths,
                ..
            }) => {
                assert_eq!(vector.outcome(), "ok", "{}", vector.id());
                assert_eq!(
                    Some(balance.minor()),
                    vector.hundredths("balance"),
                    "{}",
                    vector.id()
                );
                assert_eq!(
                    discount_hundredths,
                    vector.hundredths("discount"),
                    "{}",
                    vector.id()
                );
            }
            Err(failure) => read_failed(&vector, &server, &failure),
        }
    }
}

#[tokio::test]
async fn check() {
    for vector in vectors(&["Check"]) {
        vector.class_fits(false);
        let id = vector.id();
        let server = vector.server().await;
        let client = vector.client(&server);
        match client.lookup(&vector.intent()).await {
            Ok(Lookup::Found(record)) => {
                let confirmed = record.state == RecordState::Completed;
                assert_eq!(vector.outcome() == "confirmed", confirmed, "{id}");
                assert!(confirmed || vector.outcome() == "recorded", "{id}");
                assert_eq!(record.provider_id.as_deref(), vector.string("id"), "{id}");
                let xref = record.reference.as_ref().map(Reference::as_str);
                assert_eq!(xref, vector.string("xref"), "{id}");
                assert_eq!(
                    record.recipient.as_ref().map(Msisdn::expose),
                    vector.string("msisdn"),
                    "{id}"
                );
                assert_eq!(
                    record.operator.as_ref().map(telco_core::Operator::as_str),
                    vector.string("net"),
                    "{id}"
                );
                assert_eq!(
                    record.amount.map(Amount::minor),
                    vector.hundredths("amount"),
                    "{id}"
                );
                words_of_the_record(&vector, &client).await;
            }
            Ok(Lookup::Mismatch(_)) => assert_eq!(vector.outcome(), "mismatch", "{id}"),
            Ok(Lookup::NotFound) => {
                assert_eq!(vector.outcome(), "not-found", "{id}");
                assert_eq!(server.count(), 1);
            }
            Err(failure) if vector.outcome() == "undetermined" => {
                assert_eq!(failure.kind(), ErrorKind::UnreadableAnswer, "{id}");
            }
            Err(failure) if vector.outcome() == "diagnose" => {
                // The balance call of the same key is answered 400 as well.
                assert_eq!(failure.kind(), ErrorKind::Authentication);
                assert_eq!(server.targets()[1], "/airtime/Balance");
                assert_eq!(server.count(), 2);
            }
            Err(failure) => read_failed(&vector, &server, &failure),
        }
    }
}

async fn words_of_the_record(vector: &Vector, client: &Client) {
    let asked = client.check(vector.sent("reference")).await.unwrap();
    let CheckAnswer::Found { status, stamp, .. } = asked else {
        panic!("{}", vector.id())
    };
    assert_eq!(stamp.as_deref(), vector.string("stamp"));
    match (status, vector.string("status")) {
        (RecordStatus::Ok, Some(text)) => assert!(text.eq_ignore_ascii_case("ok")),
        (RecordStatus::Other(ours), Some(text)) => assert_eq!(ours, text),
        (RecordStatus::Absent, None) => {}
        other => panic!("{}: {other:?}", vector.id()),
    }
}

#[tokio::test]
async fn spending() {
    for vector in vectors(&["Credit", "Data", "AllocateSingle", "Allocate"]) {
        vector.class_fits(true);
        let server = vector.server().await;
        let client = vector.client(&server);
        let intent = vector.intent();
        let answer = if vector.text("transmission") == "replay" {
            let frozen = client.prepare(&intent).unwrap().frozen().clone();
            client.replay(&frozen, frozen.prepared_at()).await
        } else if vector.0["sent"]["count"] == "1" {
            // The client never orders a batch of one, so the decoder reads it alone.
            batch_of_one(&vector)
        } else {
            let answer = client.submit(&intent).await.unwrap();
            assert_eq!(
                server.count(),
                1,
                "{}: one call, one transmission",
                vector.id()
            );
            answer
        };
        assert!(server.count() <= 1, "{}", vector.id());
        judged(&vector, &client, answer);
    }
}

fn batch_of_one(vector: &Vector) -> Submission<TopupReceipt> {
    let query = ["unit", "count", "type", "message", "xref"]
        .into_iter()
        .try_fold(Query::new(Encoding::Strict), |query, name| {
            query.with(name, vector.sent(name))
        })
        .unwrap();
    let request = UnsignedRequest::new(Operation::Allocate, Nonce::new(NONCE).unwrap(), query);
    read_pins(&reference(vector.sent("xref")), &request, &vector.body())
}

fn judged(vector: &Vector, client: &Client, answer: Submission<TopupReceipt>) {
    let id = vector.id();
    match (vector.outcome(), answer) {
        ("accepted", Submission::Accepted(receipt)) => received(vector, &receipt),
        ("rejected", Submission::Rejected(why)) => {
            says(vector, why.as_error());
            let undocumented = why.as_error().message().contains("undocumented");
            assert_eq!(undocumented, vector.flagged("undocumented"), "{id}");
        }
        (told @ ("unknown" | "unresolved"), Submission::Unknown(unknown)) => {
            let cause = unknown.cause();
            says(vector, cause);
            assert!(!cause.is_retryable(), "{id}");
            if vector.flagged("first-copy-arrived") {
                assert_eq!(cause.kind(), ErrorKind::Conflict, "{id}");
            }
            if told == "unresolved" {
                return;
            }
            let source = std::error::Error::source(cause);
            let mismatch = source.is_some_and(|source| source.is::<EchoMismatch>());
            let said = source.map(ToString::to_string).unwrap_or_default();
            assert_eq!(mismatch, said.contains("than the request"), "{said}");
            assert_eq!(
                mismatch,
                vector.0["expect"]["kind"] == "EchoMismatch",
                "{id}"
            );
            // The raw answer is kept: whole, or as far as it was read.
            let kept = unknown.answer().map_or(0, |answer| answer.expose().len());
            assert_eq!(kept, vector.body().len().min(4 * 1024 * 1024), "{id}");
            let kind = vector.intent().product.kind();
            let rules = client.topup_capabilities().rules(kind).unwrap();
            let can_ask = rules.lookup != LookupSupport::None;
            assert_eq!(vector.next() == Some("check"), can_ask, "{id}");
            assert_eq!(can_ask, kind != ProductKind::Pins);
        }
        (expected, other) => panic!("{id}: {other:?}, where {expected} was expected"),
    }
}

fn received(vector: &Vector, receipt: &TopupReceipt) {
    let id = vector.id();
    assert_eq!(receipt.provider_id.as_deref(), vector.string("id"), "{id}");
    assert_eq!(
        receipt.cost.map(Amount::minor),
        vector.hundredths("charge"),
        "{id}"
    );
    assert_eq!(
        receipt.balance.map(Amount::minor),
        vector.hundredths("balance"),
        "{id}"
    );
    assert_eq!(
        receipt.answer.as_ref().unwrap().expose(),
        vector.body(),
        "{id}"
    );
    assert_eq!(receipt.replayed, vector.flagged("replayed"), "{id}");
    let warned = ["warning-message", "warning-xref", "warning-count"]
        .iter()
        .filter(|flag| vector.flagged(flag));
    assert_eq!(
        receipt.warnings.len(),
        warned.count(),
        "{id}: {:?}",
        receipt.warnings
    );

    let one = [vector.0["expect"]["strings"].clone()];
    let expected: &[Value] = match vector.0["expect"]["elements"].as_array() {
        Some(elements) => elements,
        None if vector.string("pin").is_some() => &one,
        None => &[],
    };
    assert_eq!(receipt.pins.len(), expected.len(), "{id}");
    for (pin, expected) in receipt.pins.iter().zip(expected) {
        assert_eq!(Some(pin.code.expose()), expected["pin"].as_str(), "{id}");
        assert_eq!(pin.serial.as_deref(), expected["serial"].as_str(), "{id}");
        if let Some(unit) = vector.hundredths("unit") {
            assert_eq!(pin.face_value.map(Amount::minor), Some(unit), "{id}");
        }
    }
}

#[tokio::test]
async fn redeem() {
    for vector in vectors(&["Redeem"]) {
        let server = vector.server().await;
        let answer = vector
            .client(&server)
            .redeem(
                &reference(vector.sent("xref")),
                vector.sent("net").parse().unwrap(),
                &Msisdn::parse(vector.sent("msisdn")).unwrap(),
                &Secret::new(vector.sent("pin")),
            )
            .await
            .unwrap();
        assert_eq!(server.count(), 1);
        match (vector.outcome(), answer) {
            ("accepted", Submission::Accepted(redeemed)) => {
                assert_eq!(Some(redeemed.message.as_str()), vector.string("message"));
            }
            ("unknown", Submission::Unknown(unknown)) => {
                assert_eq!(unknown.answer().unwrap().expose(), vector.body());
            }
            (expected, other) => panic!("{expected}: {other:?}"),
        }
    }
}
