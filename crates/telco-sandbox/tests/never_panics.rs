//! Damaged requests to every provider: answered or hung up on, and nothing in the sandbox panics.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod hostile;
mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use support::Client;
use support::spend::{PROVIDERS, spend};
use telco_sandbox::Sandbox;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

static PANICS: AtomicUsize = AtomicUsize::new(0);

/// SplitMix64: the same damage in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % u64::try_from(bound.max(1)).unwrap()).unwrap()
    }

    fn damaged(&mut self, request: &[u8]) -> Vec<u8> {
        const MEANING: &[u8] = b"\0\r\n <>&={}[]\":,%+-.09eE\\\x80\xff";
        let mut bytes = request.to_vec();
        // Half of the time the head stays whole, so that the room gets to read the rest.
        let head = bytes.windows(4).position(|w| w == b"\r\n\r\n");
        let head = head.map_or(bytes.len(), |at| at + 4);
        let from = if head < bytes.len() && self.below(2) == 0 {
            head
        } else {
            0
        };
        for _ in 0..=self.below(3) {
            let at = from + self.below(bytes.len().saturating_sub(from));
            let end = bytes.len().min(at + self.below(12));
            match self.below(4) {
                0 => bytes.truncate(at),
                1 => drop(bytes.drain(at..end)),
                2 => bytes.insert(at, MEANING[self.below(MEANING.len())]),
                _ => {
                    let byte = MEANING[self.below(MEANING.len())];
                    if let Some(there) = bytes.get_mut(at) {
                        *there = byte;
                    }
                }
            }
        }
        bytes
    }
}

#[tokio::test]
async fn damaged_requests() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        PANICS.fetch_add(1, Ordering::SeqCst);
        before(info);
    }));
    let sandbox = Sandbox::start().await.unwrap();
    // Past the hash, so that the methods themselves are reached.
    sandbox
        .configure("mor", &json!({ "check_hash": false }))
        .unwrap();
    let mut dice = Dice(1);
    for provider in PROVIDERS {
        let base = sandbox.base_url(provider).unwrap();
        for round in 0..150 {
            let request = dice.damaged(&spend(&sandbox, provider, &format!("r{round}")));
            let mut client = Client::connect(&base).await.unwrap();
            client.0.write_all(&request).await.unwrap();
            let _ = client.0.shutdown().await;
            let mut answer = Vec::new();
            let read = timeout(Duration::from_secs(2), client.0.read_to_end(&mut answer));
            assert!(
                read.await.is_ok(),
                "{provider} hangs on {}",
                request.escape_ascii()
            );
            let panics = PANICS.load(Ordering::SeqCst);
            assert_eq!(panics, 0, "{provider} panics on {}", request.escape_ascii());
        }
        // It still works.
        let mut client = Client::connect(&base).await.unwrap();
        let whole = client.send(&spend(&sandbox, provider, "at-last")).await;
        assert!(whole.unwrap().status < 500, "{provider}");
    }
}

#[test]
fn hostile_bytes_to_every_port() {
    let begun: [&[u8]; 5] = [
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\n{}",
        b"Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1;x=y\r\n}\r\n0\r\nA: b\r\n\r\n",
        b"2\r\n{}\r\n0\r\n\r\nGET /_sandbox/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"ffffffffffffffff\r\n{}\r\n0\r\n\r\n",
        br#"{"faults":[{"phases":["stall"]}],"now_ms":1e9,"calls":[{"keys":[]}]}"#,
    ];
    let mut dice = Dice(2);
    for bytes in begun {
        for choice in 0..24 {
            hostile::http(&[&[choice], bytes].concat());
            for _ in 0..8 {
                hostile::http(&[&[choice], dice.damaged(bytes).as_slice()].concat());
            }
        }
    }
}
