//! Heads of requests, read; heads of answers, written.

use std::mem::MaybeUninit;
use std::net::SocketAddr;

use bytes::Bytes;

use super::{Bad, HEADERS, MALFORMED};
use crate::room::{Answer, Request};
use crate::text::push_digits;

pub(super) struct Framing {
    pub(super) keep_alive: bool,
    pub(super) expects_continue: bool,
    pub(super) body: Body,
}

pub(super) enum Body {
    None,
    Length(usize),
    Chunked,
}

impl Framing {
    pub(super) fn has_body(&self) -> bool {
        !matches!(self.body, Body::None | Body::Length(0))
    }
}

/// The length of the head, blank line included, if it is there in full; the first `scanned` bytes do not end it.
pub(super) fn end_of_head(bytes: &[u8], scanned: usize) -> Option<usize> {
    const END: &[u8; 4] = b"\r\n\r\n";
    let mut start = scanned;
    loop {
        let window = bytes.get(start..)?.first_chunk::<4>()?;
        start = start.saturating_add(match window {
            END => return Some(start.saturating_add(4)),
            [.., b'\r' | b'\n'] => 1,
            // A byte that occurs nowhere in the end rules out all four places that it is part of.
            _ => 4,
        });
    }
}

pub(super) fn parse_head(head: &Bytes, peer: SocketAddr) -> Result<(Request, Framing), Bad> {
    let mut headers = [const { MaybeUninit::uninit() }; HEADERS];
    let mut parsed = httparse::Request::new(&mut []);
    match parsed.parse_with_uninit_headers(head, &mut headers) {
        Ok(httparse::Status::Complete(_)) => {}
        Err(httparse::Error::TooManyHeaders) => return Err(Bad::Answer(431, "too many headers")),
        _ => return Err(MALFORMED),
    }
    let (Some(method), Some(target)) = (parsed.method, parsed.path) else {
        return Err(MALFORMED);
    };
    let headers: Vec<(Bytes, Bytes)> = parsed
        .headers
        .iter()
        .map(|h| (head.slice_ref(h.name.as_bytes()), head.slice_ref(h.value)))
        .collect();
    // Proxies send the absolute form.
    let target = match target.split_once("://") {
        Some((scheme, rest)) if !scheme.contains('/') => {
            rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/")
        }
        _ => target,
    };
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query.to_owned())),
        None => (target, None),
    };
    let request = Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query,
        headers,
        body: Bytes::new(),
        peer,
    };
    let connection = request.header("connection").unwrap_or("");
    let says = |word: &str| {
        connection
            .split(',')
            .any(|part| part.trim().eq_ignore_ascii_case(word))
    };
    let framing = Framing {
        keep_alive: match parsed.version {
            Some(1) => !says("close"),
            _ => says("keep-alive"),
        },
        expects_continue: request
            .header("expect")
            .is_some_and(|v| v.eq_ignore_ascii_case("100-continue")),
        body: body_of(&request)?,
    };
    Ok((request, framing))
}

fn body_of(request: &Request) -> Result<Body, Bad> {
    let values = |name: &'static str| {
        request
            .headers
            .iter()
            .filter(move |(n, _)| n.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| std::str::from_utf8(value).unwrap_or("?").trim())
    };
    let mut lengths = values("content-length");
    let length = lengths.next();
    if lengths.any(|other| Some(other) != length) {
        return Err(MALFORMED);
    }
    match (
        values("transfer-encoding").collect::<Vec<_>>().as_slice(),
        length,
    ) {
        ([], None) => Ok(Body::None),
        ([], Some(n)) if n.bytes().all(|b| b.is_ascii_digit()) => {
            n.parse().map(Body::Length).map_err(|_| MALFORMED)
        }
        ([coding], None) if coding.eq_ignore_ascii_case("chunked") => Ok(Body::Chunked),
        // Two framings at once is how requests are smuggled.
        _ => Err(MALFORMED),
    }
}

pub(super) fn head_of(answer: &Answer, length: Option<usize>, keep_alive: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(256_usize.saturating_add(answer.body.len()));
    out.extend_from_slice(b"HTTP/1.1 ");
    push_digits(&mut out, answer.status.into(), 3);
    out.push(b' ');
    out.extend_from_slice(reason(answer.status).as_bytes());
    for (name, value) in &answer.headers {
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b": ");
        // No value can start a line of its own.
        let breaks = value.bytes().filter(|b| matches!(b, b'\r' | b'\n'));
        if breaks.count() == 0 {
            out.extend_from_slice(value.as_bytes());
        } else {
            out.extend(value.bytes().filter(|b| !matches!(b, b'\r' | b'\n')));
        }
    }
    if let Some(length) = length {
        out.extend_from_slice(b"\r\nContent-Length: ");
        push_digits(&mut out, length as u64, 1);
    }
    if !keep_alive {
        out.extend_from_slice(b"\r\nConnection: close");
    }
    out.extend_from_slice(b"\r\n\r\n");
    out
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        202 => "Accepted",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        413 => "Content Too Large",
        422 => "Unprocessable Content",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Status",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_head_is_where_a_plain_search_finds_it() {
        let plain = |bytes: &[u8]| {
            let at = bytes.windows(4).position(|w| w == b"\r\n\r\n");
            at.map(|at| at + 4)
        };
        // Every text of eight letters out of three, which holds every way to nearly end a head.
        for n in 0..3_usize.pow(8) {
            let text: Vec<u8> = (0..8)
                .scan(n, |left, _| {
                    let letter = b"\r\nx".get(*left % 3).copied();
                    *left /= 3;
                    letter
                })
                .collect();
            let end = plain(&text);
            assert_eq!(end_of_head(&text, 0), end, "{text:?}");
            for read in 0..=text.len() {
                let part = text.get(..read).unwrap_or_default();
                if end_of_head(part, 0).is_none() {
                    let scanned = read.saturating_sub(3);
                    assert_eq!(end_of_head(&text, scanned), end, "{text:?} after {read}");
                }
            }
        }
    }
}
