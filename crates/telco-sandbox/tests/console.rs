//! The console in a real browser. Without one (see `browser::chromium`) this says so and checks nothing.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr
)]

mod support;

#[allow(dead_code, unreachable_pub, missing_docs)]
#[path = "support/browser.rs"]
mod browser;

use std::path::Path;

use browser::Browser;
use support::Client;
use support::spend::{cowrie_request, credit_query, spend};
use telco_sandbox::Sandbox;

/// Screenshots go to `target/console/`.
fn picture(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("console")
        .join(format!("{name}.png"))
}

async fn send(sandbox: &Sandbox, provider: &str, bytes: &[u8]) -> Option<u16> {
    let base = sandbox.base_url(provider).unwrap();
    let mut client = Client::connect(&base).await.unwrap();
    client.send(bytes).await.ok().map(|reply| reply.status)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_watches_and_breaks_things() {
    let Some(program) = browser::chromium() else {
        eprintln!(
            "left out: no Chromium here (set TELCO_TEST_CHROMIUM), so the console was not opened"
        );
        return;
    };
    let sandbox = Sandbox::start().await.unwrap();
    let mut page = Browser::open(&program, &sandbox.console_url(), (1280, 800));
    page.until("document.getElementById('live').textContent === 'live'");
    let banner = page.eval("document.querySelector('.banner').innerText");
    assert!(banner.as_str().unwrap().contains("Not the real provider"));

    // A missed call arrives live, and its code can be read.
    page.press("2");
    page.until("document.querySelector('#tab-phones[aria-selected=true]')");
    let ring = spend(&sandbox, "citcall", "live-1");
    assert_eq!(send(&sandbox, "citcall", &ring).await, Some(200));
    page.until("document.querySelector('.row .code')");
    let shown = page.eval("document.querySelector('.row .code').textContent");
    let telco_sandbox::Arrival::MissedCall { from } = &sandbox.handset("6281234567890")[0].arrival
    else {
        panic!("no call")
    };
    assert!(from.ends_with(shown.as_str().unwrap()));
    page.screenshot(&picture("phones"));

    // A switch, pressed by keyboard: from now on Cowrie acts, and its client never hears of it.
    page.press("5");
    page.until("document.getElementById('switch-act-then-reset')");
    page.eval("document.getElementById('provider').value = 'cowrie'; draw()");
    page.eval("document.getElementById('switch-act-then-reset').focus()");
    page.press("Enter");
    page.until("document.querySelector('#switch-act-then-reset[aria-pressed=true]')");
    assert_eq!(sandbox.faults().list().len(), 1);
    assert_eq!(
        sandbox.faults().list()[0].provider.as_deref(),
        Some("cowrie")
    );
    page.screenshot(&picture("faults"));
    let credit = cowrie_request(&sandbox, "/airtime/Credit", &credit_query("top-up-1"), "n1");
    assert_eq!(send(&sandbox, "cowrie", &credit).await, None);

    // Sent once more, byte for byte: refused, and the page says both.
    page.press("Enter");
    page.until("document.querySelector('#switch-act-then-reset[aria-pressed=false]')");
    assert_eq!(send(&sandbox, "cowrie", &credit).await, Some(409));
    page.press("1");
    page.until("document.querySelector('[data-row=\"cowrie/top-up-1\"]')");
    page.until("document.querySelector('[data-row=\"cowrie/top-up-1\"]').innerText.includes('repeat refused')");
    assert_eq!(
        page.eval("document.querySelector('#total-doubled dd').textContent"),
        "0"
    );
    page.screenshot(&picture("operations"));

    // By keyboard into the story: what happened beside what was told.
    page.eval("document.activeElement.blur()");
    page.press("j");
    let focused = page.eval("document.activeElement.dataset.row");
    assert_eq!(focused, "cowrie/top-up-1");
    page.press("Enter");
    page.until("!document.getElementById('detail').hidden");
    page.until("document.getElementById('detail').innerText.includes('connection reset')");
    let story = page.eval("document.getElementById('detail').innerText");
    for line in [
        "what really happened",
        "what the client was told",
        "delivered",
        "answered: connection reset",
        "answered: 409",
    ] {
        assert!(story.as_str().unwrap().contains(line), "{line}: {story}");
    }
    page.screenshot(&picture("story"));
    page.press("Escape");
    page.until("document.getElementById('detail').hidden");
    assert_eq!(
        page.eval("document.activeElement.dataset.row"),
        "cowrie/top-up-1"
    );

    // The customer served twice is loud.
    let again = cowrie_request(&sandbox, "/airtime/Credit", &credit_query("top-up-1"), "n2");
    assert_eq!(send(&sandbox, "cowrie", &again).await, Some(200));
    page.until("document.querySelector('#total-doubled.alarm')");
    page.until("document.querySelector('.row.trouble')");

    // What comes from outside is text.
    let evil = "%3Cimg%20src=x%20onerror=document.title=1%3E";
    let bytes = cowrie_request(&sandbox, "/airtime/Credit", &credit_query(evil), "n3");
    send(&sandbox, "cowrie", &bytes).await;
    page.until("document.querySelector('main').innerText.includes('<img src=x')");
    assert_eq!(page.eval("document.querySelectorAll('main img').length"), 0);
    assert_eq!(page.eval("document.title"), "telco sandbox");

    // Search by keyboard.
    page.press("/");
    page.write("top-up-1");
    page.until("document.querySelectorAll('.row').length === 1");
    page.eval("document.getElementById('search').value = ''; document.getElementById('search').blur(); draw()");

    // Every view, narrow and dark: nothing is wider than a phone.
    page.resize(375, 740);
    page.scheme("dark");
    for (key, view) in ["1", "2", "3", "4", "5", "6", "7"].iter().zip([
        "operations",
        "phones",
        "requests",
        "callbacks",
        "faults",
        "fidelity",
        "connect",
    ]) {
        page.press(key);
        page.until(&format!(
            "document.querySelector('#tab-{view}[aria-selected=true]')"
        ));
        page.until("document.querySelector('main').innerText.length > 20");
        std::thread::sleep(std::time::Duration::from_millis(150));
        page.screenshot(&picture(&format!("narrow-{view}")));
        let wide = page.eval("document.documentElement.scrollWidth");
        assert!(wide.as_u64().unwrap() <= 375, "{view}: {wide}");
    }
    // Saved settings are those that were edited: money that went meanwhile stays gone.
    page.press("6");
    page.until("document.querySelector('[aria-label=\"settings of cowrie\"]')");
    let spent = cowrie_request(
        &sandbox,
        "/airtime/Credit",
        &credit_query("meanwhile"),
        "n4",
    );
    send(&sandbox, "cowrie", &spent).await;
    let settings = async || {
        support::admin(&sandbox, "GET", "settings/cowrie", "")
            .await
            .json()
    };
    let before = settings().await;
    page.eval(
        "(() => { const area = document.querySelector('[aria-label=\"settings of cowrie\"]'); \
         area.value = JSON.stringify({ ...JSON.parse(area.value), discount: 7 }); \
         area.nextElementSibling.click(); })()",
    );
    for _ in 0..200 {
        if settings().await["discount"] == 7 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let after = settings().await;
    assert_eq!(
        (&after["discount"], &after["balance"]),
        (&7.into(), &before["balance"])
    );

    let dark = page.eval("getComputedStyle(document.body).backgroundColor");
    assert_eq!(dark, "rgb(20, 23, 26)");
    page.scheme("light");
    let light = page.eval("getComputedStyle(document.body).backgroundColor");
    assert_eq!(light, "rgb(255, 255, 255)");

    // Everything that can be used by mouse can be reached by keyboard.
    let unreachable = page.eval(
        "[...document.querySelectorAll('[onclick], .row, .switches button')].filter((e) => e.tagName !== 'BUTTON').length",
    );
    assert_eq!(unreachable, 0);
}
