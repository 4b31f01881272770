//! The additive stream against bare base64 of the same bytes, in one run: `cargo bench -p telco-crypto --bench additive`.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::print_stdout
)]

mod common;

use std::hint::black_box;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use telco_crypto::additive::{AdditiveStream, Freshness};

fn main() {
    let stream = AdditiveStream::new("demo", "fe01ce2a7fbac8fafaed7c982a04e229").unwrap();
    let sample = r#"{"msisdn":"081234567890","gateway":1,"clientUniqueId":"1234567890"}"#;
    let long: String = sample.chars().cycle().take(64 * 1024).collect();
    let at = 1_519_012_727;

    for (name, text, calls) in [
        ("67-byte sample", sample.to_owned(), 20_000),
        ("64 KiB", long, 100),
    ] {
        let encoded = URL_SAFE_NO_PAD.encode(&text);
        let ciphertext = stream.encrypt(&text, at).unwrap();
        let [encode, encrypt, decode, decrypt] = common::best_of(
            calls,
            100,
            [
                &mut || drop(black_box(URL_SAFE_NO_PAD.encode(black_box(&text)))),
                &mut || drop(black_box(stream.encrypt(black_box(&text), at).unwrap())),
                &mut || {
                    drop(black_box(
                        URL_SAFE_NO_PAD.decode(black_box(&encoded)).unwrap(),
                    ))
                },
                &mut || {
                    drop(black_box(
                        stream
                            .decrypt(black_box(&ciphertext), Freshness::around(at))
                            .unwrap(),
                    ))
                },
            ],
        );
        println!(
            "{name}: encrypt {encrypt:.0} ns, base64 encode {encode:.0} ns: {:.2} × its speed",
            encode / encrypt
        );
        println!(
            "{name}: decrypt {decrypt:.0} ns, base64 decode {decode:.0} ns: {:.2} × its speed",
            decode / decrypt
        );
    }
}
