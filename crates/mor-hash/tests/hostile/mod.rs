//! Whatever reads text from outside, as one function: driven by `never_panics.rs` and by the fuzz target.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use mor_hash::{Limits, Mode, Profile, ReceivedCall, Secret, Signer, diagnose};

/// Any received form under any profile: hashed or refused; what is hashed can be explained, sent and read back with the
/// same hash.
pub fn form(method: &str, secret: &str, form: &[u8]) {
    let Ok(received) = ReceivedCall::from_form(method, form) else {
        return;
    };
    let call = received.call();
    for profile in Profile::all() {
        for mode in [Mode::Strict, Mode::Server, Mode::Doc] {
            let signer = Signer::new(Secret::new(secret), profile.clone()).with_mode(mode);
            let Ok(hash) = signer.hash(call) else {
                continue;
            };
            let explanation = signer.explain(call).unwrap();
            assert_eq!(explanation.hash, hash);
            assert_eq!(
                explanation.rows.len() + explanation.skipped.len(),
                call.params().len()
            );
            if let Ok(request) = signer.request(call) {
                let form = request.form().as_bytes();
                let sent = ReceivedCall::from_form(request.method(), form).unwrap();
                signer
                    .verify(sent.call(), sent.hash().unwrap_or_default())
                    .unwrap();
            }
        }
    }
    let hash = received.hash().unwrap_or_default();
    let secrets = [Secret::new(secret)];
    let limits = Limits::default().with_max_hashes(500);
    let _ = diagnose(call, hash, &secrets, &Profile::x8(), limits);
}

/// A pasted address.
pub fn uri(text: &str) {
    if let Ok(received) = ReceivedCall::from_uri(text) {
        let _ = format!("{received:?}");
        form(received.call().method(), "secret", text.as_bytes());
    }
}
