use telco_sandbox::Sandbox;
#[tokio::main]
async fn main() { let s = Sandbox::start().await.unwrap(); println!("{}", s.describe()); println!("{}", s.console_url()); tokio::time::sleep(std::time::Duration::from_secs(20)).await; }
