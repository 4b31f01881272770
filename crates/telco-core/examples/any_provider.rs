//! Code over any provider of top-ups: what an application writes once, whoever sells.
//!
//! `cargo run -p telco-core --example any_provider`

use telco_core::{
    Amount, Currency, ErrorKind, Msisdn, NotSent, Product, Reference, Submission, TopupExt,
    TopupIntent, TopupProvider,
};

/// Four ends, four things to tell the customer. `Ok(_)` alone is none of them.
async fn top_up(provider: &dyn TopupProvider, intent: &TopupIntent) -> String {
    match provider.submit(intent).await {
        Err(not_sent) if not_sent.as_error().is_retryable() => "please try again".to_owned(),
        Err(not_sent) => format!("cannot be sent: {not_sent}"),
        Ok(Submission::Accepted(receipt)) => format!("done under {}", receipt.reference),
        Ok(Submission::Rejected(why)) => format!("not done: {why}"),
        Ok(Submission::Unknown(unknown)) => {
            format!(
                "we will tell you soon; {} must be settled: {}",
                unknown.reference(),
                unknown.cause()
            )
        }
    }
}

#[allow(clippy::print_stdout)]
fn main() -> Result<(), NotSent> {
    let to = Msisdn::parse("+2348031234567").map_err(NotSent::because(ErrorKind::InvalidInput))?;
    let amount = Amount::from_minor(10_000, Currency::NGN);
    let reference =
        Reference::new("order-7001").map_err(NotSent::because(ErrorKind::InvalidInput))?;
    let intent = TopupIntent::new(reference, Product::airtime(to, None, amount));
    println!("{intent:?} is ready for any provider; store it, then call `top_up`");
    let _ = top_up;
    Ok(())
}
