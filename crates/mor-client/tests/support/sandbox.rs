//! A client against the sandbox: a second implementation of the server, which knows what really happened.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::time::Duration;

use mor_client::{Builder, Credentials, MorClient};
use telco_core::Secret;
use telco_http::{ReadRetry, Settings};
use telco_sandbox::Sandbox;

/// How long the client waits for an answer.
pub const TIMEOUT: Duration = Duration::from_millis(400);

pub async fn sandbox() -> Sandbox {
    Sandbox::start().await.unwrap()
}

pub fn settings() -> Settings {
    Settings::default().with_timeouts(TIMEOUT, TIMEOUT)
}

pub fn builder(sandbox: &Sandbox) -> Builder {
    let given = sandbox.credentials("mor").unwrap();
    let secret = Secret::new(given["secret"].as_str().unwrap());
    MorClient::builder(
        sandbox.base_url("mor").unwrap(),
        Credentials::new(given["user"].as_str().unwrap(), secret),
    )
    .read_retry(ReadRetry::none())
    .settings(settings())
}

pub fn client(sandbox: &Sandbox) -> MorClient {
    builder(sandbox).build().unwrap()
}
