//! HMAC-SHA256 over nonce and query (cowrie.md 2.2), and what a wrong one was probably made of.

use aws_lc_rs::{constant_time, digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};

use super::settings::Verify;
use crate::room::Request;
use crate::text::{excerpt, hex_of, percent_decode};

#[derive(Debug)]
pub(super) struct Signer {
    key: hmac::Key,
    /// The key as text, undecoded: a common mistake.
    text_key: hmac::Key,
    raw_key: Vec<u8>,
}

impl Signer {
    /// From a key that this program wrote itself.
    pub(super) fn new(key: &str) -> Self {
        let raw_key = STANDARD.decode(key).unwrap_or_default();
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &raw_key),
            text_key: hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()),
            raw_key,
        }
    }

    /// Whether the signature fits the request; if not, why not.
    pub(super) fn check(
        &self,
        verify: Verify,
        given: &str,
        nonce: &str,
        request: &Request,
    ) -> Result<(), Vec<String>> {
        let query = request.query.as_deref().filter(|q| !q.is_empty());
        let as_sent = target(nonce, query.map(str::as_bytes));
        let decoded = || target(nonce, query.map(|q| percent_decode(q, true)).as_deref());
        let right = |text: &[u8]| {
            let signature = STANDARD.encode(hmac::sign(&self.key, text));
            constant_time::verify_slices_are_equal(signature.as_bytes(), given.as_bytes()).is_ok()
        };
        let plain = query.is_none_or(|q| !q.contains(['%', '+']));
        let fits = match verify {
            Verify::AsSent => right(&as_sent),
            Verify::Decoded => right(&decoded()),
            Verify::Either => right(&as_sent) || (!plain && right(&decoded())),
        };
        if fits {
            Ok(())
        } else {
            Err(self.explain(verify, given, nonce, request, &as_sent, &decoded()))
        }
    }

    fn explain(
        &self,
        verify: Verify,
        given: &str,
        nonce: &str,
        request: &Request,
        as_sent: &[u8],
        decoded: &[u8],
    ) -> Vec<String> {
        let query = request.query.as_deref().unwrap_or("");
        let mine = if verify == Verify::Decoded {
            decoded
        } else {
            as_sent
        };
        let mut lines = vec![format!(
            "signature does not match; I signed exactly `{}`",
            excerpt(mine, 2_048)
        )];
        let mut sorted: Vec<&str> = query.split('&').collect();
        sorted.sort_unstable();
        let strict = strict_form(decoded);
        let guesses: [(&str, Vec<u8>); 11] = [
            (
                "the `?` were left out: without a query the nonce alone is signed",
                format!("{nonce}?").into_bytes(),
            ),
            (
                "a `?` stood between nonce and query",
                format!("{nonce}{query}").into_bytes(),
            ),
            (
                "the nonce stood before the query",
                query.as_bytes().to_vec(),
            ),
            (
                "the query were signed too: you signed the nonce alone",
                nonce.as_bytes().to_vec(),
            ),
            (
                "the path were left out",
                format!("{nonce}{}", request.target()).into_bytes(),
            ),
            (
                "this server verified the decoded query (setting `verify`)",
                decoded.to_vec(),
            ),
            (
                "this server verified the query as sent (setting `verify`)",
                as_sent.to_vec(),
            ),
            (
                "the parameters were signed in the order in which they are sent",
                format!("{nonce}?{}", sorted.join("&")).into_bytes(),
            ),
            ("the text ended without a line feed", [mine, b"\n"].concat()),
            (
                "`~` were signed as it is sent, not as `%7E`",
                format!("{nonce}?{}", query.replace('~', "%7E")).into_bytes(),
            ),
            (
                "the query that you sent were the one that you signed (you signed percent-encoded text)",
                strict,
            ),
        ];
        let guess = guesses
            .iter()
            .filter(|(_, text)| text != mine)
            .find(|(_, text)| {
                encodings(&hmac::sign(&self.key, text))
                    .iter()
                    .any(|s| s == given)
            });
        match guess {
            Some((what, _)) => lines.push(format!("yours would match if {what}")),
            None => lines.extend(self.explain_key(given, mine)),
        }
        lines
    }

    fn explain_key(&self, given: &str, text: &[u8]) -> Option<String> {
        let right = hmac::sign(&self.key, text);
        let [_, unpadded, url_safe, lower, upper] = encodings(&right);
        let with_key = |order: [&[u8]; 2]| {
            let hash = digest::digest(&digest::SHA256, &order.concat());
            encodings(&hash).iter().any(|s| s == given)
        };
        let what = match given {
            _ if given == unpadded => "the base64 were padded",
            _ if given == url_safe => "the base64 used the standard alphabet (`+` and `/`)",
            _ if given == lower || given == upper => "it were base64, not hexadecimal",
            _ if encodings(&hmac::sign(&self.text_key, text))
                .iter()
                .any(|s| s == given) =>
            {
                "the client key were decoded from base64 before use"
            }
            _ if with_key([text, b""])
                || with_key([text, &self.raw_key])
                || with_key([&self.raw_key, text]) =>
            {
                "it were HMAC-SHA256, not a plain SHA-256"
            }
            _ if given.len() != 44 => {
                "it had 44 characters (base64 of 32 bytes); compare the key and the text above"
            }
            _ => return None,
        };
        Some(format!("yours would match if {what}"))
    }
}

fn target(nonce: &str, query: Option<&[u8]>) -> Vec<u8> {
    match query {
        None => nonce.as_bytes().to_vec(),
        Some(query) => [nonce.as_bytes(), b"?", query].concat(),
    }
}

/// The decoded text with everything outside the unreserved characters percent-encoded, separators kept.
fn strict_form(decoded: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(decoded.len());
    for byte in decoded {
        match byte {
            b'A'..=b'Z'
            | b'a'..=b'z'
            | b'0'..=b'9'
            | b'-'
            | b'.'
            | b'_'
            | b'~'
            | b'&'
            | b'='
            | b'?' => out.push(*byte),
            other => out.extend_from_slice(format!("%{other:02X}").as_bytes()),
        }
    }
    out
}

/// Base64 padded, unpadded, URL-safe; hexadecimal lower and upper.
fn encodings(bytes: &impl AsRef<[u8]>) -> [String; 5] {
    let bytes = bytes.as_ref();
    let hex = hex_of(bytes);
    [
        STANDARD.encode(bytes),
        STANDARD_NO_PAD.encode(bytes),
        URL_SAFE.encode(bytes),
        hex.clone(),
        hex.to_ascii_uppercase(),
    ]
}
