//! Exact bytes on the wire, and what the client does by itself beside them.
#![cfg(any(feature = "rustls", feature = "native-tls"))]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod support;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use cowrie_client::http::{ReadRetry, Settings};
use cowrie_client::{Builder, CheckAnswer, Client, Credentials, Encoding, Network, PrefixTable};
use support::*;
use telco_core::{
    Amount, Currency, ErrorKind, Lookup, Msisdn, NotSent, Operator, Outcome, Product, ProductKind,
    ReplayGuard, Secret, Submission, TopupExt as _, TopupIntent, TopupProvider as _,
};

/// With the nonce of the known answers, so that whole requests can be compared.
fn fixed(credentials: Credentials, server: &Server) -> Builder {
    hasty(Client::builder(credentials), server.base_url()).nonces(Arc::new(Fixed))
}

fn host(server: &Server) -> &str {
    server.base_url().trim_start_matches("http://")
}

/// The whole head of a request of the client family.
fn head(server: &Server, target: &str, signature: &str) -> String {
    format!(
        "GET {target} HTTP/1.1\r\nclientid: me@client.com\r\nsignature: {signature}\r\nnonce: {NONCE}\r\ncache-control: no-store\r\nuser-agent: telco-http/{}\r\naccept: */*\r\nhost: {}\r\n\r\n",
        env!("CARGO_PKG_VERSION"),
        host(server),
    )
}

/// Lines of a head in no order: header order means nothing.
fn sorted(head: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = head.split("\r\n").collect();
    lines[1..].sort_unstable();
    lines
}

const CREDIT: &str = "net=AIR&msisdn=2348124661601&amount=100&xref=7734c7da7687442";

#[tokio::test]
async fn every_call_sends_the_documented_bytes_and_the_known_signature() {
    let server = Server::answering(500, "").await;
    let client = fixed(credentials(), &server)
        .read_retry(ReadRetry::none())
        .pin_label("HappyNewYear")
        .build()
        .unwrap();
    let xref = reference(XREF);
    let _ = client.balance().await;
    let _ = client
        .credit(&xref, Network::Airtel, &number(), naira(100))
        .await
        .unwrap();
    let _ = client
        .data(&xref, Network::Airtel, &number(), None, naira(100))
        .await
        .unwrap();
    let _ = client
        .data(
            &xref,
            Network::Airtel,
            &number(),
            Some("500mb1d"),
            naira(350),
        )
        .await
        .unwrap();
    let _ = client.check(XREF).await;
    let _ = client
        .allocate_single(&reference("20180101215933289"), naira(110))
        .await
        .unwrap();
    let _ = client
        .allocate(
            &reference("42e54bb1241d4c31a8bc6745ab5fedad"),
            naira(210),
            NonZeroU32::new(2).unwrap(),
        )
        .await
        .unwrap();
    let _ = client
        .redeem(
            &reference("f85c362677ba4c8fa1e6613190ee8c69"),
            Network::Airtel,
            &number(),
            &Secret::new("101436786399"),
        )
        .await
        .unwrap();

    let expected = [
        ("/airtime/Balance".to_owned(), "xiA/7YGSaG1t6wqmGuDnfzbMwPZ7atmHTZz0K/AP3HI="),
        (format!("/airtime/Credit?{CREDIT}"), "ZSLLNVUYTxCZc+9UvLyp/UGluWv5YHi5Ls6pmUwJFdk="),
        // The path is not signed: equal values, equal signature.
        (format!("/data/Credit?{CREDIT}"), "ZSLLNVUYTxCZc+9UvLyp/UGluWv5YHi5Ls6pmUwJFdk="),
        (
            "/data/Credit?net=AIR&msisdn=2348124661601&amount=350&xref=7734c7da7687442&bundle=500mb1d".to_owned(),
            "kBKz3miMHIAyEo3L71tkW6kaBSh0yAqgXFi/8sAfidw=",
        ),
        (format!("/airtime/Check?reference={XREF}"), "TgP4Kf1aIn7XqseaIe7E5ScEEj0b55bPu7RkweMRNHI="),
        (
            "/pin/AllocateSingle?unit=110&type=AIRTIME&message=HappyNewYear&xref=20180101215933289".to_owned(),
            "Ep226FPxmz0Eu6iJ473fmdk/KjOjRIeVygzYUDBfydk=",
        ),
        (
            "/pin/Allocate?unit=210&count=2&type=AIRTIME&message=HappyNewYear&xref=42e54bb1241d4c31a8bc6745ab5fedad".to_owned(),
            "Maxr4XNY8hcQ18PUcQKibJ7a2c41PCb24oT/5mc0ung=",
        ),
        (
            "/pin/Redeem?net=AIR&msisdn=2348124661601&pin=101436786399&xref=f85c362677ba4c8fa1e6613190ee8c69".to_owned(),
            "dZbY6GT7ywh/aSh9y1T41UhIOjTMZhnJWK6GkOv1EG8=",
        ),
    ];
    let heads = server.heads();
    assert_eq!(heads.len(), expected.len());
    for (seen, (target, signature)) in heads.iter().zip(&expected) {
        let whole = head(&server, target, signature);
        assert_eq!(sorted(seen), sorted(&whole));
    }
}

#[tokio::test]
async fn the_terminal_family_has_its_own_paths_and_four_headers() {
    let server = Server::answering(500, "").await;
    let client = fixed(agent(), &server)
        .read_retry(ReadRetry::none())
        .build()
        .unwrap();
    let _ = client.balance().await;
    let _ = client.submit(&airtime(XREF)).await.unwrap();
    let data = Product::data(number(), Network::Airtel, None, naira(100));
    let _ = client
        .submit(&TopupIntent::new(reference(XREF), data))
        .await
        .unwrap();
    let _ = client.check(XREF).await;
    assert_eq!(
        server.targets(),
        [
            "/terminal/Balance".to_owned(),
            format!("/terminal/Credit?{CREDIT}"),
            format!("/terminal/data/Credit?{CREDIT}"),
            format!("/terminal/Check?reference={XREF}"),
        ]
    );
    for seen in server.heads() {
        let named = |name| header(&seen, name);
        assert_eq!(named("agentid").as_deref(), Some("A-7"));
        assert_eq!(named("terminalid").as_deref(), Some("T-1"));
        assert_eq!(named("nonce").as_deref(), Some(NONCE));
        assert_eq!(named("clientid"), None);
    }
    // Neither ids nor path are signed.
    assert_eq!(
        header(&server.heads()[1], "signature").as_deref(),
        Some("ZSLLNVUYTxCZc+9UvLyp/UGluWv5YHi5Ls6pmUwJFdk=")
    );

    // It sells no PINs, says so beforehand, and sends nothing.
    assert!(
        client
            .topup_capabilities()
            .rules(ProductKind::Pins)
            .is_none()
    );
    let refused: NotSent = client
        .allocate_single(&reference(XREF), naira(100))
        .await
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
    let redeemed = client
        .redeem(
            &reference(XREF),
            Network::Airtel,
            &number(),
            &Secret::new("101436786399"),
        )
        .await;
    assert_eq!(redeemed.unwrap_err().kind(), ErrorKind::Unsupported);
    assert_eq!(server.count(), 4);
}

#[tokio::test]
async fn a_label_is_sent_by_the_encoding_that_was_chosen() {
    let label = "Ọdún ₦100";
    let sent = "/pin/AllocateSingle?unit=110&type=AIRTIME&message=%E1%BB%8Cd%C3%BAn%20%E2%82%A6100&xref=X1";
    // Of the cases message-unicode, as_sent and raw, of the vectors.
    for (encoding, case) in [(Encoding::AsSent, "as_sent"), (Encoding::Decoded, "raw")] {
        let server = Server::answering(500, "").await;
        let client = fixed(credentials(), &server)
            .encoding(encoding)
            .build()
            .unwrap()
            .with_pin_label(label)
            .unwrap();
        let _ = client
            .allocate_single(&reference("X1"), naira(110))
            .await
            .unwrap();
        assert_eq!(server.targets(), [sent]);
        let file: serde_json::Value =
            serde_json::from_str(include_str!("../vectors/signing.json")).unwrap();
        let vector = file["vectors"]
            .as_array()
            .unwrap()
            .iter()
            .find(|v| v["case"] == "message-unicode" && v["mode"] == case)
            .unwrap();
        assert_eq!(
            header(&server.heads()[0], "signature").as_deref(),
            vector["signature_b64"].as_str()
        );
    }
    let server = Server::answering(500, "").await;
    let refused = client(&server).with_pin_label(label).unwrap_err();
    assert!(refused.to_string().contains("message") && !refused.to_string().contains("100"));
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn what_the_template_of_the_documentation_has_and_users_may_need() {
    let server = Server::answering(500, "").await;
    let client = fixed(credentials(), &server)
        .channel("API")
        .pin_type("DATA")
        .also_network("VIS")
        .extra_header("X-Gateway", Secret::new("blue"))
        .build()
        .unwrap();
    let _ = client.submit(&airtime(XREF)).await.unwrap();
    let own = Product::airtime(number(), Operator::new("vis"), naira(1_000));
    let _ = client
        .submit(&TopupIntent::new(reference("X1"), own))
        .await
        .unwrap();
    let _ = client
        .allocate_single(&reference("X2"), naira(110))
        .await
        .unwrap();
    assert_eq!(
        server.targets(),
        [
            "/airtime/Credit?net=AIR&msisdn=2348124661601&amount=100&channel=API&xref=7734c7da7687442",
            "/airtime/Credit?net=VIS&msisdn=2348124661601&amount=1000&channel=API&xref=X1",
            "/pin/AllocateSingle?unit=110&type=DATA&message=&xref=X2",
        ]
    );
    assert_eq!(
        header(&server.heads()[0], "x-gateway").as_deref(),
        Some("blue")
    );
}

#[tokio::test]
async fn the_network_is_the_callers_word_else_the_prefixs() {
    let server = Server::answering(500, "").await;
    let net_of = async |client: &Client, operator: Option<Operator>| {
        let product = Product::airtime(number(), operator, naira(100));
        let intent = TopupIntent::new(reference(XREF), product);
        let frozen = client.prepare(&intent)?.frozen().bytes().clone();
        let text = String::from_utf8(frozen.expose().to_vec()).unwrap();
        let net = text.split("net=").nth(1).unwrap().split('&').next();
        Ok::<_, NotSent>(net.unwrap().to_owned())
    };
    let builder = || hasty(Client::builder(credentials()), server.base_url());
    let usual = builder().build().unwrap();
    assert_eq!(net_of(&usual, None).await.unwrap(), "AIR");
    for (named, sent) in [
        ("mtn", "MTN"),
        ("9mobile", "ETI"),
        ("Airtel", "AIR"),
        ("t2", "ETI"),
    ] {
        let told = net_of(&usual, Some(Operator::new(named))).await;
        assert_eq!(told.unwrap(), sent);
    }
    let unknown = net_of(&usual, Some(Operator::new("vodafone"))).await;
    assert_eq!(unknown.unwrap_err().kind(), ErrorKind::InvalidInput);

    let own = PrefixTable::new([("812".to_owned(), Some(Network::Glo))]);
    let own = builder().prefixes(own).build().unwrap();
    assert_eq!(net_of(&own, None).await.unwrap(), "GLO");
    let none = builder().prefixes(PrefixTable::new([])).build().unwrap();
    assert!(net_of(&none, None).await.is_err());
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn every_transmission_has_a_nonce_of_its_own() {
    let server = Server::start([
        Reply::new(503, ""),
        Reply::new(409, ""),
        Reply::new(200, r#"{"balance":1}"#),
    ])
    .await;
    let patient = ReadRetry::new([Duration::ZERO; 2], Duration::from_secs(60));
    let client = hasty(Client::builder(credentials()), server.base_url())
        .read_retry(patient)
        .build()
        .unwrap();
    client.balance().await.unwrap();
    for n in 0..5 {
        let _ = client.submit(&airtime(&format!("X{n}"))).await.unwrap();
    }
    let nonces = server.nonces();
    let distinct: std::collections::HashSet<&String> = nonces.iter().collect();
    assert_eq!((nonces.len(), distinct.len()), (8, 8));
    for nonce in &nonces {
        assert!(
            nonce.len() == 20
                && nonce
                    .bytes()
                    .all(|b| b.is_ascii_digit() || b.is_ascii_lowercase())
        );
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_no_header_leaves_for_the_other_host() {
    let elsewhere = Server::answering(200, r#"{"id":"1"}"#).await;
    for status in [301, 302, 303, 307, 308] {
        let location = format!("location: {}/airtime/Credit", elsewhere.base_url());
        let server = Server::start([Reply::new(status, "").header(&location)]).await;
        let client = client(&server);
        let told = client.submit(&airtime(XREF)).await.unwrap();
        assert_eq!(told.outcome(), Outcome::Unknown, "{status}");
        assert!(client.balance().await.is_err());
        assert!(client.check(XREF).await.is_err());
        assert_eq!(server.count(), 3);
    }
    assert_eq!(elsewhere.count(), 0);
}

#[tokio::test]
async fn a_pooled_connection_that_dies_costs_one_copy_at_most() {
    // The second request finds its connection closed before any answer.
    let server = Server::start([Reply::new(200, r#"{"balance":1}"#), Reply::Close]).await;
    let client = client(&server);
    client.balance().await.unwrap();
    let told = client.submit(&airtime(XREF)).await.unwrap();
    assert_eq!(told.outcome(), Outcome::Unknown);
    assert_eq!(server.count(), 2, "one balance, one copy of the credit");
}

#[tokio::test]
async fn reads_are_repeated_and_spending_is_not() {
    let server = Server::answering(503, "").await;
    let patient = ReadRetry::new([Duration::ZERO; 3], Duration::from_secs(60));
    let client = hasty(Client::builder(credentials()), server.base_url())
        .read_retry(patient)
        .build()
        .unwrap();
    let failed = client.balance().await.unwrap_err();
    assert_eq!((server.count(), failed.kind()), (4, ErrorKind::Unavailable));
    assert_eq!(failed.help(), Some("try again later"), "it was a read");
    let told = client.submit(&airtime(XREF)).await.unwrap();
    assert_eq!((server.count(), told.outcome()), (5, Outcome::Unknown));
}

/// A reset and a bare 500 say as little as an unreadable answer, and leave the same to do.
#[tokio::test]
async fn whoever_hears_unknown_hears_what_to_do() {
    for reply in [
        Reply::Close,
        Reply::new(500, ""),
        Reply::new(409, ""),
        Reply::new(200, "<html>"),
    ] {
        let server = Server::start([reply]).await;
        let client = client(&server);
        let (of, to, value) = (reference(XREF), number(), naira(100));
        let two = NonZeroU32::new(2).unwrap();
        let pin = Secret::new("123456789012");
        let help = |outcome: Submission<()>| {
            let Submission::Unknown(unknown) = outcome else {
                panic!()
            };
            unknown.cause().help().unwrap().to_owned()
        };
        let credit = client.credit(&of, Network::Airtel, &to, value).await;
        let data = client.data(&of, Network::Airtel, &to, None, value).await;
        for told in [credit, data] {
            let help = help(told.unwrap().map(drop));
            assert!(help.contains("look the operation up"), "{help}");
            assert!(help.contains("do not send it again"), "{help}");
        }
        let one = client.allocate_single(&of, value).await;
        let many = client.allocate(&of, value, two).await;
        for told in [one, many] {
            let help = help(told.unwrap().map(drop));
            assert!(help.contains("ask the provider"), "{help}");
            assert!(!help.contains("look the operation up"), "{help}");
        }
        let redeemed = client.redeem(&of, Network::Airtel, &to, &pin).await;
        let help = help(redeemed.unwrap().map(drop));
        assert!(help.contains("do not redeem it again"), "{help}");
        assert_eq!(server.count(), 5, "each was one transmission");
    }
}

#[tokio::test]
async fn the_providers_wish_to_wait_is_handed_through() {
    let server = Server::start([Reply::new(429, "").header("retry-after: 7")]).await;
    let Submission::Rejected(why) = client(&server).submit(&airtime(XREF)).await.unwrap() else {
        panic!()
    };
    assert_eq!(why.as_error().retry_after(), Some(Duration::from_secs(7)));
    assert_eq!(why.kind(), ErrorKind::RateLimited);
    for status in [409, 503] {
        let server = Server::start([Reply::new(status, "").header("retry-after: 7")]).await;
        let told = client(&server).submit(&airtime(XREF)).await.unwrap();
        let Submission::Unknown(unknown) = told else {
            panic!()
        };
        let wait = unknown.cause().retry_after();
        assert_eq!(wait, Some(Duration::from_secs(7)), "{status}");
    }
}

/// With a new nonce, as often as the policy allows and no oftener.
#[tokio::test]
async fn a_read_with_a_used_nonce_is_repeated_by_the_policy() {
    for (policy, copies) in [
        (ReadRetry::none(), 1),
        (
            ReadRetry::new([Duration::ZERO; 3], Duration::from_secs(60)),
            4,
        ),
    ] {
        let server = Server::answering(409, "").await;
        let client = hasty(Client::builder(credentials()), server.base_url())
            .read_retry(policy)
            .build()
            .unwrap();
        assert!(client.balance().await.unwrap_err().is_retryable());
        assert_eq!(server.count(), copies);
        assert!(client.check(XREF).await.unwrap_err().is_retryable());
        assert_eq!(server.count(), 2 * copies);
        let mut nonces = server.nonces();
        nonces.sort();
        nonces.dedup();
        assert_eq!(nonces.len(), 2 * copies);
    }
    let served = [Reply::new(409, ""), Reply::new(200, r#"{"balance":1}"#)];
    let server = Server::start(served).await;
    assert!(client(&server).balance().await.is_ok());
}

/// A fixed nonce may be that of another request as well.
#[tokio::test]
async fn a_used_nonce_is_of_a_copy_or_of_another_request() {
    let server = Server::answering(409, "").await;
    let told = client(&server).submit(&airtime(XREF)).await.unwrap();
    let Submission::Unknown(unknown) = told else {
        panic!()
    };
    let said = unknown.cause().message();
    assert!(said.ends_with("by another copy of this request, or by another request"));
}

/// A foreign number is no absent one, whatever country it is of and however long it is; a masked one is.
#[tokio::test]
async fn an_echoed_number_is_compared_by_its_last_ten_digits() {
    use Outcome::{Accepted, Unknown};
    let local = &MSISDN[3..];
    for (echo, outcome) in [
        (MSISDN.to_owned(), Accepted),
        (format!("0{local}"), Accepted),
        (format!("00999{local}"), Accepted),
        ("+447700900123".to_owned(), Unknown),
        ("447700900123".to_owned(), Unknown),
        ("6281234567890".to_owned(), Unknown),
        ("080312345678".to_owned(), Unknown),
        (local[1..].to_owned(), Unknown),
        (format!("234{}*****", &local[..5]), Accepted),
        ("n/a".to_owned(), Accepted),
        (String::new(), Accepted),
        ("+".to_owned(), Accepted),
    ] {
        let body = format!(r#"{{"id":"1","xref":"{XREF}","msisdn":"{echo}"}}"#);
        let server = Server::answering(200, body).await;
        let told = client(&server).submit(&airtime(XREF)).await.unwrap();
        assert_eq!(told.outcome(), outcome, "{echo}");
    }
    // Nor for a lookup.
    let record = format!(r#"{{"id":"1","xref":"{XREF}","msisdn":"+447700900123","status":"OK"}}"#);
    let server = Server::answering(200, record).await;
    let found = client(&server).lookup(&airtime(XREF)).await.unwrap();
    assert!(matches!(found, Lookup::Mismatch(_)), "{found:?}");
}

#[tokio::test]
async fn a_check_answered_400_asks_once_for_the_balance() {
    let asked = async |second: Reply, diagnose: bool| {
        let server = Server::start([Reply::new(400, ""), second]).await;
        let client = hasty(Client::builder(credentials()), server.base_url())
            .diagnose_check(diagnose)
            .build()
            .unwrap();
        let answer = client.check(XREF).await;
        (answer, server.targets())
    };
    let check = format!("/airtime/Check?reference={XREF}");
    let both = [check.clone(), "/airtime/Balance".to_owned()];

    let (answer, targets) = asked(Reply::new(200, r#"{"balance":1}"#), true).await;
    assert_eq!(
        (answer.unwrap(), targets.as_slice()),
        (CheckAnswer::NotFound, &both[..])
    );
    let (answer, targets) = asked(Reply::new(400, ""), true).await;
    assert_eq!(answer.unwrap_err().kind(), ErrorKind::Authentication);
    assert_eq!(targets, both);
    for undecided in [Reply::new(500, ""), Reply::new(403, ""), Reply::Close] {
        let (answer, targets) = asked(undecided, true).await;
        assert_eq!(answer.unwrap_err().kind(), ErrorKind::UnreadableAnswer);
        assert_eq!(targets, both);
    }
    let (answer, targets) = asked(Reply::new(200, r#"{"balance":1}"#), false).await;
    assert_eq!(answer.unwrap_err().kind(), ErrorKind::UnreadableAnswer);
    assert_eq!(targets, [check]);
}

#[tokio::test]
async fn check_takes_the_providers_id_too() {
    let record = r#"{"id":"1253CBF19F431784E610","xref":"7734c7da7687442","status":"OK"}"#;
    let server = Server::answering(200, record).await;
    let found = client(&server).check("1253CBF19F431784E610").await.unwrap();
    assert!(matches!(
        found,
        CheckAnswer::Found {
            ours: Some(true),
            ..
        }
    ));
    assert_eq!(
        server.targets(),
        ["/airtime/Check?reference=1253CBF19F431784E610"]
    );
}

/// Brand names and codes are one network, whichever of them was asked for and whichever the record has; another is another.
#[tokio::test]
async fn a_lookup_compares_the_network_by_whatever_name() {
    for (recorded, asked, same) in [
        ("ETI", "9mobile", true),
        ("9MOBILE", "ETI", true),
        ("ETI", "etisalat", true),
        ("ETI", "MTN", false),
        ("MTN", "T2", false),
    ] {
        let record = format!(
            r#"{{"id":"1","net":"{recorded}","msisdn":"{MSISDN}","amount":"100","xref":"{XREF}","status":"OK"}}"#
        );
        let server = Server::answering(200, record).await;
        let operator = Operator::new(asked);
        for product in [
            Product::airtime(number(), operator.clone(), naira(100)),
            Product::data(number(), operator.clone(), None, naira(100)),
        ] {
            let intent = TopupIntent::new(reference(XREF), product);
            let found = client(&server).lookup(&intent).await.unwrap();
            let agrees = matches!(found, Lookup::Found(_));
            assert_eq!(agrees, same, "{recorded} for {asked}: {found:?}");
        }
    }
}

#[tokio::test]
async fn a_number_of_another_country_or_length_takes_no_top_up() {
    let server = Server::answering(200, "{}").await;
    // Thirteen digits of another country, and this country's with one too few and one too many.
    for other in ["6281234567890", "234812466160", "23481246616011"] {
        let to = Msisdn::parse(other).unwrap();
        let product = Product::airtime(to, Operator::new("MTN"), naira(100));
        let intent = TopupIntent::new(reference(XREF), product);
        let refused = client(&server).submit(&intent).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    }
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn allocated_pins_are_never_looked_up() {
    let server = Server::start([Reply::Close]).await;
    let client = client(&server);
    let intent = TopupIntent::new(
        reference(XREF),
        Product::pins(naira(100), NonZeroU32::new(3).unwrap()),
    );
    assert_eq!(
        client.submit(&intent).await.unwrap().outcome(),
        Outcome::Unknown
    );
    let refused = client.lookup(&intent).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
    assert!(refused.to_string().contains("staff"), "{refused}");
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn a_replay_is_opt_in_byte_identical_and_bounded_in_time() {
    let server = Server::answering(500, "").await;
    let builder = || hasty(Client::builder(credentials()), server.base_url());
    let never = builder().account("a").build().unwrap();
    let minutes = Duration::from_secs(600);
    let guarded = builder()
        .account("a")
        .replay_within(minutes)
        .build()
        .unwrap();
    let rules = |client: &Client| {
        let kinds = [ProductKind::Airtime, ProductKind::Data, ProductKind::Pins];
        kinds.map(|kind| client.topup_capabilities().rules(kind).unwrap().replay)
    };
    assert_eq!(rules(&never), [ReplayGuard::None; 3]);
    assert_eq!(
        rules(&guarded),
        [ReplayGuard::ByteIdentical { within: minutes }; 3]
    );

    let prepared = guarded.prepare(&airtime(XREF)).unwrap();
    let frozen = prepared.frozen().clone();
    let _ = guarded.send(prepared).await.unwrap();
    let made = frozen.prepared_at();
    for (client, at) in [(&never, made), (&guarded, made + minutes * 2)] {
        let told = client.replay(&frozen, at).await;
        assert_eq!(told.outcome(), Outcome::Unknown);
        assert_eq!(server.count(), 1, "not sent");
    }
    let _ = guarded.replay(&frozen, made + minutes / 2).await;
    let heads = server.heads();
    assert_eq!(heads.len(), 2);
    assert_eq!(heads[0], heads[1], "byte for byte");
}

#[test]
fn settings_that_cannot_work_are_refused_without_a_network() {
    let builder = || Client::builder(credentials());
    for base_url in [
        "http://api.cowriesys.com",
        "http://10.0.0.1:2443",
        "ftp://api.cowriesys.com",
        "api.cowriesys.com",
        "https://me:secretpass@api.cowriesys.com",
        "https://api.cowriesys.com?net=AIR",
        "https://api.cowriesys.com/#top",
        "",
    ] {
        let refused = builder().base_url(base_url).build().unwrap_err();
        assert_eq!(
            refused.kind(),
            ErrorKind::InvalidConfiguration,
            "{base_url}"
        );
        assert!(!refused.to_string().contains("secretpass"));
    }
    for good in [
        "https://api.cowriesys.com:2443",
        "https://api.cowriesys.com/",
        "http://[::1]:8080",
    ] {
        assert!(builder().base_url(good).build().is_ok(), "{good}");
    }
    for wrong in [
        builder().extra_header("Nonce", Secret::new("x")),
        builder().extra_header("clientID", Secret::new("x")),
        builder().extra_header("Signature", Secret::new("x")),
        builder().extra_header("AgentId", Secret::new("x")),
        builder().extra_header("TerminalId", Secret::new("x")),
        builder().extra_header("Host", Secret::new("x")),
        builder().extra_header("Content-Length", Secret::new("1")),
        builder().extra_header("Transfer-Encoding", Secret::new("chunked")),
        builder().extra_header("X-A", Secret::new("line\r\nbreak")),
        builder().extra_header("no name", Secret::new("x")),
        builder().pin_type(""),
        builder().pin_type("AIR TIME"),
        builder().channel(""),
        builder().channel("a&b"),
        builder().also_network("a=b"),
        builder().pin_label("Happy New Year"),
        builder().settings(Settings::default().with_extra_roots_pem("no pem")),
    ] {
        assert!(wrong.build().is_err());
    }
    for id in ["", "a b", "ä", "a\r\nnonce: 1", "\u{7f}"] {
        assert!(Credentials::client(id, key()).is_err(), "{id:?}");
        assert!(Credentials::agent(id, "T-1", key()).is_err(), "{id:?}");
        assert!(Credentials::agent("A-7", id, key()).is_err(), "{id:?}");
    }
}

#[test]
fn own_limits_hold_before_anything_is_sent() {
    let client = Client::builder(credentials())
        .amounts_between(Network::Airtel, naira(50), naira(5_000))
        .max_pins(NonZeroU32::new(10).unwrap())
        .build()
        .unwrap();
    let airtime = |network, amount| {
        let product = Product::airtime(number(), network, amount);
        client
            .prepare(&TopupIntent::new(reference(XREF), product))
            .map(drop)
    };
    for good in [50, 5_000] {
        assert!(airtime(Network::Airtel, naira(good)).is_ok());
    }
    for bad in [49, 5_001] {
        let refused = airtime(Network::Airtel, naira(bad)).unwrap_err();
        assert!(refused.to_string().contains("own limits"), "{refused}");
    }
    assert!(airtime(Network::Mtn, naira(9_999)).is_ok());
    let pins = |count| {
        let product = Product::pins(naira(100), NonZeroU32::new(count).unwrap());
        client
            .prepare(&TopupIntent::new(reference(XREF), product))
            .map(drop)
    };
    assert!(pins(10).is_ok());
    assert!(pins(11).is_err());
    let dollars = Amount::from_major(100, Currency::new(*b"USD", 2).unwrap()).unwrap();
    assert!(airtime(Network::Mtn, dollars).is_err());
}

/// A record is ours if it has the reference or the id that was asked for, and foreign if it has another reference.
#[tokio::test]
async fn a_foreign_record_is_never_taken_for_ours() {
    for (record, expected) in [
        (
            r#"{"id":"1253CBF19F431784E610","xref":"7734c7da7687442","status":"OK"}"#,
            Some(true),
        ),
        (r#"{"xref":"7734c7da7687442"}"#, Some(true)),
        (r#"{"id":"7734c7da7687442"}"#, Some(true)),
        (
            r#"{"id":"1253CBF19F431784E610","xref":"somebody-elses","status":"OK"}"#,
            Some(false),
        ),
        (
            r#"{"id":"1253CBF19F431784E610","xref":"7734C7DA7687442","status":"OK"}"#,
            Some(false),
        ),
        (r#"{"xref":"not a reference"}"#, Some(false)),
        // Asked by reference, answered with an id: it may be its id.
        (r#"{"id":"1253CBF19F431784E610","status":"OK"}"#, None),
    ] {
        let server = Server::answering(200, record).await;
        let client = client(&server);
        let CheckAnswer::Found { ours, .. } = client.check(XREF).await.unwrap() else {
            panic!("{record}")
        };
        assert_eq!(ours, expected, "{record}");
        let found = client.lookup(&airtime(XREF)).await.unwrap();
        assert_eq!(
            matches!(found, telco_core::Lookup::Mismatch(_)),
            expected == Some(false),
            "{record}"
        );
    }
}

#[test]
fn of_two_limits_of_a_network_the_last_holds_and_limits_are_naira() {
    let of = |network: Network, least, greatest| {
        Client::builder(credentials())
            .amounts_between(Network::Airtel, naira(50), naira(5_000))
            .amounts_between(network, least, greatest)
    };
    for same in [Network::Airtel, Network::Other(Operator::new("air"))] {
        let client = of(same, naira(50), naira(200)).build().unwrap();
        let airtime = |amount| {
            let product = Product::airtime(number(), Network::Airtel, naira(amount));
            client.prepare(&TopupIntent::new(reference(XREF), product))
        };
        assert!(airtime(200).is_ok());
        assert!(airtime(201).is_err());
    }
    let one_amount = of(Network::Airtel, naira(200), naira(200)).build();
    assert!(
        one_amount.is_ok(),
        "the least and the greatest may be the same"
    );
    let dollars = |n| Amount::from_major(n, Currency::new(*b"USD", 2).unwrap()).unwrap();
    for wrong in [
        of(Network::Mtn, dollars(1), naira(200)),
        of(Network::Mtn, naira(1), dollars(200)),
        of(Network::Mtn, naira(200), naira(1)),
    ] {
        let refused = wrong.build().unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidConfiguration);
        assert!(refused.to_string().contains("MTN"), "{refused}");
    }
}

#[tokio::test]
async fn what_an_agent_cannot_buy_is_refused_before_it_is_stored() {
    let client = Client::builder(agent()).build().unwrap();
    for count in [1, 3] {
        let pins = Product::pins(naira(100), NonZeroU32::new(count).unwrap());
        let refused = client
            .prepare(&TopupIntent::new(reference(XREF), pins))
            .unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unsupported);
    }
    let pin = Secret::new("101436786399");
    let refused = client
        .redeem(&reference(XREF), Network::Airtel, &number(), &pin)
        .await
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
}

#[tokio::test]
async fn a_network_that_nobody_allowed_is_refused_and_told_how_to_allow_it() {
    let client = Client::builder(credentials()).build().unwrap();
    let other = || Network::Other(Operator::new("VIS"));
    let product = Product::airtime(number(), other(), naira(100));
    let pin = Secret::new("101436786399");
    let refusals = [
        client
            .prepare(&TopupIntent::new(reference(XREF), product))
            .unwrap_err(),
        client
            .redeem(&reference(XREF), other(), &number(), &pin)
            .await
            .unwrap_err(),
    ];
    for refused in refusals {
        assert_eq!(refused.kind(), ErrorKind::InvalidInput);
        assert!(refused.as_error().help().unwrap().contains("also_network"));
    }
}

/// The documentation calls them failed; that they were not applied, nobody says.
#[tokio::test]
async fn a_refusal_says_how_sure_it_is() {
    for status in [400, 401, 402, 403, 404, 429, 418] {
        let server = Server::answering(status, "").await;
        let Submission::Rejected(refused) = client(&server).submit(&airtime(XREF)).await.unwrap()
        else {
            panic!("{status}")
        };
        let help = refused.as_error().help().unwrap();
        let documented = [400, 402, 403, 404].contains(&status);
        let word = if documented {
            "inferred"
        } else {
            "undocumented"
        };
        assert!(help.contains(word), "{status}: {help}");
    }
}
