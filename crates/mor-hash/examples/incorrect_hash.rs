//! "Incorrect hash": which version and which key does a hash that works belong to?
//! `cargo run -p mor-hash --example incorrect_hash`
#![allow(clippy::print_stdout)]

use mor_hash::{Error, Limits, Profile, ReceivedCall, Secret, diagnose};

fn main() -> Result<(), Error> {
    let pasted = ReceivedCall::from_uri(
        "https://mor.example/billing/api/card_payment_add?u=username&number=1111111001&amount=5&currency=EUR\
         &description=text&hash=d6ce58f8a1ea56ff075c16c45b3e1714298a14d7",
    )?;
    let keys = ["456789", "secret"];
    let secrets = keys.map(Secret::new);
    let hash = pasted.hash().ok_or(Error::MalformedHash)?;
    let found = diagnose(
        pasted.call(),
        hash,
        &secrets,
        &Profile::x5(),
        Limits::default(),
    )?;
    for fit in found.matches {
        println!(
            "{}, key number {}, hashed: {}",
            fit.reading,
            fit.secret + 1,
            fit.names.join(" ")
        );
    }
    Ok(())
}
