//! Random requests to the admin API: faults, settings, time, callbacks, lists.

use telco_sandbox::Phase;

use super::*;

impl Noise {
    pub(super) fn admin(&mut self, console: &str, known: &Known) -> Vec<u8> {
        let provider = self.one(&PROVIDERS);
        let (method, path, body) = match self.below(17) {
            0 => ("PUT", "faults".to_owned(), json!([])),
            1 => ("POST", "faults".to_owned(), self.fault(known)),
            2 => {
                let change = match self.below(3) {
                    0 => json!({ "advance_ms": self.below(100_000) }),
                    1 => json!({ "freeze": self.below(4) == 0 }),
                    _ => json!({ "now_ms": self.draw.next_u64() >> self.below(64) }),
                };
                ("POST", "time".to_owned(), change)
            }
            3 => (
                "POST",
                format!("settings/{provider}"),
                self.setting(known, provider),
            ),
            4 => (
                "POST",
                format!("settings/{provider}"),
                known.settings[provider].clone(),
            ),
            5 => {
                let urls = known.listeners.iter().map(String::as_str);
                let url = self.one(
                    &urls
                        .chain(["http://127.0.0.1:1/", "ftp://x"])
                        .collect::<Vec<_>>(),
                );
                (
                    "POST",
                    "listen".to_owned(),
                    json!({ "provider": provider, "url": url }),
                )
            }
            6 | 7 => {
                let what = match self.below(2) {
                    0 => json!({}),
                    _ => {
                        json!({ "reference": self.reference(), self.of(FIELDS, ' '): self.value(1) })
                    }
                };
                ("POST", format!("trigger/{provider}"), what)
            }
            8 => {
                let told = self.one(&["success", "failure", "unknown", "accepted", "rejected"]);
                let body =
                    json!({ "provider": provider, "reference": self.reference(), "told": told });
                ("POST", "told".to_owned(), body)
            }
            9 => {
                let rooms = json!({ provider: self.setting(known, provider) });
                (
                    "POST",
                    "fixture".to_owned(),
                    json!({ "rooms": rooms, "faults": [self.fault(known)] }),
                )
            }
            10 => (
                "POST",
                "down".to_owned(),
                json!({ "provider": provider, "down": self.below(2) == 0 }),
            ),
            11 => {
                let list = self.one(&["ledger", "requests", "handsets", "callbacks"]);
                let query = format!(
                    "limit={}&skip={}&search={}",
                    self.of(WORDS, '|'),
                    self.of(WORDS, '|'),
                    self.of(WORDS, '|')
                );
                (
                    "GET",
                    format!("{list}?{}", query.replace(' ', "+")),
                    Value::Null,
                )
            }
            12 => {
                let list = self.one(&[
                    "ledger?limit=1000",
                    "requests?limit=1000&near_misses=1",
                    "handsets?limit=1000",
                ]);
                ("GET", list.to_owned(), Value::Null)
            }
            // Rarely: what grows without bound has to have the time to grow.
            13 if self.below(500) == 0 => ("POST", "reset".to_owned(), Value::Null),
            13 => (
                "GET",
                format!("ledger/{provider}/{}", self.reference()),
                Value::Null,
            ),
            14 => (
                "GET",
                format!("requests/{}", self.draw.next_u64() >> self.below(64)),
                Value::Null,
            ),
            15 => (
                "GET",
                self.one(&[
                    "time",
                    "settings",
                    "faults",
                    "fidelity",
                    "openapi.json",
                    "describe",
                ])
                .to_owned(),
                Value::Null,
            ),
            _ => {
                let path = self.one(&[
                    "faults",
                    "time",
                    "told",
                    "listen",
                    "down",
                    "fixture",
                    "settings/mor",
                    "trigger/kairos",
                ]);
                ("POST", path.to_owned(), Value::Object(self.object(3)))
            }
        };
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        request(method, console, &format!("/_sandbox/{path}"), &[], &body)
    }

    /// Any fault, mostly with a chance so small that the rooms go on working.
    fn fault(&mut self, known: &Known) -> Value {
        let mut rule = json!({ "delay_ms": self.below(30) });
        match self.below(4) {
            0 | 1 => {
                // A flood is 64 MiB; one in a while is enough.
                let phases = Phase::ALL
                    .iter()
                    .filter(|phase| **phase != Phase::Flood || self.below(50) == 0);
                let phases: Vec<_> = phases.copied().collect();
                rule["phases"] = json!([
                    phases[self.below(phases.len())],
                    phases[self.below(phases.len())]
                ]);
            }
            2 => {
                rule["callback"] = json!(self.one(&["lost", "late", "early", "twice", "reordered"]))
            }
            _ => rule["quirk"] = json!(known.quirks[self.below(known.quirks.len())]),
        }
        rule["lookup_delay_ms"] = json!(self.draw.next_u64() >> self.below(64));
        rule["when"] = match self.below(4) {
            0 => json!({ "times": self.below(20) }),
            1 => json!({ "nth": [self.below(20), self.below(2_000)] }),
            _ => json!({ "chance": self.draw.next_unit() * 0.2 }),
        };
        for scope in ["provider", "operation", "number", "reference"] {
            if self.below(6) == 0 {
                rule[scope] = match scope {
                    "provider" => json!(self.one(&PROVIDERS)),
                    _ => json!(self.of(WORDS, '|')),
                };
            }
        }
        rule
    }

    /// A setting that exists, set to anything.
    fn setting(&mut self, known: &Known, provider: &str) -> Value {
        let settings = known.settings[provider].as_object().unwrap();
        let name = settings.keys().nth(self.below(settings.len())).unwrap();
        json!({ name: self.value(1) })
    }
}
