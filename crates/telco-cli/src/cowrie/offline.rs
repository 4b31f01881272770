//! What needs no network: the plan catalogues, and signatures.

use clap::{Args, ValueEnum};
use cowrie_client::{ClientKey, Network, SignRequest, Signer, plans};
use serde_json::json;
use telco_core::RequestSigner as _;

use crate::config::Settings;
use crate::exit::Done;
use crate::input::valid;
use crate::mor::pair;
use crate::output::{self, Form};
use crate::secret::Source;

/// A catalogue.
#[derive(Debug, Args)]
pub(crate) struct Plans {
    /// Which documentation
    #[arg(long, value_enum, default_value_t)]
    catalogue: Catalogue,
    /// Only this network
    #[arg(long)]
    net: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Catalogue {
    /// 47 plans, named by their price
    #[value(name = "2018")]
    Year2018,
    /// 115 plans, named by a code
    #[default]
    #[value(name = "2025")]
    Year2025,
}

/// A signature.
#[derive(Debug, Args)]
pub(crate) struct Sign {
    /// The key, base64: env:NAME, file:PATH or -
    #[arg(long, value_name = "SOURCE")]
    client_key: Option<Source>,
    /// The nonce
    #[arg(long)]
    nonce: String,
    /// The query, in the order that is signed
    #[arg(value_name = "name=value", value_parser = pair)]
    params: Vec<(String, String)>,
}

impl Plans {
    /// Prints the catalogue.
    pub(super) fn print(&self, form: Form) -> Done {
        let wanted: Option<Network> = valid(self.net.as_deref().map(str::parse).transpose())?;
        let all: Vec<plans::Plan> = match self.catalogue {
            Catalogue::Year2018 => plans::plans_2018().collect(),
            Catalogue::Year2025 => plans::bundles_2025().collect(),
        };
        let rows = all
            .into_iter()
            .filter(|plan| {
                wanted
                    .as_ref()
                    .is_none_or(|network| *network == plan.network)
            })
            .map(|plan| {
                vec![
                    json!(plan.network.code()),
                    json!(plan.bundle),
                    json!(plan.price.exact_major()),
                    json!(plan.size),
                    json!(plan.validity),
                    json!(plan.kind),
                    json!(plan.note),
                ]
            });
        output::rows(
            form,
            &["net", "bundle", "naira", "size", "valid", "kind", "note"],
            rows.collect(),
        )
    }
}

impl Sign {
    /// Prints the signature.
    pub(super) fn print(&self, settings: &Settings, form: Form) -> Done {
        let key = settings
            .of("cowrie")
            .secret("client_key", self.client_key.as_ref())?;
        let signer = Signer::new(ClientKey::from_base64(key.expose())?);
        let pairs: Vec<(&str, &str)> = self
            .params
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let signature = signer.sign(&SignRequest::new(&self.nonce, &pairs))?;
        match form {
            Form::Table => output::line(signature.expose()),
            Form::Json => {
                let query = pairs
                    .iter()
                    .map(|(name, value)| format!("{name}={value}"))
                    .collect::<Vec<_>>()
                    .join("&");
                let text = if query.is_empty() {
                    self.nonce.clone()
                } else {
                    format!("{}?{query}", self.nonce)
                };
                output::json(&json!({ "string_to_sign": text, "signature": signature.expose() }))
            }
        }
    }
}
