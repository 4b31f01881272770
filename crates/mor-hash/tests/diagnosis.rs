//! Wrong profile, documented reading, page order, wrong secret: found; and the limits hold.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use mor_hash::{
    Call, Error, Filter, Keys, Limits, Mode, Profile, Reading, Secret, SecretForm, Signer, diagnose,
};

fn secrets() -> [Secret; 2] {
    [Secret::new("456789"), Secret::new("secret")]
}

fn hash_with(signer: &Signer, call: &Call<'_>) -> String {
    signer.hash(call).unwrap().to_hex()
}

fn profile(name: &str, mode: Mode) -> Reading {
    Reading::Profile {
        profile: name.into(),
        mode,
    }
}

#[test]
fn the_chosen_profile_comes_first() {
    let call = Call::new("user_details").with("user_id", "123");
    let found = diagnose(
        &call,
        "f7c3bc1d808e04732adf679965ccc34ca7ae3441",
        &secrets(),
        &Profile::x3(),
        Limits::default(),
    )
    .unwrap();
    assert_eq!(found.matches[0].reading, profile("x3", Mode::Strict));
    assert_eq!(
        (found.matches[0].secret, found.matches[0].secret_form),
        (0, SecretForm::AsGiven)
    );
    assert_eq!(found.matches[0].names, ["user_id"]);
    assert!(found.complete);
    assert_eq!(
        found.matches.len(),
        5,
        "the other profiles hash the same: {:?}",
        found.matches
    );
}

#[test]
fn another_profile_and_the_silent_server_are_found() {
    // `did` is listed by x5 and x8, `service_id` by x8 alone.
    let call = Call::new("x")
        .with("did", "7")
        .with("service_id", "9")
        .with("user_id", "007");
    let hash = hash_with(
        &Signer::new(Secret::new("secret"), Profile::x5()).with_mode(Mode::Server),
        &call,
    );
    let found = diagnose(&call, &hash, &secrets(), &Profile::x8(), Limits::default()).unwrap();
    assert_eq!(found.matches[0].reading, profile("x5", Mode::Server));
    assert_eq!(found.matches[0].secret, 1);
    assert_eq!(
        found.matches[0].reading.to_string(),
        "profile x5, mode server"
    );
}

/// The page of the first method lists the one name that its hash covers; a client of the second hashes four. The profiles would
/// hash the other parameter too.
#[test]
fn the_lists_known_for_a_method_are_found() {
    let rule = [
        ("device_id", "5"),
        ("name", "x"),
        ("cut", "1"),
        ("add", "2"),
    ];
    for (method, listed) in [
        ("did_make_free", &[("dids_id", "6511")][..]),
        ("device_rule_create", &rule),
    ] {
        let mut call = Call::new(method).with("user_id", "2");
        call.extend(listed.iter().copied());
        let names: Vec<&str> = listed.iter().map(|(name, _)| *name).collect();
        let keys = Keys::new(names.iter().copied()).unwrap();
        let signer = Signer::new(Secret::new("secret"), Profile::x8()).with_keys(keys);
        let hash = hash_with(&signer, &call);
        let found = diagnose(&call, &hash, &secrets(), &Profile::x8(), Limits::default()).unwrap();
        assert_eq!(found.matches[0].reading, Reading::KeyList, "{method}");
        assert_eq!(found.matches[0].names, names);
    }
}

/// A server that hashes a name which its version is known never to hash, and the other way round; the same for the one method
/// that leaves a name out. `service_id` is in the list of x8 alone, `s_termination_point` in that of m2.
#[test]
fn a_server_with_its_quirks_the_other_way_round_is_found() {
    let secret = || Secret::new("secret");
    let turned = |call: &Call<'_>, signer: Signer, name: &str| {
        let signer = signer.with_mode(Mode::Server);
        let hash = hash_with(&signer, call);
        let chosen = Profile::by_name(name).unwrap();
        let found = diagnose(call, &hash, &secrets(), &chosen, Limits::default()).unwrap();
        let reading = Reading::QuirksTurned {
            profile: name.into(),
        };
        assert_eq!(found.matches[0].reading, reading, "{call:?}");
    };
    let x8 = Call::new("x").with("service_id", "9").with("pgui", "2");
    let hashes_it = Profile::x8().with_filter("pgui", Filter::Any);
    turned(&x8, Signer::new(secret(), hashes_it), "x8");
    let m2 = Call::new("x")
        .with("s_termination_point", "7")
        .with("pgui", "2");
    let leaves_it_out = Profile::m2().with_filter("pgui", Filter::NeverHashed);
    turned(&m2, Signer::new(secret(), leaves_it_out), "m2");

    let x8 = Call::new("card_from_group_sell")
        .with("service_id", "9")
        .with("number", "5");
    let whole_list = Profile::x8().with_method("card_from_group_sell", None);
    turned(&x8, Signer::new(secret(), whole_list), "x8");
    let m2 = Call::new("card_from_group_sell")
        .with("s_termination_point", "7")
        .with("number", "5");
    let without_number = Keys::new(["s_termination_point"]).unwrap();
    let signer = Signer::new(secret(), Profile::m2()).with_keys(without_number);
    turned(&m2, signer, "m2");
}

#[test]
fn the_method_table_and_claimed_lists_are_tried() {
    let call = Call::new("device_update")
        .with("device", "5")
        .with("location_id", "7");
    let without = Signer::new(Secret::new("secret"), Profile::x8().without_method_table());
    let found = diagnose(
        &call,
        &hash_with(&without, &call),
        &secrets(),
        &Profile::x8(),
        Limits::default(),
    )
    .unwrap();
    assert_eq!(found.matches[0].reading, profile("x5", Mode::Strict));

    let call = Call::new("did_make_free")
        .with("u", "admin")
        .with("dids_id", "6511");
    let found = diagnose(
        &call,
        "f7de355c9b4421ce6c705b4b32c89dbcaca51e46",
        &secrets(),
        &Profile::x8(),
        Limits::default(),
    )
    .unwrap();
    assert_eq!(
        (&found.matches[0].reading, found.matches[0].names.as_slice()),
        (&Reading::KeyList, &["dids_id".into()][..])
    );
}

#[test]
fn the_secret_behind_the_card_payment_page_is_found() {
    let call = Call::new("card_payment_add")
        .with("u", "username")
        .with("number", "1111111001")
        .with("amount", "5")
        .with("currency", "EUR")
        .with("description", "text");
    // The page claims key 456789 and its own order; the digest belongs to the list and another key.
    let found = diagnose(
        &call,
        "d6ce58f8a1ea56ff075c16c45b3e1714298a14d7",
        &secrets(),
        &Profile::x8(),
        Limits::default(),
    )
    .unwrap();
    assert_eq!(found.matches[0].reading, profile("x8", Mode::Strict));
    assert_eq!(found.matches[0].secret, 1);
    // And a hash made in the order of the page is told from it.
    let page = Signer::new(Secret::new("456789"), Profile::x8())
        .with_keys(Keys::new(["number", "amount", "currency", "description"]).unwrap());
    let found = diagnose(
        &call,
        &hash_with(&page, &call),
        &secrets(),
        &Profile::x8(),
        Limits::default(),
    )
    .unwrap();
    assert_eq!(
        found.matches[0].reading,
        Reading::AsGiven { with_login: false }
    );
    assert_eq!(
        found.matches[0].names,
        ["number", "amount", "currency", "description"]
    );
}

#[test]
fn login_in_front_first_of_repeated_and_other_spellings_of_the_secret() {
    let call = Call::new("user_details_get")
        .with("user_id", "1")
        .with("u", "bob");
    let front = Signer::new(Secret::new("secret"), Profile::x8())
        .with_keys(Keys::new(["u", "user_id"]).unwrap());
    let found = diagnose(
        &call,
        &hash_with(&front, &call),
        &secrets(),
        &Profile::x8(),
        Limits::default(),
    )
    .unwrap();
    assert_eq!(found.matches[0].reading, Reading::Prefixed { by: &["u"] });

    let repeated = Call::new("user_details_get")
        .with("user_id", "1")
        .with("user_id", "2")
        .with("username", "b");
    let first = Call::new("user_details_get")
        .with("user_id", "1")
        .with("username", "b");
    let signer = Signer::new(Secret::new("secret"), Profile::x8());
    let found = diagnose(
        &repeated,
        &hash_with(&signer, &first),
        &secrets(),
        &Profile::x8(),
        Limits::default(),
    )
    .unwrap();
    assert_eq!(found.matches[0].reading, Reading::FirstOfRepeated);

    let blanks = [Secret::new("secret\n")];
    let found = diagnose(
        &first,
        &hash_with(&signer, &first),
        &blanks,
        &Profile::x8(),
        Limits::default(),
    )
    .unwrap();
    assert_eq!(found.matches[0].secret_form, SecretForm::Stripped);
    let empty = Signer::new(Secret::new(""), Profile::x3()).allow_empty_secret();
    let found = diagnose(
        &first,
        &hash_with(&empty, &first),
        &secrets(),
        &Profile::x3(),
        Limits::default(),
    )
    .unwrap();
    assert_eq!(found.matches[0].secret_form, SecretForm::Empty);
}

#[test]
fn the_search_ends_at_its_limits() {
    let params = ["g", "f", "e", "d", "c", "b", "a"];
    let call: Call<'_> = params.iter().map(|name| (*name, *name)).collect();
    let odd = Signer::new(Secret::new("secret"), Profile::x8())
        .with_keys(Keys::new(["a", "c", "b"]).unwrap());
    let hash = hash_with(&odd, &call);
    let quick = diagnose(&call, &hash, &secrets(), &Profile::x8(), Limits::default()).unwrap();
    assert!(
        quick.matches.is_empty() && quick.complete && quick.hashes < 200,
        "{quick:?}"
    );
    let deep = diagnose(
        &call,
        &hash,
        &secrets(),
        &Profile::x8(),
        Limits::default().with_ordered_subsets(),
    )
    .unwrap();
    assert_eq!(
        (&deep.matches[0].reading, deep.matches[0].names.join("")),
        (&Reading::OrderedSubset, "acb".into())
    );
    let limits = Limits::default()
        .with_ordered_subsets()
        .with_max_hashes(150);
    let cut = diagnose(&call, &hash, &secrets(), &Profile::x8(), limits).unwrap();
    assert!(cut.matches.is_empty() && !cut.complete && cut.hashes == 150);
    // Eight parameters are too many for the last resort.
    let eight = call.with("h", "h");
    let found = diagnose(
        &eight,
        &hash,
        &secrets(),
        &Profile::x8(),
        Limits::default().with_ordered_subsets(),
    )
    .unwrap();
    assert!(found.matches.is_empty() && found.complete);
}

#[test]
fn what_cannot_be_a_request_is_refused() {
    let call = Call::new("x").with("user_id", "1");
    let refused = |call: &Call<'_>, hash: &str| {
        diagnose(call, hash, &secrets(), &Profile::x8(), Limits::default()).unwrap_err()
    };
    assert_eq!(refused(&call, "nonsense"), Error::MalformedHash);
    assert_eq!(
        refused(&call.with("a[]", "1"), &"0".repeat(40)),
        Error::BracketInName("a[]".into())
    );
}
