//! Requests, read: what comes is bounded in size and in time.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::AsyncReadExt;
use tokio::time::{Instant, timeout};

use super::head::{Body, end_of_head, parse_head};
use super::{Bad, Connection, HEADERS, Limits, MALFORMED};
use crate::room::Request;

const CHUNK: usize = 8 << 10;
/// A connection whose next request comes within this time keeps its buffer.
const BUSY: Duration = Duration::from_millis(50);

impl Connection {
    /// The next request; `None` when the client is done or idles for too long. An idle connection holds no buffer.
    pub(crate) async fn next(&mut self, limits: &Limits) -> Result<Option<Request>, Bad> {
        if self.buffer.is_empty() {
            match self.fill(Instant::now() + BUSY).await {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                Err(Bad::Late) => {
                    self.buffer = BytesMut::new();
                    // Not `readable`, which may say so of a fresh socket that has nothing to read.
                    match timeout(limits.idle, self.stream.peek(&mut [0])).await {
                        Ok(Ok(1..)) => {}
                        Ok(Err(error)) => return Err(error.into()),
                        Ok(Ok(0)) | Err(_) => return Ok(None),
                    }
                }
                Err(bad) => return Err(bad),
            }
        }
        let until = Instant::now() + limits.patience;
        match self.read_request(limits, until).await {
            Err(Bad::Late) => Err(Bad::Answer(408, "the request took too long to arrive")),
            request => request,
        }
    }

    async fn read_request(
        &mut self,
        limits: &Limits,
        until: Instant,
    ) -> Result<Option<Request>, Bad> {
        let mut scanned = 0usize;
        let end = loop {
            if let Some(end) = end_of_head(&self.buffer, scanned) {
                break end;
            }
            scanned = self.buffer.len().saturating_sub(3);
            if self.buffer.len() >= limits.head {
                return Err(Bad::Answer(431, "request line and headers are too long"));
            }
            if !self.fill(until).await? {
                return if self.buffer.is_empty() {
                    Ok(None)
                } else {
                    Err(Bad::Close)
                };
            }
        };
        let head = self.buffer.split_to(end).freeze();
        let (mut request, framing) = parse_head(&head, self.peer)?;
        self.keep_alive = framing.keep_alive;
        if framing.expects_continue && framing.has_body() {
            self.write_raw(b"HTTP/1.1 100 Continue\r\n\r\n", limits)
                .await?;
        }
        request.body = match framing.body {
            Body::None => Bytes::new(),
            Body::Length(n) if n > limits.body => {
                return Err(Bad::Answer(413, "the body is too long"));
            }
            Body::Length(n) => self.take(n, until).await?,
            Body::Chunked => self.chunked(limits.body, until).await?,
        };
        Ok(Some(request))
    }

    /// Reads what there is; false at the end of the stream.
    async fn fill(&mut self, until: Instant) -> Result<bool, Bad> {
        self.buffer.reserve(CHUNK / 2);
        let mut read = pin!(self.stream.read_buf(&mut self.buffer));
        let alarm = &mut self.alarm;
        poll_fn(|cx| {
            if let Poll::Ready(n) = read.as_mut().poll(cx) {
                return Poll::Ready(Ok(n? > 0));
            }
            // An alarm that is set too early is left alone: should it ring, it is set again.
            if alarm.deadline() > until {
                alarm.as_mut().reset(until);
            }
            while alarm.as_mut().poll(cx).is_ready() {
                if alarm.deadline() >= until {
                    return Poll::Ready(Err(Bad::Late));
                }
                alarm.as_mut().reset(until);
            }
            Poll::Pending
        })
        .await
    }

    async fn take(&mut self, n: usize, until: Instant) -> Result<Bytes, Bad> {
        while self.buffer.len() < n {
            if !self.fill(until).await? {
                return Err(Bad::Close);
            }
        }
        Ok(self.buffer.split_to(n).freeze())
    }

    async fn line(&mut self, until: Instant) -> Result<Bytes, Bad> {
        loop {
            if let Some(at) = self.buffer.windows(2).position(|w| w == b"\r\n") {
                let line = self.buffer.split_to(at).freeze();
                self.buffer.advance(2);
                return Ok(line);
            }
            if self.buffer.len() > 256 {
                return Err(MALFORMED);
            }
            if !self.fill(until).await? {
                return Err(Bad::Close);
            }
        }
    }

    async fn chunked(&mut self, cap: usize, until: Instant) -> Result<Bytes, Bad> {
        let mut body = BytesMut::new();
        loop {
            let line = self.line(until).await?;
            let size = line.split(|b| *b == b';').next().unwrap_or_default();
            let size = std::str::from_utf8(size).ok().map(str::trim);
            let size = size
                .filter(|s| !s.is_empty() && s.bytes().all(|b| b.is_ascii_hexdigit()))
                .and_then(|s| usize::from_str_radix(s, 16).ok())
                .ok_or(MALFORMED)?;
            if size == 0 {
                // Trailers: read and dropped, within the head's manners.
                for _ in 0..HEADERS {
                    if self.line(until).await?.is_empty() {
                        return Ok(body.freeze());
                    }
                }
                return Err(MALFORMED);
            }
            if size > cap.saturating_sub(body.len()) {
                return Err(Bad::Answer(413, "the body is too long"));
            }
            let chunk = self.take(size, until).await?;
            body.extend_from_slice(&chunk);
            if !self.line(until).await?.is_empty() {
                return Err(MALFORMED);
            }
        }
    }
}
