//! The command line: what there is, and which room answers it.

use std::path::PathBuf;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::config::{self, Settings};
use crate::exit::{Done, Failure};
use crate::output::Form;
use crate::{citcall, cowrie, demo, doctor, fanap, kairos, mor, sandbox, topup};

/// Telecom clients that tell the truth: top-ups, one-time codes, calls, request signatures, and a sandbox of five providers.
#[derive(Debug, Parser)]
#[command(name = "telco", version, arg_required_else_help = true, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    /// The settings file [default: telco.toml here, if there is one]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// For people, or for programs
    #[arg(long, global = true, value_enum, default_value_t)]
    output: Form,
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done or accepted · 2 usage · 10 nothing was sent · 11 rejected by the provider \
     · 12 unknown outcome, must be settled · 13 a read got no usable answer · 130 interrupted with nothing lost";

#[derive(Debug, Subcommand)]
enum Command {
    /// The main job against a sandbox in this process: no account, no network
    Demo(demo::Demo),
    /// Run the five providers as local servers, until Ctrl-C
    Sandbox(sandbox::Run),
    /// Citcall, Indonesia: one-time codes by missed call
    #[command(subcommand)]
    Citcall(citcall::Citcall),
    /// Cowrie, Nigeria: airtime, data, PINs
    #[command(subcommand)]
    Cowrie(cowrie::Cowrie),
    /// FanapPlus, Iran: subscriptions by code, and RSA keys
    #[command(subcommand)]
    Fanap(fanap::Fanap),
    /// Phonon Kairos, India: outbound calls, plain or encrypted
    #[command(subcommand)]
    Kairos(kairos::Kairos),
    /// Kolmisoft MOR: the request hash
    #[command(subcommand)]
    Mor(mor::Mor),
    /// Many top-ups, safely
    #[command(subcommand)]
    Topup(topup::Topup),
    /// Check settings, secrets, connections, clock and ledger, without spending anything
    Doctor,
    /// The settings file
    #[command(subcommand)]
    Config(config::Config),
    /// Print a completion script for a shell: as it is, whatever --output says
    #[command(
        after_help = "Example:\n  telco completions bash > ~/.local/share/bash-completion/completions/telco"
    )]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

impl Command {
    /// It costs money, or something else that cannot be had back.
    fn spends(&self) -> bool {
        use {citcall::Citcall, cowrie::Cowrie, fanap::Fanap, kairos::Kairos, topup::Topup};
        matches!(
            self,
            Self::Citcall(Citcall::Call(_) | Citcall::Sms(_))
                | Self::Cowrie(
                    Cowrie::Credit(_) | Cowrie::Data(_) | Cowrie::Pin(_) | Cowrie::Redeem(_)
                )
                | Self::Fanap(Fanap::Start(_) | Fanap::Commit(_))
                | Self::Kairos(Kairos::Call(_) | Kairos::GenerateKeyPair(_))
                | Self::Topup(Topup::Bulk(_) | Topup::Resume(_))
        )
    }
}

impl Cli {
    /// Runs the command.
    pub(crate) fn run(self) -> Done {
        let done = self.answer();
        if let Err(failure) = &done
            && self.command.spends()
        {
            crate::output::end(self.output, failure);
        }
        done
    }

    fn answer(&self) -> Done {
        // Read only by what needs them: when the file is broken, `config example` still prints one that is not.
        let settings = || Settings::load(self.config.as_deref());
        let form = self.output;
        match &self.command {
            Command::Demo(options) => block_on(demo::run(options, form)),
            Command::Sandbox(options) => block_on(sandbox::run(options, form)),
            Command::Citcall(command) => block_on(citcall::run(command, &settings()?, form)),
            Command::Cowrie(command) => block_on(cowrie::run(command, &settings()?, form)),
            Command::Fanap(command) => block_on(fanap::run(command, &settings()?, form)),
            Command::Kairos(command) => block_on(kairos::run(command, &settings()?, form)),
            Command::Mor(command) => mor::run(command, &settings()?, form),
            Command::Topup(command) => block_on(topup::run(command, &settings()?, form)),
            Command::Doctor => block_on(doctor::run(&settings()?, form)),
            Command::Config(command) => config::run(command),
            Command::Completions { shell } => {
                let mut script = Vec::new();
                clap_complete::generate(*shell, &mut Self::command(), "telco", &mut script);
                crate::output::octets(&script)
            }
        }
    }
}

/// On a runtime that ends with the command.
fn block_on(command: impl Future<Output = Done>) -> Done {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    runtime
        .map_err(|e| Failure::not_sent(format!("no runtime: {e}")))?
        .block_on(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    /// The commands that do something, by their words.
    fn leaves(command: &clap::Command, words: &str, found: &mut Vec<(String, String)>) {
        for below in command.get_subcommands() {
            let words = format!("{words} {}", below.get_name());
            let help = below.get_after_help().map(ToString::to_string);
            if below.has_subcommands() {
                leaves(below, &words, found);
            } else {
                found.push((words, help.unwrap_or_default()));
            }
        }
    }

    /// As a shell does it: a text between quote marks is one word.
    fn words_of(line: &str) -> Vec<&str> {
        let parts = line.split('\'').enumerate();
        parts
            .flat_map(|(at, part)| match at % 2 {
                0 => part.split_whitespace().collect(),
                _ => vec![part],
            })
            .take_while(|word| !matches!(*word, "<" | ">"))
            .collect()
    }

    #[test]
    fn every_command_has_an_example_that_can_be_followed() {
        // Nothing has to be given to these.
        const PLAIN: [&str; 8] = [
            "demo",
            "sandbox",
            "doctor",
            "cowrie balance",
            "cowrie plans",
            "kairos pull",
            "kairos generate-key-pair",
            "kairos probe",
        ];
        let mut found = Vec::new();
        leaves(&Cli::command(), "telco", &mut found);
        assert!(found.len() > 30, "{}", found.len());
        for (words, help) in found {
            let lines = help.lines().map(str::trim);
            let examples: Vec<&str> = lines.filter(|line| line.starts_with("telco ")).collect();
            for line in &examples {
                let parsed = Cli::try_parse_from(words_of(line));
                assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
            }
            let its_own = help.contains(&words);
            assert!(
                its_own || PLAIN.iter().any(|plain| words.ends_with(plain)),
                "{words}"
            );
        }
    }
}
