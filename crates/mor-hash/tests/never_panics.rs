//! Any method, secret and form, and forms that look like real ones.

mod hostile;

use proptest::prelude::*;

fn form() -> impl Strategy<Value = Vec<u8>> {
    let name = "u|p|user_id|device|users|hash|test|balance|direction|number|a\\[\\]|%[0-9A-G]{2}|[a-z_]{1,8}";
    let value = "(=([0-9]{0,24}|all|incoming|%0A|[+%&=;]{0,3}|.{0,6}))?";
    let pair = (name, value).prop_map(|(name, value)| name + &value);
    let likely = prop::collection::vec(pair, 0..8).prop_map(|pairs| pairs.join("&").into_bytes());
    prop_oneof![3 => likely, 1 => prop::collection::vec(any::<u8>(), 0..80)]
}

proptest! {
    #[test]
    fn forms(
        method in prop_oneof![Just("quickstats_get"), Just("buy_card_from_callingroup"), Just("users_get"), Just("x"), Just("")],
        secret in ".{0,12}",
        form in form(),
    ) {
        hostile::form(method, &secret, &form);
    }

    #[test]
    fn addresses(path in "(https?://)?.{0,12}(/billing/api/)?[a-z_]{0,12}", form in form()) {
        hostile::uri(&format!("{path}?{}", String::from_utf8_lossy(&form)));
        hostile::uri(&path);
    }
}
