//! What a failure tells: `cargo run --example was_it_sent -- https://api.example.com/path`

use telco_http::{BaseUrl, Bytes, Endpoint, Settings, connect, http};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1);
    let base = BaseUrl::parse(address.as_deref().unwrap_or("http://127.0.0.1:9"))?;
    let endpoint = Endpoint::new(
        "example",
        base.clone(),
        connect(&base, &Settings::default())?,
    );
    let request = http::Request::get(endpoint.uri("/")?).body(Bytes::new())?;
    let report = match endpoint.exchange("look", request).await {
        Ok(answer) => format!("answered: {}", answer.status()),
        Err(failure) => format!("{:?}: {failure}", failure.delivery()),
    };
    std::io::Write::write_all(&mut std::io::stdout(), format!("{report}\n").as_bytes())?;
    Ok(())
}
