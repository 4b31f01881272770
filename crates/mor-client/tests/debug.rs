//! A login is often a number: nothing shows it.

#![allow(clippy::unwrap_used)]

use mor_client::methods::{BalanceChange, UserRef};
use mor_client::{Credentials, MorClient};
use telco_core::{Outcome, Provider as _, Reference, Secret, Submission};

mod support;

const LOGIN: &str = "37060000001";

#[test]
fn neither_a_client_nor_its_settings_show_the_login() {
    let credentials = Credentials::new(LOGIN, Secret::new("456789"));
    let builder = MorClient::builder("https://mor.example.com", credentials.clone());
    let shown = format!("{credentials:?} {builder:?}");
    let client = builder.build().unwrap();
    let shown = format!("{shown} {client:?} {}", client.identity());
    assert!(!shown.contains(LOGIN), "{shown}");
    assert!(!shown.contains("456789"), "{shown}");
}

#[tokio::test]
async fn neither_a_user_nor_a_changed_balance_shows_the_login() {
    let user = format!("{:?} {:?}", UserRef::Username(LOGIN.into()), UserRef::Id(7));
    assert_eq!(user, "Username(***) Id(7)");
    let (client, _) = support::mor(
        "<page><page><status>User balance updated</status><user><username>37060000001</username><balance>15.0</balance></user></page></page>",
    );
    let amount = mor_client::Decimal::parse("1").unwrap();
    let told: Submission<BalanceChange> = client
        .add_to_balance(&Reference::new("r-1").unwrap(), 2, &amount)
        .await
        .unwrap();
    assert_eq!(told.outcome(), Outcome::Accepted);
    let shown = format!("{told:?}");
    assert!(!shown.contains(LOGIN) && shown.contains("15.0"), "{shown}");
}
