//! Every shape of an answer, and every error text: what a read and what a spending call make of it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use mor_client::methods::{CallsQuery, PaymentsQuery, Sms, UserRef};
use mor_client::otp::{LocalOtp, MemoryOtpStore, OtpKey};
use mor_client::wire::{Document, UnreadableDocument};
use mor_client::{Basis, Decimal, KnownText, mor_hash::Call};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use support::{builder, mor, reference, with};
use telco_core::{
    CodeOrigin, Error, ErrorKind, Msisdn, OtpCapabilities, OtpChannel, OtpCheck, OtpSender as _,
    Outcome, Secret, SecretBytes, Submission,
};

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn one() -> Decimal {
    Decimal::parse("1").unwrap()
}

fn leak(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

const ADDED: &str = r#"<?xml version="1.0" encoding="UTF-8"?><page><page><status>User balance updated</status>
    <user><username>bob</username><id>2</id><balance>15.0</balance></user></page></page>"#;

/// The rows of the specification's table of error texts, copied by hand: class and text, the same name put where a text ends in one.
const TEXTS: [(ErrorKind, &[&str]); 13] = {
    use ErrorKind::{
        Authentication, InvalidConfiguration, InvalidInput, InvalidRecipient, Other, Permission,
        Unavailable, Unsupported,
    };
    [
        (Authentication, &["Incorrect hash"]),
        // "Config, server side".
        (
            InvalidConfiguration,
            &[
                "API must have Secret Key",
                "API Requests are disabled",
                "Feature disabled",
                "Registration over API is disabled",
                "Payments not allow from api",
            ],
        ),
        (InvalidConfiguration, &["GET Requests are disabled"]),
        (Authentication, &["Bad login", "Not authenticated"]),
        (
            Permission,
            &[
                "Access Denied",
                "Dont be so smart",
                "You are not authorized to use this functionality",
                "You are not authorized to view this page",
            ],
        ),
        (
            Unsupported,
            &["There is no such API", "Undefined method no_such_method"],
        ),
        // "Not found (input)".
        (
            InvalidInput,
            &[
                "User was not found",
                "User not found",
                "Device was not found",
                "Device not found",
                "Tariff was not found",
                "No tariff found",
                "PIN was not found",
                "Rate was not found",
                "Prefix was not found",
                "Destination Group was not found",
                "There is no such LCR",
            ],
        ),
        (
            InvalidInput,
            &[
                "user_id is empty",
                "No currency",
                "Wrong source",
                "There is no message or it is empty",
                "Empty prefix",
                "Bad device",
                "No source",
                "No tariff",
                "Bad tariff",
            ],
        ),
        // Input too; here it is the number.
        (InvalidRecipient, &["Wrong destination"]),
        // "Permission / config".
        (
            Permission,
            &[
                "User belongs to someone",
                "User is not subscribed to sms service",
                "You are not subscribed to sms service",
            ],
        ),
        // "Rejected, definite".
        (
            Other,
            &[
                "User balance not updeted",
                "Payment was not saved",
                "User was not updated",
                "Device was not created",
            ],
        ),
        // "Transient (server side)".
        (
            Unavailable,
            &["Server was not found", "Cannot connect to Asterisk Server"],
        ),
        (Unsupported, &["Undefined method"]),
    ]
};

#[test]
fn every_text_of_the_specification_has_its_class_and_there_are_no_others() {
    let mut found = Vec::new();
    for (kind, texts) in TEXTS {
        for text in texts {
            let known = KnownText::find(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(known.kind, kind, "{text}");
            // Only these say themselves that nothing was done.
            let basis = if kind == ErrorKind::Other {
                Basis::Stated
            } else {
                Basis::Inferred
            };
            assert_eq!(known.basis, basis, "{text}");
            assert!(KnownText::all().contains(known), "{text}");
            found.push(known);
        }
    }
    for known in KnownText::all() {
        assert!(found.contains(&known), "{}", known.text);
    }
}

#[tokio::test]
async fn every_known_text_is_an_error_of_its_kind_and_a_rejection_of_a_spending_call() {
    for known in KnownText::all() {
        let text = if known.text.ends_with(' ') {
            format!("{}someone", known.text)
        } else {
            known.text.to_owned()
        };
        for body in [
            leak(format!("<status><error>{text}</error></status>")),
            leak(format!(
                "<page><a><b><error>\n {text} \n</error></b></a></page>"
            )),
            leak(format!("<Invoices><Error>{text}</Error></Invoices>")),
            leak(format!("<page><Status>{text}</Status></page>")),
            leak(format!("<page><status>{text}</status></page>")),
            leak(format!(
                "<action><name>x</name><status>failed</status><status_message>{text}</status_message></action>"
            )),
            leak(text.clone()),
        ] {
            let (client, server) = mor(body);
            let failed = client
                .read(&Call::new("user_details_get"))
                .await
                .unwrap_err();
            assert_eq!(failed.kind(), known.kind, "{body}");
            assert!(!failed.to_string().contains("someone"), "{failed}");
            // Only a failure that can pass is worth another read.
            assert_eq!(
                server.count(),
                if known.kind == ErrorKind::Unavailable {
                    3
                } else {
                    1
                },
                "{body}"
            );

            let (client, server) = mor(body);
            let answer = client
                .add_to_balance(&reference(), 2, &one())
                .await
                .unwrap();
            let Submission::Rejected(rejection) = answer else {
                panic!("{body}: {answer:?}")
            };
            assert_eq!(rejection.kind(), known.kind);
            let help = rejection.as_error().help().unwrap();
            assert!(help.ends_with(known.basis.as_str()), "{help}");
            assert!(help.contains("That nothing was done is"), "{help}");
            assert!(help.starts_with(known.help.unwrap_or_default()), "{help}");
            assert_eq!(server.count(), 1);
        }
    }
}

#[tokio::test]
async fn an_unknown_text_is_an_error_and_an_unknown_outcome_unless_the_user_knows_it() {
    let body = "<status><error>Prieiga draudžiama 37060000000</error></status>";
    let (client, _) = mor(body);
    let failed = client
        .read(&Call::new("user_details_get"))
        .await
        .unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::Other);
    assert_eq!(failed.body_excerpt(), Some("Prieiga draudžiama #"));
    let answer = client
        .add_to_balance(&reference(), 2, &one())
        .await
        .unwrap();
    let Submission::Unknown(unknown) = answer else {
        panic!("{answer:?}")
    };
    assert_eq!(unknown.answer().unwrap().expose(), body.as_bytes());
    assert_eq!(
        unknown.cause().help(),
        Some("compare user_balance_get with the balance before")
    );

    let own = builder().error_text("Prieiga draudžiama 37060000000", ErrorKind::Permission);
    let (client, _) = with(own, [Ok((200, body))]);
    let answer = client
        .add_to_balance(&reference(), 2, &one())
        .await
        .unwrap();
    let Submission::Rejected(rejection) = answer else {
        panic!("{answer:?}")
    };
    assert_eq!(rejection.kind(), ErrorKind::Permission);
    assert_eq!(
        rejection.as_error().help(),
        Some(Basis::Told.as_str()),
        "not known to this crate"
    );
}

#[tokio::test]
async fn in_doubt_a_spending_call_is_unknown_and_is_not_repeated() {
    let timeout = Error::in_doubt(ErrorKind::Timeout, "no answer within the time limit");
    let broken = Error::in_doubt(ErrorKind::Interrupted, "the connection broke");
    let answers = [
        Err(timeout),
        Err(broken),
        Ok((200, "")),
        Ok((200, "<page><page><status>User balance updated</status>")),
        Ok((200, "<page><page/></page>")),
        Ok((200, "15.0")),
        Ok((200, "<page><status>Atnaujinta</status></page>")),
        Ok((
            200,
            "<page><status>ok</status><user><id>3</id><balance>15.0</balance></user></page>",
        )),
        Ok((
            200,
            "<page><status>User balance updated</status><user><id>3</id></user></page>",
        )),
        Ok((
            200,
            "<page><status>User balance updated</status><error>Bad login</error></page>",
        )),
        Ok((200, "<error><message>Wrong destination</message></error>")),
        Ok((500, ADDED)),
        Ok((302, ADDED)),
        Ok((429, "slow down")),
        Ok((404, "<error>Bad login</error>")),
        Ok((200, "PK\u{3}\u{4}zip")),
    ];
    for answer in answers {
        let (client, server) = with(builder(), [answer.clone()]);
        let outcome = client
            .add_to_balance(&reference(), 2, &one())
            .await
            .unwrap();
        let Submission::Unknown(unknown) = outcome else {
            panic!("{answer:?}: {outcome:?}")
        };
        assert_eq!(unknown.reference(), &reference());
        assert!(
            unknown.cause().help().unwrap().contains("user_balance_get"),
            "{answer:?}"
        );
        assert!(!unknown.cause().is_retryable());
        assert_eq!(server.count(), 1, "{answer:?}");
    }
}

#[tokio::test]
async fn what_did_not_leave_is_not_sent_and_not_repeated_either() {
    let refused =
        telco_core::NotSent::new(ErrorKind::Connect, "no connection: the host refuses it");
    let (client, server) = with(builder(), [Err(refused.clone().into())]);
    let answer = client.add_to_balance(&reference(), 2, &one()).await;
    assert_eq!(answer.unwrap_err().kind(), ErrorKind::Connect);
    assert_eq!(server.count(), 1);
    // A read may try again.
    let (client, server) = with(
        builder(),
        [
            Err(refused.into()),
            Ok((500, "")),
            Ok((200, "<page><version>X8</version></page>")),
        ],
    );
    assert_eq!(client.system_version().await.unwrap(), "X8");
    assert_eq!(server.count(), 3);
}

#[tokio::test]
async fn accepted_answers_are_read() {
    let (client, _) = mor(ADDED);
    let Submission::Accepted(done) = client
        .add_to_balance(&reference(), 2, &one())
        .await
        .unwrap()
    else {
        panic!()
    };
    assert_eq!(
        (done.balance.as_deref(), done.username.as_deref()),
        (Some("15.0"), Some("bob"))
    );
    // In another language the element is enough.
    let (client, _) =
        mor("<page><status>Atnaujinta</status><user><id>2</id><balance>15</balance></user></page>");
    assert_eq!(
        client
            .add_to_balance(&reference(), 2, &one())
            .await
            .unwrap()
            .outcome(),
        Outcome::Accepted
    );

    let (client, _) = mor(
        "<page><response><status>ok</status><confirmed>Yes</confirmed><payment currency='EUR'><payment_id>7</payment_id>\
         <tax>1.00</tax><amount>10.00</amount><gross>11.00</gross></payment></response></page>",
    );
    let euro = telco_core::Currency::new(*b"EUR", 2).unwrap();
    let order = mor_client::methods::PaymentOrder::new(
        reference(),
        2,
        telco_core::Amount::from_minor(1_000, euro),
    );
    let Submission::Accepted(paid) = client.create_payment(&order).await.unwrap() else {
        panic!()
    };
    assert_eq!(
        (paid.payment_id.as_deref(), paid.gross.as_deref()),
        (Some("7"), Some("11.00"))
    );
    assert_eq!(
        (paid.currency.as_deref(), paid.confirmed.as_deref()),
        (Some("EUR"), Some("Yes"))
    );

    let (client, _) = mor(
        "<page><response><status>ok</status><message><message_id>9</message_id><sms_status_code_tip>sent</sms_status_code_tip>\
         <price>0.05</price><currency>EUR</currency></message></response></page>",
    );
    let sms = Sms::new(reference(), "Acme", "37060000000", Secret::new("hello"));
    let Submission::Accepted(sent) = client.send_sms(&sms).await.unwrap() else {
        panic!()
    };
    assert_eq!(
        (sent.message_id.as_deref(), sent.price.as_deref()),
        (Some("9"), Some("0.05"))
    );

    let callback = mor_client::methods::Callback::new(reference(), 5, "37060000000");
    for body in ["<Status>Ok</Status>", "<page><Status>Ok</Status></page>"] {
        let (client, _) = mor(body);
        assert_eq!(
            client.init_callback(&callback).await.unwrap().outcome(),
            Outcome::Accepted
        );
    }
    let (client, _) = mor("<page><status>Ok</status></page>");
    assert_eq!(
        client.init_callback(&callback).await.unwrap().outcome(),
        Outcome::Unknown
    );
}

#[tokio::test]
async fn sms_errors_with_messages_leave_it_open_whether_something_was_sent() {
    let sms = Sms::new(reference(), "Acme", "37060000000", Secret::new("hello"));
    for (body, outcome) in [
        (
            "<page><error>Wrong destination</error></page>",
            Outcome::Rejected,
        ),
        (
            "<page><error>You are not subscribed to sms service</error></page>",
            Outcome::Rejected,
        ),
        (
            "<page><error><message>Wrong destination</message></error></page>",
            Outcome::Unknown,
        ),
        (
            "<page><response><status>failed</status></response></page>",
            Outcome::Unknown,
        ),
    ] {
        let (client, _) = mor(body);
        assert_eq!(
            client.send_sms(&sms).await.unwrap().outcome(),
            outcome,
            "{body}"
        );
    }
    let euro = telco_core::Currency::new(*b"EUR", 2).unwrap();
    let order = mor_client::methods::PaymentOrder::new(
        reference(),
        2,
        telco_core::Amount::from_minor(1_000, euro),
    );
    let (client, _) =
        mor("<page><error>Payment was not saved<message>Amount is wrong</message></error></page>");
    assert_eq!(
        client.create_payment(&order).await.unwrap().outcome(),
        Outcome::Rejected
    );
}

#[tokio::test]
async fn reads_are_typed() {
    let (client, _) = mor("<page><balance>66.0000</balance><currency>EUR</currency></page>");
    let balance = client.user_balance("bob").await.unwrap();
    assert_eq!(
        (balance.balance.as_str(), balance.currency.as_deref()),
        ("66.0000", Some("EUR"))
    );

    let (client, _) = mor(
        "<page><pagename>Details</pagename><userid>2</userid><details><main_detail><account>Bob</account><balance>1 EUR</balance>\
         <balance_number>1.0</balance_number><balance_currency>EUR</balance_currency><credit>0</credit></main_detail></details>\
         <registration><reg_city>Vilnius</reg_city></registration></page>",
    );
    let details = client.user_details(&UserRef::Id(2)).await.unwrap();
    assert_eq!(
        (
            details.user_id.as_deref(),
            details.balance_number.as_deref()
        ),
        (Some("2"), Some("1.0"))
    );
    assert_eq!(
        details.registration.unwrap().get("reg_city"),
        Some("Vilnius")
    );

    let (client, _) = mor(
        "<page><error_msg></error_msg><userid>2</userid><total_calls>2</total_calls><currency>EUR</currency><calls_stat><calls>\
         <call><dst>1</dst><calldate2>x</calldate2></call><call><dst>2</dst></call></calls></calls_stat></page>",
    );
    let calls = client
        .user_calls(&CallsQuery::between(at(1), at(2)))
        .await
        .unwrap();
    assert_eq!(
        (calls.total_calls.as_deref(), calls.calls.len()),
        (Some("2"), 2)
    );
    assert_eq!(calls.calls[1].get("dst"), Some("2"));

    let (client, _) = mor(
        "<page><payments><payment><user>bob</user><transaction_id>order-4711</transaction_id><type>manual</type>\
         <amount>10</amount></payment></payments></page>",
    );
    let payments = client
        .payments(&PaymentsQuery::between(at(1), at(2)))
        .await
        .unwrap();
    assert_eq!(payments[0].transaction_id.as_deref(), Some("order-4711"));
    assert_eq!(payments[0].kind.as_deref(), Some("manual"));
    let (client, _) = mor("<page><payments/></page>");
    assert!(
        client
            .payments(&PaymentsQuery::between(at(1), at(2)))
            .await
            .unwrap()
            .is_empty()
    );

    let (client, _) = mor(
        "<page><devices><device><device_id>5</device_id><device_type>SIP</device_type><secret>pw</secret></device></devices></page>",
    );
    let devices = client.devices(2).await.unwrap();
    assert_eq!(
        (
            devices[0].device_id.as_deref(),
            devices[0].secret.as_ref().unwrap().expose()
        ),
        (Some("5"), "pw")
    );
}

#[tokio::test]
async fn a_read_without_what_was_asked_for_is_unreadable() {
    let (client, server) = mor("<page><pagename>x</pagename></page>");
    let kinds = [
        client.user_balance("bob").await.unwrap_err(),
        client
            .user_details(&UserRef::Username("bob".into()))
            .await
            .unwrap_err(),
        client
            .user_calls(&CallsQuery::between(at(1), at(2)))
            .await
            .unwrap_err(),
        client
            .payments(&PaymentsQuery::between(at(1), at(2)))
            .await
            .unwrap_err(),
        client.devices(2).await.unwrap_err(),
        client.system_version().await.unwrap_err(),
    ];
    assert!(
        kinds
            .iter()
            .all(|failed| failed.kind() == ErrorKind::UnreadableAnswer)
    );
    assert_eq!(server.count(), 6);
}

#[tokio::test]
async fn too_many_requests_are_told_from_a_server_that_is_down() {
    for (status, kind) in [
        (429, ErrorKind::RateLimited),
        (503, ErrorKind::Unavailable),
        (302, ErrorKind::Unavailable),
    ] {
        let (client, _) = with(builder(), [Ok((status, "<page/>"))]);
        let failed = client.read(&Call::new("user_details_get")).await;
        let failed = failed.unwrap_err();
        assert_eq!(failed.kind(), kind);
        assert_eq!(failed.http_status(), Some(status));
    }
}

/// For a method without a typed call of its own: a `success` is done, and a `status` that is known to say so.
#[tokio::test]
async fn any_method_is_judged_by_its_status() {
    for (body, outcome) in [
        ("<page><status>ok</status></page>", Outcome::Accepted),
        (
            "<page><success>Phonebook was updated</success></page>",
            Outcome::Accepted,
        ),
        ("<page><status>OK</status></page>", Outcome::Accepted),
        ("<Status>Ok</Status>", Outcome::Accepted),
        (
            "<page><status>User was updated.</status></page>",
            Outcome::Accepted,
        ),
        (
            "<page><status><success>Registration successful</success></status></page>",
            Outcome::Accepted,
        ),
        (
            "<page><success>Access Denied</success></page>",
            Outcome::Unknown,
        ),
        // "Access Denied" in Lithuanian, and "updated": nobody here can tell the two apart.
        (
            "<page><status>Prieiga draudžiama</status></page>",
            Outcome::Unknown,
        ),
        ("<page><status>Atnaujinta</status></page>", Outcome::Unknown),
        (
            "<page><status>Prieiga draudžiama</status><success>1</success></page>",
            Outcome::Unknown,
        ),
        ("<page><status>failed</status></page>", Outcome::Unknown),
        ("<page><status>FAILED</status></page>", Outcome::Unknown),
        ("<page/>", Outcome::Unknown),
        (
            "<page><status>Access Denied</status></page>",
            Outcome::Rejected,
        ),
    ] {
        let (client, server) = mor(body);
        let call = Call::new("phonebook_edit").with("phonebook_id", "1");
        let answer = client.write(&reference(), &call).await.unwrap();
        assert_eq!(answer.outcome(), outcome, "{body}");
        assert_eq!(server.count(), 1);
    }
}

#[tokio::test]
async fn a_status_in_another_language_is_what_the_user_says_it_is() {
    let own = || {
        builder()
            .success_text("Atnaujinta")
            .error_text("Prieiga draudžiama", ErrorKind::Permission)
            .error_text("Atnaujinta iš dalies", ErrorKind::Other)
    };
    for (body, outcome) in [
        (
            "<page><status>Atnaujinta</status></page>",
            Outcome::Accepted,
        ),
        (
            "<page><status>Prieiga draudžiama</status></page>",
            Outcome::Rejected,
        ),
        ("Prieiga draudžiama", Outcome::Rejected),
        (
            "<page><status>Atnaujinta iš dalies</status></page>",
            Outcome::Rejected,
        ),
        ("<page><status>atnaujinta</status></page>", Outcome::Unknown),
        (
            "<page><success>Prieiga draudžiama</success></page>",
            Outcome::Unknown,
        ),
    ] {
        let (client, _) = with(own(), [Ok((200, body))]);
        let call = Call::new("phonebook_edit").with("phonebook_id", "1");
        let answer = client.write(&reference(), &call).await.unwrap();
        assert_eq!(answer.outcome(), outcome, "{body}");
    }
    // For a read the same text is the same error.
    let body = "<page><status>Prieiga draudžiama</status></page>";
    let (client, _) = with(own(), [Ok((200, body))]);
    let failed = client.read(&Call::new("users_get")).await.unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::Permission);
}

/// "Nothing found" is no error by itself; what stands below it may be one.
#[tokio::test]
async fn what_an_empty_result_says_below_itself_is_read() {
    let body = "<page><error>No Users found<message>Access Denied</message></error></page>";
    let (client, _) = mor(body);
    let failed = client.read(&Call::new("users_get")).await.unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::Permission);
}

#[tokio::test]
async fn a_failure_names_the_method() {
    let (client, _) = mor("<status><error>Bad login</error></status>");
    let failed = client.read(&Call::new("user_details_get")).await;
    let failed = failed.unwrap_err();
    assert_eq!(failed.to_string(), "mor user_details_get: Bad login");
    let other = client.read(&Call::new("of_a_later_version")).await;
    assert_eq!(other.unwrap_err().operation(), Some("call"));
}

#[test]
fn codes_by_sms_reach_whom_they_are_set_to_reach() {
    let key = OtpKey::new("k", SecretBytes::new([7; 32])).unwrap();
    let codes = LocalOtp::new(key, Arc::new(MemoryOtpStore::default()));
    let (client, _) = mor("<page/>");
    let sms = client.sms_otp("Acme", "{code}", codes).unwrap();
    let lithuanian = Msisdn::parse("37060000000").unwrap();
    let indonesian = Msisdn::parse("6281234567890").unwrap();
    assert!(sms.otp_capabilities().reaches(&indonesian));
    let limited = OtpCapabilities::new(OtpChannel::Sms, CodeOrigin::Client, OtpCheck::Local)
        .only_calling_codes(&["370"])
        .resends(5, Duration::from_secs(30));
    let sms = sms.with_capabilities(limited.clone());
    assert_eq!(*sms.otp_capabilities(), limited);
    assert!(sms.otp_capabilities().reaches(&lithuanian));
    assert!(!sms.otp_capabilities().reaches(&indonesian));
}

#[test]
fn documents_are_read_or_refused() {
    let text = |body: &[u8]| {
        Document::parse(body)
            .unwrap()
            .text_of("a")
            .map(str::to_owned)
    };
    assert_eq!(text(b"\xef\xbb\xbf  <?xml version='1.0'?><!-- c --><p><a> x &lt;&amp;&#65;&#x42; <![CDATA[<b>]]> </a></p>\n").as_deref(), Some("x <&AB <b>"));
    assert_eq!(
        text(b"<?xml version='1.0' encoding='ISO-8859-1'?><p><a>\xe9</a></p>").as_deref(),
        Some("é")
    );
    assert_eq!(
        text(b"<p><a/><a></a><a>second</a></p>").as_deref(),
        Some("second")
    );
    assert_eq!(
        Document::parse(b" 66.0000\n").unwrap(),
        Document::Text("66.0000".into())
    );
    // The five entities that XML itself has.
    assert_eq!(
        text(b"<p><a>&lt;&gt;&amp;&quot;&apos;</a></p>").as_deref(),
        Some("<>&\"'")
    );
    let deepest = format!("{}{}", "<a>".repeat(64), "</a>".repeat(64));
    assert!(Document::parse(deepest.as_bytes()).is_ok());
    let deep = format!("{}{}", "<a>".repeat(65), "</a>".repeat(65));
    let lol = "<!DOCTYPE lolz [<!ENTITY lol \"lol\"><!ENTITY lol2 \"&lol;&lol;\">]><p>&lol2;</p>";
    let refused: &[(&[u8], UnreadableDocument)] = &[
        (b"", UnreadableDocument::Empty),
        (b" \n", UnreadableDocument::Empty),
        (b"PK\x03\x04", UnreadableDocument::Archive),
        (b"\x1f\x8b\x08", UnreadableDocument::Archive),
        (b"<p>\xff</p>", UnreadableDocument::Encoding),
        (
            b"<?xml version='1.0' encoding='windows-1257'?><p/>",
            UnreadableDocument::Encoding,
        ),
        (lol.as_bytes(), UnreadableDocument::Entities),
        (
            b"<!DOCTYPE p SYSTEM 'file:///etc/passwd'><p/>",
            UnreadableDocument::Entities,
        ),
        (b"<p>&own;</p>", UnreadableDocument::Entities),
        (b"<p a='&own;'/>", UnreadableDocument::Entities),
        (b"<p><a></p>", UnreadableDocument::Malformed),
        (b"<p><a>", UnreadableDocument::Malformed),
        (b"<p", UnreadableDocument::Malformed),
        (b"<p/><q/>", UnreadableDocument::Malformed),
        (b"<p/>text", UnreadableDocument::Malformed),
        (deep.as_bytes(), UnreadableDocument::Malformed),
    ];
    for (body, why) in refused {
        assert_eq!(
            Document::parse(body),
            Err(*why),
            "{}",
            String::from_utf8_lossy(body)
        );
    }
}

#[tokio::test]
async fn an_empty_list_is_no_error() {
    for body in [
        "<page><status><error>No Users found</error></status></page>",
        "<page><error>No Users found.</error></page>",
        "<page><error><message>No Users found</message></error></page>",
        "<page><status>No Users found</status></page>",
        "No Users found",
    ] {
        let (client, server) = mor(body);
        let page = client.read(&Call::new("users_get")).await.unwrap();
        assert!(page.find("user").is_none());
        assert_eq!(server.count(), 1);
    }
    // Beside another error it changes nothing.
    let both = "<page><error>No Users found</error><error>Access Denied</error></page>";
    let failed = mor(both).0.read(&Call::new("users_get")).await.unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::Permission);
}

/// A read is repeated where it may have been lost: whatever changes something is refused, by either of its names.
#[tokio::test]
async fn what_changes_something_is_never_read() {
    use mor_client::mor_hash::methods::{self, Class};
    let mut refused = 0;
    for method in methods::all()
        .iter()
        .filter(|method| method.class != Class::Read)
    {
        for name in [Some(method.name), method.legacy_name]
            .into_iter()
            .flatten()
        {
            let (client, server) = mor("<page><status>ok</status></page>");
            let failed = client.read(&Call::new(name)).await.unwrap_err();
            assert_eq!(failed.kind(), ErrorKind::Policy, "{name}");
            assert_eq!(failed.delivery(), telco_core::Delivery::NotSent);
            assert_eq!(server.count(), 0, "{name}");
            refused += 1;
        }
    }
    assert!(refused > 80, "{refused}");
    for name in [
        "payment_create",
        "user_balance_change",
        "sms_send",
        "callback_init",
        "voucher_use",
    ] {
        assert_eq!(methods::find(name).unwrap().class, Class::Effect, "{name}");
    }

    // What nobody knows may change something too: sent once, although this failure can pass.
    let lost = || Err(Error::in_doubt(ErrorKind::Timeout, "no answer"));
    for (name, copies, again) in [("an_addon_of_ours", 1, false), ("users_get", 3, true)] {
        let (client, server) = with(builder(), [lost()]);
        let failed = client.read(&Call::new(name)).await.unwrap_err();
        assert_eq!(failed.is_retryable(), again, "{name}");
        assert_eq!(server.count(), copies, "{name}");
    }
}
