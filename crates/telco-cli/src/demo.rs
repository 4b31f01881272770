//! `telco demo`: the main job against a sandbox in this process, and the provider's word at the end.

mod citcall;
mod cowrie;
mod fanap;
mod kairos;
mod mor;
mod topup;

use clap::Args;
use serde_json::json;
use telco_sandbox::{Sandbox, Told};

use crate::exit::{Done, Failure};
use crate::output::{self, Form};

/// The options.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Draws of chance come from this
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

/// Walks through every provider, then asks the sandbox what really happened.
pub(crate) async fn run(options: &Demo, form: Form) -> Done {
    let sandbox = Sandbox::builder().seed(options.seed).start().await;
    let sandbox =
        sandbox.map_err(|e| Failure::not_sent(format!("the sandbox cannot start: {e}")))?;
    let mut story = Story {
        sandbox,
        form,
        asked: 0,
    };
    citcall::tell(&mut story).await?;
    cowrie::tell(&mut story).await?;
    topup::tell(&mut story).await?;
    fanap::tell(&mut story).await?;
    kairos::tell(&mut story).await?;
    mor::tell(&mut story).await?;
    story.end()
}

/// What has been told so far, and the sandbox that it is told against.
#[derive(Debug)]
pub(crate) struct Story {
    sandbox: Sandbox,
    form: Form,
    /// Operations that the customer was told are done: each must have been delivered, once.
    asked: u64,
}

impl Story {
    /// A new provider enters.
    fn chapter(&self, name: &str, about: &str) -> Done {
        match self.form {
            Form::Table => output::line(&format!("\n{name}: {about}")),
            Form::Json => output::json(&json!({ "chapter": name, "about": about })),
        }
    }

    /// Something was done, and this came of it.
    fn step(&self, what: &str, became: &str) -> Done {
        match self.form {
            Form::Table => output::line(&format!("  ✓ {what:<52} {became}")),
            Form::Json => output::json(&json!({ "step": what, "became": became })),
        }
    }

    /// The customer was told that this operation is done.
    fn told_done(&mut self, provider: &str, reference: &str) {
        self.asked += 1;
        self.sandbox.told(provider, reference, Told::Accepted);
    }

    /// Where a provider's room is.
    fn base_url(&self, provider: &str) -> Result<String, Failure> {
        self.sandbox
            .base_url(provider)
            .ok_or_else(|| broken(format!("the sandbox has no room for {provider}")))
    }

    /// A credential of the demo's account there.
    fn credential(&self, provider: &str, field: &str) -> Result<String, Failure> {
        let text = self
            .sandbox
            .credentials(provider)
            .and_then(|all| Some(all.get(field)?.as_str()?.to_owned()));
        text.ok_or_else(|| broken(format!("the sandbox gives no {field} for {provider}")))
    }

    /// The provider's side has the last word.
    fn end(self) -> Done {
        let truth = self.sandbox.totals();
        let (asked, delivered, doubled, lost) =
            (self.asked, truth.delivered, truth.doubled, truth.lost);
        match self.form {
            Form::Table => {
                output::line("\nWhat really happened, by the providers' own books:")?;
                output::line(&format!(
                    "requested {asked} · delivered {delivered} · doubled {doubled} · lost {lost}"
                ))?;
                output::line(
                    "requested: what was told as done, or settled as done · doubled: done twice · lost: told as done, and never done",
                )?;
                output::line(
                    "\nNext: `telco sandbox` leaves these providers running for your own program; `telco --help`",
                )?;
            }
            Form::Json => output::json(&json!({
                "requested": asked, "delivered": delivered, "doubled": doubled, "lost": lost,
            }))?,
        }
        if asked == delivered && doubled == 0 && lost == 0 {
            Ok(())
        } else {
            Err(broken("what was told and what happened part"))
        }
    }
}

/// The demo did not go as it must.
fn broken(what: impl Into<String>) -> Failure {
    Failure::broken(format!("the demo failed: {}", what.into()))
}

/// Anything but what a step expects ends the demo.
fn expect(holds: bool, what: &str) -> Done {
    if holds {
        Ok(())
    } else {
        Err(broken(format!("expected {what}")))
    }
}
