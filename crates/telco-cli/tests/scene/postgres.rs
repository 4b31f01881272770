//! A PostgreSQL server of the test's own, to be stopped and started again.

#![allow(clippy::unwrap_used, reason = "test code")]

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use telco_ledger::tokio_postgres;
use tempfile::TempDir;

/// Where the ledger of a test is.
pub(crate) enum Database {
    /// A server that crashes and is restarted.
    Own(Server),
    /// A schema on the server that `TELCO_TEST_POSTGRES` names: its connections are cut instead.
    Given { server: String, schema: String },
}

impl Database {
    /// `None`: there is neither, and that was said.
    pub(crate) fn find() -> Option<Self> {
        if let Some(server) = Server::start() {
            return Some(Self::Own(server));
        }
        let Ok(server) = std::env::var("TELCO_TEST_POSTGRES") else {
            say(
                "left out: bulk on PostgreSQL; it runs where initdb and pg_ctl are installed, or with \
                 TELCO_TEST_POSTGRES=postgres://user@host/database\n",
            );
            return None;
        };
        say(
            "left out: the restart of PostgreSQL, since initdb and pg_ctl are not installed; its connections are cut instead\n",
        );
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let schema = format!("telco_bulk_{}_{count}", std::process::id());
        let given = Self::Given { server, schema };
        given.perform("DROP SCHEMA IF EXISTS NAME CASCADE; CREATE SCHEMA NAME");
        Some(given)
    }

    pub(crate) fn url(&self) -> String {
        match self {
            Self::Own(server) => server.url(),
            Self::Given { server, schema } => {
                let mark = if server.contains('?') { '&' } else { '?' };
                format!(
                    "{server}{mark}application_name={schema}&options=-c%20search_path%3D{schema}"
                )
            }
        }
    }

    /// In the middle of everything, and away for so long.
    pub(crate) fn crash(&self, away: Duration) {
        match self {
            Self::Own(server) => {
                server.down("immediate");
                std::thread::sleep(away);
                server.up();
            }
            Self::Given { .. } => self.cut(),
        }
    }

    /// The way an administrator does it.
    pub(crate) fn restart(&self) {
        match self {
            Self::Own(server) => {
                server.down("fast");
                server.up();
            }
            Self::Given { .. } => self.cut(),
        }
    }

    fn cut(&self) {
        self.perform("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'NAME'");
    }

    fn perform(&self, sql: &str) {
        let Self::Given { server, schema } = self else {
            return;
        };
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let connected = tokio_postgres::connect(server, tokio_postgres::NoTls).await;
            let (client, connection) = connected.unwrap();
            tokio::spawn(connection);
            client
                .batch_execute(&sql.replace("NAME", schema))
                .await
                .unwrap();
        });
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.perform("DROP SCHEMA NAME CASCADE");
    }
}

/// Past the test runner's capture.
fn say(line: &str) {
    std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes()).unwrap();
}

/// Its files and its socket are in a folder of its own. It is stopped when it is dropped.
pub(crate) struct Server {
    programs: PathBuf,
    folder: TempDir,
}

impl Server {
    /// `None`: PostgreSQL is not installed here, or there is only root, whom it refuses.
    fn start() -> Option<Self> {
        let server = Self {
            programs: programs()?,
            folder: tempfile::tempdir().unwrap(),
        };
        let folder = server.folder.path();
        if is_root() {
            std::fs::set_permissions(folder, PermissionsExt::from_mode(0o755)).unwrap();
            let owned = Command::new("chown").arg("postgres").arg(folder).status();
            owned.ok().filter(std::process::ExitStatus::success)?;
        }
        let data = server.data();
        server.run(
            "initdb",
            &[
                "-D",
                &data,
                "-U",
                "postgres",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--no-sync",
            ],
        );
        server.up();
        Some(server)
    }

    fn url(&self) -> String {
        // The whole path as the host: a socket.
        let host: String = self.folder.path().to_str().unwrap().replace('/', "%2F");
        format!("postgres://postgres@{host}/postgres")
    }

    /// `immediate`: as in a crash. `fast`: connections are ended, what they were doing is rolled back.
    fn down(&self, mode: &str) {
        self.run("pg_ctl", &["stop", "-w", "-D", &self.data(), "-m", mode]);
    }

    /// After a crash: recovers first.
    fn up(&self) {
        let folder = self.folder.path().to_str().unwrap();
        // No port, so none that another program could have taken meanwhile.
        let options =
            format!("-c listen_addresses= -c port=5432 -c unix_socket_directories={folder}");
        let log = format!("{folder}/log");
        self.run(
            "pg_ctl",
            &[
                "start",
                "-w",
                "-D",
                &self.data(),
                "-l",
                &log,
                "-o",
                &options,
            ],
        );
    }

    fn data(&self) -> String {
        format!("{}/data", self.folder.path().display())
    }

    fn run(&self, program: &str, args: &[&str]) {
        let program = self.programs.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        // The server keeps what it is given open.
        let ended = command
            .args(args)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        let log = || std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        assert!(ended.unwrap().success(), "{args:?}: {}", log());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if Path::new(&self.data()).join("postmaster.pid").exists() {
            self.down("immediate");
        }
    }
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout.starts_with(b"0\n")
}

/// The folder that has them: one of the search path, the one that `pg_config` names, or where Debian puts each version.
fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    if let Ok(told) = Command::new("pg_config").arg("--bindir").output() {
        folders.push(String::from_utf8_lossy(&told.stdout).trim().into());
    }
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    folders.extend(versions.flatten().map(|version| version.path().join("bin")));
    let complete =
        |folder: &PathBuf| folder.join("initdb").exists() && folder.join("pg_ctl").exists();
    folders.into_iter().find(complete)
}
