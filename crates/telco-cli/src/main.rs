#![doc = include_str!("../README.md")]
// Doc comments of options are help texts, read on a terminal: [default], [TELCO_…].
#![allow(rustdoc::broken_intra_doc_links, rustdoc::bare_urls)]

mod citcall;
mod cli;
mod config;
mod cowrie;
mod csv;
mod demo;
mod doctor;
mod exit;
mod fanap;
mod input;
mod interrupt;
mod kairos;
mod mor;
mod output;
mod sandbox;
mod secret;
mod topup;

use std::process::ExitCode;

use clap::Parser as _;
use clap::error::{ContextKind, ContextValue, ErrorKind};

fn main() -> ExitCode {
    match parsed().and_then(cli::Cli::run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::note(&failure.to_string());
            failure.exit_code()
        }
    }
}

/// The command line. What clap says of a bad value repeats the value, which may be a secret that was given by mistake: here
/// only the flag is named, and what to write instead.
fn parsed() -> Result<cli::Cli, exit::Failure> {
    cli::Cli::try_parse().map_err(|error| {
        if error.kind() != ErrorKind::ValueValidation {
            error.exit();
        }
        let flag = match error.get(ContextKind::InvalidArg) {
            Some(ContextValue::String(flag)) => flag.as_str(),
            _ => "a value",
        };
        let why = std::error::Error::source(&error)
            .map_or_else(|| "cannot be used".to_owned(), ToString::to_string);
        exit::Failure::usage(format!("{flag}: {why}"))
    })
}
