//! Pushing callbacks as they fall due, and again where the listener fails.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Callback, Pushed};
use crate::ledger::What;
use crate::shared::Shared;

/// Pushes callbacks as they fall due, in order, until the sandbox is dropped.
pub(crate) async fn run(shared: Arc<Shared>) {
    loop {
        // Asked for before the clock is read: a move in between is not missed.
        let moved = shared.clock.moved();
        for (id, provider, callback) in shared.callbacks.take_due(shared.clock.now_ms()) {
            let listener = shared.callbacks.listener(provider);
            let Some(url) = callback.url.clone().or(listener) else {
                shared.settle_callback(shared.callbacks.settle(id, None, "no listener"));
                continue;
            };
            // The first attempt is made in order; only its repeats run beside the others.
            let first = push(&url, &callback).await;
            match first {
                Ok(status) if status < 500 => {
                    shared.settle_callback(shared.callbacks.settle(
                        id,
                        Some(&url),
                        &format!("pushed: {status}"),
                    ));
                }
                failed => {
                    let shared = Arc::clone(&shared);
                    let task =
                        tokio::spawn(
                            async move { retry(&shared, id, &url, &callback, failed).await },
                        );
                    drop(task);
                }
            }
        }
        let wait = match shared.callbacks.next_due() {
            None => Duration::from_secs(3_600),
            Some(_) if shared.clock.is_frozen() => Duration::from_secs(3_600),
            Some(due) => Duration::from_millis(due.saturating_sub(shared.clock.now_ms())),
        };
        if wait.is_zero() {
            continue;
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = shared.callbacks.changed.notified() => {}
            () = moved => {}
            () = shared.stopped() => return,
        }
    }
}

async fn retry(
    shared: &Shared,
    id: u64,
    url: &str,
    callback: &Callback,
    first: Result<u16, String>,
) {
    let mut last = first;
    let mut wait = shared.limits.push_retry;
    for _ in 1..shared.limits.push_attempts {
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = shared.stopped() => return,
        }
        wait = wait.saturating_mul(2);
        last = push(url, callback).await;
        if matches!(last, Ok(status) if status < 500) {
            break;
        }
    }
    let fate = match last {
        Ok(status) if status < 500 => format!("pushed: {status}"),
        Ok(status) => format!("failed: {status}"),
        Err(why) => format!("failed: {why}"),
    };
    shared.settle_callback(shared.callbacks.settle(id, Some(url), &fate));
}

impl Shared {
    fn settle_callback(&self, pushed: Option<Pushed>) {
        let Some(pushed) = pushed else { return };
        if let Some(reference) = &pushed.reference {
            let line = What::Callback(format!("{}: {}", pushed.event, pushed.fate));
            self.ledger
                .note(self.clock.now_ms(), 0, pushed.provider, reference, line);
        }
        self.announce("callback", || {
            serde_json::to_value(&pushed).unwrap_or_default()
        });
    }
}

/// Host with port, and path, of a URL the sandbox can push to.
pub(super) fn target(url: &str) -> Result<(&str, &str), String> {
    let rest = url
        .strip_prefix("http://")
        .ok_or("the sandbox pushes to http:// URLs only")?;
    let at = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(at);
    if authority.is_empty()
        || url.bytes().any(|b| b <= b' ' || b == 0x7f || b == b'#')
        || authority.contains('@')
    {
        return Err("this is no URL the sandbox can push to".to_owned());
    }
    Ok((authority, if path.is_empty() { "/" } else { path }))
}

async fn push(url: &str, callback: &Callback) -> Result<u16, String> {
    let exchange = async {
        let (authority, path) = target(url)?;
        let has_port = authority
            .rsplit(':')
            .next()
            .is_some_and(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()))
            && authority.contains(':');
        let address = if has_port {
            authority.to_owned()
        } else {
            format!("{authority}:80")
        };
        let mut stream = TcpStream::connect(address)
            .await
            .map_err(|e| e.to_string())?;
        let mut message =
            format!("POST {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n");
        for (name, value) in &callback.headers {
            message.push_str(&format!("{name}: {value}\r\n"));
        }
        message.push_str(&format!("Content-Length: {}\r\n\r\n", callback.body.len()));
        let mut message = message.into_bytes();
        message.extend_from_slice(&callback.body);
        stream
            .write_all(&message)
            .await
            .map_err(|e| e.to_string())?;
        let mut head = [0u8; 64];
        let mut have = 0usize;
        while have < 12 {
            let free = head.get_mut(have..).unwrap_or_default();
            match stream.read(free).await.map_err(|e| e.to_string())? {
                0 => return Err("the listener closed without an answer".to_owned()),
                n => have = have.saturating_add(n),
            }
        }
        let status = head
            .get(9..12)
            .and_then(|s| std::str::from_utf8(s).ok()?.parse().ok());
        status.ok_or_else(|| "the listener's answer is no HTTP".to_owned())
    };
    tokio::time::timeout(Duration::from_secs(10), exchange)
        .await
        .unwrap_or_else(|_| Err("the listener did not answer in 10 s".to_owned()))
}
