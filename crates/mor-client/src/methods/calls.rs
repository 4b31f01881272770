//! Calls: the list of those made, and a callback.

use std::time::{SystemTime, UNIX_EPOCH};

use mor_hash::Call;
use telco_core::{Error, ErrorKind, NotSent, Reference, Submission};

use super::Record;
use super::accounts::missing;
use crate::MorClient;

/// Which calls to list.
#[derive(Clone, PartialEq, Eq)]
#[must_use]
pub struct CallsQuery {
    from: SystemTime,
    till: SystemTime,
    filters: Vec<(&'static str, String)>,
}

/// An answer of `user_calls_get`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UserCalls {
    /// Whose.
    pub user_id: Option<String>,
    /// How many the server counts.
    pub total_calls: Option<String>,
    /// Of all prices.
    pub currency: Option<String>,
    /// One row for each call. The columns vary with server and user: `calldate2`, `timezone`, `uniqueid` and others.
    pub calls: Vec<Record>,
}

/// A callback: the server calls the device (or `src`), then `dst`, and connects them. Numbers are sent as given.
#[derive(Clone, PartialEq, Eq)]
#[must_use]
pub struct Callback {
    reference: Reference,
    device: u64,
    src: Option<String>,
    dst: Option<String>,
    server_id: Option<u64>,
}

impl CallsQuery {
    /// All calls between two moments.
    pub fn between(from: SystemTime, till: SystemTime) -> Self {
        Self {
            from,
            till,
            filters: Vec::new(),
        }
    }

    /// Of one user.
    pub fn of_user(self, user_id: u64) -> Self {
        self.with("s_user", user_id.to_string())
    }

    /// Of one device.
    pub fn of_device(self, device_id: u64) -> Self {
        self.with("s_device", device_id.to_string())
    }

    /// To numbers that begin so.
    pub fn to_destination(self, destination: impl Into<String>) -> Self {
        self.with("s_destination", destination.into())
    }

    /// `s_call_type`: `all`, `answered`, `busy`, `no_answer`, `failed` and others, as the server knows them.
    pub fn of_type(self, call_type: impl Into<String>) -> Self {
        self.with("s_call_type", call_type.into())
    }

    fn with(mut self, name: &'static str, value: String) -> Self {
        self.filters.retain(|(known, _)| *known != name);
        self.filters.push((name, value));
        self
    }
}

impl Callback {
    /// Through one device, to one number.
    pub fn new(reference: Reference, device: u64, dst: impl Into<String>) -> Self {
        Self {
            reference,
            device,
            src: None,
            dst: Some(dst.into()),
            server_id: None,
        }
    }

    /// Calls this number first instead of the device.
    pub fn from_number(self, src: impl Into<String>) -> Self {
        Self {
            src: Some(src.into()),
            ..self
        }
    }

    /// Through this Asterisk server.
    pub fn on_server(self, server_id: u64) -> Self {
        Self {
            server_id: Some(server_id),
            ..self
        }
    }
}

/// The filters by name: a destination is a number.
impl std::fmt::Debug for CallsQuery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let filters: Vec<_> = self.filters.iter().map(|(name, _)| name).collect();
        f.debug_struct("CallsQuery")
            .field("from", &self.from)
            .field("till", &self.till)
            .field("filters", &filters)
            .finish()
    }
}

/// Without the numbers.
impl std::fmt::Debug for Callback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Callback")
            .field("reference", &self.reference)
            .field("device", &self.device)
            .finish_non_exhaustive()
    }
}

impl MorClient {
    /// Lists calls.
    ///
    /// # Errors
    /// [`Error`], see [`read`](Self::read); [`ErrorKind::UnreadableAnswer`] without a list.
    pub async fn user_calls(&self, query: &CallsQuery) -> Result<UserCalls, Error> {
        let mut call = Call::new("user_calls_get")
            .with("period_start", unix(query.from)?)
            .with("period_end", unix(query.till)?);
        call.extend(
            query
                .filters
                .iter()
                .map(|(name, value)| (*name, value.as_str())),
        );
        let page = self.read(&call).await?;
        if page.find("calls_stat").is_none() && page.find("total_calls").is_none() {
            return Err(missing("user_calls_get"));
        }
        let field = |name| page.text_of(name).map(str::to_owned);
        Ok(UserCalls {
            user_id: field("userid"),
            total_calls: field("total_calls"),
            currency: field("currency"),
            calls: page.all("call").into_iter().map(Record::of).collect(),
        })
    }

    /// Has the server place a callback: a call, and its price. The answer says that it was begun, not that anybody
    /// picked up.
    ///
    /// # Errors
    /// [`NotSent`]: nothing left.
    pub async fn init_callback(&self, callback: &Callback) -> Result<Submission<()>, NotSent> {
        let mut call = Call::new("callback_init").with("device", callback.device.to_string());
        let server = callback.server_id.map(|id| id.to_string());
        let optional = [
            ("src", callback.src.as_deref()),
            ("dst", callback.dst.as_deref()),
            ("server_id", server.as_deref()),
        ];
        call.extend(
            optional
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        self.write_and_judge(
            &callback.reference,
            &call,
            "look for the call in user_calls_get",
            |page| (page.find("Status")?.text.eq_ignore_ascii_case("ok")).then_some(()),
        )
        .await
    }
}

/// Whole seconds, as the server's filters want them.
pub(crate) fn unix(time: SystemTime) -> Result<String, NotSent> {
    let since = time
        .duration_since(UNIX_EPOCH)
        .map_err(NotSent::because(ErrorKind::InvalidInput))?;
    Ok(since.as_secs().to_string())
}
