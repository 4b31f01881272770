//! What a signed request costs beside an unsigned one, in one run: `cargo bench -p fanap-client`, and the same with
//! `--features openssl`.
//!
//! The unsigned one is what any client must do: write the date, the JSON and the three headers, join the URL.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout)]

use std::hint::black_box;
use std::time::{Duration, Instant, SystemTime};

use fanap_client::http::http::Request;
use fanap_client::http::{BaseUrl, Bytes};
use fanap_client::wire::Start;
use fanap_client::{
    Application, Client, Date, Phone, PhoneFormat, PrivateKey, ServiceKey, parse_msisdn,
};
use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Unsigned<'a> {
    date: &'a str,
    phone_number: &'a str,
    service_key: &'a str,
}

const SERVICE: &str = "63b01900e9c447e4930ce8ab0969e6f3";

fn unsigned(base: &BaseUrl) -> Request<Bytes> {
    let date = Date::of(SystemTime::now()).unwrap();
    let body = Unsigned {
        date: date.as_str(),
        phone_number: "09120000000",
        service_key: SERVICE,
    };
    Request::post(base.join("/api/Subscription/grant/start").unwrap())
        .header("content-type", "application/json; charset=utf-8")
        .header("tenantid", "your.tenant.id")
        .header("appid", "your-app-id")
        .body(Bytes::from(serde_json::to_vec(&body).unwrap()))
        .unwrap()
}

/// Short rounds, taken in turn, and the quickest of them: what a neighbour on the machine costs is on neither side.
fn best_of<const N: usize>(rounds: usize, mut works: [(u32, &mut dyn FnMut()); N]) -> [f64; N] {
    let mut best = [f64::INFINITY; N];
    for _ in 0..rounds {
        for ((calls, work), best) in works.iter_mut().zip(&mut best) {
            let start = Instant::now();
            for _ in 0..*calls {
                work();
            }
            *best = best.min(start.elapsed().as_nanos() as f64 / f64::from(*calls));
        }
    }
    best
}

fn main() {
    let file: serde_json::Value =
        serde_json::from_str(include_str!("../vectors/signing.json")).unwrap();
    let xml = file["keys"]["k2048"]["private_xml"].as_str().unwrap();
    let application = Application::new("your-app-id", "your.tenant.id").unwrap();
    let client = |window: Duration| {
        let key = PrivateKey::load(xml.as_bytes()).unwrap();
        Client::builder(application.clone(), key)
            .reuse_window(window)
            .build()
            .unwrap()
    };
    let (reusing, signing) = (client(Duration::from_secs(1)), client(Duration::ZERO));
    let base = BaseUrl::parse("https://sscp.sdp.fanap.plus").unwrap();
    let service = ServiceKey::new(SERVICE).unwrap();
    let phone = Phone::new(
        &parse_msisdn("09120000000").unwrap(),
        PhoneFormat::default(),
    )
    .unwrap();
    let start = Start::new(&service, &phone);
    let build = |client: &Client| {
        let signed = client.signed().unwrap();
        drop(black_box(
            start.request(&base, &application, &signed).unwrap(),
        ));
    };

    let [bare, reused, each] = best_of(
        60,
        [
            (1_000, &mut || drop(black_box(unsigned(black_box(&base))))),
            (1_000, &mut || build(&reusing)),
            (3, &mut || build(&signing)),
        ],
    );
    println!(
        "signed request {reused:.0} ns with a reuse window: {:.2} × unsigned ({bare:.0} ns)",
        reused / bare
    );
    println!(
        "signed request {:.3} ms without: {:.0} × unsigned, which is why there is a window",
        each / 1e6,
        each / bare
    );
}
