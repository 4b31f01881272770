//! Keys and signatures of `telco fanap`, held against OpenSSL: an implementation that shares nothing with ours.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod common;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use common::{code, err, telco};
use serde_json::Value;

const TEXT: &str = "your-app-id#your.tenant.id#2018-09-24T12:01:27.938Z";

/// Runs OpenSSL in a folder and gives what it printed.
fn openssl(folder: &Path, arguments: &str, input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("openssl")
        .args(arguments.split(' '))
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("these tests need the program openssl");
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "openssl {arguments}: {}",
        err(&output)
    );
    output.stdout
}

fn fanap(folder: &Path, arguments: &str) -> Output {
    telco()
        .current_dir(folder)
        .arg("fanap")
        .args(arguments.split(' '))
        .output()
        .unwrap()
}

/// What the command printed, to the octet.
fn printed(folder: &Path, arguments: &str) -> Vec<u8> {
    let output = fanap(folder, arguments);
    assert_eq!(code(&output), 0, "{arguments}: {}", err(&output));
    output.stdout
}

fn file(folder: &Path, name: &str) -> Vec<u8> {
    std::fs::read(folder.join(name)).unwrap()
}

/// One pair for all tests: making one takes a second.
fn keys() -> &'static Path {
    static KEYS: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = KEYS.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let output = fanap(folder.path(), "key generate --out .");
        assert_eq!(code(&output), 0, "{}", err(&output));
        folder
    });
    folder.path()
}

#[test]
fn a_generated_pair_is_what_openssl_and_dot_net_read() {
    let folder = keys();
    let sound = openssl(folder, "rsa -in private.rsa -check -noout", b"");
    assert_eq!(String::from_utf8(sound).unwrap().trim(), "RSA key ok");
    let public = openssl(folder, "pkey -in private.rsa -pubout", b"");
    assert_eq!(public, file(folder, "public.rsa"));
    // The form that is registered: one line, two values, 415 characters for 2048 bits.
    let public_xml = String::from_utf8(file(folder, "public.xml")).unwrap();
    assert_eq!(public_xml.len(), 415);
    assert!(
        public_xml.starts_with("<RSAKeyValue><Modulus>")
            && public_xml.ends_with("<Exponent>AQAB</Exponent></RSAKeyValue>")
    );
    let modulus = openssl(folder, "rsa -in private.rsa -modulus -noout", b"");
    let modulus = String::from_utf8(modulus).unwrap();
    let hex = modulus
        .trim()
        .strip_prefix("Modulus=")
        .unwrap()
        .to_lowercase();
    let ours = public_xml
        .split(['<', '>'])
        .find(|part| part.len() > 300)
        .unwrap();
    let bytes = openssl(folder, "base64 -d -A", ours.as_bytes());
    let ours: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(ours, hex);
}

#[test]
fn xml_pem_and_der_are_one_key() {
    let folder = keys();
    for source in ["private.xml", "private.rsa", "private.der"] {
        let der = openssl(
            folder,
            "pkcs8 -topk8 -nocrypt -in private.rsa -outform DER",
            b"",
        );
        std::fs::write(folder.join("private.der"), &der).unwrap();
        let to = |form: &str| {
            printed(
                folder,
                &format!("key convert --key file:{source} --to {form}"),
            )
        };
        assert_eq!(to("xml"), file(folder, "private.xml"), "{source}");
        assert_eq!(to("pem"), file(folder, "private.rsa"), "{source}");
        assert_eq!(to("der"), der, "{source}");
        let public = printed(folder, &format!("key public-xml --key file:{source}"));
        assert_eq!(public, file(folder, "public.xml"), "{source}");
    }
    let public = |arguments: &str| printed(folder, arguments);
    assert_eq!(
        public("key convert --key file:public.xml --to pem"),
        file(folder, "public.rsa")
    );
    assert_eq!(
        public("key public-xml --key file:public.rsa"),
        file(folder, "public.xml")
    );
}

#[test]
fn sign_equals_openssl_dgst() {
    let folder = keys();
    for (hash, flag) in [("sha1", ""), ("sha256", " --sha256")] {
        let raw = openssl(
            folder,
            &format!("dgst -{hash} -sign private.rsa"),
            TEXT.as_bytes(),
        );
        let theirs = openssl(folder, "base64 -A", &raw);
        for key in ["private.xml", "private.rsa"] {
            let arguments = format!(
                "sign --key file:{key} --app-id your-app-id --tenant-id your.tenant.id --date 2018-09-24T12:01:27.938Z{flag}"
            );
            let ours = printed(folder, &arguments);
            assert_eq!(ours.strip_suffix(b"\n").unwrap(), theirs, "{key} {hash}");
            let document: Value =
                serde_json::from_slice(&printed(folder, &format!("{arguments} --output json")))
                    .unwrap();
            assert_eq!(document["string_to_sign"], TEXT);
            assert_eq!(document["signature"].as_str().unwrap().as_bytes(), theirs);
        }
    }
}

#[test]
fn nothing_is_overwritten_and_private_files_are_private() {
    let folder = keys();
    let before = file(folder, "private.xml");
    let again = fanap(folder, "key generate --out .");
    assert_eq!(code(&again), 10);
    assert!(err(&again).contains("not overwritten"), "{}", err(&again));
    assert_eq!(file(folder, "private.xml"), before);
    assert_eq!(
        code(&fanap(folder, "key generate --out new --bits 1024")),
        2
    );
    assert!(!folder.join("new").exists());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        for (name, private) in [
            ("private.xml", true),
            ("private.rsa", true),
            ("public.xml", false),
        ] {
            let mode = std::fs::metadata(folder.join(name))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o077 == 0, private, "{name} {mode:o}");
        }
    }
}

#[test]
fn check_says_in_plain_words_what_is_wrong() {
    let folder = keys();
    let good = printed(folder, "key check --key file:private.xml --output json");
    let good: Value = serde_json::from_slice(&good).unwrap();
    assert_eq!(
        (&good["usable"], &good["bits"]),
        (&true.into(), &2048.into())
    );
    assert_eq!(
        good["public_xml"].as_str().unwrap().as_bytes(),
        file(folder, "public.xml")
    );
    assert_eq!(good["warnings"].as_array().unwrap().len(), 0);

    let private_xml = String::from_utf8(file(folder, "private.xml")).unwrap();
    // Another first digit: the value stays well formed.
    let tampered = |element: &str| {
        let (before, after) = private_xml.split_once(&format!("<{element}>")).unwrap();
        let (first, rest) = after.split_at(1);
        let other = if first == "K" { "L" } else { "K" };
        format!("{before}<{element}>{other}{rest}")
    };
    std::fs::write(folder.join("modulus.xml"), tampered("Modulus")).unwrap();
    std::fs::write(folder.join("crt.xml"), tampered("InverseQ")).unwrap();
    std::fs::write(folder.join("half.xml"), &private_xml[..400]).unwrap();
    std::fs::write(folder.join("cut.rsa"), &file(folder, "private.rsa")[..500]).unwrap();
    openssl(
        folder,
        "pkey -in private.rsa -aes256 -passout pass:x -out encrypted.rsa",
        b"",
    );
    openssl(
        folder,
        "req -x509 -new -key private.rsa -subj /CN=x -out certificate.pem",
        b"",
    );
    openssl(
        folder,
        "ecparam -name prime256v1 -genkey -noout -out ec.pem",
        b"",
    );
    openssl(folder, "genrsa -out small.rsa 512", b"");
    for (name, error, says) in [
        ("public.xml", "public-key-only", "this is a public key"),
        ("public.rsa", "public-key-only", "this is a public key"),
        ("certificate.pem", "public-key-only", "certificate"),
        ("encrypted.rsa", "encrypted-key", "passphrase"),
        ("modulus.xml", "inconsistent-key", "inconsistent"),
        ("half.xml", "malformed-xml", "cut off"),
        ("cut.rsa", "malformed-pem", "cut off"),
        ("ec.pem", "not-rsa", "not an RSA key"),
        ("small.rsa", "key-too-small", "512 bits"),
    ] {
        let refused = fanap(
            folder,
            &format!("key check --key file:{name} --output json"),
        );
        assert_eq!(code(&refused), 10, "{name}");
        let document: Value = serde_json::from_slice(&refused.stdout).unwrap();
        assert_eq!(
            (&document["usable"], &document["error"]),
            (&false.into(), &error.into()),
            "{name}"
        );
        assert!(err(&refused).contains(says), "{name}: {}", err(&refused));
    }
    let repaired = fanap(folder, "key check --key file:crt.xml");
    assert_eq!(code(&repaired), 0);
    assert!(
        err(&repaired).contains("computed anew"),
        "{}",
        err(&repaired)
    );
    assert_eq!(
        printed(folder, "key convert --key file:crt.xml --to xml"),
        private_xml.as_bytes()
    );
}

#[test]
fn a_key_on_the_command_line_is_refused_and_not_repeated() {
    let folder = keys();
    let refused = fanap(folder, "key check --key <RSAKeyValue>hunter2</RSAKeyValue>");
    assert_eq!(code(&refused), 2);
    let told = err(&refused);
    assert!(
        told.contains("file:PATH") && !told.contains("hunter2"),
        "{told}"
    );
}

#[test]
fn doctor_looks_into_the_key_and_not_only_at_its_file() {
    let folder = keys();
    for (file, sound, says) in [
        (
            "private.xml",
            true,
            "private_key is a sound RSA key of 2048 bits",
        ),
        ("public.xml", false, "private_key: this is a public key"),
    ] {
        let doctor = telco()
            .current_dir(folder)
            .env("TELCO_FANAP_PRIVATE_KEY", format!("file:{file}"))
            .env("TELCO_FANAP_BASE_URL", "http://127.0.0.1:9")
            .arg("doctor")
            .output()
            .unwrap();
        let told = String::from_utf8(doctor.stdout).unwrap();
        assert!(told.contains(says), "{told}");
        let line = told
            .lines()
            .find(|line| line.contains("private_key"))
            .unwrap();
        assert_eq!(line.contains('✓'), sound, "{line}");
    }
}
