// Included by the examples in the documentation: runs one with a client of an embedded sandbox. Without a transport compiled
// in, it only compiles them. A block, because `include!` stands inside a function there.
{
    use cowrie_client::{Client, ClientKey, Credentials};
    type Done = Result<(), Box<dyn std::error::Error>>;

    fn with_client(example: impl AsyncFnOnce(Client) -> Done) -> Done {
        if !cfg!(any(feature = "rustls", feature = "native-tls")) {
            return Ok(());
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let sandbox = telco_sandbox::Sandbox::start().await?;
            let about = sandbox.credentials("cowrie").ok_or("no room")?;
            let text = |name: &str| about[name].as_str().unwrap_or_default().to_owned();
            let key = ClientKey::from_base64(&text("client_key"))?;
            let client = Client::builder(Credentials::client(&text("client_id"), key)?)
                .base_url(sandbox.base_url("cowrie").ok_or("no room")?)
                .build()?;
            example(client).await
        })
    }
    with_client
}
