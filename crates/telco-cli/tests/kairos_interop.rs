//! Envelopes of `telco kairos seal`, opened by programs that share no code with it: OpenSSL, Python's `cryptography`, a JDK.
//!
//! A program that is not on this machine is said so on standard error, past the capture of test output; nothing else is skipped.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod common;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::telco;
use serde_json::Value;

const PADDINGS: [&str; 6] = [
    "pkcs1v15",
    "oaep_sha1",
    "oaep_sha256",
    "oaep_sha256_java",
    "oaep_sha512",
    "oaep_sha512_java",
];
/// Of each padding.
const ENVELOPES: usize = 100;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/interop")
        .join(name)
}

/// Runs a program with this input, and hands over what it prints.
fn feed(command: &mut Command, input: &[u8]) -> Vec<u8> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{command:?}");
    output.stdout
}

/// The program runs here; if not, the test says that it is skipped.
fn present(program: &str, check: &[&str]) -> bool {
    let answer = Command::new(program)
        .args(check)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let there = answer.is_ok_and(|status| status.success());
    if !there {
        let what = check.join(" ");
        let skipped = format!("SKIPPED: `{program} {what}` does not run here\n");
        std::io::stderr().write_all(skipped.as_bytes()).unwrap();
    }
    there
}

/// An envelope, and what is inside.
struct Sealed {
    padding: &'static str,
    key: String,
    value: String,
    payload: Vec<u8>,
}

/// Sealed once for all tests of this file. Payloads of all lengths around a block, with letters of India.
fn envelopes() -> &'static [Sealed] {
    static ALL: OnceLock<Vec<Sealed>> = OnceLock::new();
    ALL.get_or_init(|| {
        let seal = |(n, padding): (usize, &'static str)| {
            let payload = format!(
                r#"{{"flow-id":"Zb0RKJvh","about":"नमस्ते {}"}}"#,
                "x".repeat(n)
            );
            let mut command = telco();
            command
                .args([
                    "kairos",
                    "seal",
                    "--flow-id",
                    "Zb0RKJvh",
                    "--padding",
                    padding,
                ])
                .arg("--public-key")
                .arg(file("flow-public.pem"));
            let printed = feed(&mut command, payload.as_bytes());
            let envelope: Value = serde_json::from_slice(&printed).unwrap();
            assert_eq!(envelope["flow-id"], "Zb0RKJvh");
            let text = |name: &str| envelope[name].as_str().unwrap().to_owned();
            Sealed {
                padding,
                key: text("requestDigitalSignatureValue"),
                value: text("requestEncryptedValue"),
                payload: payload.into_bytes(),
            }
        };
        let each = |padding| (0..ENVELOPES).map(move |n| (n, padding));
        PADDINGS.into_iter().flat_map(each).map(seal).collect()
    })
}

/// Has a script open all envelopes, and compares.
fn opened_by(command: &mut Command) {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("envelopes.tsv");
    let lines: String = envelopes()
        .iter()
        .map(|sealed| format!("{}\t{}\t{}\n", sealed.padding, sealed.key, sealed.value))
        .collect();
    std::fs::write(&list, lines).unwrap();
    let printed = feed(command.arg(file("flow-private.pem")).arg(&list), b"");
    let printed = String::from_utf8(printed).unwrap();
    assert_eq!(printed.lines().count(), ENVELOPES * PADDINGS.len());
    for (line, sealed) in printed.lines().zip(envelopes()) {
        assert_eq!(line, STANDARD.encode(&sealed.payload), "{}", sealed.padding);
    }
}

#[test]
fn python_opens_a_hundred_of_each_padding() {
    if present("python3", &["-c", "import cryptography"]) {
        opened_by(Command::new("python3").arg(file("open.py")));
    }
}

#[test]
fn a_jdk_opens_a_hundred_of_each_padding() {
    if present("javac", &["-version"]) {
        let classes = tempfile::tempdir().unwrap();
        let compiled = Command::new("javac")
            .arg("-d")
            .arg(classes.path())
            .arg(file("Open.java"))
            .status();
        assert!(compiled.unwrap().success());
        opened_by(
            Command::new("java")
                .arg("-cp")
                .arg(classes.path())
                .arg("Open"),
        );
    }
}

#[test]
fn the_openssl_command_line_opens_a_hundred_of_each_padding() {
    if !present("openssl", &["version"]) {
        return;
    }
    std::thread::scope(|scope| {
        for padding in PADDINGS {
            scope.spawn(move || {
                let of_padding = |sealed: &&Sealed| sealed.padding == padding;
                for sealed in envelopes().iter().filter(of_padding) {
                    assert_eq!(openssl_opens(sealed), sealed.payload, "{padding}");
                }
            });
        }
    });
}

/// The steps of the provider's documentation backwards, a command each.
fn openssl_opens(sealed: &Sealed) -> Vec<u8> {
    let openssl = |args: &[&str], input: &[u8]| feed(Command::new("openssl").args(args), input);
    let (oaep, mask) = match sealed.padding {
        "pkcs1v15" => (None, ""),
        "oaep_sha1" => (Some("sha1"), "sha1"),
        "oaep_sha256" => (Some("sha256"), "sha256"),
        "oaep_sha256_java" => (Some("sha256"), "sha1"),
        "oaep_sha512" => (Some("sha512"), "sha512"),
        _ => (Some("sha512"), "sha1"),
    };
    let wrapped = openssl(&["base64", "-d", "-A"], sealed.key.as_bytes());
    let private = file("flow-private.pem");
    let mut unwrap: Vec<String> = ["pkeyutl", "-decrypt", "-inkey", private.to_str().unwrap()]
        .map(str::to_owned)
        .to_vec();
    let mut option = |text: String| unwrap.extend(["-pkeyopt".to_owned(), text]);
    match oaep {
        None => option("rsa_padding_mode:pkcs1".into()),
        Some(digest) => {
            option("rsa_padding_mode:oaep".into());
            option(format!("rsa_oaep_md:{digest}"));
            option(format!("rsa_mgf1_md:{mask}"));
        }
    }
    let unwrap: Vec<&str> = unwrap.iter().map(String::as_str).collect();
    let k64 = openssl(&unwrap, &wrapped);
    let digest = openssl(&["dgst", "-sha256", "-binary"], &k64);
    let aes_key: String = digest[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let text = openssl(
        &["enc", "-d", "-aes-128-ecb", "-K", &aes_key, "-a", "-A"],
        sealed.value.as_bytes(),
    );
    openssl(&["base64", "-d", "-A"], &text)
}
