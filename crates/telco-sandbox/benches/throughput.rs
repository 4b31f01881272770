//! How fast the sandbox answers, beside a bare server.

fn main() {}
