//! The hash of one call, and what it covers. `cargo run -p mor-hash --example hash`
#![allow(clippy::print_stdout)]

use mor_hash::{Call, Error, Profile, Secret, Signer};

fn main() -> Result<(), Error> {
    let signer = Signer::new(Secret::new("an API secret key"), Profile::x8());
    let call = Call::new("payment_create")
        .with("u", "admin")
        .with("user_id", "12")
        .with("amount", "10")
        .with("p_currency", "EUR")
        .with("comments_for_user", "not covered by the hash");
    println!("{}", signer.explain(&call)?);
    println!(
        "\nPOST {}\n{}",
        signer.request(&call)?.path("/billing/api"),
        signer.request(&call)?.form()
    );
    Ok(())
}
