//! Exact bytes on the wire, and every answer read as the specification reads it.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

#[path = "../support/mod.rs"]
mod support;

mod answers;
mod batches;
mod once;
mod reads;
mod requests;

use std::time::Duration;

use kairos_client::envelope::Envelope;
use kairos_client::{
    Builder, Class, Code, ContactNumber, FetchAttempt, Finding, FlowId, InvalidOrder, Kairos, Kind,
    NumberPolicy, Order, PullVersion, SecurityId, StartTime,
};
use serde_json::{Value, json};
use support::*;
use telco_core::{
    BatchReceipt, CallExt, CallTrigger, Delivery, Error, ErrorKind, NotSent, Outcome, ReplayGuard,
    Secret, Submission, async_trait,
};
use telco_http::{Bytes, ReadRetry, Settings, Transport, http};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

async fn server(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(answer)
        .mount(&server)
        .await;
    server
}

fn says(status: u16, body: Value) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(body)
}

fn at(server: &MockServer, kind: Kind) -> Builder {
    builder(kind).base_url(format!("{}/kairos-apis", server.uri()))
}

async fn received(server: &MockServer) -> Vec<wiremock::Request> {
    server.received_requests().await.unwrap()
}

/// Sends three calls to a server that answers so.
async fn told(kind: Kind, answer: ResponseTemplate) -> Submission<BatchReceipt> {
    let server = server(answer).await;
    let kairos = at(&server, kind).build().unwrap();
    let prepared = kairos.prepare(&three()).unwrap().remove(0);
    let outcome = kairos.send(prepared).await.unwrap();
    assert_eq!(
        received(&server).await.len(),
        1,
        "one send is one transmission"
    );
    outcome
}

fn rows(receipt: BatchReceipt) -> Vec<(String, Outcome, Option<String>)> {
    let row =
        |(reference, outcome): (telco_core::Reference, Submission<telco_core::CallReceipt>)| {
            let label = outcome.outcome();
            (
                reference.to_string(),
                label,
                outcome
                    .unknown_as_error()
                    .ok()
                    .and_then(|receipt| receipt.call_id),
            )
        };
    receipt.calls.into_iter().map(row).collect()
}

fn success() -> Value {
    json!({"api-response-code": 200, "api-response-message": "Success", "request-id": "r-1", "call-details": [
        {"client-identifier": "c-1", "phonon-uuid": "u-1"},
        {"client-identifier": "c-2", "phonon-uuid": "u-2"},
        {"client-identifier": "c-3", "phonon-uuid": "u-3"},
    ]})
}
