//! Every vector in its own mode and profile, and what strict makes of it; the tables against the vector files.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use mor_hash::methods::{Grade, HashRule, Since};
use mor_hash::{Call, Error, Keys, Mode, Profile, Secret, Signer, methods};
use serde_json::Value;
use support::{call, pairs, strings, text, vectors};

fn signer(vector: &Value) -> Signer {
    let secret = Secret::new(text(vector, "secret"));
    match text(vector, "mode") {
        "explicit" => Signer::new(secret, Profile::x8())
            .with_keys(Keys::new(strings(&vector["keys"]).unwrap()).unwrap()),
        mode => {
            let profile = Profile::by_name(text(vector, "profile")).unwrap();
            let mode = if mode == "doc" {
                Mode::Doc
            } else {
                Mode::Server
            };
            Signer::new(secret, profile).with_mode(mode)
        }
    }
}

#[test]
fn all_59_vectors_in_their_own_mode() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 59);
    for vector in &vectors {
        let id = text(vector, "id");
        let call = call(vector, &pairs(vector, "params"));
        let signer = signer(vector);
        assert_eq!(
            signer.hash(&call).unwrap().to_hex(),
            text(vector, "sha1"),
            "{id}"
        );
        signer.verify(&call, text(vector, "sha1")).unwrap();

        let explanation = signer.explain(&call).unwrap();
        assert_eq!(explanation.hash.to_hex(), text(vector, "sha1"), "{id}");
        // Explain masks passwords, texts and numbers: the names and their order are checked here, the texts by the hash.
        let masked = |name: &str, value: &str| {
            let secret = [
                "p",
                "pswd",
                "pin",
                "s_pin",
                "device_password",
                "login_password",
                "primary_device_pin",
                "auth_code",
                "message",
                "email",
                "voucher_number",
            ];
            let number = [
                "dst",
                "src",
                "callerid",
                "caller_id",
                "number",
                "cli",
                "cli_number",
                "did",
                "external_number",
                "forward_to",
                "s_destination",
                "s_number",
            ];
            if number.contains(&name) && !value.is_empty() {
                "a number".to_owned()
            } else if (secret.contains(&name) || name.ends_with("_email")) && !value.is_empty() {
                "***".to_owned()
            } else {
                value.to_owned()
            }
        };
        let hashed: Vec<(String, String)> = explanation
            .rows
            .iter()
            .map(|row| (row.name.clone(), masked(&row.name, &row.hashed)))
            .collect();
        let expected: Vec<(String, String)> = pairs(vector, "hashed")
            .into_iter()
            .map(|(name, value)| (name.to_owned(), masked(name, value)))
            .collect();
        assert_eq!(hashed, expected, "{id}");
        let whole: String = pairs(vector, "hashed")
            .iter()
            .map(|(_, value)| *value)
            .collect();
        assert_eq!(
            format!("{whole}{}", text(vector, "secret")),
            text(vector, "hash_string"),
            "{id}"
        );
        let rows = explanation.rows.iter();
        let shown: String = rows.map(|row| row.hashed.as_str()).collect();
        assert_eq!(explanation.signed_text, format!("{shown}***"), "{id}");
        assert_eq!(
            explanation.rows.len() + explanation.skipped.len(),
            call.params().len(),
            "{id}"
        );
    }
}

#[test]
fn strict_gives_the_same_hash_or_the_named_error() {
    let (mut same, mut refused) = (0, 0);
    for vector in vectors()
        .iter()
        .filter(|vector| text(vector, "mode") == "server")
    {
        let id = text(vector, "id");
        let call = call(vector, &pairs(vector, "params"));
        let outcome = signer(vector).with_mode(Mode::Strict).hash(&call);
        let expected = text(vector, "strict");
        match outcome {
            Ok(hash) => {
                assert_eq!(
                    (expected, hash.to_hex().as_str()),
                    ("ok", text(vector, "sha1")),
                    "{id}"
                );
                same += 1;
            }
            Err(error) => {
                let said = match error {
                    Error::ValueWouldBeChanged(_) => "error: value would be changed",
                    Error::ValueWouldBeDropped(_) => "error: value would be dropped",
                    Error::RepeatedName(_) => "error: repeated name",
                    Error::NeverHashed(_) => "error: listed name the server never hashes",
                    other => panic!("{id}: {other:?}"),
                };
                assert_eq!(said, expected, "{id}");
                refused += 1;
            }
        }
    }
    assert_eq!((same, refused), (47, 7));
}

#[test]
fn the_lists_are_those_of_the_vector_files() {
    let documented: Vec<&str> = include_str!("../vectors/params.txt").lines().collect();
    assert_eq!(documented.len(), 192);
    assert_eq!(Profile::mor12().names().collect::<Vec<_>>(), documented);

    let rows: Vec<Vec<&str>> = include_str!("../vectors/params_by_version.tsv")
        .lines()
        .skip(1)
        .map(|row| row.split('\t').collect())
        .collect();
    assert_eq!(rows.len(), 217);
    for (column, (profile, size)) in Profile::all()
        .into_iter()
        .zip([192, 199, 206, 209, 192])
        .enumerate()
    {
        let listed: Vec<&str> = rows
            .iter()
            .filter(|row| row[column + 2] == "y")
            .map(|row| row[1])
            .collect();
        assert_eq!(listed.len(), size);
        assert_eq!(
            profile.names().collect::<Vec<_>>(),
            listed,
            "{}",
            profile.name()
        );
    }
}

#[test]
fn the_methods_are_those_of_the_vector_file() {
    let vectors = support::methods();
    assert_eq!((vectors.len(), methods::all().len()), (142, 142));
    for (vector, method) in vectors.iter().zip(methods::all()) {
        assert_eq!(method.name, text(vector, "method"));
        let names = |names: Option<&[&'static str]>| names.map(<[_]>::to_vec);
        assert_eq!(
            method.legacy_name.as_slice(),
            strings(&vector["legacy_names"]).unwrap(),
            "{}",
            method.name
        );
        assert_eq!(
            names(method.hashed),
            strings(&vector["hashed"]),
            "{}",
            method.name
        );
        assert_eq!(
            names(method.other_parameters),
            strings(&vector["other_parameters"]),
            "{}",
            method.name
        );
        assert_eq!(
            names(method.claimed_alternative),
            strings(&vector["claimed_alternative"]),
            "{}",
            method.name
        );
        let since = match method.since {
            Since::X8 => "x8",
            Since::M2 => "m2",
            Since::Later => "later",
            _ => "?",
        };
        let rule = match method.rule {
            HashRule::GlobalList => "global_list",
            HashRule::MethodTable => "method_table",
            HashRule::Explicit => "explicit",
            HashRule::Unchecked => "unchecked",
            _ => "?",
        };
        let grade = match method.grade {
            Grade::Observed => "observed",
            Grade::Documented => "documented",
            Grade::Claimed => "claimed",
            _ => "?",
        };
        assert_eq!(
            (since, rule, grade),
            (
                text(vector, "profile"),
                text(vector, "mode"),
                text(vector, "grade")
            ),
            "{}",
            method.name
        );
    }
}

/// For every method of a profile: sending its own names backwards, among those that are not hashed, gives its names
/// in the table's order, by either name.
#[test]
fn legacy_and_modern_names_choose_the_same_keys() {
    let (mut checked, mut pairs) = (0, 0);
    for method in methods::all() {
        let profile = match method.since {
            Since::X8 => Profile::x8(),
            Since::M2 => Profile::m2(),
            _ => continue,
        };
        if !matches!(method.rule, HashRule::GlobalList | HashRule::MethodTable) {
            continue;
        }
        let signer = Signer::new(Secret::new("secret"), profile).with_mode(Mode::Server);
        let hashed = method.hashed.unwrap();
        let names = |name: &'static str| {
            let mut call = Call::new(name);
            call.extend(hashed.iter().rev().map(|name| match *name {
                "direction" => ("direction", "incoming"),
                name => (name, "1"),
            }));
            let others = method.other_parameters.unwrap_or_default();
            call.extend(others.iter().map(|name| (*name, "x")));
            let rows = signer.explain(&call).unwrap().rows;
            rows.into_iter().map(|row| row.name).collect::<Vec<_>>()
        };
        assert_eq!(names(method.name), hashed, "{}", method.name);
        checked += 1;
        if let Some(legacy) = method.legacy_name {
            assert_eq!(names(legacy), hashed, "{legacy}");
            pairs += 1;
        }
    }
    assert_eq!((checked, pairs), (81, 30));
}
