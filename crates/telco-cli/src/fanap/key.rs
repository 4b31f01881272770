//! `telco fanap key …`: what the vendor's generator does on Windows, everywhere.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use fanap_client::{KeyError, LoadOptions, PrivateKey, PublicKey};
use serde_json::json;
use telco_core::{OsRandomness, Randomness as _};
use telco_crypto::random::NoRandomness;
use telco_crypto::rsa::KeySize;

use super::KeySource;
use crate::config::Settings;
use crate::exit::{Done, Failure};
use crate::output::{self, Form};
use crate::secret::Source;

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// Make a key pair: private.xml, public.xml, private.rsa and public.rsa. public.xml goes to the provider
    #[command(after_help = "Example:\n  telco fanap key generate --out keys")]
    Generate(Generate),
    /// Print the public half as public.xml, to the octet: for the registration ticket
    #[command(
        after_help = "Example:\n  telco fanap key public-xml --key file:keys/private.xml > public.xml"
    )]
    PublicXml(KeySource),
    /// Print the key in another form, to the octet. A private key stays private: look where you print it
    #[command(
        after_help = "Example:\n  telco fanap key convert --key file:keys/private.xml --to pem > private.pem"
    )]
    Convert(Convert),
    /// Say in plain words what is in a key file, or what is wrong with it
    #[command(after_help = "Example:\n  telco fanap key check --key file:keys/private.xml")]
    Check(KeySource),
}

/// A new pair.
#[derive(Debug, Args)]
pub(crate) struct Generate {
    /// The folder to write to; files that are there already are never overwritten
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// 2048, 3072 or 4096
    #[arg(long, default_value_t = 2048)]
    bits: u32,
}

/// Another form.
#[derive(Debug, Args)]
pub(crate) struct Convert {
    #[command(flatten)]
    key: KeySource,
    /// PEM and DER are PKCS#8, or SPKI of a public key
    #[arg(long, value_enum)]
    to: KeyForm,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum KeyForm {
    Pem,
    Xml,
    Der,
}

/// Runs one command.
pub(super) fn run(command: &Key, settings: &Settings, form: Form) -> Done {
    let source = |key: &KeySource| {
        settings
            .of(super::NAME)
            .required_source("private_key", key.key.as_ref())
    };
    match command {
        Key::Generate(options) => generate(options, form),
        Key::PublicXml(key) => {
            let public = match either(&source(key)?)? {
                Either::Private(key) => key.public_key().clone(),
                Either::Public(key) => key,
            };
            output::octets(public.to_xml().as_bytes())
        }
        Key::Convert(options) => convert(&source(&options.key)?, options.to),
        Key::Check(key) => check(&source(key)?, form),
    }
}

/// A private key, or why it is none.
pub(super) fn private(source: &Source) -> Result<PrivateKey, Failure> {
    PrivateKey::load(source.bytes()?.expose()).map_err(refused)
}

fn refused(error: KeyError) -> Failure {
    Failure::not_sent(format!("the key cannot be used: {error}"))
        .help("`telco fanap key check` says more about a key file")
}

enum Either {
    Private(Box<PrivateKey>),
    Public(PublicKey),
}

fn either(source: &Source) -> Result<Either, Failure> {
    let bytes = source.bytes()?;
    match PrivateKey::load(bytes.expose()) {
        Ok(key) => Ok(Either::Private(Box::new(key))),
        Err(KeyError::PublicKeyOnly) => {
            PublicKey::load_with(bytes.expose(), &LoadOptions::new().allow_weak())
                .map(Either::Public)
                .map_err(refused)
        }
        Err(error) => Err(refused(error)),
    }
}

fn generate(options: &Generate, form: Form) -> Done {
    let size = KeySize::from_bits(options.bits)
        .ok_or_else(|| Failure::usage("--bits takes 2048, 3072 or 4096"))?;
    let files = ["private.xml", "public.xml", "private.rsa", "public.rsa"]
        .map(|name| options.out.join(name));
    if let Some(there) = files.iter().find(|path| path.exists()) {
        return Err(Failure::not_sent(format!(
            "{} is there already, and is not overwritten",
            there.display()
        ))
        .help("choose another folder with --out"));
    }
    fs::create_dir_all(&options.out).map_err(|e| unwritable(&options.out, &e))?;
    let mut system = |out: &mut [u8]| OsRandomness.fill(out).map_err(|_| NoRandomness);
    let key = PrivateKey::generate(size, &mut system)
        .map_err(|e| Failure::not_sent(format!("no key could be made: {e}")))?;
    let public = key.public_key();
    let [private_xml, public_xml, private_pem, public_pem] = &files;
    write(private_xml, key.reveal_xml().as_bytes(), true)?;
    write(public_xml, public.to_xml().as_bytes(), false)?;
    write(private_pem, key.reveal_pem().as_bytes(), true)?;
    write(public_pem, public.to_pem().as_bytes(), false)?;
    let shown = |path: &PathBuf| json!(path.display().to_string());
    output::facts(
        form,
        &[
            ("bits", json!(key.bits())),
            ("private_xml", shown(private_xml)),
            ("public_xml", shown(public_xml)),
            ("private_rsa", shown(private_pem)),
            ("public_rsa", shown(public_pem)),
        ],
    )?;
    output::note("send public.xml to the provider by ticket; keep the private files to yourself");
    Ok(())
}

/// A new file; a private one is readable by its owner only, from its first moment on.
fn write(path: &Path, bytes: &[u8], private: bool) -> Done {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if private {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    #[cfg(not(unix))]
    let _ = private;
    options
        .open(path)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .map_err(|e| unwritable(path, &e))
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::not_sent(format!("{} cannot be written: {error}", path.display()))
}

fn convert(source: &Source, to: KeyForm) -> Done {
    match (either(source)?, to) {
        (Either::Private(key), KeyForm::Pem) => output::octets(key.reveal_pem().as_bytes()),
        (Either::Private(key), KeyForm::Xml) => output::octets(key.reveal_xml().as_bytes()),
        (Either::Private(key), KeyForm::Der) => output::octets(&key.reveal_der()),
        (Either::Public(key), KeyForm::Pem) => output::octets(key.to_pem().as_bytes()),
        (Either::Public(key), KeyForm::Xml) => output::octets(key.to_xml().as_bytes()),
        (Either::Public(key), KeyForm::Der) => output::octets(&key.to_der()),
    }
}

fn check(source: &Source, form: Form) -> Done {
    let bytes = source.bytes()?;
    let key = match PrivateKey::load(bytes.expose()) {
        Ok(key) => key,
        Err(error) => {
            if form == Form::Json {
                output::json(&json!({
                    "usable": false, "error": error.name(), "message": error.to_string(),
                }))?;
            }
            return Err(Failure::not_sent(format!("{}: {error}", error.name())));
        }
    };
    let mut warnings = Vec::new();
    if PrivateKey::load_with(bytes.expose(), &LoadOptions::new().strict()).is_err() {
        warnings.push("a CRT value (DP, DQ or InverseQ) is wrong; it is not used but computed anew, so the key works");
    }
    if key.bits() < 2048 {
        warnings.push("fewer than 2048 bits are weak: make a new key and register it");
    }
    for warning in &warnings {
        output::note(&format!("warning: {warning}"));
    }
    output::facts(
        form,
        &[
            ("usable", json!(true)),
            ("kind", json!("RSA private key")),
            ("bits", json!(key.bits())),
            (
                "warnings",
                if form == Form::Json {
                    json!(warnings)
                } else {
                    json!(null)
                },
            ),
            ("public_xml", json!(key.public_key().to_xml())),
        ],
    )
}
