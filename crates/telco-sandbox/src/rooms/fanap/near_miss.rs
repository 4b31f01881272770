//! Why a signature does not verify, found by opening it and by trying what people sign.

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use base64::{alphabet, engine::DecodePaddingMode};

use crate::rsa::{Hash, PublicKey};

/// What a request claims to have signed.
#[derive(Clone, Copy)]
pub(crate) struct Claim<'a> {
    /// The parts of the text, in the order in which they are joined.
    pub(crate) parts: &'a [&'a str],
    pub(crate) separator: &'a str,
    pub(crate) hash: Hash,
}

impl Claim<'_> {
    pub(crate) fn text(&self) -> String {
        self.parts.join(self.separator)
    }
}

/// Decodes a signature as documented: standard alphabet, padded, one line.
pub(crate) fn decode(signature: &str) -> Option<Vec<u8>> {
    STANDARD.decode(signature).ok()
}

/// What is wrong with a `signature` that `key` did not accept for `claim`.
pub(crate) fn explain(signature: &str, claim: Claim<'_>, key: &PublicKey) -> String {
    let text = claim.text();
    if signature.len() == 2 * key.size() && signature.bytes().all(|b| b.is_ascii_hexdigit()) {
        return "`Signature` is hexadecimal; it is base64: standard alphabet, padded, on one line"
            .into();
    }
    let Some(bytes) = decode(signature) else {
        return undecodable(signature, &text, claim, key);
    };
    if bytes.len() != key.size() {
        return format!(
            "the signature has {} octets and the registered key {}: it was made with another key",
            bytes.len(),
            key.size()
        );
    }
    let Some((hash, digest)) = key.recover(&bytes) else {
        let backwards: Vec<u8> = bytes.iter().rev().copied().collect();
        return match key.recover(&backwards) {
            Some(_) => "the octets of the signature come backwards; it is big-endian",
            None => {
                "the signature does not open under the registered key: made with another private key, or not with \
                 PKCS#1 v1.5 padding (PSS?). Is the registered public.xml the one of this private key?"
            }
        }
        .into();
    };
    let mut reasons = Vec::new();
    if hash != claim.hash {
        reasons.push(format!(
            "it uses {hash:?}, and the account expects {:?}",
            claim.hash
        ));
    }
    if digest != hash.digest(text.as_bytes()) {
        reasons.push(match other_text(&text, claim, hash, &digest) {
            Some(hint) => format!("another text was signed: yours would match if {hint}"),
            None => "another text was signed".to_owned(),
        });
    }
    format!(
        "the key is right, but {}. I verified exactly this text: {text}",
        reasons.join("; and ")
    )
}

fn undecodable(signature: &str, text: &str, claim: Claim<'_>, key: &PublicKey) -> String {
    /// Either alphabet after translation, padding or not.
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let joined: String = signature
        .split_whitespace()
        .flat_map(str::chars)
        .map(|c| match c {
            '-' => '+',
            '_' => '/',
            other => other,
        })
        .collect();
    let right = LENIENT
        .decode(&joined)
        .is_ok_and(|bytes| key.verify(claim.hash, text.as_bytes(), &bytes));
    if right {
        "the signature itself is right, but `Signature` is not standard base64 with padding on one line \
         (line breaks, the URL-safe alphabet or missing `=`)"
            .into()
    } else {
        "`Signature` is not base64".into()
    }
}

/// Texts that people sign instead, with what would have to be true.
fn other_text(text: &str, claim: Claim<'_>, hash: Hash, digest: &[u8]) -> Option<String> {
    let matches = |candidate: &str| hash.digest(candidate.as_bytes()) == digest;
    let orders = permutations(claim.parts);
    if let Some(order) = orders
        .iter()
        .find(|order| matches(&order.join(claim.separator)))
    {
        let names: Vec<&str> = order.iter().map(|part| name(claim, part)).collect();
        return Some(format!(
            "the order were {}; it is {}",
            names.join(claim.separator),
            claim
                .parts
                .iter()
                .map(|part| name(claim, part))
                .collect::<Vec<_>>()
                .join(claim.separator)
        ));
    }
    for separator in ["#", "", ",", "|", "&", ":", ";", "\n", " ", "-", "_", "."] {
        if orders.iter().any(|order| matches(&order.join(separator))) {
            return Some(format!(
                "the separator were {separator:?}; it is {:?}",
                claim.separator
            ));
        }
    }
    let lower: Vec<String> = claim.parts.iter().map(|part| part.to_lowercase()).collect();
    let upper: Vec<String> = claim.parts.iter().map(|part| part.to_uppercase()).collect();
    let date = claim.parts.last().copied().unwrap_or_default();
    let swap_date = |new: &str| text.replace(date, new);
    let (seconds, _) = date.split_once('.').unwrap_or((date, ""));
    let trials = [
        (format!("{text}\n"), "a line feed followed the text"),
        (
            format!("{text}\r\n"),
            "a CR and line feed followed the text",
        ),
        (
            format!("\u{feff}{text}"),
            "a byte-order mark stood before the text",
        ),
        (format!("\"{text}\""), "the text were in quotes"),
        (lower.join(claim.separator), "all letters were lower case"),
        (upper.join(claim.separator), "all letters were upper case"),
        (
            swap_date(&format!("{seconds}Z")),
            "the date had no fraction; it is signed as sent, with three digits",
        ),
        (
            swap_date(seconds),
            "the date had neither fraction nor `Z`; it is signed as sent",
        ),
        (
            swap_date(date.trim_end_matches('Z')),
            "the date had no `Z`; it is signed as sent",
        ),
        (
            swap_date(&date.replace('T', " ")),
            "the date had a blank for its `T`; it is signed as sent",
        ),
        (
            hex(&hash.digest(text.as_bytes()), false),
            "the hexadecimal digest were signed; sign the text itself",
        ),
        (
            hex(&hash.digest(text.as_bytes()), true),
            "the hexadecimal digest were signed; sign the text itself",
        ),
        (
            STANDARD.encode(hash.digest(text.as_bytes())),
            "the base64 digest were signed; sign the text itself",
        ),
        (
            STANDARD.encode(text),
            "the base64 of the text were signed; sign the text itself",
        ),
        (String::new(), "nothing were signed (an empty text)"),
    ];
    if let Some((_, hint)) = trials.iter().find(|(candidate, _)| matches(candidate)) {
        return Some((*hint).to_owned());
    }
    let twice = hash.digest(&hash.digest(text.as_bytes())) == digest;
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    if twice {
        Some("the digest were hashed again; hash once".into())
    } else if hash.digest(&utf16) == digest {
        Some("the text were UTF-16; it is UTF-8".into())
    } else {
        None
    }
}

/// What a part is, for people; the SDP sibling joins two, everybody else three.
fn name(claim: Claim<'_>, part: &str) -> &'static str {
    let names: &[&str] = match claim.parts.len() {
        2 => &["SDP-ProductId", "SDP-Date"],
        _ => &["AppId", "TenantId", "Date"],
    };
    let at = claim.parts.iter().position(|known| *known == part);
    at.and_then(|at| names.get(at)).copied().unwrap_or("?")
}

fn permutations<'a>(parts: &[&'a str]) -> Vec<Vec<&'a str>> {
    let [first, rest @ ..] = parts else {
        return vec![Vec::new()];
    };
    let mut all = Vec::new();
    for order in permutations(rest) {
        for at in 0..=order.len() {
            let mut order = order.clone();
            order.insert(at, first);
            all.push(order);
        }
    }
    all
}

fn hex(bytes: &[u8], upper: bool) -> String {
    let lower: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    if upper { lower.to_uppercase() } else { lower }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rsa::PrivateKey;

    const PARTS: [&str; 3] = ["your-app-id", "your.tenant.id", "2018-09-24T12:01:27.938Z"];
    const CLAIM: Claim<'static> = Claim {
        parts: &PARTS,
        separator: "#",
        hash: Hash::Sha1,
    };

    fn key(name: &str) -> PrivateKey {
        let file: serde_json::Value =
            serde_json::from_str(include_str!("../../../vectors/fanap/signing.json")).unwrap();
        PrivateKey::from_pem(file["keys"][name]["private_pem_pkcs8"].as_str().unwrap()).unwrap()
    }

    #[test]
    fn names_what_was_signed_instead() {
        let key = key("k1024");
        let text = CLAIM.text();
        let digest = hex(&Hash::Sha1.digest(text.as_bytes()), false);
        for (signed, expected) in [
            (
                "your.tenant.id#your-app-id#2018-09-24T12:01:27.938Z",
                "order were TenantId#AppId#Date",
            ),
            (
                "2018-09-24T12:01:27.938Z#your-app-id#your.tenant.id",
                "order were Date#AppId#TenantId",
            ),
            (
                "your-app-idyour.tenant.id2018-09-24T12:01:27.938Z",
                "separator were \"\"",
            ),
            (
                "your-app-id,your.tenant.id,2018-09-24T12:01:27.938Z",
                "separator were \",\"",
            ),
            (&format!("{text}\n"), "line feed"),
            (
                "your-app-id#your.tenant.id#2018-09-24T12:01:27Z",
                "no fraction",
            ),
            (
                "YOUR-APP-ID#YOUR.TENANT.ID#2018-09-24T12:01:27.938Z",
                "upper case",
            ),
            (&digest, "hexadecimal digest"),
            (&digest.to_uppercase(), "hexadecimal digest"),
            (
                &STANDARD.encode(Hash::Sha1.digest(text.as_bytes())),
                "base64 digest",
            ),
            (&STANDARD.encode(&text), "base64 of the text"),
            (&format!("{text}\r\n"), "a CR and line feed"),
            (&format!("\u{feff}{text}"), "byte-order mark"),
            (&format!("\"{text}\""), "in quotes"),
            (&text.to_lowercase(), "all letters were lower case"),
            (&text.replace(".938Z", ""), "neither fraction nor `Z`"),
            (
                text.trim_end_matches('Z'),
                "had no `Z`; it is signed as sent",
            ),
            (&text.replace('T', " "), "a blank for its `T`"),
            ("", "nothing were signed"),
            (
                "something else",
                "another text was signed. I verified exactly this text: your-app-id#",
            ),
        ] {
            let signature = STANDARD.encode(key.sign_sha1(signed.as_bytes()).unwrap());
            let why = explain(&signature, CLAIM, key.public());
            assert!(why.contains(expected), "{expected}: {why}");
        }
    }

    #[test]
    fn names_bytes_that_are_no_text() {
        let key = key("k1024");
        let text = CLAIM.text();
        let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let twice = Hash::Sha1.digest(text.as_bytes());
        for (signed, expected) in [
            (utf16, "the text were UTF-16"),
            (twice, "the digest were hashed again"),
        ] {
            let signature = STANDARD.encode(key.sign_sha1(&signed).unwrap());
            let why = explain(&signature, CLAIM, key.public());
            assert!(why.contains(expected), "{expected}: {why}");
        }
    }

    #[test]
    fn tells_a_wrong_key_and_a_wrong_encoding_from_a_wrong_text() {
        let (right, other, long) = (key("k1024"), key("k1024_e3"), key("k2048"));
        let sign = |key: &PrivateKey| key.sign_sha1(CLAIM.text().as_bytes()).unwrap();
        let good = sign(&right);
        let broken = STANDARD.encode(&good).split_at(60).0.to_owned()
            + "\n"
            + STANDARD.encode(&good).split_at(60).1;
        let backwards: Vec<u8> = good.iter().rev().copied().collect();
        for (signature, expected) in [
            (STANDARD.encode(sign(&other)), "another private key"),
            (
                STANDARD.encode(sign(&long)),
                "has 256 octets and the registered key 128",
            ),
            (broken, "itself is right"),
            (
                STANDARD.encode(&good).trim_end_matches('=').to_owned(),
                "itself is right",
            ),
            (hex(&good, false), "hexadecimal"),
            (STANDARD.encode(backwards), "backwards"),
            ("!".into(), "not base64"),
        ] {
            let why = explain(&signature, CLAIM, right.public());
            assert!(why.contains(expected), "{expected}: {why}");
        }
        let sha256 = Claim {
            hash: Hash::Sha256,
            ..CLAIM
        };
        let why = explain(&STANDARD.encode(&good), sha256, right.public());
        assert!(
            why.contains("it uses Sha1, and the account expects Sha256"),
            "{why}"
        );
    }
}
