//! PostgreSQL: against bare statements, and four workers against one.

use std::time::{Duration, Instant};

use telco_ledger::PostgresStore;
use telco_ledger::tokio_postgres::{Client, Config, NoTls};
use tokio::task::JoinSet;

use crate::{Instantly, intent, median, open, submits};

async fn connect(config: &Config) -> Client {
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Insert and update of as many columns as a top-up has that matter, each its own commit.
async fn bare(config: &Config, during: Duration) -> f64 {
    let mut tasks = JoinSet::new();
    let started = Instant::now();
    for _ in 0..16 {
        let client = connect(config).await;
        tasks.spawn(async move {
            let insert = "INSERT INTO bare (reference, recipient, amount, state, at) VALUES ($1, $2, 10000, 'sending', 1) RETURNING id";
            let update = "UPDATE bare SET state = 'accepted', at = 2 WHERE id = $1";
            let (insert, update) = (client.prepare(insert).await.unwrap(), client.prepare(update).await.unwrap());
            let mut done = 0_u32;
            while started.elapsed() < during {
                let intent = intent();
                let to = intent.product.recipient().unwrap().expose().to_owned();
                let row = client.query_one(&insert, &[&intent.reference.as_str(), &to]).await.unwrap();
                client.execute(&update, &[&row.get::<_, i64>(0)]).await.unwrap();
                done += 1;
            }
            done
        });
    }
    let done: u32 = tasks.join_all().await.into_iter().sum();
    f64::from(done) / started.elapsed().as_secs_f64()
}

pub(crate) async fn all() {
    let Ok(server) = std::env::var("TELCO_TEST_POSTGRES") else {
        println!("left out: PostgreSQL; TELCO_TEST_POSTGRES=postgres://user@host/database runs it");
        return;
    };
    let name = format!("telco_bench_{}", std::process::id());
    let mut config: Config = server.parse().unwrap();
    let admin = connect(&config).await;
    admin
        .batch_execute(&format!("CREATE SCHEMA {name}"))
        .await
        .unwrap();
    config.options(format!("-c search_path={name}"));
    let table = "CREATE TABLE bare (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, reference TEXT NOT NULL UNIQUE, \
        recipient TEXT, amount BIGINT, state TEXT, at BIGINT)";
    connect(&config).await.batch_execute(table).await.unwrap();
    let store = async || PostgresStore::connect(config.clone(), NoTls).await.unwrap();

    let at_once = [open(store().await, Instantly::new(Duration::ZERO)).await];
    let slow = Duration::from_millis(20);
    let mut workers = Vec::new();
    for _ in 0..4 {
        workers.push(open(store().await, Instantly::new(slow)).await);
    }
    let turn = Duration::from_secs(2);
    let (mut base, mut ours, mut one, mut four) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..5 {
        base.push(bare(&config, turn).await);
        ours.push(submits(&at_once, 64, turn).await);
        one.push(submits(&workers[..1], 16, turn).await);
        four.push(submits(&workers, 16, turn).await);
    }
    let (base, ours, one, four) = (median(base), median(ours), median(one), median(four));
    println!(
        "{:<52} bare {base:>7.0}/s  ours {ours:>7.0}/s  ratio {:.2} (at least 0.5)",
        "PostgreSQL: 64 submits at a time, 16 bare connections",
        ours / base
    );
    println!(
        "{:<52} one  {one:>7.0}/s  four {four:>7.0}/s  ratio {:.2} (at least 2)",
        "PostgreSQL: workers of 16, provider answers in 20 ms",
        four / one
    );
    drop(workers);
    let _ = admin
        .batch_execute(&format!("DROP SCHEMA {name} CASCADE"))
        .await;
}
