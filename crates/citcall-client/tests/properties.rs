//! What must hold of any text, key, number, code and answer.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use citcall_client::core::{OtpCode, Secret};
use citcall_client::wire::Envelope;
use citcall_client::{Cipher, Token, parse_msisdn, typed_code};
use proptest::prelude::*;
use support::*;
use telco_crypto::encoding::decode_base64url;

proptest! {
    #[test]
    fn seals_and_opens_any_printable_text(text in "[ -~]{0,300}", id in "[!-~]{1,40}", key in "[!-~]{1,70}", seconds in 0..4_000_000_000_u64) {
        let cipher = Cipher::new(&id, &Secret::new(key.as_str())).unwrap();
        let sealed = cipher.seal(&text, at(seconds));
        let message = cipher.open(&sealed, at(seconds)).unwrap();
        prop_assert_eq!((message.sent_at, message.text()), (seconds, text.as_str()));
        // The roles of the keys commute, and no octet uses the eighth bit.
        let swapped = Cipher::new(&key, &Secret::new(id)).unwrap();
        prop_assert_eq!(&swapped.seal(&text, at(seconds)), &sealed);
        prop_assert!(decode_base64url(&sealed).unwrap().is_ascii());
    }

    #[test]
    fn any_json_value_survives_the_seven_bits(value in ".{0,80}") {
        let json = serde_json::json!({ "v": value }).to_string();
        let sealed = cipher().seal(&json, at(AT));
        let opened: serde_json::Value = serde_json::from_str(cipher().open(&sealed, at(AT)).unwrap().text()).unwrap();
        prop_assert_eq!(opened["v"].as_str().unwrap(), value);
    }

    #[test]
    fn no_ciphertext_panics(text in ".{0,200}", alphabet in "[A-Za-z0-9_+/=\\s-]{0,200}") {
        for text in [text, alphabet] {
            let strict = Cipher::new(USER, &Secret::new(KEY)).unwrap();
            let _ = strict.open(&text, at(AT));
            let _ = strict.with_window(Some(Duration::MAX)).open(&text, at(AT));
            let _ = cipher().open(&text, at(AT));
        }
    }

    #[test]
    fn no_answer_panics(body in proptest::collection::vec(any::<u8>(), 0..300), json in r#"[{}\[\]":,rctokendata0-9 \\u-]{0,120}"#) {
        let _ = Envelope::read(&body, Some(&cipher()), at(AT));
        let _ = Envelope::open(json.as_bytes(), Some(&cipher()), at(AT));
    }

    #[test]
    fn no_number_or_code_panics_and_spellings_agree(text in ".{0,40}", national in "8[0-9]{8,11}") {
        let _ = parse_msisdn(&text);
        let _ = typed_code(&OtpCode::new(text.as_str()));
        let _ = Token::new(text).right_codes();
        let canonical = parse_msisdn(&format!("0{national}")).unwrap();
        for spelling in [format!("62{national}"), format!("+62{national}"), format!("0062{national}"), format!("+0{national}")] {
            prop_assert_eq!(parse_msisdn(&spelling).unwrap(), canonical.clone());
        }
    }

    #[test]
    fn a_token_lets_in_what_a_handset_shows_and_nothing_else(token in "0[1-9][0-9]{6,11}", other in "[0-9]{4}") {
        let right = Token::new(token.as_str()).right_codes();
        let typed = |text: &str| right.contains(&typed_code(&OtpCode::new(text)).unwrap());
        let national = token.trim_start_matches('0');
        for shown in [token.clone(), format!("62{national}"), format!("+62{national}")] {
            prop_assert!(typed(&shown));
        }
        prop_assert_eq!(typed(&other), token.ends_with(&other));
    }
}
