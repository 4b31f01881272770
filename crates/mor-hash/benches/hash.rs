//! Ratios of a hash against bare SHA-1 of the finished string, measured in interleaved rounds of one run.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use mor_hash::{Call, Mode, Profile, Secret, Signer};
use sha1::{Digest, Sha1};

/// Short rounds and the quickest of them: what a neighbour on the machine costs is not counted on either side.
const ROUNDS: usize = 400;
const REPEATS: u32 = 200;

fn time(mut work: impl FnMut()) -> Duration {
    let start = Instant::now();
    for _ in 0..REPEATS {
        work();
    }
    start.elapsed() / REPEATS
}

fn compare(what: &str, signer: &Signer, call: &Call<'_>, finished: &str) {
    let expected: [u8; 20] = Sha1::digest(finished).into();
    assert_eq!(signer.hash(call).unwrap().as_bytes(), &expected);
    let (mut bare, mut ours) = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        bare = bare.min(time(|| {
            black_box(Sha1::digest(black_box(finished)));
        }));
        ours = ours.min(time(|| {
            black_box(signer.hash(black_box(call)).unwrap());
        }));
    }
    let ratio = ours.as_secs_f64() / bare.as_secs_f64();
    println!("{what:<44} bare {bare:>9.0?}  hash {ours:>9.0?}  ratio {ratio:.2}");
}

fn main() {
    let ten = [
        ("amount", "100"),
        ("fee", "2"),
        ("user_id", "123"),
        ("payer_email", "someone@example.org"),
        ("description", "Monthly payment"),
        ("transaction", "2S5sdf77"),
        ("p_currency", "EUR"),
        ("tax_in_amount", "1"),
        ("paymenttype", "Myname"),
        ("status", "open"),
    ];
    let finished = "123Monthly paymentEURMyname11002S5sdf77someone@example.org2openVery Sercet Key";
    for profile in [Profile::mor12(), Profile::x8()] {
        let name = format!("10 parameters, scrambled, {}", profile.name());
        let signer = Signer::new(Secret::new("Very Sercet Key"), profile);
        let mut call = Call::new("payment_create");
        call.extend(ten);
        compare(&name, &signer, &call, finished);
    }
    let names: Vec<String> = Profile::mor12().names().map(str::to_owned).collect();
    for count in [24, 48, 96, 192] {
        let signer = Signer::new(Secret::new("secret"), Profile::mor12()).with_mode(Mode::Doc);
        let values: Vec<String> = (0..count).map(|at| format!("value{at}")).collect();
        let mut call = Call::default();
        call.extend(
            names
                .iter()
                .take(count)
                .zip(&values)
                .map(|(n, v)| (n.as_str(), v.as_str()))
                .rev(),
        );
        compare(
            &format!("{count} parameters, backwards, doc"),
            &signer,
            &call,
            &(values.concat() + "secret"),
        );
    }
}
