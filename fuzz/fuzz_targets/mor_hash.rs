//! Any received form, any secret, any profile: hashed or refused, never a panic; and what is hashed can be sent and
//! read back with the same hash.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mor_hash::{Limits, Mode, Profile, ReceivedCall, Secret, Signer, diagnose};

fuzz_target!(|input: (u8, &str, &str, &[u8])| {
    let (choice, method, secret, form) = input;
    let Ok(received) = ReceivedCall::from_form(method, form) else { return };
    let [a, b, c, d, e] = Profile::all();
    let profile = [a, b, c, d, e].into_iter().nth(usize::from(choice % 5)).unwrap_or_default();
    for mode in [Mode::Strict, Mode::Server, Mode::Doc] {
        let signer = Signer::new(Secret::new(secret), profile.clone()).with_mode(mode);
        let Ok(hash) = signer.hash(received.call()) else { continue };
        let explanation = signer.explain(received.call()).expect("what is hashed can be explained");
        assert_eq!(explanation.hash, hash);
        assert_eq!(explanation.rows.len() + explanation.skipped.len(), received.call().params().len());
        if let Ok(request) = signer.request(received.call()) {
            let sent = ReceivedCall::from_form(request.method(), request.form().as_bytes()).expect("our own form");
            signer.verify(sent.call(), sent.hash().unwrap_or_default()).expect("our own hash");
        }
        let _ = diagnose(received.call(), &hash.to_hex(), &[Secret::new(secret)], &profile, Limits::default());
    }
});
