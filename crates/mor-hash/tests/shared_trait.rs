//! The shared `RequestSigner`.

use mor_hash::{Call, Profile, Secret, Signer};
use telco_core::{ErrorKind, FieldFate, RequestSigner};

#[test]
fn the_shared_report_says_what_is_covered() {
    let signer = Signer::new(Secret::new("456789"), Profile::mor12());
    let call = Call::new("user_details")
        .with("u", "admin")
        .with("user_id", "123")
        .with("pin", "4711");
    let report = RequestSigner::explain(&signer, &call).unwrap();
    assert_eq!(report.signed_text, "123******");
    assert_eq!(report.value, RequestSigner::sign(&signer, &call).unwrap());
    assert_eq!(report.value.expose(), signer.hash(&call).unwrap().to_hex());
    assert_eq!(report.fields.len(), 3);
    assert_eq!(
        report.fields[1].fate,
        FieldFate::Signed {
            position: 1,
            text: "***".into()
        }
    );
    assert!(matches!(
        report.fields[2].fate,
        FieldFate::NotCovered { .. }
    ));
    assert!(!format!("{report:?}").contains("456789") && !format!("{report:?}").contains("4711"));
}

#[test]
fn what_cannot_be_hashed_is_not_sent() {
    let call = Call::new("user_details").with("user_id", "12a");
    let refused = |secret: &str, call: &Call<'_>| {
        RequestSigner::sign(&Signer::new(Secret::new(secret), Profile::x8()), call).unwrap_err()
    };
    assert_eq!(refused("secret", &call).kind(), ErrorKind::InvalidInput);
    let refused = refused(" secret", &call);
    assert_eq!(refused.kind(), ErrorKind::InvalidConfiguration);
    assert!(!format!("{refused:?}").contains("secret\""), "{refused:?}");
}
