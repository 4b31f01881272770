//! What is in a key file, in plain words: `cargo run -p telco-crypto --features xml --example key_check -- FILE`.
//! Without a file it makes a key and looks at that.
#![allow(clippy::print_stdout)]

use std::error::Error;

use telco_crypto::random::NoRandomness;
use telco_crypto::rsa::{KeySize, LoadOptions, PrivateKey};

fn main() -> Result<(), Box<dyn Error>> {
    let input = match std::env::args_os().nth(1) {
        Some(file) => std::fs::read(file)?,
        None => {
            let mut random = |out: &mut [u8]| getrandom::fill(out).map_err(|_| NoRandomness);
            PrivateKey::generate(KeySize::Bits2048, &mut random)?
                .reveal_xml()
                .as_bytes()
                .to_vec()
        }
    };
    match PrivateKey::load(&input) {
        Ok(key) => {
            println!(
                "{key:?}; its public half, for registration:\n{}",
                key.public_key().to_xml()
            );
            if let Err(error) = PrivateKey::load_with(&input, &LoadOptions::new().strict()) {
                println!("warning: {error}; it was computed anew");
            }
        }
        Err(error) => println!("{}: {error}", error.name()),
    }
    Ok(())
}
