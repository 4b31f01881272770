//! Codes checked on our side: the order of the checks, rotation, storage, workers, a store that fails.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use support::*;
use telco_core::{
    ErrorKind, Identity, NoRandomness, OtpCode, PendingOtp, Randomness, SecretBytes, Verification,
};
use telco_otp::{LocalOtp, MemoryOtpStore, OtpKey};

fn setup() -> (LocalOtp, Arc<Hand>) {
    let clock = Hand::new();
    let store = Arc::new(MemoryOtpStore::with_clock(clock.clone()));
    (local(store, &clock), clock)
}

async fn typed(codes: &LocalOtp, pending: &PendingOtp, text: &str) -> Verification {
    let code = secret(text);
    codes.check(&me(), pending, Some(&code)).await.unwrap()
}

const fn wrong(left: u32) -> Verification {
    Verification::Invalid {
        attempts_left: Some(left),
    }
}

#[tokio::test]
async fn any_of_the_right_forms_lets_in_once() {
    for right in ["8955", "622150808955"] {
        let (codes, _) = setup();
        let forms = [secret("8955"), secret("622150808955")];
        let pending = codes.pending(&me(), &request(), &forms).unwrap();
        assert_eq!(typed(&codes, &pending, "0000").await, wrong(4));
        assert_eq!(
            typed(&codes, &pending, right).await,
            Verification::Valid(to())
        );
        assert_eq!(
            typed(&codes, &pending, right).await,
            Verification::AlreadyUsed
        );
        assert_eq!(typed(&codes, &pending, "0000").await, wrong(1));
    }
}

/// Two forms may be the same text.
#[tokio::test]
async fn a_form_that_is_named_twice_lets_in_too() {
    let (codes, _) = setup();
    let forms = [secret("8955"), secret("8955")];
    let pending = codes.pending(&me(), &request(), &forms).unwrap();
    let valid = Verification::Valid(to());
    assert_eq!(typed(&codes, &pending, "8955").await, valid);
}

#[test]
fn a_typed_code_is_digits_with_blanks_and_hyphens() {
    let (codes, _) = setup();
    for typed in [
        "48291a3",
        "482_913",
        "4829133",
        "48291",
        "",
        "482\u{00b2}913",
    ] {
        assert!(codes.typed(&OtpCode::new(typed)).is_none(), "{typed}");
    }
}

#[tokio::test]
async fn too_late_comes_first_and_nonsense_counts_nothing() {
    let (codes, clock) = setup();
    let pending = codes.pending(&me(), &request(), &[secret("8955")]).unwrap();
    for _ in 0..10 {
        let checked = codes.check(&me(), &pending, None).await.unwrap();
        assert_eq!(checked, Verification::Malformed);
    }
    assert_eq!(typed(&codes, &pending, "0000").await, wrong(4));
    clock.advance(Duration::from_secs(300));
    for candidate in [None, Some(secret("8955"))] {
        let checked = codes.check(&me(), &pending, candidate.as_ref()).await;
        assert_eq!(checked.unwrap(), Verification::Expired);
    }
    let nothing = codes.pending(&me(), &request(), &[]).unwrap();
    let checked = codes.check(&me(), &nothing, None).await.unwrap();
    assert_eq!(checked, Verification::NotFound);
}

#[tokio::test]
async fn attempts_are_counted_before_comparing() {
    let (codes, _) = setup();
    let pending = codes.pending(&me(), &request(), &[secret("8955")]).unwrap();
    for left in (0..5).rev() {
        assert_eq!(typed(&codes, &pending, "0000").await, wrong(left));
    }
    let locked = typed(&codes, &pending, "8955").await;
    assert_eq!(locked, Verification::TooManyAttempts);
    // Another code of the same number has attempts of its own.
    let other = codes.pending(&me(), &request(), &[secret("8955")]).unwrap();
    assert_eq!(
        typed(&codes, &other, "8955").await,
        Verification::Valid(to())
    );
}

#[tokio::test]
async fn a_hundred_guesses_at_once_are_a_hundred_attempts() {
    let (codes, _) = setup();
    let pending = codes.pending(&me(), &request(), &[secret("8955")]).unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..100 {
        let (codes, pending) = (codes.clone(), pending.clone());
        tasks.spawn(async move { typed(&codes, &pending, &format!("{n:04}")).await });
    }
    let mut compared = 0;
    while let Some(checked) = tasks.join_next().await {
        compared += u32::from(matches!(checked.unwrap(), Verification::Invalid { .. }));
    }
    assert_eq!(compared, codes.max_attempts);
}

#[tokio::test]
async fn a_record_opens_nothing_once_it_was_changed() {
    let (codes, clock) = setup();
    let pending = codes.pending(&me(), &request(), &[secret("8955")]).unwrap();
    let stored = pending.to_storage();
    let restored = PendingOtp::from_storage(&stored).unwrap();
    assert_eq!(restored, pending);
    let parts: Vec<&str> = stored.split('|').collect();
    let later = (clock.after(Duration::from_secs(86_400)))
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_millis()
        .to_string();
    for (place, other) in [(3, "login-2"), (4, "6281234567891"), (5, "1"), (6, &later)] {
        let mut changed = parts.clone();
        *changed.get_mut(place).unwrap() = other;
        let changed = PendingOtp::from_storage(&changed.join("|")).unwrap();
        let checked = typed(&codes, &changed, "8955").await;
        assert!(matches!(checked, Verification::Invalid { .. }), "{place}");
    }
    let foreign = Identity::new("example", "voice");
    let refused = codes.check(&foreign, &pending, Some(&secret("8955"))).await;
    assert!(refused.is_err());
    assert_eq!(
        typed(&codes, &restored, "8955").await,
        Verification::Valid(to())
    );
}

#[tokio::test]
async fn damaged_records_are_errors_and_count_nothing() {
    let (codes, clock) = setup();
    let expires = Some(clock.after(Duration::from_secs(60)));
    let now = clock.after(Duration::ZERO);
    for state in ["", "k1", "k1:nonce", "k1:nonce:digest:more"] {
        let damaged = PendingOtp::new(&me(), &request(), now, expires, state.into());
        let refused = codes.check(&me(), &damaged, Some(&secret("8955"))).await;
        assert_eq!(
            refused.unwrap_err().kind(),
            ErrorKind::InvalidInput,
            "{state}"
        );
    }
    let endless = PendingOtp::new(&me(), &request(), now, None, "k1:n:d".into());
    assert!(codes.check(&me(), &endless, None).await.is_err());
}

#[tokio::test]
async fn keys_are_rotated_without_losing_codes() {
    let (old, _) = setup();
    let pending = old.pending(&me(), &request(), &[secret("8955")]).unwrap();
    assert!(pending.state_for(&me()).unwrap().starts_with("k1:"));
    let fresh = || LocalOtp::new(key("k2", 8), old.store().clone());
    let clocked = |codes: LocalOtp| {
        let clock = Hand::new();
        codes.with_sources(clock, Arc::new(telco_core::OsRandomness))
    };
    let both = clocked(fresh()).also_accepting(key("k1", 7));
    assert_eq!(typed(&both, &pending, "0000").await, wrong(4));
    assert_eq!(
        typed(&both, &pending, "8955").await,
        Verification::Valid(to())
    );
    let new = both.pending(&me(), &request(), &[secret("1111")]).unwrap();
    assert!(new.state_for(&me()).unwrap().starts_with("k2:"));
    // Attempts go on counting across the rotation: the counter's name is under the code's own key.
    assert_eq!(typed(&old, &pending, "0000").await, wrong(2));

    let without = clocked(fresh());
    let refused = without.check(&me(), &pending, Some(&secret("8955"))).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidConfiguration);
    assert!(refused.help().unwrap().contains("also_accepting"));
    // The same name with other bytes is not the same key.
    let impostor = clocked(LocalOtp::new(key("k1", 9), old.store().clone()));
    assert_eq!(typed(&impostor, &pending, "8955").await, wrong(4));
}

#[tokio::test]
async fn a_code_can_be_voided_and_a_providers_word_compared() {
    let (codes, _) = setup();
    let pending = codes.pending(&me(), &request(), &[secret("8955")]).unwrap();
    for (text, fits) in [("8955", true), ("8956", false), ("", false)] {
        for _ in 0..10 {
            let matches = codes.matches(&me(), &pending, &secret(text)).unwrap();
            assert_eq!(matches, fits, "{text}");
        }
    }
    codes.void(&me(), &pending).await.unwrap();
    assert_eq!(typed(&codes, &pending, "0000").await, wrong(4));
    assert_eq!(
        typed(&codes, &pending, "8955").await,
        Verification::AlreadyUsed
    );
    codes.void(&me(), &pending).await.unwrap();
}

#[tokio::test]
async fn nobody_is_let_in_while_the_store_is_gone() {
    let clock = Hand::new();
    let codes = local(Arc::new(Gone), &clock);
    let pending = codes.pending(&me(), &request(), &[secret("8955")]).unwrap();
    let refused = codes.check(&me(), &pending, Some(&secret("8955"))).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Storage);
    assert!(codes.void(&me(), &pending).await.is_err());
}

#[test]
fn codes_have_their_digits_and_differ() {
    let (mut codes, _) = setup();
    for (digits, length) in [(0, 4), (4, 4), (6, 6), (8, 8)] {
        codes.digits = digits;
        let made: HashSet<String> = (0..200)
            .map(|_| codes.new_code().unwrap().expose().to_owned())
            .collect();
        assert!(made.len() > 100);
        assert!(made.iter().all(|code| {
            code.len() == length && code.bytes().all(|byte| byte.is_ascii_digit())
        }));
    }
}

#[test]
fn without_randomness_there_is_no_code() {
    #[derive(Debug)]
    struct Dry;
    impl Randomness for Dry {
        fn fill(&self, _: &mut [u8]) -> Result<(), NoRandomness> {
            Err(NoRandomness::new())
        }
    }
    let (codes, clock) = setup();
    let codes = codes.with_sources(clock, Arc::new(Dry));
    assert!(codes.new_code().is_err());
    assert!(codes.pending(&me(), &request(), &[]).is_err());
}

#[test]
fn keys_and_codes_are_not_shown() {
    let (codes, _) = setup();
    let pending = codes
        .pending(&me(), &request(), &[secret("89551234")])
        .unwrap();
    let shown = format!("{codes:?} {pending:?} {:?}", key("k1", 7));
    assert!(!shown.contains("[7, 7"), "{shown}");
    assert!(!pending.to_storage().contains("89551234"));
    for (id, bytes) in [
        ("", 32),
        ("a b", 32),
        (&*"x".repeat(33), 32),
        ("k", 31),
        ("k", 0),
    ] {
        assert!(OtpKey::new(id, SecretBytes::new(vec![1; bytes])).is_err());
    }
}
