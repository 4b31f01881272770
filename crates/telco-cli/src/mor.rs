//! `telco mor …`: the request hash of Kolmisoft MOR, computed, explained, checked and found out.

use clap::{Args, Subcommand, ValueEnum};
use mor_hash::{
    Call, Keys, Limits, Match, Mode, Profile, Reading, ReceivedCall, Secret, SecretForm, Signer,
    diagnose,
};
use serde_json::{Value, json};

use crate::config::Settings;
use crate::exit::{Done, Failure};
use crate::output::{self, Form};
use crate::secret::Source;

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Mor {
    /// Print the 40-digit hash of a request
    #[command(
        after_help = "Example:\n  telco mor hash --secret env:S --profile mor12 calltype=answered user_id=123"
    )]
    Hash(Request),
    /// Show which values went into the hash, in which order, and which did not
    #[command(
        after_help = "Example:\n  telco mor explain --secret env:S --method user_details_get user_id=123\n  \
                            telco mor explain --secret env:S --uri 'https://host/billing/api/balance_get?user_id=2&hash=…'"
    )]
    Explain(Explain),
    /// Check a hash; exit code 11 if it does not belong to the request
    #[command(
        after_help = "Example:\n  telco mor verify --secret env:S --hash 38282c… user_id=2 voucher_number=007"
    )]
    Verify(Against),
    /// Find which profile, mode and key give a known hash
    #[command(
        after_help = "Example:\n  telco mor diagnose --secret env:S --hash 38282c… user_id=2 voucher_number=007"
    )]
    Diagnose(Against),
    /// Print the finished request, hash last
    #[command(
        name = "request",
        after_help = "Example:\n  telco mor request --secret env:S --method balance_get --uri-below /billing/api user_id=2"
    )]
    Signed(Signed),
}

/// A request, and how its hash is made.
#[derive(Debug, Args)]
pub(crate) struct Request {
    /// The API secret key: env:NAME, file:PATH or - [TELCO_MOR_SECRET, or secret under [mor]]
    #[arg(long, value_name = "SOURCE")]
    secret: Option<Source>,
    /// The server's version: mor12, x3, x5, x8 or m2 [TELCO_MOR_PROFILE; default x8]
    #[arg(long)]
    profile: Option<String>,
    /// The method called; some versions have rules of their own for some methods
    #[arg(long, default_value = "")]
    method: String,
    /// strict refuses what the server would drop or change in silence; server repeats it; doc reads the documentation plainly
    #[arg(long, value_enum, default_value_t)]
    mode: ModeName,
    /// Hash exactly these names in this order
    #[arg(long, value_name = "a,b,c", value_delimiter = ',')]
    keys: Vec<String>,
    /// The request's parameters
    #[arg(value_name = "name=value", value_parser = pair)]
    params: Vec<(String, String)>,
}

/// A request, or the address of one.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// A pasted request address, as MOR's own page takes
    #[arg(long, value_name = "URL", conflicts_with = "params")]
    uri: Option<String>,
    #[command(flatten)]
    request: Request,
}

/// A request and a hash to compare with.
#[derive(Debug, Args)]
pub(crate) struct Against {
    /// The known hash
    #[arg(long)]
    hash: String,
    /// Another key that may have been used; may be given again
    #[arg(long, value_name = "SOURCE")]
    or_secret: Vec<Source>,
    #[command(flatten)]
    request: Request,
}

/// A request to be finished.
#[derive(Debug, Args)]
pub(crate) struct Signed {
    /// Print a whole address below this base, such as /billing/api, instead of the form body
    #[arg(long, value_name = "BASE")]
    uri_below: Option<String>,
    #[command(flatten)]
    request: Request,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum ModeName {
    #[default]
    Strict,
    Server,
    Doc,
}

impl ModeName {
    fn of(mode: Mode) -> &'static str {
        match mode {
            Mode::Server => "server",
            Mode::Doc => "doc",
            _ => "strict",
        }
    }
}

impl From<ModeName> for Mode {
    fn from(name: ModeName) -> Self {
        match name {
            ModeName::Strict => Self::Strict,
            ModeName::Server => Self::Server,
            ModeName::Doc => Self::Doc,
        }
    }
}

/// `name=value`; the value may hold further equals signs.
pub(crate) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write name=value".to_owned()),
    }
}

impl Request {
    fn call(&self) -> Call<'_> {
        let call = Call::new(self.method.as_str());
        self.params.iter().fold(call, |call, (name, value)| {
            call.with(name.as_str(), value.as_str())
        })
    }

    fn secret(&self, settings: &Settings) -> Result<Secret, Failure> {
        let secret = settings.of("mor").secret("secret", self.secret.as_ref())?;
        Ok(Secret::new(secret.expose()))
    }

    fn profile(&self, settings: &Settings) -> Result<Profile, Failure> {
        let Some(name) = settings
            .of("mor")
            .text("profile", self.profile.as_deref())?
        else {
            return Ok(Profile::x8());
        };
        Profile::by_name(&name).ok_or_else(|| {
            let known = Profile::all()
                .map(|profile| profile.name().to_owned())
                .join(", ");
            Failure::usage(format!("there is no profile {name:?}: take one of {known}"))
        })
    }

    fn signer(&self, settings: &Settings) -> Result<Signer, Failure> {
        let signer = Signer::new(self.secret(settings)?, self.profile(settings)?)
            .with_mode(self.mode.into());
        if self.keys.is_empty() {
            return Ok(signer);
        }
        let keys = Keys::new(self.keys.iter().map(String::as_str)).map_err(refused)?;
        Ok(signer.with_keys(keys))
    }
}

/// Runs one command.
pub(crate) fn run(command: &Mor, settings: &Settings, form: Form) -> Done {
    match command {
        Mor::Hash(request) => {
            let hash = request
                .signer(settings)?
                .hash(&request.call())
                .map_err(refused)?
                .to_hex();
            match form {
                Form::Table => output::line(&hash),
                Form::Json => output::json(&json!({ "hash": hash })),
            }
        }
        Mor::Explain(explain) => explain_request(explain, settings, form),
        Mor::Verify(against) => {
            let request = &against.request;
            match request
                .signer(settings)?
                .verify(&request.call(), &against.hash)
            {
                Ok(()) => output::facts(form, &[("matches", Value::Bool(true))]),
                Err(mor_hash::Error::HashMismatch) => {
                    output::facts(form, &[("matches", Value::Bool(false))])?;
                    Err(
                        Failure::rejected("the hash does not belong to this request")
                            .help("`telco mor diagnose` with the same arguments finds out why"),
                    )
                }
                Err(e) => Err(refused(e)),
            }
        }
        Mor::Diagnose(against) => find_out(against, settings, form),
        Mor::Signed(signed) => {
            let signer = signed.request.signer(settings)?;
            let request = signer.request(&signed.request.call()).map_err(refused)?;
            let uri = signed.uri_below.as_ref().map(|base| request.uri(base));
            match form {
                Form::Table => output::line(uri.as_deref().unwrap_or(request.form())),
                Form::Json => {
                    let mut told = json!({ "method": request.method(), "form": request.form() });
                    if let (Some(fields), Some(uri)) = (told.as_object_mut(), uri) {
                        fields.insert("uri".to_owned(), Value::from(uri));
                    }
                    output::json(&told)
                }
            }
        }
    }
}

fn explain_request(explain: &Explain, settings: &Settings, form: Form) -> Done {
    let signer = explain.request.signer(settings)?;
    let received = explain
        .uri
        .as_deref()
        .map(ReceivedCall::from_uri)
        .transpose()
        .map_err(refused)?;
    let call = received.as_ref().map_or_else(
        || explain.request.call(),
        |received| received.call().clone(),
    );
    let explanation = signer.explain(&call).map_err(refused)?;
    let hash = explanation.hash.to_hex();
    let matches = received
        .as_ref()
        .and_then(ReceivedCall::hash)
        .map(|sent| signer.verify(&call, sent).is_ok());
    if form == Form::Json {
        let rows = explanation.rows.iter().map(|row| {
            json!({ "position": row.position, "name": row.name, "sent": row.sent, "hashed": row.hashed,
                    "ambiguous_border": row.ambiguous_border })
        });
        let skipped = explanation
            .skipped
            .iter()
            .map(|field| json!({ "name": field.name, "sent": field.sent, "reason": field.reason.to_string() }));
        return output::json(&json!({
            "profile": signer.profile().name(), "signed_text": explanation.signed_text, "hash": hash,
            "matches": matches, "rows": rows.collect::<Value>(), "skipped": skipped.collect::<Value>(),
        }));
    }
    let signed = explanation.rows.iter().map(|row| {
        let warning = if row.ambiguous_border {
            "the border to the next value is not covered"
        } else {
            ""
        };
        vec![
            json!(row.position),
            json!(row.name),
            json!(row.sent),
            json!(row.hashed),
            json!(warning),
        ]
    });
    let skipped = explanation.skipped.iter().map(|field| {
        vec![
            json!("-"),
            json!(field.name),
            json!(field.sent),
            Value::Null,
            json!(field.reason.to_string()),
        ]
    });
    output::rows(
        form,
        &["position", "name", "sent", "hashed", "remark"],
        signed.chain(skipped).collect(),
    )?;
    output::line(&format!(
        "\nhashed text  {}",
        output::clean(&explanation.signed_text)
    ))?;
    output::line(&format!("hash         {hash}"))?;
    match matches {
        Some(true) => output::line("sent hash    matches"),
        Some(false) => output::line("sent hash    DIFFERS: `telco mor diagnose` finds out why"),
        None => Ok(()),
    }
}

fn find_out(against: &Against, settings: &Settings, form: Form) -> Done {
    let request = &against.request;
    let given = settings
        .of("mor")
        .source("secret", request.secret.as_ref())?;
    let sources: Vec<&Source> = given.iter().chain(&against.or_secret).collect();
    let mut secrets = vec![request.secret(settings)?];
    for source in &against.or_secret {
        secrets.push(Secret::new(source.text()?.expose()));
    }
    let profile = request.profile(settings)?;
    let found = diagnose(
        &request.call(),
        &against.hash,
        &secrets,
        &profile,
        Limits::default(),
    )
    .map_err(refused)?;
    let key = |hit: &Match| {
        let source = sources
            .get(hit.secret)
            .map_or_else(String::new, |source| format!("{source:?}"));
        match hit.secret_form {
            SecretForm::Stripped => format!("{source} without its outer blanks"),
            SecretForm::Empty => "none: the secret is empty".to_owned(),
            _ => source,
        }
    };
    let none = found.matches.is_empty();
    match form {
        Form::Json => output::json(
            &found
                .matches
                .iter()
                .map(|hit| as_json(hit, &key(hit)))
                .collect(),
        )?,
        Form::Table if none => {}
        Form::Table => {
            let row = |hit: &Match| {
                let names = if hit.names.is_empty() {
                    "nothing but the key".to_owned()
                } else {
                    hit.names.join(" ")
                };
                vec![
                    json!(hit.reading.to_string()),
                    json!(names),
                    json!(key(hit)),
                ]
            };
            let rows = found.matches.iter().map(row).collect();
            output::rows(form, &["reading", "hashed names, in order", "key"], rows)?;
        }
    }
    if none {
        let limit = if found.complete {
            ""
        } else {
            ", which is the limit"
        };
        return Err(Failure::rejected(format!(
            "none of {} hashes is the known one{limit}",
            found.hashes
        ))
        .help("check the key first; then whether each value is the one that was sent, decoded"));
    }
    Ok(())
}

/// Profile and mode stand by themselves as well, where the reading is one of theirs.
fn as_json(hit: &Match, key: &str) -> Value {
    let (profile, mode) = match &hit.reading {
        Reading::Profile { profile, mode } => (Some(profile), Some(ModeName::of(*mode))),
        Reading::WithoutMethodTable { profile } | Reading::QuirksTurned { profile } => {
            (Some(profile), None)
        }
        _ => (None, None),
    };
    json!({ "reading": hit.reading.to_string(), "profile": profile, "mode": mode, "names": hit.names, "key": key })
}

/// Nothing was sent: the request cannot be hashed as it stands.
fn refused(error: mor_hash::Error) -> Failure {
    Failure::not_sent(error.to_string())
}
