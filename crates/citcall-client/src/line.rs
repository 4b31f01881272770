//! The way to the provider: one transmission, and a connection that may be set up again.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use telco_core::{Error, ErrorKind, NotSent, Secret};
use telco_http::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, header};
use telco_http::{
    BaseUrl, Bytes, Endpoint, Settings, Transport, connect, extra_headers, never_connected,
};
use zeroize::Zeroizing;

use crate::operation::Operation;
use crate::{Authorization, Credentials, PROVIDER};

/// As the specification has it.
const MOST_RECONNECTS: u32 = 2;

/// Where requests go, and what goes with each of them.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    first: Endpoint,
    /// Asked only when no connection to the first came about (observed by third parties; off by default).
    second: Option<Endpoint>,
    /// How often a connection that never came about is tried again.
    reconnects: u32,
    headers: HeaderMap,
}

/// What both builders collect about it.
#[derive(Clone)]
pub(crate) struct LineSettings {
    pub(crate) base_url: String,
    pub(crate) second_base_url: Option<String>,
    pub(crate) authorization: Authorization,
    pub(crate) settings: Settings,
    pub(crate) transport: Option<Arc<dyn Transport>>,
    pub(crate) reconnects: u32,
    pub(crate) extra_headers: Vec<(String, Secret)>,
}

impl fmt::Debug for LineSettings {
    /// A base URL may have been given credentials, and a header may be one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineSettings")
            .field("authorization", &self.authorization)
            .field("settings", &self.settings)
            .field("reconnects", &self.reconnects)
            .finish_non_exhaustive()
    }
}

impl LineSettings {
    pub(crate) fn new(base_url: &str, authorization: Authorization) -> Self {
        Self {
            base_url: base_url.to_owned(),
            second_base_url: None,
            authorization,
            settings: Settings::default(),
            transport: None,
            reconnects: 2,
            extra_headers: Vec::new(),
        }
    }

    /// The user's, and what the protocol needs where the user sets nothing. 30 s for the whole exchange: observed in the official demo.
    fn limits(&self) -> Settings {
        let protocol = Settings::default()
            .with_timeouts(Duration::from_secs(10), Duration::from_secs(30))
            .with_body_caps(crate::wire::BODY_CAP, crate::wire::BODY_CAP);
        self.settings.clone().or(protocol)
    }

    /// `path` is where requests will go: checked here, so that a slip is told at once and not by every call.
    pub(crate) fn build(self, credentials: &Credentials, path: &str) -> Result<Line, NotSent> {
        let refuse = |what: &'static str| NotSent::new(ErrorKind::InvalidConfiguration, what);
        if self.reconnects > MOST_RECONNECTS {
            return Err(refuse("a connection is tried again at most twice"));
        }
        if !path.starts_with('/') {
            return Err(refuse("the path must begin with /"));
        }
        let settings = self.limits();
        let endpoint = |url: &str| {
            let base =
                BaseUrl::parse(url).map_err(NotSent::because(ErrorKind::InvalidConfiguration))?;
            let transport = match &self.transport {
                Some(transport) => Arc::clone(transport),
                None => connect(&base, &settings)?,
            };
            Ok::<_, NotSent>(Endpoint::new(PROVIDER, base, transport))
        };
        let first = endpoint(&self.base_url)?;
        if first.uri(path).is_err() {
            return Err(refuse(
                "the path has a character that cannot stand in a URL",
            ));
        }
        Ok(Line {
            first,
            second: self.second_base_url.as_deref().map(endpoint).transpose()?,
            reconnects: self.reconnects,
            headers: headers(credentials.header(self.authorization)?, &self.extra_headers)?,
        })
    }
}

impl Line {
    pub(crate) fn base(&self) -> &BaseUrl {
        self.first.base()
    }

    /// Transmits once. `body` is asked anew for each try to connect, so that the time inside is the time of sending.
    pub(crate) async fn exchange(
        &self,
        operation: Operation,
        path: &str,
        body: impl Fn() -> Zeroizing<String> + Sync,
    ) -> Result<Response<Bytes>, Error> {
        let to = |endpoint| {
            let body = &body;
            async move { self.transmit(endpoint, operation, path, &body()).await }
        };
        let first = self.first.reconnecting(self.reconnects, || to(&self.first));
        match (first.await, &self.second) {
            (Err(failure), Some(second)) if never_connected(&failure) => to(second).await,
            (answer, _) => answer,
        }
    }

    async fn transmit(
        &self,
        endpoint: &Endpoint,
        operation: Operation,
        path: &str,
        body: &str,
    ) -> Result<Response<Bytes>, Error> {
        let mut request = Request::new(Bytes::copy_from_slice(body.as_bytes()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = endpoint
            .uri(path)
            .map_err(|refusal| refusal.at(PROVIDER, operation.name()))?;
        *request.headers_mut() = self.headers.clone();
        endpoint.exchange(operation.name(), request).await
    }
}

fn headers(authorization: HeaderValue, extra: &[(String, Secret)]) -> Result<HeaderMap, NotSent> {
    let json = HeaderValue::from_static("application/json");
    let ours = [
        (header::AUTHORIZATION, authorization),
        (header::CONTENT_TYPE, json.clone()),
        (header::ACCEPT, json),
    ];
    let mut headers = HeaderMap::from_iter(ours);
    let own: Vec<HeaderName> = headers.keys().cloned().collect();
    headers.extend(extra_headers(extra, &own)?);
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_user_leaves_unset_is_the_protocols() {
        let mut line = LineSettings::new("https://gateway.citcall.com", Authorization::ApiKey);
        line.settings = Settings::default().with_extra_roots_pem("pem");
        let limits = line.limits();
        assert_eq!(limits.total_timeout, Some(Duration::from_secs(30)));
        assert_eq!(limits.success_body_cap, Some(64 * 1024));
        assert_eq!(limits.extra_roots_pem, b"pem");
        line.settings = limits.with_timeouts(Duration::from_secs(1), Duration::from_secs(2));
        assert_eq!(line.limits().total_timeout, Some(Duration::from_secs(2)));
    }
}
