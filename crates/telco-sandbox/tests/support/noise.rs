//! Random requests for a soak: sound, half-valid, damaged and senseless ones to all five rooms, and to the admin API.

use serde_json::{Map, json};
use telco_sandbox::Draw;

use super::spend::{PROVIDERS, cowrie_request, spend};
use super::*;

mod admin;

/// One stream of random requests. What a stream asks for depends on nothing but its number.
pub struct Noise {
    pub draw: Draw,
    worker: u64,
    sent: u64,
    /// A signed request to FanapPlus and how often it was sent: signing costs more than everything else here.
    fanap: Option<(Vec<u8>, u64)>,
}

/// What the sandbox says of itself at the start.
pub struct Known {
    pub settings: Value,
    quirks: Vec<String>,
    /// Where callbacks may go.
    pub listeners: Vec<String>,
}

impl Known {
    pub async fn ask(sandbox: &Sandbox, listeners: Vec<String>) -> Self {
        let fidelity = admin(sandbox, "GET", "fidelity", "").await.json();
        let quirks = PROVIDERS.iter().flat_map(|provider| {
            let named = fidelity[provider]["quirks"].as_array().unwrap();
            named.iter().map(|quirk| text(quirk, "name"))
        });
        Self {
            quirks: quirks.collect(),
            settings: admin(sandbox, "GET", "settings", "").await.json(),
            listeners,
        }
    }
}

const MEANING: &[u8] = b"\0\r\n <>&={}[]\":,%+-.09eE\\\x80\xff";
/// Values, between bars.
const WORDS: &str = "\
    |0|-1|1|2|100|00|1e999|1,000|12.345|18446744073709551616|null|true| |+|%|%00|%zz|a&b=c|'|\"|<x>|\u{202e}|\
    \u{1f600}|S1|s1-1|6281234567890|08000000001|mtn|2348031234567|2348000000500|AIRTIME|EUR|admin|09121234567|\
    2099-01-23T08:02:53.311+05:30|9999-12-31T23:59:59.999Z|0000-00-00 00:00:00|http://127.0.0.1:1/|AAAA|====";
/// Fields that one room or another reads, between spaces; then the paths of each room.
const FIELDS: &str = "\
    net msisdn amount xref reference unit count type message pin bundle channel gateway clientUniqueId callback_url \
    trxid token senderid text PhoneNumber Date ServiceKey Signature Otp start-time client-identifier contact-numbers \
    keys flow-id security-id data user_id u p hash p_currency transaction period_start period_end device_id \
    tariff_id number";
const PATHS: [&str; 5] = [
    "/airtime/Balance /airtime/Credit /airtime/Check /data/Credit /pin/AllocateSingle /pin/Allocate /pin/Redeem \
     /terminal/Balance /terminal/Credit /terminal/data/Credit /terminal/Check",
    "/v2/asynccall /v3/motp /v3/asynccall /v3/verify /v3/sms /v3/smsotp /v3/call",
    "/api/Subscription/grant/start /api/Subscription/grant/commit \
     /api/subscription/verification/09121234567/product/1 /api/otp/",
    "/outbound/create /outbounddialer/create /enc/outbound/create /enc/outbounddialer/create \
     /enc/outbound/generateKeyPair /pull",
    "",
];
const MOR_METHODS: &str = include_str!("../../src/rooms/mor/methods.tsv");

impl Noise {
    pub fn new(worker: u64) -> Self {
        Self {
            draw: Draw::new(worker, &["soak"], 0),
            worker,
            sent: 0,
            fanap: None,
        }
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.draw.below(bound as u64)).unwrap()
    }

    fn one<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.below(list.len())]
    }

    fn of(&mut self, list: &'static str, between: char) -> &'static str {
        let at = self.below(list.split(between).count());
        list.split(between).nth(at).unwrap()
    }

    /// The next request, and the URL it goes to.
    pub fn next(&mut self, sandbox: &Sandbox, known: &Known) -> (String, Vec<u8>) {
        self.sent += 1;
        let at = self.below(PROVIDERS.len());
        let provider = PROVIDERS[at];
        let bytes = match self.below(20) {
            0..6 => self.sound(sandbox, provider),
            6..11 => self.half_valid(sandbox, at),
            11..16 => {
                let whole = match self.below(2) {
                    0 => self.sound(sandbox, provider),
                    _ => self.half_valid(sandbox, at),
                };
                self.damaged(whole)
            }
            16 => (0..self.below(3_000))
                .map(|_| self.draw.next_u64().to_le_bytes()[0])
                .collect(),
            _ => {
                let console = sandbox.console_url();
                let bytes = self.admin(console.trim_end_matches('/'), known);
                let bytes = match self.below(4) {
                    0 => self.damaged(bytes),
                    _ => bytes,
                };
                return (console, bytes);
            }
        };
        (sandbox.base_url(provider).unwrap(), bytes)
    }

    /// Mostly new, so that what a sandbox keeps by reference grows as fast as it can.
    fn reference(&mut self) -> String {
        match self.below(8) {
            0 => format!("s{}", self.below(500)),
            _ => format!("s{}-{}", self.worker, self.sent),
        }
    }

    fn sound(&mut self, sandbox: &Sandbox, provider: &str) -> Vec<u8> {
        let reference = self.reference();
        if provider != "fanap" {
            return spend(sandbox, provider, &reference);
        }
        let (bytes, used) = match self.fanap.take() {
            Some((bytes, used)) if used < 50 => (bytes, used),
            _ => (spend(sandbox, provider, &reference), 0),
        };
        self.fanap = Some((bytes.clone(), used + 1));
        bytes
    }

    /// A call that exists, with the right credentials and fields that are anything.
    fn half_valid(&mut self, sandbox: &Sandbox, at: usize) -> Vec<u8> {
        let provider = PROVIDERS[at];
        let base = sandbox.base_url(provider).unwrap();
        let is = sandbox.credentials(provider).unwrap();
        if provider == "mor" {
            let method = self.of(MOR_METHODS, '\n').split('\t').nth(1).unwrap_or("");
            let form = format!("u=admin&{}", self.form());
            let kind = ("Content-Type", "application/x-www-form-urlencoded");
            return request("POST", &base, &format!("/{method}"), &[kind], &form);
        }
        let mut path = self.of(PATHS[at], ' ');
        // A new RSA key costs more than a thousand other requests.
        if path.ends_with("generateKeyPair") && self.below(50) > 0 {
            path = "/pull";
        }
        if provider == "cowrie" {
            let (query, nonce) = (self.form(), self.reference());
            return cowrie_request(sandbox, path, &query, &nonce);
        }
        let mut body = self.object(3);
        let mut headers = vec![("Content-Type", "application/json".to_owned())];
        match provider {
            "citcall" => {
                headers.push(("Authorization", format!("Apikey {}", text(&is, "api_key"))))
            }
            "fanap" => {
                headers.push(("AppId", text(&is, "app_id")));
                headers.push(("TenantId", text(&is, "tenant_id")));
            }
            _ => {
                body.insert("api-version".to_owned(), json!("1.0"));
                body.insert("security-id".to_owned(), is["security_id"].clone());
                body.insert("flow-id".to_owned(), is["flow_id"].clone());
                let calls = (0..self.below(4)).map(|_| Value::Object(self.object(2)));
                body.insert("calls".to_owned(), calls.collect());
            }
        }
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let method = self.one(&["POST", "POST", "POST", "GET"]);
        request(
            method,
            &base,
            path,
            &headers,
            &Value::Object(body).to_string(),
        )
    }

    fn form(&mut self) -> String {
        let pairs: Vec<_> = (0..self.below(7))
            .map(|_| format!("{}={}", self.of(FIELDS, ' '), self.of(WORDS, '|')))
            .collect();
        pairs.join("&")
    }

    fn object(&mut self, depth: usize) -> Map<String, Value> {
        (0..self.below(8))
            .map(|_| (self.of(FIELDS, ' ').to_owned(), self.value(depth)))
            .collect()
    }

    fn value(&mut self, depth: usize) -> Value {
        match self.below(if depth == 0 { 7 } else { 9 }) {
            0 => Value::Null,
            1 => json!(self.below(2) == 0),
            2 => json!(self.draw.next_u64()),
            3 => json!(-i64::from(self.draw.next_u64().to_le_bytes()[0])),
            4 => json!(self.draw.next_unit() * 1e18),
            5 => json!(self.of(WORDS, '|').repeat(self.below(40))),
            6 => json!(self.of(WORDS, '|')),
            7 => (0..self.below(4)).map(|_| self.value(depth - 1)).collect(),
            _ => Value::Object(self.object(depth - 1)),
        }
    }

    fn damaged(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        // Half of the time the head stays whole, so that what is behind HTTP gets to read the rest.
        let head = bytes
            .windows(4)
            .position(|w| w == b"\r\n\r\n")
            .map_or(0, |at| at + 4);
        let from = if head < bytes.len() {
            head * self.below(2)
        } else {
            0
        };
        for _ in 0..=self.below(3) {
            let at = from + self.below(bytes.len().saturating_sub(from));
            let end = bytes.len().min(at + self.below(12));
            match self.below(4) {
                0 => bytes.truncate(at),
                1 => drop(bytes.drain(at..end)),
                2 => bytes.insert(at, MEANING[self.below(MEANING.len())]),
                _ => {
                    let byte = MEANING[self.below(MEANING.len())];
                    if let Some(there) = bytes.get_mut(at) {
                        *there = byte;
                    }
                }
            }
        }
        bytes
    }
}
