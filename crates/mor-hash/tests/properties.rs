//! Properties over many inputs: order does not matter, nothing panics, what is encoded is decoded.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use mor_hash::{Call, Keys, Limits, Mode, Profile, ReceivedCall, Secret, Signer, diagnose};
use proptest::prelude::*;
use support::{call, pairs, text, vectors};

fn profile() -> impl Strategy<Value = Profile> {
    prop::sample::select(Profile::all().to_vec())
}

/// Listed names, each at most once, with values that pass every filter, in any order.
fn listed() -> impl Strategy<Value = (Profile, Vec<(String, String)>)> {
    profile().prop_flat_map(|profile| {
        let names: Vec<String> = profile
            .names()
            .filter(|name| {
                ![
                    "user_warning_email_hour",
                    "pgui",
                    "direction",
                    "calltype",
                    "block",
                ]
                .contains(name)
            })
            .map(str::to_owned)
            .collect();
        let size = names.len();
        prop::sample::subsequence(names, 0..size)
            .prop_shuffle()
            .prop_flat_map(move |names| {
                let values = prop::collection::vec("[1-9][0-9]{0,5}", names.len());
                (
                    Just(profile.clone()),
                    values.prop_map(move |values| names.iter().cloned().zip(values).collect()),
                )
            })
    })
}

proptest! {
    #[test]
    fn any_order_of_the_request_gives_the_same_hash(
        ((profile, params), seed) in (listed(), any::<prop::sample::Index>()),
    ) {
        let signer = Signer::new(Secret::new("secret"), profile);
        let ordered: Call<'_> = params.clone().into_iter().collect();
        let mut turned = params.clone();
        if !turned.is_empty() {
            let by = seed.index(turned.len());
            turned.rotate_left(by);
            turned.swap(0, by);
        }
        let turned: Call<'_> = turned.into_iter().collect();
        let backwards: Call<'_> = params.into_iter().rev().collect();
        let hash = signer.hash(&ordered).unwrap();
        prop_assert_eq!(signer.hash(&turned).unwrap(), hash);
        prop_assert_eq!(signer.hash(&backwards).unwrap(), hash);
    }

    #[test]
    fn any_text_is_hashed_or_refused_and_comes_back_from_the_form(
        params in prop::collection::vec((".{0,12}|user_id|message|test|u|p", ".{0,40}"), 0..8),
        secret in ".{0,20}",
        profile in profile(),
        mode in prop::sample::select(vec![Mode::Strict, Mode::Server, Mode::Doc]),
    ) {
        let mut call = Call::new("sms_send");
        call.extend(params);
        let signer = Signer::new(Secret::new(secret), profile.clone()).with_mode(mode);
        let Ok(request) = signer.request(&call) else { return Ok(()) };
        let received = ReceivedCall::from_form(request.method(), request.form().as_bytes()).unwrap();
        prop_assert_eq!(signer.verify(received.call(), received.hash().unwrap()), Ok(()));
        let explanation = signer.explain(&call).unwrap();
        prop_assert_eq!(explanation.rows.len() + explanation.skipped.len(), call.params().len());
        diagnose(&call, received.hash().unwrap(), &[], &profile, Limits::default()).unwrap();
    }

    #[test]
    fn any_bytes_are_read_or_refused(form in prop::collection::vec(any::<u8>(), 0..64), uri in ".{0,60}") {
        let _ = ReceivedCall::from_form("x", &form);
        let _ = ReceivedCall::from_uri(&uri);
    }
}

#[test]
fn every_vector_in_reverse_order() {
    let mut turned = 0;
    for vector in vectors()
        .iter()
        .filter(|vector| text(vector, "id") != "syn-repeat-last")
    {
        let mut params = pairs(vector, "params");
        params.reverse();
        let secret = Secret::new(text(vector, "secret"));
        let signer = match Profile::by_name(text(vector, "profile")) {
            Some(profile) => Signer::new(secret, profile),
            None => Signer::new(secret, Profile::x8()).with_keys(Keys::new(["dids_id"]).unwrap()),
        };
        let mode = if text(vector, "mode") == "doc" {
            Mode::Doc
        } else {
            Mode::Server
        };
        let hash = signer.with_mode(mode).hash(&call(vector, &params)).unwrap();
        assert_eq!(
            hash.to_hex(),
            text(vector, "sha1"),
            "{}",
            text(vector, "id")
        );
        turned += 1;
    }
    assert_eq!(turned, 58);
}
