//! What really goes over the wire, counted at raw sockets: nothing is sent twice, and "not sent" is never a lie.
#![cfg(any(feature = "rustls", feature = "native-tls"))]
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use std::time::Duration;

use support::{Server, endpoint, endpoint_with, get};
use telco_core::{Delivery, Error, ErrorKind};
use telco_http::{Settings, partial_body};
use tokio::io::AsyncWriteExt as _;
use tokio::time::sleep;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

#[tokio::test]
async fn a_pooled_connection_that_dies_under_a_request_never_leads_to_a_second_send() {
    let server = Server::start(|mut connection| async move {
        connection.request().await;
        connection.write(OK).await;
        if connection.number() == 0 {
            connection.request().await; // and closed without a word
        }
    })
    .await;
    let endpoint = endpoint(&server);

    get(&endpoint, "/first").await.unwrap();
    let failure = get(&endpoint, "/second").await.unwrap_err();

    assert_eq!(failure.delivery(), Delivery::MaybeSent);
    assert_eq!(server.targets(), ["/first", "/second"]);
}

#[tokio::test]
async fn a_pooled_connection_that_was_closed_while_idle_costs_nothing() {
    let server = Server::start(|mut connection| async move {
        connection.request().await;
        connection.write(OK).await;
    })
    .await;
    let endpoint = endpoint(&server);

    get(&endpoint, "/first").await.unwrap();
    sleep(Duration::from_millis(50)).await;
    get(&endpoint, "/second").await.unwrap();

    assert_eq!(server.targets(), ["/first", "/second"]);
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn whenever_a_pooled_connection_is_closed_no_request_is_seen_twice() {
    let server = Server::start(|mut connection| async move {
        connection.request().await;
        connection.write(OK).await;
        // Closed at a moment that wanders over the next request.
        sleep(Duration::from_micros(connection.number() as u64 * 7 % 400)).await;
    })
    .await;
    let endpoint = endpoint(&server);

    let mut answered = 0;
    for n in 0..300 {
        match get(&endpoint, &format!("/{n}")).await {
            Ok(_) => answered += 1,
            Err(failure) => assert_eq!(failure.delivery(), Delivery::MaybeSent),
        }
    }
    let mut seen = server.targets();
    let all = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), all, "a request was sent twice");
    assert!(answered <= all);
}

#[tokio::test]
async fn connections_are_reused() {
    let server = Server::start(|mut connection| async move {
        while connection.request().await.is_some() {
            connection.write(OK).await;
        }
    })
    .await;
    let endpoint = endpoint(&server);
    for n in 0..5 {
        get(&endpoint, &format!("/{n}")).await.unwrap();
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn no_answer_in_time_is_maybe_sent() {
    let server = Server::start(|mut connection| async move {
        connection.request().await;
        sleep(Duration::from_secs(60)).await;
    })
    .await;
    let failure = get(&endpoint(&server), "/").await.unwrap_err();
    assert_eq!(
        (failure.kind(), failure.delivery()),
        (ErrorKind::Timeout, Delivery::MaybeSent)
    );
    assert_eq!(server.targets().len(), 1);
}

#[tokio::test]
async fn broken_and_unreadable_answers_are_maybe_sent() {
    for answer in [
        &b""[..],
        b"HTTP/1.1 2",
        b"hello, this is not HTTP\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: nonsense\r\n\r\n",
    ] {
        let server = Server::start(move |mut connection| async move {
            connection.request().await;
            connection.write(answer).await;
        })
        .await;
        let failure = get(&endpoint(&server), "/").await.unwrap_err();
        assert_eq!(failure.delivery(), Delivery::MaybeSent, "{answer:?}");
        assert_eq!(server.targets().len(), 1, "{answer:?}");
    }
}

#[tokio::test]
async fn a_reset_before_or_after_reading_is_maybe_sent() {
    for read_first in [true, false] {
        let server = Server::start(move |mut connection| async move {
            if read_first {
                connection.request().await;
            }
            connection.reset();
        })
        .await;
        let failure = get(&endpoint(&server), "/").await.unwrap_err();
        assert_eq!(failure.delivery(), Delivery::MaybeSent);
        assert_eq!(server.connections(), 1);
    }
}

#[tokio::test]
async fn only_a_connection_that_never_was_is_not_sent() {
    let closed = Server::refusing().await;
    let unresolvable = "https://no-such-host.invalid";
    for base in [closed.as_str(), unresolvable] {
        let failure = get(&endpoint_with(base, Settings::default()), "/")
            .await
            .unwrap_err();
        assert_eq!(
            (failure.kind(), failure.delivery()),
            (ErrorKind::Connect, Delivery::NotSent)
        );
        assert!(failure.help().is_some());
    }
}

#[cfg(feature = "rustls")]
#[tokio::test]
async fn a_failed_or_stalled_tls_handshake_is_not_sent() {
    let plain = Server::start(|mut connection| async move {
        connection.write(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        sleep(Duration::from_secs(60)).await;
    })
    .await;
    let silent = Server::start(|connection| async move {
        sleep(Duration::from_secs(60)).await;
        drop(connection);
    })
    .await;
    for (server, says) in [(plain, "TLS failed"), (silent, "time limit")] {
        let base = server.base().replace("http:", "https:");
        let settings =
            Settings::default().with_timeouts(Duration::from_millis(300), Duration::from_secs(30));
        let failure = get(&endpoint_with(&base, settings), "/").await.unwrap_err();
        assert_eq!(failure.delivery(), Delivery::NotSent);
        assert!(failure.to_string().contains(says), "{failure}");
    }
}

#[tokio::test]
async fn redirects_are_answers_and_cookies_are_forgotten() {
    let elsewhere = Server::start(|mut connection| async move {
        connection.request().await;
        connection.write(OK).await;
    })
    .await;
    let location = format!(
        "HTTP/1.1 302 Found\r\nlocation: {}/stolen\r\nset-cookie: a=b\r\ncontent-length: 0\r\n\r\n",
        elsewhere.base()
    );
    let server = Server::start(move |mut connection| {
        let location = location.clone();
        async move {
            while connection.request().await.is_some() {
                connection.write(location.as_bytes()).await;
            }
        }
    })
    .await;
    let endpoint = endpoint(&server);
    for _ in 0..2 {
        assert_eq!(get(&endpoint, "/").await.unwrap().status(), 302);
    }
    assert_eq!(elsewhere.connections(), 0);
    assert!(
        server
            .heads()
            .iter()
            .all(|head| !head.to_ascii_lowercase().contains("cookie"))
    );
}

#[tokio::test]
async fn a_body_that_breaks_off_is_kept_but_is_no_answer() {
    for status in ["200 OK", "402 Payment Required"] {
        let server = Server::start(move |mut connection| async move {
            connection.request().await;
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: 100\r\n\r\n{{\"pin\":\"12");
            connection.write(head.as_bytes()).await;
        })
        .await;
        let failure = get(&endpoint(&server), "/").await.unwrap_err();
        assert_eq!(failure.delivery(), Delivery::MaybeSent);
        assert_eq!(failure.http_status(), status[..3].parse().ok());
        assert_eq!(partial_body(&failure).unwrap().expose(), b"{\"pin\":\"12");
        assert!(!format!("{failure:?}").contains("pin"));
    }
}

#[tokio::test]
async fn a_body_that_stalls_is_maybe_sent() {
    let server = Server::start(|mut connection| async move {
        connection.request().await;
        connection
            .write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
            .await;
        sleep(Duration::from_secs(60)).await;
    })
    .await;
    let failure = get(&endpoint(&server), "/").await.unwrap_err();
    assert_eq!(
        (failure.kind(), failure.delivery()),
        (ErrorKind::Timeout, Delivery::MaybeSent)
    );
    assert_eq!(partial_body(&failure).unwrap().expose(), b"half");
}

#[tokio::test]
async fn caps_a_success_fails_and_an_error_is_cut() {
    let settings = || Settings::default().with_body_caps(10, 4);
    let answering = |status: &'static str, body: &'static str| {
        Server::start(move |mut connection| async move {
            connection.request().await;
            let length = body.len();
            connection
                .write(
                    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}")
                        .as_bytes(),
                )
                .await;
        })
    };
    let exact = answering("200 OK", "0123456789").await;
    let answer = get(&endpoint_with(exact.base(), settings()), "/").await;
    assert_eq!(answer.unwrap().body(), "0123456789");

    let long = answering("200 OK", "0123456789x").await;
    let failure: Error = get(&endpoint_with(long.base(), settings()), "/")
        .await
        .unwrap_err();
    assert_eq!(failure.delivery(), Delivery::Answered);
    assert_eq!(partial_body(&failure).unwrap().expose(), b"0123456789");

    for (status, code) in [("402 Payment Required", 402), ("302 Found", 302)] {
        let error = answering(status, "abcdefgh").await;
        let answer = get(&endpoint_with(error.base(), settings()), "/")
            .await
            .unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.body()[..]),
            (code, &b"abcd"[..])
        );
    }
}

#[tokio::test]
async fn a_hundred_megabytes_are_not_read() {
    let server = Server::start(|mut connection| async move {
        connection.request().await;
        connection.write(b"HTTP/1.1 200 OK\r\n\r\n").await;
        let megabyte = vec![b' '; 1 << 20];
        for _ in 0..100 {
            if connection.stream().write_all(&megabyte).await.is_err() {
                return;
            }
            connection.count_octets(megabyte.len());
        }
    })
    .await;
    let settings =
        Settings::default().with_timeouts(Duration::from_secs(5), Duration::from_secs(30));
    let failure = get(&endpoint_with(server.base(), settings), "/")
        .await
        .unwrap_err();
    assert_eq!(failure.kind(), ErrorKind::UnreadableAnswer);
    assert_eq!(partial_body(&failure).unwrap().expose().len(), 4 << 20);
    assert!(server.octets() < 50 << 20, "{}", server.octets());
}

#[tokio::test]
async fn the_target_goes_out_byte_for_byte_or_not_at_all() {
    let server = Server::start(|mut connection| async move {
        while connection.request().await.is_some() {
            connection.write(OK).await;
        }
    })
    .await;
    let endpoint = endpoint(&server);
    let kept = "/a/B?message=%E1%BB%8Cd%C3%BAn%20%27%7E~.-_&x=&y=1%2B1";
    get(&endpoint, kept).await.unwrap();
    assert_eq!(server.targets(), [kept]);

    // A quote would be escaped and dots would be resolved on the way: a signature over them would no longer hold.
    for changed in ["/?message='", "/a/../b"] {
        let failure = get(&endpoint, changed).await.unwrap_err();
        assert_eq!(failure.delivery(), Delivery::NotSent, "{changed}");
    }
    assert_eq!(server.targets().len(), 1);
}

#[tokio::test]
async fn a_pause_of_the_real_transport_lasts() {
    let endpoint = endpoint_with("http://127.0.0.1:1", Settings::default());
    tokio::select! {
        biased;
        () = sleep(Duration::from_millis(1)) => {}
        () = endpoint.pause(Duration::from_millis(50)) => panic!("it was over at once"),
    }
}
