//! README's table of what each client can do is what the clients say of themselves. `UPDATE=1` writes it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use telco_core::{
    CallCapabilities, CallTrigger, CodeOrigin, LookupSupport, OtpCapabilities, OtpChannel,
    OtpCheck, OtpSender, ProductKind, ReplayGuard, Secret, SecretBytes, TopupCapabilities,
    TopupProvider,
};
use telco_otp::{LocalOtp, MemoryOtpStore, OtpKey};

const BEGIN: &str = "<!-- capabilities: written by `UPDATE=1 cargo test -p telco-guides` -->\n";
const END: &str = "<!-- end -->";

#[test]
fn the_table_of_capabilities_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once(BEGIN).expect("README has the mark");
    let (shown, after) = rest.split_once(END).expect("README has the end mark");
    let table = table();
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(
        shown, table,
        "run UPDATE=1 cargo test -p telco-guides --test readme"
    );
}

fn table() -> String {
    let mut table = String::from(
        "| Type | Does | Afterwards | A second copy of a request, by default |\n|---|---|---|---|\n",
    );
    let codes = || {
        let key = OtpKey::new("1", SecretBytes::new([7; 32])).unwrap();
        LocalOtp::new(key, Arc::new(MemoryOtpStore::default()))
    };

    let key = cowrie_client::ClientKey::from_base64("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
    let credentials = cowrie_client::Credentials::client("me", key.unwrap()).unwrap();
    let cowrie = cowrie_client::Client::builder(credentials).build().unwrap();
    table += &topups("cowrie_client::Client", cowrie.topup_capabilities());

    let credentials = || citcall_client::Credentials::new("me", Secret::new("key")).unwrap();
    let v2 = citcall_client::Client::builder(credentials())
        .build()
        .unwrap()
        .missed_call(codes());
    table += &otp("citcall_client::MissedCall", v2.otp_capabilities());
    let v3 = citcall_client::v3::Client::builder(credentials())
        .build()
        .unwrap();
    table += &otp(
        "citcall_client::v3::MissedCall",
        v3.missed_call(std::time::Duration::from_secs(300), 3)
            .unwrap()
            .otp_capabilities(),
    );

    let pem = include_bytes!("../../crates/telco-sandbox/src/rooms/fanap/merchant.pem");
    let application = fanap_client::Application::new("app", "tenant").unwrap();
    let fanap =
        fanap_client::Client::builder(application, fanap_client::PrivateKey::load(pem).unwrap());
    let service = fanap_client::ServiceKey::new("key").unwrap();
    let service = fanap.build().unwrap().service(service);
    table += &otp("fanap_client::Service", service.otp_capabilities());

    let flow = kairos_client::FlowId::new("ZH0RKJvh").unwrap();
    let security = kairos_client::SecurityId::new("a".repeat(64)).unwrap();
    let kairos = kairos_client::Kairos::builder(flow, security)
        .build()
        .unwrap();
    table += &calls("kairos_client::Kairos", kairos.call_capabilities());
    let voice = kairos.voice_otp("OTP", codes());
    table += &otp("kairos_client::VoiceOtp", voice.otp_capabilities());

    let credentials = mor_client::Credentials::new("admin", Secret::new("key"));
    let mor = mor_client::MorClient::builder("https://mor.example.com", credentials);
    let sms = mor.build().unwrap().sms_otp("Acme", "{code}", codes());
    table += &otp("mor_client::SmsOtp", sms.unwrap().otp_capabilities());
    table
}

fn otp(name: &str, can: &OtpCapabilities) -> String {
    let channel = match can.channel {
        OtpChannel::MissedCall => "codes by missed call",
        OtpChannel::Sms => "codes by SMS",
        OtpChannel::Voice => "codes by voice",
        _ => "codes",
    };
    let whom = match can.calling_codes.as_slice() {
        [] => "anybody".to_owned(),
        codes => format!("+{}", codes.join(", +")),
    };
    let maker = match can.code_origin {
        CodeOrigin::Provider => "the provider makes them",
        CodeOrigin::Client => "we make them",
    };
    let check = match can.check {
        OtpCheck::Local => "checked here",
        OtpCheck::Remote => "checked by the provider",
        OtpCheck::Commit => "checked by the provider, and the check **charges**",
        _ => "",
    };
    format!("| `{name}` | {channel} to {whom} | {maker}; {check} | never sent |\n")
}

fn topups(name: &str, can: &TopupCapabilities) -> String {
    let kinds = can.products.iter().map(|rules| match rules.kind {
        ProductKind::Airtime => "airtime",
        ProductKind::Data => "data",
        ProductKind::Pins => "recharge PINs",
        _ => "more",
    });
    let kinds = kinds.collect::<Vec<_>>().join(", ");
    let lookups = can.products.iter().map(|rules| match rules.lookup {
        LookupSupport::None => "none",
        LookupSupport::FindsOnly => {
            "a record proves that it happened, a missing one proves nothing"
        }
        LookupSupport::Proves { .. } => {
            "a record proves that it happened, a missing one that it did not"
        }
        _ => "other",
    });
    let mut lookups = lookups.collect::<Vec<_>>();
    lookups.dedup();
    let replay = can.products.iter().map(|rules| replay(rules.replay));
    let mut replay = replay.collect::<Vec<_>>();
    replay.dedup();
    format!(
        "| `{name}` | {kinds}, in {} | lookup: {} | {} |\n",
        can.currency.code(),
        lookups.join("; "),
        replay.join("; ")
    )
}

fn calls(name: &str, can: &CallCapabilities) -> String {
    let ids = if can.call_ids {
        "an id per call"
    } else {
        "no ids"
    };
    format!(
        "| `{name}` | calls, {} in one request | {ids} | {} |\n",
        can.max_calls_per_request,
        replay(can.replay)
    )
}

fn replay(guard: ReplayGuard) -> &'static str {
    match guard {
        ReplayGuard::None => "never sent",
        ReplayGuard::ByteIdentical { .. } => "recognised by the provider",
        _ => "other",
    }
}
