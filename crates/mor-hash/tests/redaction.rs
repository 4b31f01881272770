//! Neither the secret nor a password, PIN or number appears where it could end up in a log.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use mor_hash::{Call, Mode, Profile, ReceivedCall, Secret, Signer, diagnose};

const SECRET: &str = "k3y-that-must-not-show";
const MASKED: [&str; 11] = [
    "p",
    "pswd",
    "password",
    "password2",
    "device_password",
    "login_password",
    "pin",
    "s_pin",
    "primary_device_pin",
    "auth_code",
    "api_secret_key",
];

#[test]
fn debug_and_explain_hide_what_they_must() {
    for profile in Profile::all() {
        for mode in [Mode::Strict, Mode::Server, Mode::Doc] {
            let signer = Signer::new(Secret::new(SECRET), profile.clone()).with_mode(mode);
            let mut call = Call::new("user_details_get")
                .with("user_id", "1")
                .with("username", "shown");
            call.extend(MASKED.map(|name| (name, format!("hidden-{name}"))));
            let explanation = signer.explain(&call).unwrap();
            let hash = signer.hash(&call).unwrap();
            let request = signer.request(&call).unwrap();
            let received = ReceivedCall::from_form("x", request.form().as_bytes()).unwrap();
            let found = diagnose(
                &call,
                &hash.to_hex(),
                &[Secret::new(SECRET)],
                &profile,
                Default::default(),
            )
            .unwrap();
            let shown = format!(
                "{signer:?} {signer:#?} {explanation:?} {explanation} {hash:?} {request:?} {found:?}"
            );
            assert!(
                !shown.contains(SECRET) && !shown.contains("hidden"),
                "{shown}"
            );
            assert!(!shown.contains(&hash.to_hex()), "{shown}");
            assert!(explanation.to_string().contains("shown"), "{explanation}");
            let shown = format!("{call:?} {received:?}");
            assert!(
                !shown.contains("shown")
                    && !shown.contains("hidden")
                    && !shown.contains(&hash.to_hex()),
                "{shown}"
            );
        }
    }
}

#[test]
fn errors_hold_names_alone() {
    let long = format!(" {SECRET}");
    let calls = [
        Call::default().with("user_id", "12a-value"),
        Call::default()
            .with("user_id", "007")
            .with("user_id", "value"),
        Call::default().with("hash", "value"),
        Call::default().with("a[]", "value"),
        Call::default().with("pgui", "value"),
        Call::default().with("user_id", "1"),
    ];
    for call in &calls {
        let error = Signer::new(Secret::new(long.as_str()), Profile::x8())
            .hash(call)
            .unwrap_err();
        let open = Signer::new(Secret::new(long.as_str()), Profile::x8())
            .allow_outer_blanks()
            .hash(call);
        for error in [Some(error), open.err()].into_iter().flatten() {
            let shown = format!("{error} {error:?}");
            assert!(
                !shown.contains(SECRET) && !shown.contains("value\""),
                "{shown}"
            );
            assert!(
                !shown.contains("12a-value") && !shown.contains("007"),
                "{shown}"
            );
        }
    }
}

#[test]
fn explain_shows_no_code_and_no_whole_number() {
    const NUMBERS: [&str; 9] = [
        "dst",
        "src",
        "callerid",
        "caller_id",
        "number",
        "cli",
        "did",
        "mob_phone",
        "s_destination",
    ];
    let mut call = Call::new("sms_send").with("message", "your code is 482913");
    call.extend(NUMBERS.map(|name| (name, "37060012345")));
    call.extend([
        ("payer_email", "ann@example.org"),
        ("voucher_number", "4829130011"),
    ]);
    for profile in Profile::all() {
        for mode in [Mode::Strict, Mode::Server, Mode::Doc] {
            let signer = Signer::new(Secret::new(SECRET), profile.clone()).with_mode(mode);
            let explanation = signer.explain(&call).unwrap();
            let shown = format!("{explanation:?} {explanation}");
            for hidden in ["482913", "60012345", "3706001", "ann@"] {
                assert!(!shown.contains(hidden), "{hidden} in {shown}");
            }
            // Enough is left to see that it is the right one.
            assert!(shown.contains("370******45"), "{shown}");
        }
    }
    // Of eight digits the ends would be too much; of nine they are not.
    for (number, seen, hidden) in [
        ("48291", "***", "48291"),
        ("48291301", "***", "482"),
        ("482913017", "482****17", "9130"),
    ] {
        let short = Call::new("sms_send").with("src", number);
        let signer = Signer::new(Secret::new(SECRET), Profile::x8());
        let shown = format!("{:?}", signer.explain(&short).unwrap());
        assert!(shown.contains(seen), "{shown}");
        assert!(!shown.contains(hidden), "{shown}");
    }
}

#[test]
fn two_secrets_are_equal_when_their_texts_are() {
    assert_eq!(Secret::new("key"), Secret::new("key"));
    for other in ["kez", "key ", "ke", ""] {
        assert_ne!(Secret::new("key"), Secret::new(other));
    }
}
