//! Headers of the caller's own, for a gateway on the way: checked once, when a client is built.

use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue};
use telco_core::{ErrorKind, NotSent, Secret};

/// Reads names and values that somebody configured, to be sent with every request. Refuses the protocol's `own` names,
/// which a second value would make ambiguous, and `host`, `content-length` and `transfer-encoding`, which say where a
/// request goes and ends (RFC 9112, sections 3.2 and 6) and belong to the transport. The values show in no `Debug`,
/// before and after: one may be a token.
///
/// ```
/// use telco_core::Secret;
/// use telco_http::extra_headers;
/// use telco_http::http::HeaderName;
///
/// const OWN: [HeaderName; 1] = [HeaderName::from_static("signature")];
/// let one = |name: &str, value: &str| [(name.to_owned(), Secret::new(value))];
/// let headers = extra_headers(&one("X-Gateway", "blue"), &OWN)?;
/// assert_eq!(headers["x-gateway"], "blue");
/// assert!(extra_headers(&one("Signature", "x"), &OWN).is_err());
/// assert!(extra_headers(&one("X-Gateway", "blue\r\nx-other: 1"), &OWN).is_err(), "a line of its own");
/// # Ok::<(), telco_core::NotSent>(())
/// ```
///
/// # Errors
/// [`NotSent`] (kind `InvalidConfiguration`), which repeats neither name nor value.
pub fn extra_headers(pairs: &[(String, Secret)], own: &[HeaderName]) -> Result<HeaderMap, NotSent> {
    let refuse = |what: &'static str| NotSent::new(ErrorKind::InvalidConfiguration, what);
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let name: HeaderName = name
            .parse()
            .map_err(|_| refuse("an extra header's name is none"))?;
        if own.contains(&name) || [HOST, CONTENT_LENGTH, TRANSFER_ENCODING].contains(&name) {
            return Err(refuse(
                "an extra header has the name of one of the protocol's own",
            ));
        }
        let mut value: HeaderValue = value
            .expose()
            .parse()
            .map_err(|_| refuse("an extra header's value is none"))?;
        value.set_sensitive(true);
        headers.append(name, value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNATURE: HeaderName = HeaderName::from_static("signature");

    fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> [(String, Secret); N] {
        pairs.map(|(name, value)| (name.to_owned(), Secret::new(value)))
    }

    #[test]
    fn several_values_of_a_name_are_kept_in_order_and_hidden() {
        let pairs = pairs([("X-A", "token-1"), ("x-b", ""), ("x-a", "token-2")]);
        assert!(!format!("{pairs:?}").contains("token"));
        let headers = extra_headers(&pairs, &[SIGNATURE]).unwrap();
        let values: Vec<_> = headers.get_all("x-a").iter().collect();
        assert_eq!(values, ["token-1", "token-2"]);
        assert_eq!(headers["x-b"], "");
        assert!(!format!("{headers:?}").contains("token"));
    }

    #[test]
    fn each_refusal_says_what_is_wrong_and_repeats_nothing() {
        const NAME: &str = "an extra header's name is none";
        const OWN: &str = "an extra header has the name of one of the protocol's own";
        const VALUE: &str = "an extra header's value is none";
        for (name, value, why) in [
            ("", "canary", NAME),
            ("can ary", "x", NAME),
            ("canary:", "x", NAME),
            ("canary\r\n", "x", NAME),
            ("canäry", "x", NAME),
            ("Signature", "canary", OWN),
            ("host", "canary", OWN),
            ("Content-Length", "9", OWN),
            ("TRANSFER-ENCODING", "canary", OWN),
            ("x-a", "canary\r\nx-b: 1", VALUE),
            ("x-a", "canary\n", VALUE),
            ("x-a", "canary\0", VALUE),
            ("x-a", "canary\u{7f}", VALUE),
        ] {
            let pairs = pairs([("x-good", "1"), (name, value)]);
            let refusal = extra_headers(&pairs, &[SIGNATURE]).unwrap_err();
            assert_eq!(refusal.to_string(), why, "{name:?}");
            assert_eq!(refusal.kind(), ErrorKind::InvalidConfiguration);
            assert!(!format!("{refusal:?}").contains("canary"));
        }
        assert!(
            extra_headers(&pairs([("signature", "x")]), &[]).is_ok(),
            "only what the protocol has"
        );
    }
}
