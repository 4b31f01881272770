//! The sandbox's room, seen from the outside.

use fanap_client::core::Msisdn;
use fanap_client::{Application, Builder, Client, PrivateKey, ServiceKey, SubscriptionCheck};
use telco_sandbox::{Arrival, Filter, Operation, Sandbox};

pub fn text(sandbox: &Sandbox, field: &str) -> String {
    let credentials = sandbox.credentials("fanap").unwrap();
    super::text(&credentials, field).to_owned()
}

fn key(sandbox: &Sandbox) -> PrivateKey {
    PrivateKey::load(text(sandbox, "private_key").as_bytes()).unwrap()
}

pub fn builder(sandbox: &Sandbox) -> Builder {
    let ids = (text(sandbox, "app_id"), text(sandbox, "tenant_id"));
    let application = Application::new(&ids.0, &ids.1).unwrap();
    Client::builder(application, key(sandbox)).base_url(sandbox.base_url("fanap").unwrap())
}

pub fn service_key(sandbox: &Sandbox) -> ServiceKey {
    ServiceKey::new(text(sandbox, "service_key")).unwrap()
}

pub fn check(sandbox: &Sandbox) -> SubscriptionCheck {
    let product = text(sandbox, "product_id").parse().unwrap();
    SubscriptionCheck::builder(product, key(sandbox))
        .base_url(sandbox.base_url("fanap").unwrap())
        .build()
        .unwrap()
}

/// All operations of a kind, as the provider's books have them.
pub fn operations(sandbox: &Sandbox, kind: &str) -> Vec<Operation> {
    let filter = Filter {
        provider: Some("fanap".to_owned()),
        limit: usize::MAX,
        ..Filter::default()
    };
    let all = sandbox.ledger().operations(&filter).into_iter();
    all.filter(|operation| operation.kind == kind).collect()
}

/// The code in the newest message, as the phone's owner reads it.
pub fn code_at(sandbox: &Sandbox, phone: &Msisdn) -> Option<String> {
    match &sandbox.handset(phone.expose()).first()?.arrival {
        Arrival::Message { text, .. } => Some(text.chars().filter(char::is_ascii_digit).collect()),
        _ => None,
    }
}
