//! The program as a script sees it: exit codes, what is printed where, and what is never printed.

mod common;

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::process::{Output, Stdio};
use std::time::SystemTime;

use common::{Sandbox, code, err, out, run, telco};
use serde_json::Value;
use telco_core::{Identity, Msisdn, OtpRequest, PendingOtp, Reference};

#[expect(clippy::unwrap_used, reason = "test code")]
fn cowrie(sandbox: &Sandbox, args: &[&str]) -> Output {
    sandbox.telco().arg("cowrie").args(args).output().unwrap()
}

const NO_FAULTS: &str = "[]";
const TOPUP: [&str; 7] = [
    "credit",
    "--msisdn",
    "08031234567",
    "--amount",
    "100",
    "--reference",
    "order-1",
];

#[test]
fn exit_0_and_one_json_document() {
    let sandbox = Sandbox::start(NO_FAULTS);
    let accepted = cowrie(&sandbox, &[&TOPUP[..], &["--output", "json"]].concat());
    assert_eq!(code(&accepted), 0, "{}", err(&accepted));
    let document: Value = serde_json::from_slice(&accepted.stdout).unwrap();
    assert_eq!(document["outcome"], "accepted");
    assert_eq!(document["reference"], "order-1");
}

#[test]
fn exit_2_for_words_that_are_no_command() {
    for words in [
        &["topupp"][..],
        &["cowrie", "credit", "--amount"],
        &["--output", "yaml", "demo"],
    ] {
        let refused = run(words);
        assert_eq!(code(&refused), 2, "{words:?}");
        assert!(refused.stdout.is_empty(), "{words:?}");
    }
}

#[test]
fn a_literal_secret_is_refused_and_not_repeated() {
    for words in [
        &["cowrie", "balance", "--client-key", "hunter2hunter2"][..],
        &["cowrie", "balance", "--client-key=hunter2hunter2"],
        &["mor", "hash", "--secret", "hunter2hunter2", "a=1"],
    ] {
        let refused = run(words);
        let told = err(&refused);
        assert_eq!(code(&refused), 2, "{words:?}: {told}");
        assert!(
            told.contains("env:NAME") && told.contains("file:PATH"),
            "{told}"
        );
        assert!(!told.contains("hunter2"), "{told}");
    }
}

#[test]
fn a_broken_settings_file_is_named_and_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("telco.toml");
    std::fs::write(&settings, "[cowrie]\nclient_key = hunter2hunter2\n").unwrap();
    let refused = telco()
        .args(["cowrie", "balance", "--config"])
        .arg(&settings)
        .output()
        .unwrap();
    assert_eq!(code(&refused), 10);
    assert!(err(&refused).contains("near line 2"), "{}", err(&refused));
    assert!(!err(&refused).contains("hunter2"), "{}", err(&refused));
    // What its help names works all the same.
    for words in [["config", "example"], ["completions", "bash"]] {
        let printed = telco().args(words).arg("--config").arg(&settings).output();
        let printed = printed.unwrap();
        assert_eq!(code(&printed), 0, "{}", err(&printed));
        assert!(!printed.stdout.is_empty());
    }
}

#[test]
fn exit_10_when_nothing_was_sent() {
    let sandbox = Sandbox::start(NO_FAULTS);
    let bad_number = cowrie(&sandbox, &["credit", "--msisdn", "12", "--amount", "100"]);
    assert_eq!(code(&bad_number), 10, "{}", err(&bad_number));
    let nobody_there = telco()
        .args(["cowrie", "balance", "--base-url", "http://127.0.0.1:9"])
        .args(["--client-id", "a", "--client-key", "env:K"])
        .env("K", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
        .output()
        .unwrap();
    assert_eq!(code(&nobody_there), 10, "{}", err(&nobody_there));
}

#[test]
fn exit_11_when_the_provider_says_no() {
    let sandbox = Sandbox::start(NO_FAULTS);
    let too_much = cowrie(
        &sandbox,
        &["credit", "--msisdn", "08031234567", "--amount", "999999999"],
    );
    assert_eq!(code(&too_much), 11, "{}", err(&too_much));
}

#[test]
fn exit_12_when_nobody_can_tell_and_it_says_how_to_settle() {
    let sandbox = Sandbox::start(r#"[{"operation": "credit", "phases": ["act-then-reset"]}]"#);
    let unknown = cowrie(&sandbox, &TOPUP);
    assert_eq!(code(&unknown), 12, "{}", err(&unknown));
    assert!(err(&unknown).contains("order-1"), "{}", err(&unknown));
    assert!(err(&unknown).contains("cowrie check"), "{}", err(&unknown));
    let found = cowrie(
        &sandbox,
        &["check", "--reference", "order-1", "--output", "json"],
    );
    let found: Value = serde_json::from_slice(&found.stdout).unwrap();
    assert_eq!(found["found"], true);
}

#[test]
fn exit_13_when_a_read_got_no_usable_answer() {
    let sandbox = Sandbox::start(r#"[{"operation": "balance", "phases": ["garbage"]}]"#);
    let unread = cowrie(&sandbox, &["balance"]);
    assert_eq!(code(&unread), 13, "{}", err(&unread));
}

#[test]
fn spending_beyond_this_machine_wants_a_yes() {
    for words in [
        &["credit", "--msisdn", "08031234567", "--amount", "100"][..],
        &["data", "--msisdn", "08031234567", "--amount", "350"],
        &["pin", "--unit", "200"],
        &["redeem", "--msisdn", "08031234567", "--pin", "env:K"],
    ] {
        let refused = telco()
            .arg("cowrie")
            .args(words)
            .args(["--client-id", "a", "--client-key", "env:K"])
            .env("K", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
            .output()
            .unwrap();
        assert_eq!(code(&refused), 2, "{words:?}");
        assert!(err(&refused).contains("--yes"), "{}", err(&refused));
    }
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    for words in [
        &["completions", "zsh"][..],
        &["cowrie", "plans"],
        &["--help"],
    ] {
        let mut child = telco()
            .args(words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let mut told = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut told)
            .unwrap();
        assert!(child.wait().unwrap().success(), "{words:?}: {told}");
        assert!(told.is_empty(), "{words:?}: {told}");
    }
}

#[test]
fn secrets_from_standard_input_and_the_documented_signature() {
    let mut child = telco()
        .args([
            "cowrie",
            "sign",
            "--client-key",
            "-",
            "--nonce",
            "20151110202513869",
        ])
        .args([
            "net=AIR",
            "msisdn=2348124661601",
            "amount=100",
            "xref=7734c7da7687442",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\r\n")
        .unwrap();
    let signed = child.wait_with_output().unwrap();
    assert_eq!(
        out(&signed),
        "ZSLLNVUYTxCZc+9UvLyp/UGluWv5YHi5Ls6pmUwJFdk=\n"
    );
}

#[test]
fn completions_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = run(&["completions", shell]);
        assert_eq!(code(&script), 0);
        assert!(out(&script).contains("doctor"), "{shell}");
    }
}

#[test]
fn doctor_says_what_is_missing_and_shows_no_secret() {
    let sandbox = Sandbox::start(NO_FAULTS);
    let account = &sandbox.about["cowrie"];
    let key = account["client_key"].as_str().unwrap();
    let doctor = |settings: &str, form: &str| {
        let path = sandbox.folder.path().join("telco.toml");
        std::fs::write(&path, settings).unwrap();
        telco()
            .args(["doctor", "--output", form, "--config"])
            .arg(path)
            .env("KEY", key)
            .output()
            .unwrap()
    };
    let well = format!(
        "[cowrie]\nbase_url = {}\nclient_id = {}\nclient_key = 'env:KEY'\n\
         [topup]\nledger = 'sqlite://{}/new.db'\n",
        account["base_url"],
        account["client_id"],
        sandbox.folder.path().display()
    );

    let fine = doctor(&well, "table");
    assert_eq!(code(&fine), 0, "{}{}", out(&fine), err(&fine));
    for line in [
        "✓ cowrie    client_key is readable (env:KEY)",
        "✓ cowrie    reachable, this machine, no TLS needed",
        "✓ cowrie    the account is known",
        "· kairos    not set up",
        "new.db will be made",
    ] {
        assert!(out(&fine).contains(line), "{line} in\n{}", out(&fine));
    }
    assert!(!out(&fine).contains(key));
    let lines = out(&doctor(&well, "json"));
    assert!(lines.lines().count() > 5);
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert!(line["subject"].is_string() && line["state"].is_string());
    }

    for (settings, told) in [
        (
            well.replace("env:KEY", "env:NONE"),
            "the environment variable NONE is not set",
        ),
        (
            well.replace("client_key", "client_ky"),
            "client_ky is no setting of [cowrie]",
        ),
        (well.replace("env:KEY", "hunter2hunter2"), "env:NAME"),
        (well.replace("[topup]", "[top]"), "[top] is no section"),
        (well.replace("sqlite://", "mysql://"), "write sqlite://FILE"),
        (
            format!("{well}lease = '60'\n"),
            "a lease of 60 s is too short",
        ),
        (
            format!("{well}sent_within = 'six'\n"),
            "sent_within is no number of days",
        ),
        (
            well.replace("/new.db", "/none/new.db"),
            "make the folder first",
        ),
        (
            well.replace("client_id", "# client_id"),
            "TELCO_COWRIE_CLIENT_ID",
        ),
        (
            well.replace("http://127.0.0.1", "http://example.com"),
            "base_url: ",
        ),
    ] {
        let ill = doctor(&settings, "table");
        assert_eq!(code(&ill), 10, "{settings}\n{}", out(&ill));
        assert!(out(&ill).contains(told), "{told} in\n{}", out(&ill));
        assert!(!out(&ill).contains("hunter2"));
    }
    // What `bulk` refuses, with its exit code.
    let (before, after) = well.split_once("ledger = ").unwrap();
    let (_, rest) = after.split_once('\n').unwrap();
    let ledger = "ledger = 'postgres://app:hunter2@127.0.0.1:9/none'";
    let ill = doctor(&format!("{before}{ledger}\n{rest}"), "table");
    assert_eq!(code(&ill), 2, "{}", out(&ill));
    assert!(out(&ill).contains("PGPASSWORD") && !out(&ill).contains("hunter2"));
}

/// A variable that is there and empty names no ledger, and excuses no password in the file.
#[test]
fn an_empty_variable_switches_no_check_off() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("telco.toml");
    let ledger = "[topup]\nledger = 'postgres://app:hunter2@127.0.0.1:9/none'\n";
    std::fs::write(&path, ledger).unwrap();
    let mut status = telco();
    status.args(["topup", "status", "--config"]).arg(path);
    let refused = status.env("TELCO_TOPUP_LEDGER", "").output().unwrap();
    assert_eq!(code(&refused), 2, "{}", err(&refused));
    assert!(err(&refused).contains("PGPASSWORD"), "{}", err(&refused));
}

#[test]
fn doctor_wants_no_more_of_mor_than_its_commands_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("telco.toml");
    std::fs::write(&path, "[mor]\nsecret = 'env:KEY'\n").unwrap();
    let doctor = telco()
        .args(["doctor", "--config"])
        .arg(path)
        .env("KEY", "secret")
        .output()
        .unwrap();
    assert_eq!(code(&doctor), 0, "{}{}", out(&doctor), err(&doctor));
    assert!(!out(&doctor).contains("reachable"), "nobody was asked");
}

#[cfg(unix)]
#[test]
fn doctor_wants_secrets_and_ledgers_to_be_the_owners() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for name in ["key", "ledger.db"] {
        std::fs::write(path(name), "secret").unwrap();
        std::fs::set_permissions(path(name), PermissionsExt::from_mode(0o644)).unwrap();
    }
    let settings = format!(
        "[mor]\nsecret = 'file:{0}/key'\n[topup]\nledger = 'sqlite://{0}/ledger.db'\n",
        folder.path().display()
    );
    std::fs::write(path("telco.toml"), settings).unwrap();
    let ill = telco()
        .args(["doctor", "--config"])
        .arg(path("telco.toml"))
        .output()
        .unwrap();
    let told = out(&ill);
    assert_eq!(code(&ill), 10);
    assert_eq!(
        told.matches("others on this machine can read").count(),
        2,
        "{told}"
    );
    assert_eq!(told.matches("chmod 600").count(), 2, "{told}");
}

#[test]
fn the_example_is_a_settings_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("telco.toml");
    let printed = run(&["config", "example"]);
    assert_eq!(code(&printed), 0, "{}", err(&printed));
    let example = out(&printed);
    let hash = |text: &str| {
        std::fs::write(&path, text).unwrap();
        telco()
            .args(["mor", "hash", "--output", "json", "a=1", "--config"])
            .arg(&path)
            .env("MOR_SECRET", "k")
            .output()
            .unwrap()
    };
    // As it is, it sets nothing; with its comments taken away, it sets the secret.
    let unset = hash(&example);
    assert_eq!(code(&unset), 10, "{}", err(&unset));
    assert!(err(&unset).contains("mor: no secret"), "{}", err(&unset));
    let set: String = example
        .lines()
        .map(|line| {
            line.strip_prefix("# ")
                .filter(|line| line.contains(" = "))
                .unwrap_or(line)
        })
        .flat_map(|line| [line, "\n"])
        .collect();
    let hashed = hash(&set);
    assert_eq!(code(&hashed), 0, "{}", err(&hashed));
    // And the doctor knows every field of it.
    let doctor = telco()
        .args(["doctor", "--config"])
        .arg(&path)
        .output()
        .unwrap();
    assert!(
        !out(&doctor).contains("is no setting of"),
        "{}",
        out(&doctor)
    );
}

/// A flag wins over the environment, and that over the file, which is found without being named.
#[test]
fn a_flag_then_the_environment_then_the_file_of_this_folder() {
    let folder = tempfile::tempdir().unwrap();
    let settings = "[mor]\nsecret = 'env:IN_FILE'\nprofile = 'no-such-profile'\n";
    std::fs::write(folder.path().join("telco.toml"), settings).unwrap();
    let hash = |environment: &[(&str, &str)], flags: &[&str]| {
        let hashed = telco()
            .current_dir(folder.path())
            .args(["mor", "hash", "a=1"])
            .args(flags)
            .envs(environment.iter().copied())
            .env("IN_FILE", "file")
            .output()
            .unwrap();
        (code(&hashed), out(&hashed), err(&hashed))
    };
    let (ended, _, told) = hash(&[], &[]);
    assert_eq!(ended, 2, "{told}");
    assert!(told.contains("no-such-profile"), "{told}");
    let profile = ("TELCO_MOR_PROFILE", "x8");
    let from_file = hash(&[profile], &[]);
    assert_eq!(from_file.0, 0, "{}", from_file.2);
    let from_environment = hash(&[profile, ("TELCO_MOR_SECRET", "environment")], &[]);
    assert_eq!(from_environment.0, 0);
    assert_ne!(from_environment.1, from_file.1);
    // An empty variable says nothing.
    assert_eq!(hash(&[profile, ("TELCO_MOR_SECRET", "")], &[]), from_file);
    let flags = ["--profile", "x8", "--secret", "env:FLAG"];
    let all = [
        ("TELCO_MOR_PROFILE", "none"),
        ("TELCO_MOR_SECRET", "environment"),
        ("FLAG", "file"),
    ];
    assert_eq!(hash(&all, &flags), from_file);
}

/// Every command, with the words that it cannot do without, up to where it wants a setting.
const COMMANDS: [(&[&str], &[&str]); 31] = [
    (&["cowrie", "balance"], &[]),
    (
        &["cowrie", "credit"],
        &["--msisdn", "08031234567", "--amount", "1"],
    ),
    (
        &["cowrie", "data"],
        &["--msisdn", "08031234567", "--amount", "1"],
    ),
    (&["cowrie", "check"], &["--reference", "a"]),
    (&["cowrie", "pin"], &["--unit", "1"]),
    (
        &["cowrie", "redeem"],
        &["--msisdn", "08031234567", "--pin", "env:CODE"],
    ),
    (&["cowrie", "sign"], &["--nonce", "1"]),
    (&["citcall", "call"], &["--msisdn", "081234567890"]),
    (
        &["citcall", "call"],
        &["--msisdn", "081234567890", "--api", "v3"],
    ),
    (
        &["citcall", "sms"],
        &["--msisdn", "081234567890", "--sender", "a", "--text", "b"],
    ),
    (
        &["citcall", "verify"],
        &["--pending", "env:CALLED", "--code", "env:CODE"],
    ),
    (&["fanap", "start"], &["--phone", "09121234567"]),
    (
        &["fanap", "commit"],
        &["--pending", "env:STARTED", "--code", "env:CODE"],
    ),
    (&["fanap", "verification"], &["--phone", "09121234567"]),
    (&["fanap", "sign"], &["--date", "a"]),
    (&["fanap", "key", "public-xml"], &[]),
    (&["fanap", "key", "convert"], &["--to", "pem"]),
    (&["fanap", "key", "check"], &[]),
    (&["kairos", "call"], &["--to", "9812345678"]),
    (&["kairos", "pull"], &["a"]),
    (&["kairos", "seal"], &[]),
    (&["kairos", "generate-key-pair"], &[]),
    (&["kairos", "probe"], &[]),
    (&["mor", "hash"], &["a=1"]),
    (&["mor", "explain"], &["a=1"]),
    (&["mor", "diagnose"], &["--hash", "a", "a=1"]),
    (&["topup", "bulk"], &["rows.csv"]),
    (&["topup", "resume"], &[]),
    (&["topup", "report"], &[]),
    (&["topup", "status"], &[]),
    (
        &["topup", "resolve"],
        &["a", "--delivered", "--who", "a", "--why", "b"],
    ),
];

/// What fills in a setting, so that the next one is asked for. Nothing is sent: after the last of them nothing is left to do.
const SETTINGS: [(&str, &str); 12] = [
    ("TELCO_COWRIE_CLIENT_ID", "a"),
    (
        "TELCO_COWRIE_CLIENT_KEY",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    ),
    ("TELCO_CITCALL_OTP_KEY", "0123456789abcdef0123456789abcdef"),
    ("TELCO_CITCALL_USER_ID", "a"),
    ("TELCO_CITCALL_API_KEY", "a"),
    ("TELCO_FANAP_APP_ID", "a"),
    ("TELCO_FANAP_TENANT_ID", "a"),
    ("TELCO_FANAP_SERVICE_KEY", "a"),
    ("TELCO_FANAP_PRODUCT_ID", "1"),
    ("TELCO_KAIROS_FLOW_ID", "Zb0RKJvh"),
    ("TELCO_KAIROS_PULL_URL", "http://127.0.0.1:1"),
    ("TELCO_MOR_SECRET", "a"),
];

#[test]
fn what_is_missing_is_given_by_a_flag_of_the_same_command() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("rows.csv"),
        "number,amount\n08031234567,1\n",
    )
    .unwrap();
    let pending = |provider: &'static str, number: &str| {
        let request = OtpRequest::new(Msisdn::parse(number).unwrap(), Reference::new("a").unwrap());
        let identity = Identity::new(provider, "a");
        PendingOtp::new(&identity, &request, SystemTime::now(), None, "a".to_owned()).to_storage()
    };
    let mut flags = BTreeSet::new();
    for (command, words) in COMMANDS {
        let help = out(&run(&[command, &["--help"]].concat()));
        let mut telco = telco();
        telco
            .current_dir(folder.path())
            .env("CALLED", pending("citcall", "6281234567890"))
            .env("STARTED", pending("fanap", "989121234567"))
            .env("CODE", "1234")
            .args(command)
            .args(words);
        for provider in ["COWRIE", "CITCALL", "FANAP", "KAIROS"] {
            telco.env(format!("TELCO_{provider}_BASE_URL"), "http://127.0.0.1:1");
        }
        let mut asked = 0;
        loop {
            let told = err(&telco.output().unwrap());
            let Some((_, advice)) = told.split_once("give --") else {
                break;
            };
            asked += 1;
            let (flag, advice) = advice.split_once(", or set ").unwrap();
            let known = help
                .split_whitespace()
                .any(|word| word == format!("--{flag}"));
            assert!(known, "{command:?} has no --{flag}: {help}");
            flags.insert(flag.to_owned());
            let variable = advice.split(',').next().unwrap();
            let Some((name, value)) = SETTINGS.iter().find(|(name, _)| *name == variable) else {
                break;
            };
            telco.env(name, value);
        }
        assert!(asked > 0, "{command:?}");
    }
    for unlike_its_setting in ["key", "public-key"] {
        assert!(flags.contains(unlike_its_setting), "{flags:?}");
    }
    // The doctor has no flags.
    std::fs::write(folder.path().join("telco.toml"), "[cowrie]\n[kairos]\n").unwrap();
    let doctor = telco()
        .current_dir(folder.path())
        .arg("doctor")
        .output()
        .unwrap();
    assert!(
        out(&doctor).contains(": set TELCO_COWRIE_CLIENT_ID, or write"),
        "{}",
        out(&doctor)
    );
    assert!(!out(&doctor).contains("give --"), "{}", out(&doctor));
}

#[test]
fn the_demo_is_the_same_whatever_the_users_settings_are() {
    let demo = telco()
        .args(["demo", "--seed", "7"])
        .env("TELCO_COWRIE_TIMEOUT", "120")
        .env("TELCO_TOPUP_LEASE", "60")
        .env("TELCO_TOPUP_LEDGER", "sqlite:///none/none.db")
        .output()
        .unwrap();
    assert_eq!(code(&demo), 0, "{}{}", out(&demo), err(&demo));
    let told = out(&demo);
    let line = told.lines().find(|line| line.starts_with("requested "));
    let figures = line
        .unwrap()
        .split(" · ")
        .map(|part| part.split_once(' ').unwrap());
    let figures: Vec<(&str, &str)> = figures.collect();
    let (_, requested) = figures[0];
    assert!(requested.parse::<u32>().unwrap() > 5, "{told}");
    let rest = [
        ("requested", requested),
        ("delivered", requested),
        ("doubled", "0"),
        ("lost", "0"),
    ];
    assert_eq!(figures, rest);
}
