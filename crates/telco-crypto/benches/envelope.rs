//! Sealing a batch of 500 calls against its bare steps, in one run: `cargo bench -p telco-crypto --features envelope --bench envelope`.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing
)]

mod common;

use std::fmt::Write as _;
use std::hint::black_box;

use ::aes::Aes128;
use ::aes::cipher::array::Array;
use ::aes::cipher::{BlockCipherEncrypt, KeyInit};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use telco_crypto::envelope::Profile;
use telco_crypto::random::NoRandomness;
use telco_crypto::rsa::{Padding, PublicKey};

fn main() {
    let file: Value = serde_json::from_str(include_str!("../vectors/hybrid_rsa.json")).unwrap();
    let key = PublicKey::load(
        file["test_keys"]["4096"]["public_spki_pem"]
            .as_str()
            .unwrap()
            .as_bytes(),
    )
    .unwrap();
    let mut random = |out: &mut [u8]| getrandom::fill(out).map_err(|_| NoRandomness);
    let mut payload = String::from("{\"calls\":[");
    for i in 0..500 {
        write!(payload, "{{\"client-identifier\":\"call-{i:032}\",\"contact-numbers\":[\"9180000{i:05}\"],\"keys\":[]}},").unwrap();
    }
    payload.push_str("]}");
    let cipher = Aes128::new_from_slice(&[7; 16]).unwrap();

    let [bare, rsa, seal] = common::best_of(
        5,
        50,
        [
            &mut || {
                let mut text = STANDARD.encode(black_box(&payload)).into_bytes();
                text.resize(text.len() / 16 * 16 + 16, 16);
                cipher.encrypt_blocks(Array::slice_as_chunks_mut(&mut text).0);
                drop(black_box(STANDARD.encode(&text)));
            },
            &mut || {
                drop(black_box(
                    key.encrypt(Padding::Pkcs1v15, &[65; 44], &mut random)
                        .unwrap(),
                ))
            },
            &mut || {
                let mut random = |out: &mut [u8]| getrandom::fill(out).map_err(|_| NoRandomness);
                drop(black_box(
                    Profile::default()
                        .seal(black_box(&payload), &key, &mut random)
                        .unwrap(),
                ));
            },
        ],
    );
    println!(
        "seal 500 calls ({} bytes): {:.0} µs; base64 + AES-ECB + base64 {:.0} µs + one RSA public operation {:.0} µs: {:.2} ×",
        payload.len(),
        seal / 1e3,
        bare / 1e3,
        rsa / 1e3,
        seal / (bare + rsa)
    );
}
