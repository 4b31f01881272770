//! The edges of the rules, and what is refused.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use mor_hash::{
    Call, Error, Filter, Keys, Mode, Profile, ReceivedCall, Secret, Signer, SkipReason,
};

fn server(profile: Profile) -> Signer {
    Signer::new(Secret::new("secret"), profile).with_mode(Mode::Server)
}

fn strict(profile: Profile) -> Signer {
    Signer::new(Secret::new("secret"), profile)
}

/// The text before the secret.
fn hashed(signer: &Signer, call: &Call<'_>) -> String {
    signer
        .explain(call)
        .unwrap()
        .signed_text
        .trim_end_matches('*')
        .to_owned()
}

fn one(name: &'static str, value: &str) -> Call<'static> {
    Call::default().with(name, value.to_owned())
}

#[test]
fn integers_are_printed_again_at_any_length() {
    let x8 = server(Profile::x8());
    let long = "9".repeat(60);
    assert_eq!(hashed(&x8, &one("user_id", &long)), long);
    assert_eq!(hashed(&x8, &one("user_id", &format!("000{long}"))), long);
    for (value, text) in [("000", "0"), ("", "0"), ("0", "0"), ("010", "10")] {
        assert_eq!(hashed(&x8, &one("only_did", value)), text, "{value:?}");
    }
    for name in [
        "user_id",
        "period_start",
        "period_end",
        "tariff_id",
        "only_did",
    ] {
        let refused = strict(Profile::x8()).hash(&one(name, ""));
        assert_eq!(refused, Err(Error::ValueWouldBeChanged(name.into())));
    }
    assert_eq!(hashed(&strict(Profile::x8()), &one("user_id", &long)), long);
}

#[test]
fn filters_pass_and_drop() {
    let x8 = server(Profile::x8());
    let passes = [
        ("mtype", "007"),
        ("s_user", "1"),
        ("device", "all"),
        ("s_hgc", "12"),
        ("direction", "outgoing"),
        ("calltype", "missed_not_processed_inc"),
        ("balance", "+1.-5"),
        ("users", "1,2\nx"),
        ("users", "x\nall"),
        ("block", "not true"),
        ("description", "anything at all"),
        ("lcr_id", "x"),
    ];
    for (name, value) in passes {
        assert_eq!(hashed(&x8, &one(name, value)), value, "{name}");
        assert!(
            strict(Profile::x8()).hash(&one(name, value)).is_ok(),
            "{name}"
        );
    }
    let drops = [
        ("user_id", "1\n"),
        ("user_id", "12a"),
        ("mtype", "1 "),
        ("s_from", "2024-01-01"),
        ("device", "ALL"),
        ("s_provider", "-1"),
        ("direction", "Outgoing"),
        ("calltype", "no answer"),
        ("balance", "1,5"),
        ("users", "x"),
        ("users", "postpaid\r\n"),
        ("block", "TRUE"),
        ("user_id", "١"),
    ];
    for (name, value) in drops {
        let explanation = x8.explain(&one(name, value)).unwrap();
        assert_eq!(
            explanation.skipped[0].reason,
            SkipReason::DroppedByFilter,
            "{name} {value:?}"
        );
        let refused = strict(Profile::x8()).hash(&one(name, value));
        assert_eq!(
            refused,
            Err(Error::ValueWouldBeDropped(name.into())),
            "{value:?}"
        );
    }
    for name in [
        "mtype",
        "device",
        "direction",
        "calltype",
        "balance",
        "users",
        "block",
        "email",
        "pgui",
    ] {
        assert_eq!(hashed(&strict(Profile::x8()), &one(name, "")), "", "{name}");
    }
}

/// docs/protocols/mor.md, section 3.1, and why for a person.
#[test]
fn what_is_never_hashed_says_why() {
    let call = Call::new("user_details_get")
        .with("u", "admin")
        .with("user_id", "2")
        .with("p", "pass")
        .with("test", "1")
        .with("note", "x");
    let explanation = strict(Profile::x8()).explain(&call).unwrap();
    let skipped: Vec<_> = explanation
        .skipped
        .iter()
        .map(|skipped| (skipped.name.as_str(), skipped.reason))
        .collect();
    assert_eq!(
        skipped,
        [
            ("u", SkipReason::Authentication),
            ("p", SkipReason::Authentication),
            ("test", SkipReason::TestSwitch),
            ("note", SkipReason::NotListed),
        ]
    );
}

/// With all keys as given, everything is hashed in that order, but for the switch that asks for the answer inline.
#[test]
fn the_test_switch_is_outside_the_hash_even_as_given() {
    let signer = strict(Profile::x8()).with_keys_as_given();
    let call = Call::new("did_make_free").with("b", "1").with("a", "2");
    let switched = Call::new("did_make_free")
        .with("b", "1")
        .with("test", "9")
        .with("a", "2");
    assert_eq!(hashed(&signer, &switched), "12");
    assert_eq!(signer.hash(&switched), signer.hash(&call));
}

#[test]
fn an_explanation_is_a_table_for_a_terminal() {
    let call = Call::new("user_details_get")
        .with("user_id", "007")
        .with("username", "bob")
        .with("note", "x");
    let shown = server(Profile::x8()).explain(&call).unwrap().to_string();
    let lines: Vec<_> = shown.lines().map(str::trim).collect();
    assert_eq!(
        lines,
        [
            r#"1  user_id = "7"  (sent "007")"#,
            r#"2  username = "bob""#,
            r#"-  note = "x"  (not in the list: not authenticated)"#,
            r#"=  "7bob***""#,
        ]
    );
}

#[test]
fn a_refusal_names_the_parameter_and_never_its_value() {
    let refused = strict(Profile::x8()).hash(&one("user_id", "12a"));
    let said = refused.unwrap_err().to_string();
    assert!(said.contains("\"user_id\"") && said.contains("leave this value out"));
    assert!(!said.contains("12a"));
}

#[test]
fn the_method_table_takes_raw_text_and_no_other_name() {
    let call = Call::new("device_update")
        .with("port", "x")
        .with("user_id", "12a")
        .with("device", "no filter");
    assert_eq!(hashed(&strict(Profile::x8()), &call), "no filterx");
    // Before the table: the list, with its filter.
    assert!(strict(Profile::x5()).hash(&call).is_err());
    for (login, text) in [("admin", ""), ("Admin", "Admin"), ("bob", "bob")] {
        for profile in [Profile::x8(), Profile::m2()] {
            let call = Call::new("quickstats_get").with("u", login);
            assert_eq!(hashed(&strict(profile), &call), text);
        }
    }
    let login = Call::new("login").with("p", "b").with("u", "a");
    let rows = strict(Profile::m2()).explain(&login).unwrap().rows;
    assert_eq!(
        rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(),
        ["u", "p"]
    );
}

#[test]
fn card_number_is_left_out_by_both_names_where_the_server_does() {
    for method in ["card_from_group_sell", "buy_card_from_callingroup"] {
        let call = Call::new(method).with("number", "7").with("id", "1");
        for (profile, text) in [
            // A number is shown as stars.
            (Profile::mor12(), "***1"),
            (Profile::x3(), "***1"),
            (Profile::x5(), "1"),
            (Profile::x8(), "1"),
            (Profile::m2(), "***1"),
        ] {
            assert_eq!(hashed(&strict(profile), &call), text, "{method}");
        }
    }
    let other = Call::new("card_balance_get").with("number", "7");
    let rows = strict(Profile::x8()).explain(&other).unwrap().rows;
    assert_eq!(rows[0].name, "number");
    let secret_alone = strict(Profile::x8()).hash(&Call::new("card_balance_get"));
    assert_ne!(strict(Profile::x8()).hash(&other), secret_alone);
}

#[test]
fn quirks_of_the_server() {
    let both = Call::default()
        .with("user_warning_email_hour", "5")
        .with("pgui", "1");
    for profile in [
        Profile::mor12(),
        Profile::x3(),
        Profile::x5(),
        Profile::x8(),
    ] {
        assert_eq!(hashed(&server(profile.clone()), &both), "");
        assert_eq!(
            strict(profile.clone()).hash(&both),
            Err(Error::NeverHashed("user_warning_email_hour".into()))
        );
        assert_eq!(hashed(&server(profile).with_mode(Mode::Doc), &both), "51");
    }
    assert_eq!(hashed(&strict(Profile::m2()), &both), "51");
    // Never hashed in any profile, and no error: explain says so.
    let silent = Call::default()
        .with("device_callerid", "1")
        .with("device_calerid", "1")
        .with("shipped_at", "1")
        .with("s_amount_min", "1");
    for profile in Profile::all() {
        let explanation = strict(profile).explain(&silent).unwrap();
        assert_eq!((explanation.rows.len(), explanation.skipped.len()), (0, 4));
    }
}

#[test]
fn values_are_bytes_without_normalisation() {
    let x8 = strict(Profile::x8());
    let mut seen = Vec::new();
    for value in [
        "\u{e9}",
        "e\u{301}",
        "😀",
        "a b",
        "a+b",
        "a%20b",
        "a\r\n\tb\u{0}",
        "&=?#",
        " a ",
    ] {
        assert_eq!(hashed(&x8, &one("description", value)), value);
        let hash = x8.hash(&one("description", value)).unwrap();
        assert!(!seen.contains(&hash), "{value:?}");
        seen.push(hash);
    }
    let secret = Signer::new(Secret::new("p\u{e9} &+%\n😀x"), Profile::x8());
    let other = Signer::new(Secret::new("pe\u{301} &+%\n😀x"), Profile::x8());
    assert_ne!(
        secret.hash(&one("description", "m")),
        other.hash(&one("description", "m"))
    );
}

#[test]
fn names_that_no_behaviour_hashes_are_refused() {
    for mode in [Mode::Strict, Mode::Server, Mode::Doc] {
        let signer = strict(Profile::x8()).with_mode(mode);
        assert_eq!(signer.hash(&one("", "1")), Err(Error::EmptyName));
        for name in ["hash", "action", "controller"] {
            assert_eq!(
                signer.hash(&one(name, "1")),
                Err(Error::ReservedName(name.into()))
            );
        }
        for name in ["ids[]", "ids[k]", "[", "]"] {
            assert_eq!(
                signer.hash(&one(name, "1")),
                Err(Error::BracketInName(name.into()))
            );
        }
    }
    assert_eq!(
        Keys::new(["a", "hash"]).unwrap_err(),
        Error::ReservedName("hash".into())
    );
    assert_eq!(
        Keys::new(["a", "b", "a"]).unwrap_err(),
        Error::RepeatedName("a".into())
    );
}

#[test]
fn a_repeated_name_is_refused_but_by_server() {
    for name in ["user_id", "foo", "u", "test"] {
        let call = Call::new("user_details_get")
            .with(name, "1")
            .with("username", "bob")
            .with(name, "2");
        let refused = Error::RepeatedName(name.into());
        assert_eq!(strict(Profile::x8()).hash(&call), Err(refused.clone()));
        assert_eq!(
            strict(Profile::x8()).with_mode(Mode::Doc).hash(&call),
            Err(refused.clone())
        );
        assert_eq!(
            strict(Profile::x8())
                .with_keys(Keys::new(["user_id"]).unwrap())
                .hash(&call),
            Err(refused.clone())
        );
        assert_eq!(
            server(Profile::x8()).with_keys_as_given().hash(&call),
            Err(refused)
        );
        let expected = if name == "user_id" { "2bob" } else { "bob" };
        assert_eq!(hashed(&server(Profile::x8()), &call), expected);
    }
}

#[test]
fn secrets_that_the_server_does_not_have_are_refused() {
    let call = one("user_id", "1");
    let with = |secret: &str, profile: Profile| Signer::new(Secret::new(secret), profile);
    for profile in Profile::all() {
        assert_eq!(
            with("", profile.clone()).hash(&call),
            Err(Error::EmptySecret)
        );
        let allowed = with("", profile.clone()).allow_empty_secret().hash(&call);
        assert_eq!(allowed.is_ok(), matches!(profile.name(), "mor12" | "x3"));
        for secret in [" key", "key\n", "\tkey", "key\u{a0}", "key\0", "\n"] {
            let refused = with(secret, profile.clone()).hash(&call);
            let late = matches!(profile.name(), "x5" | "x8" | "m2");
            assert_eq!(
                refused == Err(Error::SecretHasOuterBlanks),
                late,
                "{secret:?}"
            );
            assert!(
                with(secret, profile.clone())
                    .allow_outer_blanks()
                    .hash(&call)
                    .is_ok()
            );
        }
        assert!(with("in ner", profile).hash(&call).is_ok());
    }
}

#[test]
fn verification_takes_40_lower_case_characters_alone() {
    let signer = Signer::new(Secret::new("Very Sercet Key"), Profile::mor12());
    let call = Call::default()
        .with("user_id", "123")
        .with("period_start", "1252454580")
        .with("calltype", "answered");
    let right = "b93c35d5c6183288322122561a3da7e09abb63b7";
    assert_eq!(signer.verify(&call, right), Ok(()));
    let upper = right.to_ascii_uppercase();
    for wrong in [
        &upper,
        &right[1..],
        &format!("{right}0"),
        &right.replace('c', "g"),
        "",
        &"é".repeat(20),
    ] {
        assert_eq!(
            signer.verify(&call, wrong),
            Err(Error::MalformedHash),
            "{wrong}"
        );
    }
    assert_eq!(
        signer.clone().accept_upper_case().verify(&call, &upper),
        Ok(())
    );
    let last = right.replace("63b7", "63b6");
    assert_eq!(signer.verify(&call, &last), Err(Error::HashMismatch));
    let misspelt = Signer::new(Secret::new("Very Secret Key"), Profile::mor12());
    assert_eq!(misspelt.verify(&call, right), Err(Error::HashMismatch));
    assert_eq!(
        misspelt.hash(&call).unwrap().to_hex(),
        "d07641f7f766caa78d4c6a699e3ec128b99ee1c9"
    );
}

#[test]
fn a_request_has_login_first_and_hash_last_and_decodes_to_what_was_hashed() {
    let signer = Signer::new(Secret::new("s3cr3t&key=+%"), Profile::x8());
    let call = Call::new("send_sms")
        .with("test", "1")
        .with("message", "1+1=2 & 50%\n\u{105}😀 ~._-*")
        .with("dst", "+37060000000")
        .with("p", "pass word")
        .with("u", "admin");
    let request = signer.request(&call).unwrap();
    assert_eq!(request.method(), "sms_send");
    assert_eq!(
        request.path("https://mor.example/billing/api/"),
        "https://mor.example/billing/api/sms_send"
    );
    let hash = signer.hash(&call).unwrap().to_hex();
    let expected = "u=admin&p=pass+word&message=1%2B1%3D2+%26+50%25%0A%C4%85%F0%9F%98%80+~._-%2A&dst=%2B37060000000&test=1";
    assert_eq!(request.form(), format!("{expected}&hash={hash}"));
    assert_eq!(
        request.uri("/billing/api"),
        format!("/billing/api/sms_send?{}", request.form())
    );
    assert!(!request.form().contains("s3cr3t"));

    let received = ReceivedCall::from_form("sms_send", request.form().as_bytes()).unwrap();
    signer
        .verify(received.call(), received.hash().unwrap())
        .unwrap();
    let value = |name| {
        received
            .call()
            .params()
            .find(|(n, _)| *n == name)
            .map(|(_, value)| value.to_owned())
    };
    assert_eq!(
        value("message").as_deref(),
        Some("1+1=2 & 50%\n\u{105}😀 ~._-*")
    );

    assert_eq!(
        signer.request(&Call::new("simple_balance/7")).unwrap_err(),
        Error::BadMethodName
    );
    assert_eq!(
        signer.request(&Call::default()).unwrap_err(),
        Error::BadMethodName
    );
    let early = Signer::new(Secret::new("s"), Profile::x3());
    assert_eq!(
        early.request(&Call::new("sms_send")).unwrap().method(),
        "send_sms"
    );
    assert_eq!(
        early
            .keep_method_name()
            .request(&Call::new("sms_send"))
            .unwrap()
            .method(),
        "sms_send"
    );
}

#[test]
fn pasted_addresses_are_read_or_refused() {
    let read = |uri| ReceivedCall::from_uri(uri);
    let received = read(
        "https://h/billing/api/user_details/?name=a%20b+c&name2=%c4%85&flag&&x=1=2&hash=AB#frag",
    )
    .unwrap();
    assert_eq!(received.call().method(), "user_details");
    assert_eq!(received.hash(), Some("AB"));
    let params: Vec<_> = received.call().params().collect();
    assert_eq!(
        params,
        [
            ("name", "a b c"),
            ("name2", "ą"),
            ("flag", ""),
            ("x", "1=2")
        ]
    );
    assert_eq!(
        read("https://h/billing/api/user_details").unwrap_err(),
        Error::NotARequestUri
    );
    assert_eq!(read("?a=1").unwrap_err(), Error::NotARequestUri);
    assert_eq!(read("/api/x?a=%zz").unwrap_err(), Error::BadPercentEncoding);
    assert_eq!(read("/api/x?a=%4").unwrap_err(), Error::BadPercentEncoding);
    assert_eq!(read("/api/x?a=%ff").unwrap_err(), Error::NotUtf8);
    assert_eq!(
        read("/api/x?hash=1&hash=2").unwrap_err(),
        Error::RepeatedName("hash".into())
    );
}

#[test]
fn everything_in_a_profile_can_be_replaced() {
    let call = Call::new("device_update")
        .with("device", "5")
        .with("location_id", "7")
        .with("pgui", "1");
    let x8 = Profile::x8();
    assert_eq!(hashed(&server(x8.clone()), &call), "5");
    assert_eq!(
        hashed(&server(x8.clone().without_method_table()), &call),
        "57"
    );
    assert_eq!(
        hashed(
            &server(x8.clone().with_method("device_update", None)),
            &call
        ),
        "57"
    );
    let own = x8.clone().with_method(
        "device_update",
        Some(Keys::new(["location_id", "device"]).unwrap()),
    );
    assert_eq!(hashed(&server(own.clone()), &call), "75");
    assert_eq!(hashed(&server(own.without_method_table()), &call), "57");
    let filtered = x8
        .clone()
        .without_method_table()
        .with_filter("pgui", Filter::Any);
    assert_eq!(hashed(&server(filtered), &call), "517");
    let custom = Profile::custom("mine", ["location_id", "user_id"]).unwrap();
    assert_eq!(
        hashed(&server(custom.clone()), &call.clone().with("user_id", "01")),
        "71"
    );
    assert_eq!(custom.name(), "mine");
    assert_eq!(
        Profile::custom("mine", ["a", "a"]).unwrap_err(),
        Error::RepeatedName("a".into())
    );
}

#[test]
fn borders_between_digits_are_flagged() {
    let x8 = strict(Profile::x8());
    let flags = |call: &Call<'_>| -> Vec<bool> {
        x8.explain(call)
            .unwrap()
            .rows
            .iter()
            .map(|row| row.ambiguous_border)
            .collect()
    };
    let call = Call::default()
        .with("user_id", "1")
        .with("balance", "23")
        .with("email", "")
        .with("mtype", "4");
    assert_eq!(flags(&call), [true, true, false, false]);
    assert_eq!(
        flags(
            &Call::default()
                .with("user_id", "1")
                .with("email", "a1")
                .with("name", "b")
        ),
        [false, false, false]
    );
}
