//! The exact bytes of each typed call at a server that listens.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mor_client::core::{Clock, Error, async_trait};
use mor_client::http::{Bytes, ReadRetry, Transport, http};
use mor_client::methods::{Callback, CallsQuery, PaymentOrder, PaymentsQuery, Sms, UserRef};
use mor_client::{Credentials, Decimal, MorClient, mor_hash::Profile};
use support::reference;
use telco_core::{Amount, Currency, ErrorKind, Outcome, Provider as _, Secret};
use wiremock::matchers::{body_string, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

/// A server that knows one request.
async fn expecting(name: &str, form: &str, answer: &str) -> (MockServer, MorClient) {
    let server = MockServer::start().await;
    // The server's default: an attachment that calls itself HTML.
    let response = ResponseTemplate::new(200)
        .set_body_raw(answer, "text/html")
        .insert_header(
            "content-disposition",
            "attachment; filename=mor_api_response.html",
        );
    Mock::given(method("POST"))
        .and(path(format!("/billing/api/{name}")))
        .and(header("content-type", "application/x-www-form-urlencoded"))
        .and(body_string(form))
        .respond_with(response)
        .expect(1)
        .mount(&server)
        .await;
    let client = MorClient::builder(
        server.uri(),
        Credentials::new("admin", Secret::new("456789")),
    )
    .build()
    .unwrap();
    (server, client)
}

fn sha1(text: &str) -> String {
    // Checked against the published vectors in mor-hash; explicit keys hash exactly this text.
    use mor_client::mor_hash::{Call, Keys, Secret, Signer};
    let (last, rest) = text.split_at(text.len() - 6);
    assert_eq!(rest, "456789");
    let signer = Signer::new(Secret::new(rest), Profile::x8()).with_keys(Keys::new(["x"]).unwrap());
    signer
        .hash(&Call::default().with("x", last))
        .unwrap()
        .to_hex()
}

#[tokio::test]
async fn reads() {
    let form = format!(
        "u=admin&username=bob&user_currency=1&hash={}",
        sha1("bob456789")
    );
    let (_server, mor) = expecting(
        "user_balance_get",
        &form,
        "<page><balance>1</balance></page>",
    )
    .await;
    assert_eq!(mor.user_balance("bob").await.unwrap().balance, "1");

    // The hash of the vendor's page: user_id 123 and key 456789.
    let form = "u=admin&user_id=123&hash=f7c3bc1d808e04732adf679965ccc34ca7ae3441";
    let answer = "<page><details><main_detail><account>a</account></main_detail></details></page>";
    let (_server, mor) = expecting("user_details_get", form, answer).await;
    assert_eq!(
        mor.user_details(&UserRef::Id(123))
            .await
            .unwrap()
            .account
            .as_deref(),
        Some("a")
    );

    let form = format!(
        "u=admin&period_start=1252454580&period_end=1252454999&s_user=123&s_call_type=answered&s_destination=370&hash={}",
        sha1("12524545801252454999123answered370456789"),
    );
    let (_server, mor) = expecting(
        "user_calls_get",
        &form,
        "<page><total_calls>0</total_calls></page>",
    )
    .await;
    let query = CallsQuery::between(at(1_252_454_580), at(1_252_454_999))
        .of_user(123)
        .of_type("answered")
        .to_destination("370");
    assert_eq!(
        mor.user_calls(&query).await.unwrap().total_calls.as_deref(),
        Some("0")
    );

    let form = format!(
        "u=admin&s_from=1&s_till=2&s_user_id=7&s_transaction=order-4711&s_completed=1&hash={}",
        sha1("712order-47111456789")
    );
    let (_server, mor) =
        expecting("payments_get", &form, "<page><payments></payments></page>").await;
    let query = PaymentsQuery::between(at(1), at(2))
        .of_user(7)
        .with_transaction("order-4711")
        .completed(true);
    assert!(mor.payments(&query).await.unwrap().is_empty());

    let form = format!("u=admin&user_id=7&hash={}", sha1("7456789"));
    let (_server, mor) = expecting("devices_get", &form, "<page><devices/></page>").await;
    assert!(mor.devices(7).await.unwrap().is_empty());

    let form = format!("u=admin&hash={}", sha1("456789"));
    let (_server, mor) = expecting(
        "system_version_get",
        &form,
        "<page><version>MOR X8</version></page>",
    )
    .await;
    assert_eq!(mor.system_version().await.unwrap(), "MOR X8");
}

#[tokio::test]
async fn spending_calls() {
    let form = format!(
        "u=admin&user_id=2&balance=-5.50&hash={}",
        sha1("2-5.50456789")
    );
    let (_server, mor) = expecting(
        "user_balance_update",
        &form,
        "<page><status>User balance updated</status></page>",
    )
    .await;
    let amount = Decimal::parse("-5.50").unwrap();
    assert_eq!(
        mor.add_to_balance(&reference(), 2, &amount)
            .await
            .unwrap()
            .outcome(),
        Outcome::Accepted
    );
    assert!(
        mor.add_to_balance(&reference(), 2, &Decimal::parse("0.0").unwrap())
            .await
            .is_err()
    );

    let form = format!(
        "u=admin&user_id=123&p_currency=EUR&amount=100.00&transaction=order-4711&description=a+%26+b&paymenttype=Myname\
         &tax_in_amount=1&payer_email=bla&fee=2&hash={}",
        sha1("123a & bEURMyname1100.00order-4711bla2456789"),
    );
    let (_server, mor) = expecting(
        "payment_create",
        &form,
        "<page><response><status>ok</status></response></page>",
    )
    .await;
    let euro = Currency::new(*b"EUR", 2).unwrap();
    let order = PaymentOrder::new(reference(), 123, Amount::from_minor(10_000, euro))
        .with_description("a & b")
        .with_payment_type("Myname")
        .tax_included(true)
        .with_payer_email("bla")
        .with_fee(Decimal::parse("2").unwrap());
    assert_eq!(
        mor.create_payment(&order).await.unwrap().outcome(),
        Outcome::Accepted
    );

    let form = format!(
        "u=admin&src=Acme&dst=%2B37060000000&message=50%2525+%252B+1&lcr_id=1&hash={}",
        sha1("1+37060000000Acme50%25 %2B 1456789"),
    );
    let (_server, mor) = expecting(
        "sms_send",
        &form,
        "<page><response><status>ok</status></response></page>",
    )
    .await;
    let sms = Sms::new(reference(), "Acme", "+37060000000", Secret::new("50% + 1")).with_lcr(1);
    assert_eq!(
        mor.send_sms(&sms).await.unwrap().outcome(),
        Outcome::Accepted
    );

    let form = format!(
        "u=admin&device=5&src=101&dst=37060000000&server_id=1&hash={}",
        sha1("537060000000101456789")
    );
    let (_server, mor) =
        expecting("callback_init", &form, "<page><Status>Ok</Status></page>").await;
    let callback = Callback::new(reference(), 5, "37060000000")
        .from_number("101")
        .on_server(1);
    assert_eq!(
        mor.init_callback(&callback).await.unwrap().outcome(),
        Outcome::Accepted
    );
}

#[tokio::test]
async fn password_legacy_names_get_and_plain_sms_text() {
    let server = MockServer::start().await;
    let ok = "<page><response><status>ok</status></response></page>";
    Mock::given(wiremock::matchers::any())
        .respond_with(ResponseTemplate::new(200).set_body_string(ok))
        .mount(&server)
        .await;
    let credentials =
        Credentials::new("admin", Secret::new("456789")).with_password(Secret::new("pass word"));
    let mor = MorClient::builder(format!("{}/mor/api/", server.uri()), credentials)
        .profile(Profile::x3())
        .use_get()
        .sms_text_as_given()
        .build()
        .unwrap();
    let sms = Sms::new(reference(), "a", "1", Secret::new("50% + 1"));
    assert_eq!(
        mor.send_sms(&sms).await.unwrap().outcome(),
        Outcome::Accepted
    );
    let seen = server.received_requests().await.unwrap();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].url.path(), "/mor/api/send_sms");
    let query = format!(
        "u=admin&p=pass+word&src=a&dst=1&message=50%25+%2B+1&hash={}",
        sha1("1a50% + 1456789")
    );
    assert_eq!(
        (seen[0].url.query(), seen[0].body.as_slice()),
        (Some(query.as_str()), &b""[..])
    );
}

#[tokio::test]
async fn no_redirect_is_followed_and_long_answers_are_refused() {
    let server = MockServer::start().await;
    let away =
        ResponseTemplate::new(302).insert_header("location", format!("{}/elsewhere", server.uri()));
    Mock::given(path("/billing/api/user_balance_update"))
        .respond_with(away)
        .expect(1)
        .mount(&server)
        .await;
    let long = ResponseTemplate::new(200).set_body_string(format!(
        "<page><version>{}</version></page>",
        "x".repeat(4_000)
    ));
    Mock::given(path("/billing/api/system_version_get"))
        .respond_with(long)
        .mount(&server)
        .await;
    let mor = MorClient::builder(
        server.uri(),
        Credentials::new("admin", Secret::new("456789")),
    )
    .settings(telco_http::Settings::default().with_body_caps(1_000, 1_000))
    .read_retry(telco_http::ReadRetry::none())
    .build()
    .unwrap();
    let answer = mor
        .add_to_balance(&reference(), 2, &Decimal::parse("1").unwrap())
        .await
        .unwrap();
    assert_eq!(answer.outcome(), Outcome::Unknown);
    assert_eq!(
        mor.system_version().await.unwrap_err().kind(),
        telco_core::ErrorKind::UnreadableAnswer
    );
}

#[test]
fn what_is_stored_is_bound_to_the_login_or_to_a_name_of_ones_own() {
    let builder = || {
        let credentials = Credentials::new("admin", Secret::new("456789"));
        MorClient::builder("https://mor.example.com", credentials)
    };
    let identity = |client: &MorClient| client.identity().to_string();
    let derived = identity(&builder().build().unwrap());
    assert_eq!(derived, identity(&builder().build().unwrap()));
    // SHA-256 of the login, of which the first twelve digits.
    assert_eq!(derived, "mor/user-8c6976e5b541");
    let named = builder().account("acme-vilnius").build().unwrap();
    assert_eq!(identity(&named), "mor/acme-vilnius");
}

/// From X5 on a server stores its secret without them: a request signed with them would be refused there.
#[test]
fn blanks_around_a_secret_are_a_mistake_unless_they_are_meant() {
    let builder = || {
        let credentials = Credentials::new("admin", Secret::new(" 456789 "));
        MorClient::builder("https://mor.example.com", credentials)
    };
    let refused = builder().build().unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidConfiguration);
    assert!(builder().secret_as_given().build().is_ok());
}

/// Answers with a time to come back at.
#[derive(Debug)]
struct Busy;

#[async_trait]
impl Transport for Busy {
    async fn exchange(&self, _: http::Request<Bytes>) -> Result<http::Response<Bytes>, Error> {
        let answer = http::Response::builder().status(503);
        let answer = answer.header("retry-after", "Thu, 01 Jan 1970 00:01:00 GMT");
        Ok(answer.body(Bytes::new()).unwrap())
    }
    async fn pause(&self, _: Duration) {}
}

/// Fifteen seconds past midnight.
#[derive(Debug)]
struct Early;

impl Clock for Early {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + self.monotonic()
    }
    fn monotonic(&self) -> Duration {
        Duration::from_secs(15)
    }
}

#[tokio::test]
async fn a_time_to_come_back_at_is_counted_from_the_clients_clock() {
    let client = MorClient::builder(
        "https://mor.example.com",
        Credentials::new("admin", Secret::new("456789")),
    )
    .transport(Arc::new(Busy))
    .clock(Arc::new(Early))
    .read_retry(ReadRetry::none())
    .build()
    .unwrap();
    let failed = client.user_balance("bob").await.unwrap_err();
    assert_eq!(failed.retry_after(), Some(Duration::from_secs(45)));
}
