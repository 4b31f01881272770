//! The filters in front of every method.

use super::Mor;
use super::hash::{self, Method, Mode, Profile};
use super::near_miss;
use super::settings::Settings;
use crate::room::{Request, Visit};
use crate::text::Pair;

impl Mor {
    /// The filters in front of every method: API on, GET allowed, hash right.
    pub(super) fn admit(
        visit: &mut Visit<'_>,
        settings: &Settings,
        method: &Method,
        request: &Request,
        params: &[Pair<'_>],
    ) -> Result<(), &'static str> {
        let free = [
            "user_balance_get",
            "user_simple_balance_get",
            "user_balance_get_by_psw",
            "user_balance_get_by_username",
        ];
        if !settings.enabled {
            return Err("API Requests are disabled");
        }
        if request.method != "POST" && !settings.allow_get && !free.contains(&method.name) {
            visit.near_miss(
                "GET is off by default on the real server too: POST a form, or set `allow_get`",
            );
            return Err("GET Requests are disabled");
        }
        if method.mode == Mode::Unchecked || !settings.check_hash {
            return Ok(());
        }
        if settings.secret.is_empty() && !matches!(settings.profile, Profile::Mor12 | Profile::X3) {
            return Err("API must have Secret Key");
        }
        if let Some((name, _)) = params.iter().find(|(name, _)| name.contains(['[', ']'])) {
            visit.near_miss(format!("`{name}`: names with brackets are hashed as the printout of a container; not modelled here"));
            return Err("Incorrect hash");
        }
        let given = params
            .iter()
            .rev()
            .find(|(name, _)| name == "hash")
            .map_or("", |(_, v)| &**v);
        let rows = hash::canonical(settings.profile, method, params);
        if hash::matches(&hash::digest_of(&rows, &settings.secret), given) {
            return Ok(());
        }
        for line in near_miss::explain(settings.profile, method, params, &settings.secret, given) {
            visit.near_miss(line);
        }
        Err("Incorrect hash")
    }
}
