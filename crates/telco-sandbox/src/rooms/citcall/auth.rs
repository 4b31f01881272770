//! The `Authorization` header: docs/protocols/citcall.md, B.1 and C.1.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};

/// An account, as Citcall issues it.
#[derive(Clone, Copy)]
pub(crate) struct Account<'a> {
    pub(crate) user_id: &'a str,
    pub(crate) api_key: &'a str,
    pub(crate) password: &'a str,
}

/// Which of the three forms a request used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// `base64(user_id:api_key)`, bare.
    Legacy,
    /// `Apikey <key>`.
    ApiKey,
    /// `Basic <base64(user:password)>`.
    Basic,
}

/// A refusal: result code and explanation. Which mistake gets which code is inferred from the codes' names.
pub(crate) type Refusal = (u32, String);

/// Checks the header; the account's own values stay out of every explanation.
pub(crate) fn check(header: Option<&str>, account: Account<'_>) -> Result<Scheme, Refusal> {
    let header = header.ok_or((98, "there is no `Authorization` header".to_owned()))?;
    match header.split_once(' ') {
        None => legacy(header, account),
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("apikey") => {
            if key == account.api_key {
                Ok(Scheme::ApiKey)
            } else if pair(key).is_some() {
                Err((
                    96,
                    "`Apikey` is followed by the bare API key, not by base64".into(),
                ))
            } else {
                Err((96, key_hint(key, account.api_key)))
            }
        }
        Some((scheme, credentials)) if scheme.eq_ignore_ascii_case("basic") => {
            let (user, password) = pair(credentials).ok_or((
                98,
                "what follows `Basic` is not base64 of user:password".to_owned(),
            ))?;
            if user != account.user_id {
                Err((77, "this user id is not known here".into()))
            } else if password == account.password {
                Ok(Scheme::Basic)
            } else if password == account.api_key {
                Err((
                    76,
                    "`Basic` takes the account's password, not its API key; \
                     with the key send base64(user_id:api_key) without a scheme word"
                        .into(),
                ))
            } else {
                Err((76, "the password is wrong".into()))
            }
        }
        Some((scheme, _)) => Err((
            98,
            format!(
                "`{}` is no scheme of this provider: bare base64(user_id:api_key), `Apikey` or `Basic`",
                scheme.chars().take(20).collect::<String>()
            ),
        )),
    }
}

fn legacy(header: &str, account: Account<'_>) -> Result<Scheme, Refusal> {
    let Some((user, key)) = pair(header) else {
        let lenient = STANDARD_NO_PAD.decode(header).is_ok() || URL_SAFE.decode(header).is_ok();
        let hint = if header == account.api_key {
            "the header is the bare API key; v2 wants base64(user_id:api_key), v3 `Apikey <key>`"
        } else if lenient {
            "the header is base64, but not standard with padding; that is the only form documented"
        } else {
            "the header is not base64 of user_id:api_key"
        };
        return Err((98, hint.into()));
    };
    if user == account.api_key && key == account.user_id {
        Err((
            77,
            "the pair is swapped: the user id comes before the API key".into(),
        ))
    } else if user != account.user_id {
        Err((77, "this user id is not known here".into()))
    } else if key == account.api_key {
        Ok(Scheme::Legacy)
    } else {
        Err((96, key_hint(&key, account.api_key)))
    }
}

fn key_hint(sent: &str, right: &str) -> String {
    if sent.eq_ignore_ascii_case(right) {
        "the API key matches except for the case of its letters; it is used exactly as issued"
    } else if sent.trim() == right {
        "the API key matches except for white space around it"
    } else {
        "this API key is not known here"
    }
    .into()
}

fn pair(text: &str) -> Option<(String, String)> {
    let bytes = STANDARD.decode(text).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (user, rest) = text.split_once(':')?;
    Some((user.to_owned(), rest.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: Account<'static> = Account {
        user_id: "Aladdin",
        api_key: "9af4d8381781baccb0f915e554f8798d",
        password: "openSesame",
    };

    #[test]
    fn takes_the_three_forms() {
        for (header, scheme) in [
            (
                "QWxhZGRpbjo5YWY0ZDgzODE3ODFiYWNjYjBmOTE1ZTU1NGY4Nzk4ZA==",
                Scheme::Legacy,
            ),
            ("Apikey 9af4d8381781baccb0f915e554f8798d", Scheme::ApiKey),
            ("Basic QWxhZGRpbjpvcGVuU2VzYW1l", Scheme::Basic),
        ] {
            assert_eq!(check(Some(header), ACCOUNT), Ok(scheme));
        }
    }

    #[test]
    fn explains_each_wrong_form() {
        let encode = |text: &str| STANDARD.encode(text);
        let key = ACCOUNT.api_key;
        for (header, rc, expected) in [
            (None, 98, "no `Authorization`"),
            (Some(key.to_owned()), 98, "bare API key"),
            (Some(encode(&format!("{key}:Aladdin"))), 77, "swapped"),
            (Some(encode(&format!("Jafar:{key}"))), 77, "not known"),
            (
                Some(encode(&format!("Aladdin:{}", key.to_uppercase()))),
                96,
                "case",
            ),
            (Some(encode(&format!("Aladdin:{key}\n"))), 96, "white space"),
            (Some(encode("Aladdin:nope")), 96, "not known"),
            (
                Some(
                    encode(&format!("Aladdin:{key}"))
                        .trim_end_matches('=')
                        .to_owned(),
                ),
                98,
                "padding",
            ),
            (Some("???".into()), 98, "not base64"),
            (Some("Bearer x".into()), 98, "no scheme"),
            (Some(format!("Basic {}", encode("Aladdin:x"))), 76, "wrong"),
            (
                Some(format!("Basic {}", encode(&format!("Aladdin:{key}")))),
                76,
                "not its API key",
            ),
            (
                Some(format!("Apikey {}", encode(&format!("Aladdin:{key}")))),
                96,
                "bare API key",
            ),
        ] {
            let (got, why) = check(header.as_deref(), ACCOUNT).unwrap_err();
            assert_eq!(got, rc, "{header:?}");
            assert!(why.contains(expected), "{header:?}: {why}");
        }
    }
}
