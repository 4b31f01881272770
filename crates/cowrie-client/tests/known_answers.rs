//! The signatures that the vendor's own clients make, and the two plan catalogues.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use cowrie_client::core::RequestSigner as _;
use cowrie_client::{ClientKey, Encoding, Nonce, Query, SignRequest, Signer};
use serde_json::Value;

struct Vector(Value);

impl Vector {
    fn all() -> Vec<Self> {
        let file: Value = serde_json::from_str(include_str!("../vectors/signing.json")).unwrap();
        let all: Vec<Self> = file["vectors"]
            .as_array()
            .unwrap()
            .iter()
            .cloned()
            .map(Self)
            .collect();
        assert_eq!(all.len(), 61);
        all
    }

    fn text(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap()
    }

    fn signer(&self) -> Signer {
        Signer::new(ClientKey::from_base64(self.text("client_key_b64")).unwrap())
    }

    fn params(&self) -> Vec<(&str, &str)> {
        let pairs = self.0["params"].as_array().unwrap().iter();
        pairs
            .map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap()))
            .collect()
    }

    /// The query built from its values, as this encoding builds it.
    fn query(&self, encoding: Encoding) -> Option<Query> {
        self.params()
            .into_iter()
            .try_fold(Query::new(encoding), |query, (name, value)| {
                query.with(name, value)
            })
            .ok()
    }

    fn request<'a>(
        &'a self,
        pairs: &'a [(&'a str, &'a str)],
        encoding: Encoding,
    ) -> SignRequest<'a> {
        SignRequest::new(self.text("nonce"), pairs).with_encoding(encoding)
    }

    /// A value outside the alphabet that is not the label: no encoding takes it.
    fn only_the_message_is_unusual(&self) -> bool {
        self.params().iter().all(|(name, value)| {
            *name == "message" || Query::new(Encoding::Strict).with(name, value).is_ok()
        })
    }
}

#[test]
fn every_signature_of_the_vendors_clients() {
    for vector in Vector::all() {
        let (nonce, query) = (vector.text("nonce"), vector.text("query"));
        let text = match vector.0["has_query"].as_bool().unwrap() {
            true => format!("{nonce}?{query}"),
            false => nonce.to_owned(),
        };
        assert_eq!(text, vector.text("string_to_sign"));
        assert_eq!(
            telco_crypto::encoding::hex(text.as_bytes()),
            vector.text("string_to_sign_hex")
        );
        assert_eq!(
            vector.signer().sign_text(nonce, query).expose(),
            vector.text("signature_b64"),
            "{}",
            vector.text("name")
        );
    }
}

#[test]
fn strict_takes_what_all_clients_agree_about_and_nothing_else() {
    for vector in Vector::all() {
        let params = vector.params();
        let signed = vector
            .signer()
            .sign(&vector.request(&params, Encoding::Strict));
        if vector.text("default_policy") == "accept" {
            assert_eq!(signed.unwrap().expose(), vector.text("signature_b64"));
            let query = vector.query(Encoding::Strict).unwrap();
            assert_eq!(query.sent(), vector.text("query"));
            assert_eq!(query.signed(), query.sent());
        } else {
            // Refused for a value, or for the nonce.
            let refusal = signed.unwrap_err().to_string();
            let refused_nonce = Nonce::new(vector.text("nonce")).is_err();
            assert!(
                refused_nonce || vector.query(Encoding::Strict).is_none(),
                "{}: {refusal}",
                vector.text("name")
            );
        }
    }
}

#[test]
fn as_sent_signs_the_very_bytes_that_it_sends() {
    let mut tried = 0;
    for vector in Vector::all().iter().filter(|v| v.text("mode") == "as_sent") {
        let query = vector.query(Encoding::AsSent).unwrap();
        assert_eq!(query.sent(), vector.text("query"));
        assert_eq!(query.signed(), query.sent());
        let params = vector.params();
        let signed = vector
            .signer()
            .sign(&vector.request(&params, Encoding::AsSent));
        assert_eq!(signed.unwrap().expose(), vector.text("signature_b64"));
        tried += 1;
    }
    assert_eq!(tried, 12);
}

#[test]
fn decoded_signs_plain_text_and_sends_it_encoded() {
    let all = Vector::all();
    let mut tried = 0;
    for raw in all.iter().filter(|v| v.text("mode") == "raw") {
        if !raw.only_the_message_is_unusual() {
            // An amount with a separator, as the Java client sends it.
            for encoding in [Encoding::Strict, Encoding::AsSent, Encoding::Decoded] {
                assert!(raw.query(encoding).is_none());
            }
            continue;
        }
        let as_sent = all
            .iter()
            .find(|v| v.text("mode") == "as_sent" && v.text("case") == raw.text("case"))
            .unwrap();
        let query = raw.query(Encoding::Decoded).unwrap();
        assert_eq!(query.signed(), raw.text("query"));
        assert_eq!(query.sent(), as_sent.text("query"));
        let params = raw.params();
        let signed = raw.signer().sign(&raw.request(&params, Encoding::Decoded));
        assert_eq!(signed.unwrap().expose(), raw.text("signature_b64"));
        tried += 1;
    }
    assert_eq!(tried, 12);
}

#[test]
fn an_explanation_names_every_field_and_signs_the_same() {
    let vector = Vector::all()
        .into_iter()
        .find(|v| v.text("name") == "redeem-readme.k32")
        .unwrap();
    let params = vector.params();
    let report = vector
        .signer()
        .explain(&vector.request(&params, Encoding::Strict))
        .unwrap();
    assert_eq!(report.algorithm, "HMAC-SHA256");
    assert_eq!(report.value.expose(), vector.text("signature_b64"));
    let shown: Vec<&str> = report
        .fields
        .iter()
        .map(|field| field.name.as_str())
        .collect();
    assert_eq!(
        shown,
        ["Nonce", "net", "msisdn", "pin", "xref", "ClientId", "path"]
    );
    assert_eq!(
        report.signed_text,
        "20151110202513869?net=AIR&msisdn=23481*****601&pin=***&xref=f85c362677ba4c8fa1e6613190ee8c69"
    );
}

#[test]
fn keys_that_the_vendors_clients_disagree_about_are_refused() {
    let signature = |key: &str| {
        ClientKey::from_base64(key)
            .map(|key| Signer::new(key).sign_text("n", "").expose().to_owned())
    };
    let padded = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let right = signature(padded).unwrap();
    let unpadded = padded.trim_end_matches('=');
    for same in [unpadded.to_owned(), format!(" \t{padded}\r\n")] {
        assert_eq!(signature(&same).unwrap(), right, "{same:?}");
    }
    // A last character with bits to spare is taken, as all five do.
    assert_eq!(signature("AB==").unwrap(), signature("AA==").unwrap());
    for bad in [
        "",
        " ",
        "ClientKey",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh-_",
        "AAECAwQF*gcI",
        "AA=",
        "A",
        "=",
        "AAEC AwQF",
    ] {
        let refusal = signature(bad).unwrap_err();
        assert!(!refusal.to_string().contains("AAEC"), "{refusal}");
    }
}

#[cfg(feature = "plans")]
#[test]
fn the_catalogues_are_the_printed_ones_row_by_row() {
    use std::collections::{BTreeMap, BTreeSet};

    use cowrie_client::plans::{Plan, bundles_2025, parse_price, plans_2018};

    let file: Value = serde_json::from_str(include_str!("../vectors/data_plans.json")).unwrap();
    let ours: [Vec<Plan>; 2] = [plans_2018().collect(), bundles_2025().collect()];
    let counts = [
        (47, [("AIR", 15), ("ETI", 12), ("GLO", 13), ("MTN", 7)]),
        (115, [("AIR", 38), ("ETI", 19), ("GLO", 18), ("MTN", 40)]),
    ];
    for ((printed, ours), (total, per_network)) in file["vectors"]
        .as_array()
        .unwrap()
        .iter()
        .zip(&ours)
        .zip(counts)
    {
        let rows = printed["plans"].as_array().unwrap();
        assert_eq!((rows.len(), ours.len()), (total, total));
        let mut by_network: BTreeMap<&str, usize> = BTreeMap::new();
        let mut keys = BTreeSet::new();
        for (row, plan) in rows.iter().zip(ours) {
            let net = plan.network.code();
            assert_eq!(row["net"], net);
            assert_eq!(row["amount"].as_i64(), plan.price.exact_major());
            assert_eq!(row["bundle"].as_str(), plan.bundle);
            assert_eq!(row["size"], plan.size);
            let days = row["validity_days"].as_i64().map(|days| match days {
                1 => "1 day".to_owned(),
                more => format!("{more} days"),
            });
            let validity = row["validity"].as_str().map(str::to_owned).or(days);
            assert_eq!(validity.as_deref(), Some(plan.validity));
            assert_eq!(row["kind"].as_str(), plan.kind);
            assert_eq!(row["note"].as_str(), plan.note);
            if let Some(text) = row["value_as_printed"].as_str() {
                assert_eq!(parse_price(text), Some(plan.price));
            }
            *by_network.entry(net).or_default() += 1;
            // The price names a plan of 2018, the code one of 2025.
            let key = plan.bundle.map_or(plan.price.to_string(), str::to_owned);
            assert!(keys.insert((net, key)), "{net} {plan:?}");
        }
        assert_eq!(by_network, per_network.into_iter().collect());
    }
}
