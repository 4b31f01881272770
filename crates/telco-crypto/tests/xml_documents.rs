//! What surrounds the values of a key in XML: what may stand there, and what makes the document no key.
#![cfg(feature = "xml")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use serde_json::Value;
use telco_crypto::rsa::{KeyError, PrivateKey};

fn document() -> String {
    let file: Value = serde_json::from_str(include_str!("../vectors/rsa_signing.json")).unwrap();
    file["keys"]["k2048"]["private_xml"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn refusal(xml: &str) -> KeyError {
    PrivateKey::load(xml.as_bytes()).unwrap_err()
}

#[test]
fn what_is_not_a_value_is_passed_over() {
    let key = document();
    for (old, new) in [
        ("<Modulus>", "<!-- mine --><Modulus>"),
        ("<Modulus>", "<Note/><Modulus>"),
        ("<Modulus>", "<Note><Modulus>AQAB</Modulus></Note><Modulus>"),
        ("<Modulus>", "<Note>not base64: ~</Note><Modulus>"),
        ("<Modulus>", "<Note><![CDATA[~]]>&amp;</Note><Modulus>"),
        ("<Modulus>", "<Modulus>\n  "),
        ("<Modulus>", "<Modulus><br/>"),
        ("</Modulus>", "</Modulus>more"),
        ("</Modulus>", "</Modulus><Note/>more"),
        ("</RSAKeyValue>", "</RSAKeyValue>\n<!-- the end -->\n"),
    ] {
        let around = key.replace(old, new);
        assert_ne!(around, key);
        let loaded = PrivateKey::load(around.as_bytes()).unwrap();
        assert_eq!(loaded.reveal_xml().as_str(), key, "{new}");
    }
}

#[test]
fn one_document_with_one_root_or_none() {
    let key = document();
    for more in ["<RSAKeyValue/>", "more", "<Modulus>AQAB</Modulus>"] {
        assert_eq!(
            refusal(&format!("{key}{more}")),
            KeyError::MalformedXml,
            "{more}"
        );
    }
    let open = key.replace("</RSAKeyValue>", "");
    assert_eq!(refusal(&open), KeyError::MalformedXml);
    assert_eq!(refusal(&format!("<Keys>{key}</Keys>")), KeyError::NotRsa);
    assert_ne!(
        refusal("<RSAKeyValue/>"),
        KeyError::MalformedXml,
        "it is empty"
    );
}

/// Text from a page is wrapped anywhere. That does not hide a document type, and attributes, which need their blanks, are not
/// guessed at.
#[test]
fn wrapping_is_undone_only_where_it_can_be() {
    let key = document();
    let wrapped = key.replace("<Modulus>", "<Mod\nulus>");
    let loaded = PrivateKey::load(wrapped.as_bytes()).unwrap();
    assert_eq!(loaded.reveal_xml().as_str(), key);
    let attributes = wrapped.replace("<RSAKeyValue>", "<RSAKeyValue xmlns=\"urn:x\">");
    assert_eq!(refusal(&attributes), KeyError::MalformedXml);
    for hidden in ["<!\nDOCTYPE x>", "<!DOC\nTYPE x>", "<!ENTITY x 'y'>"] {
        assert_eq!(
            refusal(&format!("{hidden}{key}")),
            KeyError::DtdForbidden,
            "{hidden}"
        );
    }
}

#[test]
fn a_value_is_plain_text() {
    for inside in ["<![CDATA[AQAB]]>", "&amp;"] {
        let value = document().replace("<Modulus>", &format!("<Modulus>{inside}"));
        assert_eq!(refusal(&value), KeyError::InvalidBase64, "{inside}");
    }
}
