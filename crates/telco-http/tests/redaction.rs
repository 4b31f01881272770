//! Nothing private in traces, errors or Debug, at the most talkative level; and the safe fields are there.
#![cfg(any(feature = "rustls", feature = "native-tls"))]
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing
)]

mod support;

use std::io;
use std::sync::{Arc, Mutex};

use support::{Server, endpoint};
use telco_http::{Bytes, http};
use tracing_subscriber::fmt::MakeWriter;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;
    fn make_writer(&self) -> Self {
        self.clone()
    }
}

// Single-threaded, so that the subscriber of this thread sees what the connection tasks say as well.
#[tokio::test]
async fn traces_name_provider_operation_outcome_and_status_and_nothing_private() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let server = Server::start(|mut connection| async move {
        while let Some(head) = connection.request().await {
            if head.contains("/lost") {
                return;
            }
            connection
                .write(b"HTTP/1.1 402 No\r\nx-secret: CANARY-answer-header\r\ncontent-length: 18\r\n\r\nCANARY-answer-body")
                .await;
        }
    })
    .await;
    let endpoint = endpoint(&server);
    let mut shown = format!("{endpoint:?}");
    for path in ["/answered", "/lost"] {
        let target = format!("{path}/CANARY-path?msisdn=CANARY-query");
        let request = http::Request::post(endpoint.uri(&target).unwrap())
            .header("signature", "CANARY-header")
            .body(Bytes::from("CANARY-body"))
            .unwrap();
        if let Err(failure) = endpoint.exchange("credit", request).await {
            shown += &format!("{failure} {failure:?} {failure:#?}");
        }
    }

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(!log.contains("CANARY"), "{log}");
    assert!(!shown.contains("CANARY"), "{shown}");
    for safe in [
        "provider=\"example\"",
        "operation=\"credit\"",
        "outcome=\"answered\"",
        "outcome=\"maybe_sent\"",
        "status=402",
        "elapsed_ms=",
    ] {
        assert!(log.contains(safe), "{safe} is missing in {log}");
    }
}
