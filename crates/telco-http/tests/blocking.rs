//! Calls without an async runtime: their results come back unchanged, and connections are looked after between them.
#![cfg(any(feature = "rustls", feature = "native-tls"))]
#![allow(missing_docs, clippy::unwrap_used, unreachable_pub)]

mod support;

use std::sync::mpsc;
use std::time::Duration;

use support::{Server, endpoint, endpoint_with, get};
use telco_core::{Error, ErrorKind, NotSent, Reference, Submission};
use telco_http::{Blocking, Settings};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// A server on a runtime of its own, since the test has none.
fn serve<F>(
    each: impl Fn(support::Connection) -> F + Send + Sync + 'static,
) -> (tokio::runtime::Runtime, Server)
where
    F: Future<Output = ()> + Send + 'static,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let server = runtime.block_on(Server::start(each));
    (runtime, server)
}

#[test]
fn calls_one_after_the_other_and_from_many_threads() {
    let (_runtime, server) = serve(|mut connection| async move {
        while connection.request().await.is_some() {
            connection.write(OK).await;
        }
    });
    let blocking = Blocking::new().unwrap();
    let endpoint = endpoint(&server);
    let ask = || {
        let answer = blocking.run(get(&endpoint, "/")).unwrap();
        assert_eq!(answer.body().as_ref(), b"ok");
    };
    // A connection goes back to the pool on another thread: the very next call may come too early for it.
    let mut calls = 0;
    while server.connections() == calls {
        assert!(calls < 100, "no connection is ever used again");
        ask();
        calls += 1;
    }
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(ask);
        }
    });
    assert_eq!(server.heads().len(), calls + 4);
}

/// Nobody calls any more, and still the idle connection is closed in time: somebody looks after it.
#[test]
fn connections_are_looked_after_between_calls() {
    let (closed, is_closed) = mpsc::channel();
    let (_runtime, server) = serve(move |mut connection| {
        let closed = closed.clone();
        async move {
            while connection.request().await.is_some() {
                connection.write(OK).await;
            }
            closed.send(()).unwrap();
        }
    });
    let settings = Settings::default().with_idle_timeout(Duration::from_millis(20));
    let endpoint = endpoint_with(server.base(), settings);
    let blocking = Blocking::new().unwrap();
    blocking.run(get(&endpoint, "/")).unwrap();
    is_closed.recv_timeout(Duration::from_secs(20)).unwrap();
}

#[test]
fn an_outcome_comes_back_as_it_is() {
    let blocking = Blocking::new().unwrap();
    let reference = Reference::new("order-1").unwrap();
    let lost = || Error::in_doubt(ErrorKind::Timeout, "no answer");
    let unknown = blocking
        .run(async { Submission::<()>::after_failure(&reference, lost()) })
        .unwrap();
    assert!(matches!(unknown, Submission::Unknown(_)));
    let refused = blocking.run(async { Err::<(), _>(NotSent::new(ErrorKind::InvalidInput, "no")) });
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn inside_an_async_runtime_nothing_is_sent_and_nothing_panics() {
    let blocking = Blocking::new().unwrap();
    let mut begun = false;
    let refused = blocking.run(async {
        begun = true;
        Ok::<(), NotSent>(())
    });
    assert!(!begun);
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidConfiguration);
    drop(blocking);
}
