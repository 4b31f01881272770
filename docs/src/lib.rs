//! The guides of `docs/guide`: every piece of code in them is compiled and run here (`cargo test -p telco-guides`).
//! Lines that begin with `#` in their code blocks are for the test only.

macro_rules! guides {
    ($($name:ident = $file:literal),* $(,)?) => {$(
        #[doc = include_str!(concat!("../guide/", $file))]
        pub mod $name {}
    )*};
}

guides! {
    one_time_codes = "one-time-codes.md",
    subscribe = "subscribe.md",
    top_up = "top-up.md",
    timeouts_and_money = "timeouts-and-money.md",
    bulk = "bulk.md",
    calls = "calls.md",
    queue_worker = "queue-worker.md",
    callbacks = "callbacks.md",
    sign_mor_requests = "sign-mor-requests.md",
    test_with_the_sandbox = "test-with-the-sandbox.md",
    tls = "tls.md",
    watch = "watch.md",
    without_async = "without-async.md",
    from_the_official_clients = "from-the-official-clients.md",
}
