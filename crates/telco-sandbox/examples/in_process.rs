//! A test of a program that calls people, with nothing but sockets: start the sandbox, ring a phone, read the code as its
//! owner would, lose an answer, and ask what really happened.
//!
//! `cargo run -p telco-sandbox --example in_process`
#![allow(clippy::print_stdout)]

use std::io;

use serde_json::json;
use telco_sandbox::{Arrival, FaultRule, Phase, Sandbox};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A missed call by Citcall's v3 API: the whole client.
async fn ring(sandbox: &Sandbox, number: &str, reference: &str) -> io::Result<String> {
    let base_url = sandbox.base_url("citcall").ok_or(io::ErrorKind::NotFound)?;
    let host = base_url.trim_start_matches("http://");
    let account = sandbox.credentials("citcall").unwrap_or_default();
    let key = account.get("api_key").and_then(|key| key.as_str());
    let key = key.ok_or(io::ErrorKind::NotFound)?;
    let body = json!({ "msisdn": number, "gateway": 1, "clientUniqueId": reference }).to_string();
    let request = format!(
        "POST /v3/motp HTTP/1.1\r\nHost: {host}\r\nAuthorization: Apikey {key}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(host).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let sandbox = Sandbox::builder().seed(1).start().await?;

    let answer = ring(&sandbox, "6281234567890", "login-1").await?;
    assert!(answer.starts_with("HTTP/1.1 200"));
    let received = sandbox.handset("6281234567890");
    let Some(Arrival::MissedCall { from }) = received.first().map(|one| &one.arrival) else {
        return Err(io::Error::other("the phone did not ring"));
    };
    println!("the phone shows a missed call from {from}; its last four digits are the code");

    // The next call rings, too, but its answer is lost. Whoever sends it again rings twice.
    sandbox.faults().add(
        FaultRule::new(Phase::ActThenReset)
            .reference("login-2")
            .times(1),
    );
    assert!(ring(&sandbox, "6281234567890", "login-2").await.is_err());
    assert_eq!(sandbox.totals().doubled, 0);
    ring(&sandbox, "6281234567890", "login-2").await?;
    assert_eq!(sandbox.totals().doubled, 1);

    if let Some(operation) = sandbox.operation("citcall", "login-2") {
        for line in &operation.story {
            println!("login-2: {:?}", line.what);
        }
    }
    println!("{:?}", sandbox.totals());
    Ok(())
}
