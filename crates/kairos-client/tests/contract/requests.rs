//! What goes over the wire, and where to.

use super::*;

const PLAIN: &str = r#"{"api-version":"1.0","security-id":"A1b2C3d4E5f6a7B8c9D0e1F2A3b4C5d6E7f8a9B0c1D2e3F4A5b6C7d8E9f0a1B2","flow-id":"Zb0RKJvh","calls":[{"client-identifier":"c-1","start-time":"2026-03-11T00:30:00.123+05:30","contact-numbers":["919812345678"],"keys":[]},{"client-identifier":"c-2","start-time":"2026-03-11T00:30:00.123+05:30","contact-numbers":["919812345678"],"keys":[{"name":"$flow.key.OTP","value":"482113"}]},{"client-identifier":"c-3","start-time":"2026-03-11T00:30:00.123+05:30","contact-numbers":["919812345678"],"keys":[]}]}"#;

#[tokio::test]
async fn every_kind_goes_to_its_url_with_the_documented_bytes() {
    for kind in Kind::ALL {
        for slash in ["", "/"] {
            let server = server(says(200, success())).await;
            let kairos = builder(kind)
                .base_url(format!("{}/kairos-apis{slash}", server.uri()))
                .build()
                .unwrap();
            let prepared = kairos.prepare(&three()).unwrap().remove(0);
            assert_eq!(
                kairos.send(prepared).await.unwrap().outcome(),
                Outcome::Accepted
            );
            let request = received(&server).await.remove(0);
            assert_eq!(request.url.path(), format!("/kairos-apis/{}", kind.path()));
            assert_eq!(request.headers["content-type"], "application/json");
            assert!(!request.headers.contains_key("authorization"));
            if kind.is_encrypted() {
                let members: Vec<String> =
                    serde_json::from_slice::<serde_json::Map<String, Value>>(&request.body)
                        .unwrap()
                        .into_iter()
                        .map(|(name, _)| name)
                        .collect();
                assert_eq!(members.len(), 3);
                assert!(request.body.starts_with(br#"{"requestEncryptedValue":""#));
                assert!(request.body.ends_with(br#","flow-id":"Zb0RKJvh"}"#));
                assert_eq!(open(&Envelope::default(), &request.body), PLAIN);
            } else {
                assert_eq!(String::from_utf8(request.body).unwrap(), PLAIN);
            }
        }
    }
}

#[tokio::test]
async fn whole_urls_can_be_given() {
    let server = server(says(200, success())).await;
    let kairos = builder(Kind::RealTime)
        .create_url(format!("{}/other/place", server.uri()))
        .build()
        .unwrap();
    let prepared = kairos.prepare(&three()).unwrap().remove(0);
    assert_eq!(
        kairos.send(prepared).await.unwrap().outcome(),
        Outcome::Accepted
    );
    assert_eq!(received(&server).await[0].url.path(), "/other/place");
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let refused = |builder: Builder| {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfiguration, "{error}");
    };
    refused(builder(Kind::RealTime).base_url("http://central.phonon.io/kairos-apis"));
    refused(builder(Kind::RealTime).base_url("central.phonon.io"));
    refused(builder(Kind::RealTime).public_key(public_key()));
    refused(builder(Kind::Bulk).public_key(public_key()));
    refused(builder(Kind::RealTime).kind(Kind::EncryptedDialer));
    refused(builder(Kind::RealTime).pull_url("not a url"));
    // A key string that does not fit the RSA key: known before the first request.
    let profile = telco_crypto::envelope::Profile::builder()
        .key_text_length(200)
        .build()
        .unwrap();
    refused(
        builder(Kind::EncryptedRealTime)
            .envelope(Envelope::new(profile, Default::default()).unwrap()),
    );
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let elsewhere = server(says(200, success())).await;
    let moved = ResponseTemplate::new(307).insert_header("location", elsewhere.uri().as_str());
    assert_eq!(
        told(Kind::RealTime, moved).await.outcome(),
        Outcome::Unknown
    );
    assert!(received(&elsewhere).await.is_empty());
}

#[tokio::test]
async fn orders_in_the_providers_own_terms() {
    let server = server(says(200, success())).await;
    let kairos = at(&server, Kind::RealTime)
        .api_version(kairos_client::wire::ApiVersion::Test)
        .build()
        .unwrap();
    let number = |text: &str| ContactNumber::parse(text, NumberPolicy::AsIs).unwrap();
    let order = Order::new(reference("c-1"), number("9812345678"))
        .or_to(number("+919812345679"))
        .starting(StartTime::parse("2026-03-11T09:00:00Z").unwrap())
        .variable("Name", Secret::new("Åsa \"A\""))
        .variable("$flow.key.Full", Secret::new("2"))
        .raw_variable("bare", Secret::new("3"));
    let prepared = kairos
        .prepare_orders(&reference("b"), &[order])
        .unwrap()
        .remove(0);
    let Submission::Accepted(created) = kairos.create(prepared).await.unwrap() else {
        panic!()
    };
    assert_eq!(
        (created.code, created.request_id.as_deref()),
        (Code::Success, Some("r-1"))
    );
    assert!(created.answer.expose().starts_with(b"{"));
    let body = String::from_utf8(received(&server).await.remove(0).body).unwrap();
    assert!(body.starts_with(r#"{"api-version":"TEST","security-id":"A1b2"#));
    assert!(body.ends_with(concat!(
        r#""calls":[{"client-identifier":"c-1","start-time":"2026-03-11T09:00:00Z","contact-numbers":["9812345678","+919812345679"],"#,
        r#""keys":[{"name":"$flow.key.Name","value":"Åsa \"A\""},{"name":"$flow.key.Full","value":"2"},{"name":"bare","value":"3"}]}]}"#
    )));
}
