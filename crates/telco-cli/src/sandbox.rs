//! `telco sandbox`: the providers as local servers, until Ctrl-C.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, Value, json};
use telco_sandbox::Sandbox;

use crate::exit::{Done, Failure};
use crate::interrupt::Interrupts;
use crate::output::{self, Form};

/// Where, with which chance, and what goes wrong.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  telco sandbox\n  telco sandbox --listen 127.0.0.1:7600 --faults faults.json --output json\n\n\
                        A faults file holds an array of rules:\n  \
                        [{\"provider\": \"cowrie\", \"operation\": \"credit\", \"phases\": [\"act-then-reset\"], \"when\": {\"nth\": [3]}}]"
)]
pub(crate) struct Run {
    /// The console's address; the providers take the ports after it. Port 0 takes free ones
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:7600")]
    listen: SocketAddr,
    /// Draws of chance come from this
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// A JSON file with fault rules
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
    /// A JSON file with settings, faults, listeners and time to begin with
    #[arg(long, value_name = "FILE")]
    fixture: Option<PathBuf>,
}

/// Runs until Ctrl-C.
pub(crate) async fn run(options: &Run, form: Form) -> Done {
    if !options.listen.ip().is_loopback() {
        output::note(
            "warning: the sandbox listens beyond this machine; it protects nothing and is no real provider",
        );
    }
    let mut builder = Sandbox::builder().seed(options.seed).listen(options.listen);
    if let Some(path) = &options.fixture {
        builder = builder.fixture(read_json(path)?);
    }
    let sandbox = builder.start().await.map_err(|e| {
        Failure::not_sent(format!(
            "the sandbox cannot start at {}: {e}",
            options.listen
        ))
        .help("choose another address with --listen, or --listen 127.0.0.1:0 for free ports")
    })?;
    if let Some(path) = &options.faults {
        let rules: Vec<telco_sandbox::FaultRule> = serde_json::from_value(read_json(path)?)
            .map_err(|e| Failure::not_sent(format!("{}: {e}", path.display())))?;
        sandbox.faults().set(rules);
    }
    // Listening before there are keys: whoever ends it leaves none behind.
    let mut interrupts = Interrupts::listen();
    let keys = KeyFolder::new()?;
    let about = keys.with_paths(sandbox.describe())?;
    match form {
        Form::Json => output::line(&console_first(&about)?)?,
        Form::Table => {
            output::line("These are simulations on this machine, not the real providers.\n")?;
            output::octets(listing(&about).as_bytes())?;
            output::note("Ctrl-C ends it.");
        }
    }
    interrupts.next().await;
    Ok(())
}

fn read_json(path: &Path) -> Result<Value, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|e| Failure::not_sent(format!("{} cannot be read: {e}", path.display())))?;
    serde_json::from_str(&text)
        .map_err(|e| Failure::not_sent(format!("{} is no valid JSON: {e}", path.display())))
}

const CONSOLE: &str = "console";

/// As one JSON line. The console is what a person opens first.
fn console_first(about: &Value) -> Result<String, Failure> {
    #[derive(serde::Serialize)]
    struct About<'a> {
        console: &'a Value,
        #[serde(flatten)]
        rooms: Map<String, Value>,
    }
    let mut rooms = about.as_object().cloned().unwrap_or_default();
    rooms.remove(CONSOLE);
    let about = About {
        console: about.get(CONSOLE).unwrap_or(&Value::Null),
        rooms,
    };
    serde_json::to_string(&about).map_err(|e| Failure::broken(e.to_string()))
}

fn listing(about: &Value) -> String {
    let mut text = String::new();
    let (console, rooms): (Vec<_>, Vec<_>) = about
        .as_object()
        .into_iter()
        .flatten()
        .partition(|(name, _)| *name == CONSOLE);
    for (name, value) in console.into_iter().chain(rooms) {
        match value {
            Value::Object(fields) => {
                text.push_str(&format!("\n{name}\n"));
                for (field, value) in fields {
                    let shown = value
                        .as_str()
                        .map_or_else(|| value.to_string(), str::to_owned);
                    text.push_str(&format!("  {field:<18} {shown}\n"));
                }
            }
            other => text.push_str(&format!(
                "{name:<20} {}\n",
                other.as_str().unwrap_or_default()
            )),
        }
    }
    text
}

/// Keys that clients want as files. Gone when the sandbox ends.
#[derive(Debug)]
struct KeyFolder(tempfile::TempDir);

impl KeyFolder {
    fn new() -> Result<Self, Failure> {
        tempfile::Builder::new()
            .prefix("telco-sandbox-")
            .tempdir()
            .map(Self)
            .map_err(|e| Failure::not_sent(format!("no folder for the sandbox's keys: {e}")))
    }

    /// Writes each key to a file and puts its path beside it: `public_key` gets a `public_key_path`.
    fn with_paths(&self, mut about: Value) -> Result<Value, Failure> {
        for (provider, value) in about.as_object_mut().into_iter().flatten() {
            if let Value::Object(fields) = value {
                let paths = self.write_keys(provider, fields)?;
                fields.extend(paths);
                fields.retain(|_, value| !value.as_str().is_some_and(is_key));
            }
        }
        Ok(about)
    }

    fn write_keys(
        &self,
        provider: &str,
        fields: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure> {
        let mut paths = Map::new();
        for (field, text) in fields
            .iter()
            .filter_map(|(field, value)| Some((field, value.as_str()?)))
        {
            if is_key(text) {
                let ending = if text.trim_start().starts_with('<') {
                    "xml"
                } else {
                    "pem"
                };
                let path = self.0.path().join(format!("{provider}-{field}.{ending}"));
                std::fs::write(&path, text).map_err(|e| {
                    Failure::not_sent(format!("{} cannot be written: {e}", path.display()))
                })?;
                paths.insert(format!("{field}_path"), json!(path));
            }
        }
        Ok(paths)
    }
}

fn is_key(text: &str) -> bool {
    text.starts_with("-----BEGIN ") || text.trim_start().starts_with("<RSAKeyValue>")
}
