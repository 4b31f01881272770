//! Every vector of the protocol: signatures, key files, requests, answers, dates, numbers, codes.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use fanap_client::core::{ErrorKind, RequestSigner as _};
use fanap_client::http::BaseUrl;
use fanap_client::wire::{Answer, Commit, Field, Operation, Start};
use fanap_client::{
    Application, Callbacks, Class, Client, Code, Date, Hash, LoadOptions, Phone, PhoneFormat,
    PrivateKey, PublicKey, ServiceKey, SignRequest, Signer, Token, parse_msisdn, verify,
};
use serde_json::Value;
use support::{Hands, Told, key_form, read, text};
use telco_crypto::encoding::decode_base64;

fn vectors(file: &str) -> Vec<Value> {
    read(file)["vectors"].as_array().unwrap().clone()
}

fn of_kind(file: &str, kind: &str) -> Vec<Value> {
    let of_kind = |vector: &Value| vector["kind"] == kind;
    vectors(file).into_iter().filter(of_kind).collect()
}

fn hash(name: &str) -> Hash {
    match name {
        "SHA-1" => Hash::Sha1,
        "SHA-256" => Hash::Sha256,
        other => panic!("{other}"),
    }
}

#[test]
fn all_90_signatures_from_every_key_form() {
    let file = read(include_str!("../vectors/signing.json"));
    let keys: BTreeMap<String, Vec<PrivateKey>> = file["keys"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(id, key)| {
            let der = decode_base64(text(key, "private_pkcs8_der_base64")).unwrap();
            let texts = ["private_xml", "private_pem_pkcs8", "private_pem_pkcs1"];
            let mut loaded: Vec<PrivateKey> = texts
                .iter()
                .map(|form| PrivateKey::load(text(key, form).as_bytes()).unwrap())
                .collect();
            loaded.push(PrivateKey::load(&der).unwrap());
            for form in &loaded {
                assert_eq!(form.public_key().to_xml(), text(key, "public_xml"), "{id}");
            }
            (id.clone(), loaded)
        })
        .collect();
    assert_eq!(keys.len(), 9);
    let (mut signatures, mut explained) = (0, 0);
    for vector in file["vectors"].as_array().unwrap() {
        let message = text(vector, "message");
        let hash = hash(text(vector, "hash"));
        for key in &keys[text(vector, "key_id")] {
            let public = key.public_key().clone();
            let signer = Signer::new(key.clone()).with_hash(hash);
            assert_eq!(signer.hash(), hash);
            let signature = signer.sign_text(message).unwrap();
            assert_eq!(
                signature.expose(),
                text(vector, "signature_base64"),
                "{}",
                vector["id"]
            );
            assert!(verify(&public, hash, message, signature.expose()));
            assert!(!verify(
                &public,
                hash,
                &format!("{message}\n"),
                signature.expose()
            ));
            if let [app, tenant, date] = message.split('#').collect::<Vec<_>>()[..] {
                let request = SignRequest::new(app, tenant, date);
                assert_eq!(signer.sign(&request).unwrap(), signature);
                let report = signer.explain(&request).unwrap();
                let scheme = format!("RSASSA-PKCS1-v1_5 with {}", text(vector, "hash"));
                assert_eq!(report.algorithm, scheme);
                assert_eq!(
                    (report.signed_text.as_str(), &report.value),
                    (message, &signature)
                );
                explained += 1;
            }
        }
        signatures += 1;
    }
    assert_eq!(signatures, 90);
    assert!(explained > 200);
}

#[test]
fn every_key_file_is_taken_or_refused_as_stated() {
    let (mut taken, mut refused) = (0, 0);
    for file in [
        include_str!("../vectors/keys_xml.json"),
        include_str!("../vectors/keys_pem.json"),
    ] {
        for vector in vectors(file) {
            let input = decode_base64(text(&vector, "input_base64")).unwrap();
            match PrivateKey::load(&input) {
                Ok(key) => {
                    assert_eq!(vector["expect"], "sign-ok", "{}", vector["id"]);
                    let signer = Signer::new(key).with_hash(hash(text(&vector, "hash")));
                    let signature = signer.sign_text(text(&vector, "message")).unwrap();
                    assert_eq!(signature.expose(), text(&vector, "signature_base64"));
                    taken += 1;
                }
                Err(error) => {
                    assert_eq!(error.name(), text(&vector, "error"), "{}", vector["id"]);
                    refused += 1;
                }
            }
        }
    }
    assert_eq!((taken, refused), (39 + 17, 14 + 10));
}

#[test]
fn the_published_key_is_the_one_that_callbacks_are_held_to() {
    let vendor = vectors(include_str!("../vectors/vendor_signatures.json"));
    let first = &vendor[0];
    let weak = LoadOptions::new().allow_weak();
    let published = PublicKey::load_with(text(first, "public_key_xml").as_bytes(), &weak).unwrap();
    let ours = include_str!("../src/provider_key.xml");
    assert_eq!(
        PublicKey::load_with(ours.as_bytes(), &weak).unwrap(),
        published
    );
    assert_eq!(published.bits(), 1024);
    let _loads = Callbacks::default();
}

#[test]
fn dates_are_cut_never_rounded() {
    let dates = of_kind(include_str!("../vectors/normalisation.json"), "date");
    assert_eq!(dates.len(), 10);
    for vector in dates {
        let seconds = vector["unix_seconds"].as_u64().unwrap();
        let nanoseconds = u32::try_from(vector["nanoseconds"].as_u64().unwrap()).unwrap();
        let date = Date::of(UNIX_EPOCH + Duration::new(seconds, nanoseconds)).unwrap();
        assert_eq!(date.as_str(), text(&vector, "text"), "{}", vector["id"]);
    }
}

#[test]
fn numbers_as_people_type_them() {
    let phones = of_kind(include_str!("../vectors/normalisation.json"), "phone");
    assert_eq!(phones.len(), 39);
    for vector in phones {
        let parsed = parse_msisdn(text(&vector, "input"));
        if vector["expect"] == "refuse" {
            assert!(parsed.is_err(), "{}", vector["id"]);
            continue;
        }
        let number = parsed.unwrap_or_else(|_| panic!("{}", vector["id"]));
        assert_eq!(number.expose(), text(&vector, "international"));
        for (format, field) in [
            (PhoneFormat::ZeroPrefixed, "zero_prefixed"),
            (PhoneFormat::National, "national"),
        ] {
            let phone = Phone::new(&number, format).unwrap();
            assert_eq!(phone.expose(), text(&vector, field), "{}", vector["id"]);
        }
    }
}

#[test]
fn codes_as_people_type_them() {
    let tokens = of_kind(include_str!("../vectors/normalisation.json"), "token");
    assert_eq!(tokens.len(), 23);
    for vector in tokens {
        let parsed = Token::parse(text(&vector, "input"));
        match vector["expect"].as_str() {
            Some("accept") => assert_eq!(
                parsed.unwrap().expose(),
                text(&vector, "token"),
                "{}",
                vector["id"]
            ),
            _ => assert!(parsed.is_err(), "{}", vector["id"]),
        }
    }
}

#[test]
fn requests_octet_for_octet() {
    let requests = of_kind(include_str!("../vectors/requests.json"), "request");
    assert_eq!(requests.len(), 7);
    for vector in requests {
        let input = &vector["input"];
        let application =
            Application::new(text(input, "app_id"), text(input, "tenant_id")).unwrap();
        let key = key_form(text(input, "key_id"), "private_xml");
        let signer = Signer::new(PrivateKey::load(key.as_bytes()).unwrap());
        let moment = UNIX_EPOCH + Duration::from_millis(input["unix_ms"].as_u64().unwrap());
        let signed = signer
            .sign_date(&application, Date::of(moment).unwrap())
            .unwrap();
        let service = ServiceKey::new(text(input, "service_key")).unwrap();
        let format = match text(input, "phone_format") {
            "zero-prefixed" => PhoneFormat::ZeroPrefixed,
            "national" => PhoneFormat::National,
            other => panic!("{other}"),
        };
        let phone = Phone::new(&parse_msisdn(text(input, "phone")).unwrap(), format).unwrap();
        let base = BaseUrl::parse(text(input, "base_url")).unwrap();
        let request = if vector["operation"] == "start" {
            Start::new(&service, &phone).request(&base, &application, &signed)
        } else {
            let token = Token::parse(text(input, "token")).unwrap();
            Commit::new(&service, &phone, text(input, "correlation_id"), &token)
                .unwrap()
                .request(&base, &application, &signed)
        }
        .unwrap();
        assert_eq!(request.method(), text(&vector, "method"));
        assert_eq!(request.uri(), text(&vector, "url"), "{}", vector["id"]);
        let headers = vector["headers"].as_object().unwrap();
        assert_eq!((headers.len(), request.headers().len()), (3, 3));
        for (name, value) in headers {
            assert_eq!(request.headers()[name.as_str()], value.as_str().unwrap());
        }
        assert_eq!(
            std::str::from_utf8(request.body()).unwrap(),
            text(&vector, "body"),
            "{}",
            vector["id"]
        );
        let covered = SignRequest::new(
            application.app_id(),
            application.tenant_id(),
            signed.date().as_str(),
        );
        assert_eq!(covered.text(), text(&vector, "signed_text"));
    }
}

#[test]
fn configuration_that_cannot_work_is_refused_before_any_io() {
    let refused = of_kind(include_str!("../vectors/requests.json"), "refuse");
    assert_eq!(refused.len(), 11);
    for vector in refused {
        let value = text(&vector, "value");
        let told = Told::with([]);
        let refusal = match text(&vector, "field") {
            "app_id" => Application::new(value, support::TENANT).unwrap_err(),
            "tenant_id" => Application::new(support::APP, value).unwrap_err(),
            "service_key" => ServiceKey::new(value).unwrap_err(),
            "base_url" => support::builder()
                .base_url(value)
                .transport(told.clone())
                .build()
                .unwrap_err(),
            "correlation_id" => {
                let (service, token) = (support::service_key(), Token::parse("3007").unwrap());
                let phone = Phone::new(&support::number(), PhoneFormat::default()).unwrap();
                Commit::new(&service, &phone, value, &token).unwrap_err()
            }
            other => panic!("{other}"),
        };
        let expected = if vector["field"] == "correlation_id" {
            ErrorKind::InvalidInput
        } else {
            ErrorKind::InvalidConfiguration
        };
        assert_eq!(refusal.kind(), expected, "{}", vector["id"]);
        let named = match text(&vector, "field") {
            "app_id" => "AppId",
            "tenant_id" => "TenantId",
            "service_key" => "ServiceKey",
            "correlation_id" => "correlation id",
            _ => "",
        };
        assert!(refusal.to_string().contains(named), "{refusal}");
        assert!(!format!("{refusal} {refusal:?}").contains("user:pw"));
        assert!(told.seen.lock().unwrap().is_empty());
    }
    let separator = Application::allowing_separator("a#b", "t").unwrap();
    assert_eq!(separator.app_id(), "a#b");
}

#[test]
fn the_reuse_window_of_the_vectors() {
    let windows = of_kind(include_str!("../vectors/requests.json"), "reuse-window");
    assert_eq!(windows.len(), 3);
    for vector in windows {
        let hands = Hands::at(0);
        let client: Client = support::builder()
            .clock(hands.clone())
            .transport(Told::with([]))
            .reuse_window(Duration::from_millis(vector["window_ms"].as_u64().unwrap()))
            .build()
            .unwrap();
        let mut last = String::new();
        for call in vector["calls"].as_array().unwrap() {
            let ms = |field: &str| call[field].as_u64().unwrap();
            hands.set(ms("unix_ms"), ms("monotonic_ms"));
            let signed = client.signed().unwrap();
            assert_eq!(
                signed.date().as_str(),
                text(call, "date"),
                "{}",
                vector["id"]
            );
            // One date, one signature; and it is the right one for the date in the body.
            let covered = SignRequest::new(support::APP, support::TENANT, signed.date().as_str());
            let right = client.signer().sign(&covered).unwrap();
            assert_eq!(signed.signature(), &right);
            let is_new = right.expose() != last;
            assert_eq!(is_new, call["new_signature"].as_bool().unwrap());
            right.expose().clone_into(&mut last);
        }
    }
}

#[test]
fn every_answer_has_its_class_and_values() {
    let responses = vectors(include_str!("../vectors/responses.json"));
    assert_eq!(responses.len(), 79);
    for vector in responses {
        let id = text(&vector, "id").to_owned();
        let operation = match text(&vector, "operation") {
            "start" => Operation::Start,
            "commit" => Operation::Commit,
            other => panic!("{other}"),
        };
        let body = match vector["body"].as_str() {
            Some(body) => body.as_bytes().to_vec(),
            None => decode_base64(text(&vector, "body_base64")).unwrap(),
        };
        let status = u16::try_from(vector["status"].as_u64().unwrap()).unwrap();
        let answer = Answer::read(&body);
        let expect = &vector["expect"];
        let class = Class::of(operation, status, answer.as_ref());
        assert_eq!(class.name(), text(expect, "class"), "{id}");
        let response = answer.as_ref().map_or(Field::Absent, |a| a.response);
        assert_eq!(response.get(), expect["response"].as_i64(), "{id}");
        let success = answer.as_ref().map_or(Field::Absent, |a| a.success);
        assert_eq!(success.get(), expect["success"].as_bool(), "{id}");
        let correlation = answer.as_ref().and_then(|a| a.correlation_id.as_deref());
        assert_eq!(correlation, expect["correlation_id"].as_str(), "{id}");
        let error = answer.as_ref().and_then(|a| a.error.as_ref());
        let code = match error.map(|error| &error.code) {
            Some(Code::Sdp(code) | Code::Ghasedak(code) | Code::Wrapped { outer: code, .. }) => {
                Value::from(*code)
            }
            Some(Code::Other(code)) => Value::from(code.as_str()),
            _ => Value::Null,
        };
        assert_eq!(code, expect["family_code"], "{id}");
        let message = error
            .and_then(|error| error.text.as_ref())
            .map(|text| text.expose());
        assert_eq!(message, expect["message"].as_str(), "{id}");
    }
}

#[test]
fn the_order_of_spellings() {
    let number = |body: &str| Answer::read(body.as_bytes()).unwrap().response;
    assert_eq!(
        number(r#"{"RESPONSE":7,"Response":6,"response":5}"#),
        Field::Is(5)
    );
    assert_eq!(number(r#"{"RESPONSE":7,"Response":6}"#), Field::Is(6));
    assert_eq!(
        number(r#"{"responsE":8,"RESPONSE":7}"#),
        Field::Is(8),
        "the first other one"
    );
    assert_eq!(number(r#"{"response":1.5}"#), Field::Unreadable);
    assert_eq!(
        number(r#"{"response":9223372036854775808}"#),
        Field::Unreadable
    );
    assert_eq!(number(r#"{"response":" 3 "}"#), Field::Is(3));
}

#[test]
fn sans_io_needs_no_runtime() {
    let transport: Arc<Told> = Told::with([]);
    let client = support::client(&transport);
    let signed = client.signed().unwrap();
    assert_eq!(signed.date().as_str(), "2018-09-24T12:01:27.938Z");
}
