//! HTTP/1.1 on a socket, small and bounded: heads, bodies, connections and patience all have a limit, and the socket
//! stays within reach so that faults can be real ones (a reset is a TCP RST, a cut body is a cut body).

mod head;
mod read;

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until, timeout, timeout_at};

use crate::room::Answer;

use head::head_of;

/// Limits of the HTTP side.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of request line and headers.
    pub head: usize,
    /// Bytes of a request body.
    pub body: usize,
    /// Connections per listener; more wait in the kernel's queue.
    pub connections: usize,
    /// How long a started request may take to arrive, and an answer to be taken.
    pub patience: Duration,
    /// How long a connection may idle between requests.
    pub idle: Duration,
    /// How long a stalled answer holds the connection.
    pub stall: Duration,
    /// How long after a failed push the next comes, where a room has more than one; the wait doubles each time.
    pub push_retry: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head: 64 << 10,
            body: 1 << 20,
            connections: 4_096,
            patience: Duration::from_secs(30),
            idle: Duration::from_secs(90),
            stall: Duration::from_secs(300),
            push_retry: Duration::from_secs(1),
        }
    }
}

/// Why no request could be read.
#[derive(Debug)]
pub(crate) enum Bad {
    /// Answer this and close.
    Answer(u16, &'static str),
    /// Just close.
    Close,
    /// Nothing came in time.
    Late,
}

impl From<io::Error> for Bad {
    fn from(_: io::Error) -> Self {
        Self::Close
    }
}

const MALFORMED: Bad = Bad::Answer(400, "malformed HTTP");
const HEADERS: usize = 100;

#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    peer: SocketAddr,
    buffer: BytesMut,
    keep_alive: bool,
    /// One timer for all waiting: setting a new one per request would cost more than reading it.
    alarm: Pin<Box<Sleep>>,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream, peer: SocketAddr) -> Self {
        let _ = stream.set_nodelay(true);
        Self {
            stream,
            peer,
            buffer: BytesMut::new(),
            keep_alive: true,
            alarm: Box::pin(sleep_until(Instant::now())),
        }
    }

    pub(crate) fn keeps_alive(&self) -> bool {
        self.keep_alive
    }

    pub(crate) fn close_after_this(&mut self) {
        self.keep_alive = false;
    }

    /// Writes a whole answer. `cut` sends only half of the body while announcing all of it.
    pub(crate) async fn write(
        &mut self,
        answer: &Answer,
        cut: bool,
        limits: &Limits,
    ) -> io::Result<()> {
        let mut out = head_of(answer, Some(answer.body.len()), self.keep_alive);
        let body = match cut {
            true => answer.body.get(..answer.body.len() / 2).unwrap_or_default(),
            false => &answer.body,
        };
        out.extend_from_slice(body);
        self.write_raw(&out, limits).await
    }

    /// Writes an answer whose body is followed by blanks, 64 MiB in all.
    pub(crate) async fn flood(&mut self, answer: &Answer, limits: &Limits) -> io::Result<()> {
        const MIB: usize = 1 << 20;
        let mut out = head_of(answer, Some(64 * MIB), false);
        out.extend_from_slice(&answer.body);
        self.write_raw(&out, limits).await?;
        let mut left = (64 * MIB).saturating_sub(answer.body.len());
        let blanks = vec![b' '; MIB / 16];
        while left > 0 {
            let part = blanks.get(..left).unwrap_or(&blanks);
            self.write_raw(part, limits).await?;
            left = left.saturating_sub(part.len());
        }
        Ok(())
    }

    /// Writes an answer byte by byte until it is out, the client has gone, or a stall would have ended.
    pub(crate) async fn drip(
        &mut self,
        answer: &Answer,
        apart: Duration,
        limits: &Limits,
    ) -> io::Result<()> {
        let until = Instant::now() + limits.stall;
        let mut out = head_of(answer, Some(answer.body.len()), false);
        out.extend_from_slice(&answer.body);
        for byte in out {
            tokio::time::sleep(apart).await;
            if Instant::now() > until {
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.write_raw(&[byte], limits).await?;
        }
        Ok(())
    }

    /// Starts an answer without end (server-sent events); the connection is not used for anything else.
    pub(crate) async fn start_stream(
        &mut self,
        answer: &Answer,
        limits: &Limits,
    ) -> io::Result<()> {
        self.keep_alive = false;
        let out = head_of(answer, None, false);
        self.write_raw(&out, limits).await
    }

    pub(crate) async fn write_raw(&mut self, bytes: &[u8], limits: &Limits) -> io::Result<()> {
        // Nearly always the kernel takes it all at once; only what is left needs a timer.
        let taken = match self.stream.try_write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            taken => taken?,
        };
        let left = bytes.get(taken..).unwrap_or_default();
        if left.is_empty() {
            return Ok(());
        }
        timeout(limits.patience, self.stream.write_all(left))
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    /// Holds the connection without a word until the client leaves or `most` has passed.
    pub(crate) async fn stall(&mut self, most: Duration) {
        let until = Instant::now() + most;
        let mut sink = [0u8; 256];
        while let Ok(Ok(n)) = timeout_at(until, self.stream.read(&mut sink)).await {
            if n == 0 {
                break;
            }
        }
    }

    /// TCP RST instead of FIN: what "connection reset by peer" is made of.
    pub(crate) fn reset(self) {
        let _ = socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
    }

    /// Says goodbye so that the answer arrives: a close with unread bytes would be a reset and could destroy it.
    pub(crate) async fn close(mut self) {
        let _ = self.stream.shutdown().await;
        let mut sink = [0u8; 1024];
        let drain = async { while matches!(self.stream.read(&mut sink).await, Ok(n) if n > 0) {} };
        let _ = timeout(Duration::from_millis(500), drain).await;
    }
}
