//! A store of one's own, here on Redis 6.2 or newer: four commands, each atomic by itself.
//!
//! `TELCO_TEST_REDIS=127.0.0.1:6379 cargo run -p telco-otp --example redis_store`
//!
//! `RedisOtpStore` is what you would copy; `Wire` stands for the Redis client that you use anyway. Let Redis keep what it was told
//! (`maxmemory-policy noeviction`, persistence on): a counter that is forgotten early is attempts given away.

use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use telco_core::{
    Error, ErrorKind, Identity, Msisdn, OtpRequest, Reference, Secret, SecretBytes, Verification,
    async_trait,
};
use telco_otp::{LocalOtp, OtpKey, OtpStore};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufStream};
use tokio::net::TcpStream;
use tokio::sync::Mutex;

#[derive(Debug)]
struct RedisOtpStore {
    redis: Wire,
}

/// The end is set by the first count only, and in the same step: no counter without an end, none that is moved.
const COUNT: &str = "local n = redis.call('INCR', KEYS[1]) \
                     if n == 1 then redis.call('PEXPIREAT', KEYS[1], ARGV[1]) end return n";

/// A claim that is there is known again by its owner.
const CLAIM: &str = "if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PXAT', ARGV[2]) \
                     or redis.call('GET', KEYS[1]) == ARGV[1] then return 1 end return 0";

#[async_trait]
impl OtpStore for RedisOtpStore {
    async fn count(&self, key: &str, forget_at: SystemTime) -> Result<u32, Error> {
        let sum = self
            .redis
            .call(&["EVAL", COUNT, "1", key, &millis(forget_at)])
            .await?;
        sum.and_then(|sum| u32::try_from(sum).ok())
            .ok_or_else(|| failed("Redis did not count"))
    }

    async fn claim(&self, key: &str, forget_at: SystemTime) -> Result<bool, Error> {
        let claim = ["SET", key, "1", "NX", "PXAT", &millis(forget_at)];
        Ok(self.redis.call(&claim).await?.is_some())
    }

    async fn claim_as(&self, key: &str, owner: u64, forget_at: SystemTime) -> Result<bool, Error> {
        let (owner, end) = (owner.to_string(), millis(forget_at));
        let claim = ["EVAL", CLAIM, "1", key, &owner, &end];
        Ok(self.redis.call(&claim).await? == Some(1))
    }

    async fn release(&self, key: &str) -> Result<(), Error> {
        self.redis.call(&["DEL", key]).await.map(drop)
    }
}

fn millis(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_millis().to_string()
}

/// Kind `Storage`: nobody is let in, and nothing is repeated, for it may have counted.
fn failed(what: &'static str) -> Error {
    Error::in_doubt(ErrorKind::Storage, what)
}

/// One connection, one command at a time. Where it breaks, or where whoever asked goes away before the answer is there, it stays
/// broken, for the answer would be taken for that of the next command: a client of your choice does better.
#[derive(Debug)]
struct Wire(Mutex<Option<BufStream<TcpStream>>>);

impl Wire {
    async fn connect(address: &str) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        Ok(Self(Mutex::new(Some(BufStream::new(stream)))))
    }

    /// A number, `OK` as 1, or nothing.
    async fn call(&self, words: &[&str]) -> Result<Option<i64>, Error> {
        let mut command = format!("*{}\r\n", words.len());
        for word in words {
            command.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        let mut slot = self.0.lock().await;
        // Put back only after a whole answer.
        let mut stream = slot.take().ok_or_else(|| failed("Redis is gone"))?;
        let mut line = String::new();
        let talk = async {
            stream.write_all(command.as_bytes()).await?;
            stream.flush().await?;
            stream.read_line(&mut line).await
        };
        talk.await
            .map_err(|e| failed("Redis is gone").with_source(e))?;
        if line.ends_with('\n') {
            *slot = Some(stream);
        }
        match line.trim_end().split_at_checked(1) {
            Some((":", number)) => Ok(number.parse().ok()),
            Some(("+", _)) => Ok(Some(1)),
            Some(("$" | "_", _)) => Ok(None),
            _ => Err(failed("Redis refused a command")),
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut out = std::io::stdout();
    let Ok(address) = std::env::var("TELCO_TEST_REDIS") else {
        writeln!(out, "left out: TELCO_TEST_REDIS=127.0.0.1:6379 runs it")?;
        return Ok(());
    };
    let store = async || {
        let redis = Wire::connect(&address).await?;
        Ok::<_, std::io::Error>(Arc::new(RedisOtpStore { redis }))
    };
    let (one, other) = (store().await?, store().await?);

    // What every store must hold: shared sums, a claim for exactly one, both forgotten in time.
    let key = format!("otp:example:{}", Reference::generate()?);
    let (used, soon) = (
        format!("{key}:used"),
        SystemTime::now() + Duration::from_millis(200),
    );
    assert_eq!(
        (one.count(&key, soon).await?, other.count(&key, soon).await?),
        (1, 2)
    );
    assert_eq!(
        (
            one.claim(&used, soon).await?,
            other.claim(&used, soon).await?
        ),
        (true, false)
    );
    other.release(&used).await?;
    assert!(one.claim(&used, soon).await?);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let later = SystemTime::now() + Duration::from_secs(5);
    assert_eq!(one.count(&key, later).await?, 1, "forgotten");
    assert!(other.claim(&used, later).await?, "forgotten");

    // Whoever goes away in the middle leaves no answer behind for the next one.
    let dropped = store().await?;
    let counting = dropped.count(&key, later);
    let _ = tokio::time::timeout(Duration::ZERO, counting).await;
    let next = dropped.count(&format!("{key}:next"), later).await;
    assert!(next.is_err() || next.is_ok_and(|sum| sum == 1));

    // And what it is for.
    let codes = LocalOtp::new(OtpKey::new("example", SecretBytes::new([7; 32]))?, one);
    let me = Identity::new("example", "sms");
    let request = OtpRequest::new(Msisdn::parse("6281234567890")?, Reference::generate()?);
    let code = codes.new_code()?;
    let pending = codes.pending(&me, &request, std::slice::from_ref(&code))?;
    let wrong = Secret::new("not the code");
    let refused = codes.check(&me, &pending, Some(&wrong)).await?;
    assert!(matches!(refused, Verification::Invalid { .. }));
    let proven = codes.check(&me, &pending, Some(&code)).await?;
    assert!(matches!(proven, Verification::Valid(number) if number == request.to));
    writeln!(out, "counted, claimed, forgotten and checked on {address}")?;
    Ok(())
}
