//! What comes before any parameter is looked at: headers, signature, nonce.

use super::Cowrie;
use crate::room::{Answer, Request, Visit};

impl Cowrie {
    /// Headers, signature, nonce: what comes before any parameter is looked at. The order of these checks is inferred.
    pub(super) fn admit(
        &self,
        visit: &mut Visit<'_>,
        request: &Request,
        terminal: bool,
    ) -> Result<(), Answer> {
        let (form, verify) = {
            let inner = self.inner();
            (inner.settings.error_body, inner.settings.verify)
        };
        let account = if terminal { &self.agent } else { &self.client };
        let identity = if terminal { "AgentId" } else { "ClientId" };
        let wanted = [identity, "Signature", "Nonce", "TerminalId"];
        let mut wanted = wanted.iter().take(if terminal { 4 } else { 3 });
        if let Some(name) = wanted.find(|name| request.header(name).is_none_or(str::is_empty)) {
            visit.near_miss(format!(
                "the header `{name}` is missing; this path wants {identity}, Signature, Nonce{}",
                if terminal { ", TerminalId" } else { "" }
            ));
            return Err(form.error(403, &format!("{name} required")));
        }
        let header = |name| request.header(name).unwrap_or("");
        let (nonce, signature) = (header("Nonce"), header("Signature"));
        if header(identity) != account.id {
            visit.near_miss(format!(
                "`{identity}` is not one of this sandbox: use `{}`",
                account.id
            ));
            return Err(form.error(400, "Invalid signature"));
        }
        let served = self.inner().settings.terminals.clone();
        if terminal && !served.is_empty() && !served.iter().any(|id| id == header("TerminalId")) {
            visit.near_miss(format!(
                "`TerminalId` is not one of the setting `terminals`: {}",
                served.join(", ")
            ));
            return Err(form.error(400, "Invalid signature"));
        }
        if let Err(why) = account.signer.check(verify, signature, nonce, request) {
            for line in why {
                visit.near_miss(line);
            }
            return Err(form.error(400, "Invalid signature"));
        }
        let (now, key) = (visit.now_ms(), format!("{}\n{nonce}", account.id));
        let mut inner = self.inner();
        let keep = inner.settings.nonce_memory_ms;
        if !inner.state.use_nonce(&key, now, keep) {
            visit.near_miss("this nonce was used before; the first copy of the request may well have been carried out");
            return Err(form.error(409, "Nonce already used"));
        }
        Ok(())
    }
}
