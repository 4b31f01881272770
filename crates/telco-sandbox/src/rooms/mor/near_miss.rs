//! Why a hash was refused: found by hashing what people hash instead.

use super::hash::{self, Method, Mode, Profile, canonical, digest_of, literal, sha1_hex};
use crate::text::Pair;

/// Why a hash was refused: what the server hashed, and what the client probably did.
pub(super) fn explain(
    profile: Profile,
    method: &Method,
    params: &[Pair<'_>],
    secret: &str,
    given: &str,
) -> Vec<String> {
    let right = canonical(profile, method, params);
    let text: String = right.iter().map(|(_, text)| &**text).collect();
    let names: Vec<_> = right.iter().map(|(name, _)| *name).collect();
    let mut lines = vec![format!(
        "hash does not match; I hashed exactly `{}` and the secret: {}",
        crate::text::excerpt(text.as_bytes(), 2_048),
        if names.is_empty() {
            "no parameter".to_owned()
        } else {
            names.join(", ")
        }
    )];
    let given_lower = given.to_ascii_lowercase();
    let right: Vec<(&str, &str)> = right.iter().map(|(n, v)| (*n, &**v)).collect();
    let hashes = |rows: &[(&str, &str)], secret: &str| {
        sha1_hex(rows.iter().map(|(_, v)| *v), secret) == given_lower
    };
    if given.is_empty() {
        lines.push("the request carries no `hash`".to_owned());
    } else if given.len() != 40 {
        lines.push("a hash has 40 hexadecimal digits (SHA-1)".to_owned());
    } else if hashes(&right, secret) {
        lines.push("yours would match if its letters were lower case".to_owned());
    } else if hashes(&right, &format!("{secret}\n"))
        || hashes(&right, &format!(" {secret}"))
        || hashes(&right, &format!("{secret} "))
    {
        lines.push("yours would match if the secret had no white space around it".to_owned());
    } else {
        if sha1_hex(
            [secret].into_iter().chain(right.iter().map(|(_, v)| *v)),
            "",
        ) == given_lower
        {
            lines.push("yours would match if the secret came last".to_owned());
        } else if let Some((before, after)) = wrong_order(&right, |rows| hashes(rows, secret)) {
            lines.push(format!("order: `{before}` comes before `{after}`"));
        } else if let Some(missing) = missing_names(&right, |rows| hashes(rows, secret)) {
            lines.push(format!("yours would match if {missing} were hashed too"));
        } else {
            lines.extend(explain_sent(profile, method, params, secret, &given_lower));
        }
    }
    lines
}

/// Finds the order that the client used, if few enough names are there to try them all; the first pair it swapped.
fn wrong_order<'a>(
    right: &[(&'a str, &'a str)],
    fits: impl Fn(&[(&'a str, &'a str)]) -> bool,
) -> Option<(&'a str, &'a str)> {
    if !(2..=7).contains(&right.len()) {
        return None;
    }
    let mut order = right.to_vec();
    // Heap's algorithm, counters instead of recursion.
    let mut counters = vec![0usize; order.len()];
    let mut i = 0;
    while let Some(counter) = counters.get_mut(i) {
        if *counter < i {
            order.swap(if i % 2 == 0 { 0 } else { *counter }, i);
            *counter = counter.saturating_add(1);
            i = 0;
            if fits(&order) {
                let ((wanted, _), (found, _)) =
                    right.iter().zip(&order).find(|(a, b)| a.0 != b.0)?;
                return Some((wanted, found));
            }
        } else {
            *counter = 0;
            i = i.saturating_add(1);
        }
    }
    None
}

/// Finds the names that the client left out, if few enough are there.
fn missing_names<'a>(
    right: &[(&'a str, &'a str)],
    fits: impl Fn(&[(&'a str, &'a str)]) -> bool,
) -> Option<String> {
    if right.is_empty() || right.len() > 10 {
        return None;
    }
    (0..(1u32 << right.len())).find_map(|mask| {
        let (kept, left_out): (Vec<_>, Vec<_>) = right
            .iter()
            .enumerate()
            .partition(|(n, _)| mask >> n & 1 == 1);
        let kept: Vec<_> = kept.into_iter().map(|(_, row)| *row).collect();
        (!left_out.is_empty() && fits(&kept)).then(|| {
            let names: Vec<_> = left_out
                .iter()
                .map(|(_, (name, _))| format!("`{name}`"))
                .collect();
            names.join(", ")
        })
    })
}

/// Guesses from everything that was sent.
fn explain_sent(
    profile: Profile,
    method: &Method,
    params: &[Pair<'_>],
    secret: &str,
    given: &str,
) -> Option<String> {
    let sent: Vec<(&str, &str)> = params
        .iter()
        .map(|(n, v)| (&**n, &**v))
        .filter(|(n, _)| *n != "hash")
        .collect();
    let all = |rows: &[(&str, &str)]| sha1_hex(rows.iter().map(|(_, v)| *v), secret) == given;
    let without_login: Vec<_> = sent
        .iter()
        .copied()
        .filter(|(n, _)| !matches!(*n, "u" | "p" | "test"))
        .collect();
    if all(&sent) || all(&without_login) {
        return Some("yours hashes every parameter in the order sent; hash the listed ones in the order above".to_owned());
    }
    let pairs: String = without_login
        .iter()
        .map(|(n, v)| format!("{n}{v}"))
        .collect();
    let form: String = without_login
        .iter()
        .map(|(n, v)| format!("{n}={v}"))
        .collect::<Vec<_>>()
        .join("&");
    if [pairs, form]
        .iter()
        .any(|text| sha1_hex([text.as_str()], secret) == given)
    {
        return Some("yours hashes names too; values alone are hashed".to_owned());
    }
    for other in Profile::ALL.into_iter().filter(|p| *p != profile) {
        let there = hash::method(other, method.name);
        if there.is_some_and(|m| digest_of(&canonical(other, m, params), secret) == given) {
            return Some(format!(
                "yours would match a server of version {}; this one is {}",
                other.name(),
                profile.name()
            ));
        }
    }
    if digest_of(&literal(profile, params), secret) == given {
        return Some(
            "yours hashes values that the server drops or rewrites (filters: mor.md 3.2)"
                .to_owned(),
        );
    }
    if matches!(method.mode, Mode::Table(_)) {
        let listed = Method {
            name: method.name,
            mode: Mode::List,
        };
        if digest_of(&canonical(profile, &listed, params), secret) == given {
            return Some(
                "yours hashes by the general list; this method has a list of its own".to_owned(),
            );
        }
    }
    None
}
