//! `telco kairos seal`: the envelope around JSON, without sending it.

use clap::Args;
use kairos_client::FlowId;
use kairos_client::envelope::{Envelope, KeyText, Members, profile_named, profile_names};
use telco_core::{ErrorKind, NotSent, OsRandomness, Secret};

use super::{Key, public_key};
use crate::config::Settings;
use crate::exit::{Done, Failure};
use crate::input::{standard_input, text};
use crate::output;
use crate::secret::Source;

pub(super) const EXAMPLES: &str = "Example:\n  \
    telco kairos seal --public-key flow.pem --flow-id Zb0RKJvh < request.json\n\n\
    The JSON is sealed as it comes, byte for byte. Without --key-string each envelope has a random one of its own.";

/// What to seal with.
#[derive(Debug, Args)]
pub(crate) struct Seal {
    /// The flow, eight letters and digits [TELCO_KAIROS_FLOW_ID]
    #[arg(long, value_name = "ID")]
    flow_id: Option<String>,
    #[command(flatten)]
    key: Key,
    /// A key string of your own, for tests and support: env:NAME or file:PATH
    #[arg(long, value_name = "SOURCE")]
    key_string: Option<Source>,
    /// Take a key string of fewer than 16 characters, which can be guessed
    #[arg(long)]
    allow_weak_key: bool,
    /// How the pieces are put together; all but phonon are known not to be the provider's
    #[arg(long, value_name = "NAME", default_value = "phonon")]
    profile: String,
    /// The member for the initialisation vector, for profiles that send one apart
    #[arg(long, value_name = "NAME")]
    iv_field: Option<String>,
}

/// Runs it.
pub(super) fn run(options: &Seal, settings: &Settings) -> Done {
    let flow = settings
        .of("kairos")
        .required("flow_id", options.flow_id.as_deref())?;
    let flow = FlowId::new(flow).map_err(NotSent::because(ErrorKind::InvalidInput))?;
    let key = public_key(options.key.public_key.as_deref(), settings)?;
    let envelope = envelope(options)?;
    let own = options
        .key_string
        .as_ref()
        .map(|source| key_text(source, options.allow_weak_key));
    let own = own.transpose()?;
    let bytes = standard_input()?;
    let json = text(&bytes)?;
    let sealed = match &own {
        Some(own) => envelope.seal_with(&flow, json, own, &key, &OsRandomness),
        None => envelope.seal(&flow, json, &key, &OsRandomness),
    };
    let mut sealed = sealed.map_err(NotSent::because(ErrorKind::InvalidInput))?;
    sealed.push(b'\n');
    output::octets(&sealed)
}

fn envelope(options: &Seal) -> Result<Envelope, Failure> {
    let Some(profile) = profile_named(&options.profile) else {
        let known: Vec<&str> = profile_names().collect();
        return Err(Failure::usage("--profile: no such profile")
            .help(format!("there are {}", known.join(", "))));
    };
    let profile = profile
        .padding(options.key.padding)
        .build()
        .map_err(NotSent::because(ErrorKind::InvalidConfiguration))?;
    let mut members = Members::default();
    members.iv.clone_from(&options.iv_field);
    Envelope::new(profile, members).map_err(|why| Failure::usage(format!("--iv-field: {why}")))
}

fn key_text(source: &Source, allow_weak: bool) -> Result<KeyText, Failure> {
    if *source == Source::Stdin {
        return Err(Failure::usage(
            "--key-string: standard input holds the JSON; write env:NAME or file:PATH",
        ));
    }
    let text: Secret = source.text()?;
    let made = if allow_weak {
        KeyText::allow_weak(text.expose())
    } else {
        KeyText::new(text.expose())
    };
    made.map_err(|why| {
        Failure::not_sent(format!("--key-string: {why}")).help(
            "leave it out and each envelope gets a random one; --allow-weak-key takes a short one, for tests",
        )
    })
}
