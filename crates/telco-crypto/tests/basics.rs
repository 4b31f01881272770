//! HMAC, base64, constant-time comparison and random text.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::borrow::Cow;

use serde_json::Value;
use telco_crypto::encoding::{ascii_json, base64, decode_base64_forgiving, decode_hex, hex};
use telco_crypto::mac::HmacSha256;
use telco_crypto::random::{Alphabet, NoRandomness, text};

#[test]
fn every_hmac_vector_is_reproduced() {
    let file: Value = serde_json::from_str(include_str!("../vectors/hmac_sha256.json")).unwrap();
    let vectors = file["vectors"].as_array().unwrap();
    assert_eq!(vectors.len(), 61);
    for vector in vectors {
        let key = decode_base64_forgiving(vector["client_key_b64"].as_str().unwrap()).unwrap();
        let mac = HmacSha256::new(&key);
        let message = vector["string_to_sign"].as_str().unwrap().as_bytes();
        let tag = mac.tag(&[message]);
        assert_eq!(
            base64(&tag),
            vector["signature_b64"].as_str().unwrap(),
            "{}",
            vector["name"]
        );
        let (head, tail) = message.split_at(message.len() / 2);
        assert!(mac.verify(&[head, b"", tail], &tag));
        assert!(!mac.verify(&[message, b"x"], &tag));
    }
}

#[test]
fn forgiving_base64_forgives_what_it_says_and_no_more() {
    for accepted in [
        "YWJj",
        "YWJjZA==",
        "YWJjZA",
        "YWJjZGU=",
        "YWJjZGU",
        "\t YWJjZA==\r\n",
        "YWJjZB",
        "YWJjZB==",
    ] {
        assert!(decode_base64_forgiving(accepted).is_ok(), "{accepted:?}");
    }
    assert_eq!(
        decode_base64_forgiving("YWJjZB").unwrap(),
        b"abcd",
        "unused bits are ignored"
    );
    for refused in [
        "ClientKey",
        "YWJjZA=",
        "YW Jj",
        "YWJj\nYWJj",
        "-_8",
        "-_8=",
        "YWJj====",
        "=",
        "YWJj=",
        "YQ=a",
        "\u{a0}YWJj",
    ] {
        assert!(decode_base64_forgiving(refused).is_err(), "{refused:?}");
    }
    assert_eq!(decode_base64_forgiving("").unwrap(), b"");
}

/// Up to the last character that every channel carries, nothing is copied; what lies beyond is escaped, be it all of the text.
#[test]
fn json_is_escaped_from_the_first_character_that_is_not_printable_ascii() {
    for (json, escaped) in [("\u{7f}", r"\u007f"), ("é", r"\u00e9"), ("~é", r"~\u00e9")] {
        assert_eq!(ascii_json(json), escaped);
    }
    assert!(matches!(ascii_json("{\"~\": 1}"), Cow::Borrowed(_)));
}

#[test]
fn every_byte_is_two_hexadecimal_digits_and_back() {
    let all: Vec<u8> = (0..=255).collect();
    assert_eq!(decode_hex(&hex(&all)).unwrap(), all);
    assert_eq!(hex(&[0x1f, 0xa0]), "1fa0");
}

#[test]
fn random_text_has_no_modulo_bias() {
    // Every byte value once a round: with "% 36" the first four characters would come up 8 times, the rest 7 times.
    let mut next = 0u8;
    let mut every_byte = |out: &mut [u8]| {
        for byte in out {
            *byte = next;
            next = next.wrapping_add(1);
        }
        Ok(())
    };
    let drawn = text(Alphabet::LOWER_ALPHANUMERIC, 7 * 36, &mut every_byte).unwrap();
    for character in "0123456789abcdefghijklmnopqrstuvwxyz".chars() {
        assert_eq!(drawn.matches(character).count(), 7, "{character}");
    }
}

#[test]
fn a_source_that_fails_or_is_stuck_is_an_error_and_not_a_loop() {
    assert_eq!(
        text(Alphabet::DIGITS, 4, &mut |_| Err(NoRandomness)),
        Err(NoRandomness)
    );
    let mut stuck = |out: &mut [u8]| {
        out.fill(255);
        Ok(())
    };
    assert_eq!(text(Alphabet::DIGITS, 4, &mut stuck), Err(NoRandomness));
    assert_eq!(text(Alphabet::DIGITS, 0, &mut stuck).unwrap().as_str(), "");
}

/// 250 is the first byte that would favour some digits: 256 is no multiple of ten.
#[test]
fn the_first_unfair_byte_is_thrown_away_and_the_last_fair_one_is_not() {
    let mut bytes = [250, 249].into_iter().cycle();
    let mut source = |out: &mut [u8]| {
        out.fill_with(|| bytes.next().unwrap());
        Ok(())
    };
    let drawn = text(Alphabet::DIGITS, 40, &mut source).unwrap();
    assert_eq!(*drawn, "9".repeat(40));
}

/// Bad luck ends; a broken source does not. The count begins anew with each character that was drawn.
#[test]
fn useless_blocks_are_borne_for_a_while_only() {
    let drawn = |useless: usize| {
        let mut asked = 0;
        let mut source = |out: &mut [u8]| {
            asked += 1;
            out.fill(255);
            if asked % (useless + 1) == 0 {
                out[0] = 7;
            }
            Ok(())
        };
        text(Alphabet::DIGITS, 3, &mut source).map(|text| text.to_string())
    };
    assert_eq!(drawn(127).unwrap(), "777");
    assert_eq!(drawn(128), Err(NoRandomness));
}

#[test]
fn an_alphabet_has_different_ascii_characters_and_at_least_two() {
    assert!(Alphabet::new("AB").is_some());
    for bad in ["", "A", "AA", "ABA", "BAA", "Aé"] {
        assert_eq!(Alphabet::new(bad), None, "{bad}");
    }
}

#[test]
fn a_mac_key_is_not_shown() {
    assert_eq!(
        format!("{:?}", HmacSha256::new(b"secret")),
        "HmacSha256(***)"
    );
}
