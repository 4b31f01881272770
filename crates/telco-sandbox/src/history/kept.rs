//! A request as memory holds it: its bytes side by side, from which texts are made only when somebody looks.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

use super::Exchange;
use crate::fault::Phase;
use crate::room::Request;
use crate::text::excerpt;

/// One request and its fate; [`Exchange`] says what each field means.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) id: u64,
    pub(crate) at_ms: u64,
    pub(crate) provider: &'static str,
    pub(crate) operation: &'static str,
    pub(crate) texts: Texts,
    pub(crate) fault: Option<Phase>,
    pub(crate) quirk: Option<String>,
    pub(crate) acted: bool,
    /// What the client's end of the wire saw; nothing while it waits.
    pub(crate) seen: Option<Seen>,
    pub(crate) near_misses: Vec<String>,
}

impl Kept {
    pub(crate) fn exchange(&self) -> Exchange {
        let [reference, number, request_line, headers, body, answer_body] = self.texts.all();
        Exchange {
            id: self.id,
            at_ms: self.at_ms,
            provider: self.provider,
            operation: self.operation,
            reference: self.texts.has_reference.then_some(reference),
            number: self.texts.has_number.then_some(number),
            request_line,
            headers,
            body,
            fault: self.fault,
            quirk: self.quirk.clone(),
            acted: self.acted,
            answered: self.seen.as_ref().map_or_else(String::new, Seen::to_string),
            answer_body,
            near_misses: self.near_misses.clone(),
        }
    }
}

/// What came out at the client's end of the wire.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// The HTTP status, if an answer left in full or in part.
    pub(crate) status: Option<u16>,
    /// How it went, where that is worth telling.
    pub(crate) how: Cow<'static, str>,
}

impl Seen {
    pub(crate) fn nothing(why: &'static str) -> Self {
        Self {
            status: None,
            how: Cow::Borrowed(why),
        }
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(status) = self.status {
            write!(f, "{status}")?;
        }
        f.write_str(&self.how)
    }
}

/// How many texts a request has.
const TEXTS: usize = 6;

/// The texts of a request in one piece of memory.
#[derive(Debug)]
pub(crate) struct Texts {
    bytes: Box<[u8]>,
    /// Where each ends: reference, number, request line, headers, body, answer.
    ends: [usize; TEXTS],
    has_reference: bool,
    has_number: bool,
}

impl Texts {
    /// Keeps at most `cap` bytes of each, and says of what is longer that it was cut.
    pub(crate) fn new(
        reference: Option<&str>,
        number: Option<&str>,
        request: &Request,
        answer: &[u8],
        cap: usize,
    ) -> Self {
        // Exact where nothing is cut, so that nothing is moved.
        let header = |(name, value): &(Bytes, Bytes)| name.len() + value.len() + ": \n".len();
        let query = request
            .query
            .as_ref()
            .map_or(0, |query| query.len() + "?".len());
        let size = [
            reference.map_or(0, str::len),
            number.map_or(0, str::len),
            request.method.len() + " ".len() + request.path.len() + query,
            request.headers.iter().map(header).sum(),
            request.body.len(),
            answer.len(),
        ];
        let size = size.iter().map(|size| *size.min(&cap)).sum();
        let mut bytes = Vec::with_capacity(size);
        let mut ends = [0; TEXTS];
        let mut slots = ends.iter_mut();
        let mut end = |bytes: &Vec<u8>| {
            if let Some(slot) = slots.next() {
                *slot = bytes.len();
            }
        };
        append(&mut bytes, reference.unwrap_or("").as_bytes(), 256);
        end(&bytes);
        append(&mut bytes, number.unwrap_or("").as_bytes(), 64);
        end(&bytes);
        request_line(&mut bytes, request, cap);
        end(&bytes);
        headers(&mut bytes, request, cap);
        end(&bytes);
        append(&mut bytes, &request.body, cap);
        end(&bytes);
        append(&mut bytes, answer, cap);
        end(&bytes);
        Self {
            bytes: bytes.into_boxed_slice(),
            ends,
            has_reference: reference.is_some(),
            has_number: number.is_some(),
        }
    }

    fn all(&self) -> [String; TEXTS] {
        let mut start = 0;
        self.ends.map(|end| {
            let bytes = self.bytes.get(start..end).unwrap_or_default();
            start = end;
            String::from_utf8_lossy(bytes).into_owned()
        })
    }
}

fn append(out: &mut Vec<u8>, bytes: &[u8], cap: usize) {
    if bytes.len() <= cap {
        out.extend_from_slice(bytes);
    } else {
        out.extend_from_slice(excerpt(bytes, cap).as_bytes());
    }
}

fn request_line(out: &mut Vec<u8>, request: &Request, cap: usize) {
    let begin = out.len();
    out.extend_from_slice(request.method.as_bytes());
    out.push(b' ');
    out.extend_from_slice(request.path.as_bytes());
    if let Some(query) = &request.query {
        out.push(b'?');
        out.extend_from_slice(query.as_bytes());
    }
    if out.len().saturating_sub(begin) > cap {
        let whole = out.split_off(begin);
        append(out, &whole, cap);
    }
}

fn headers(out: &mut Vec<u8>, request: &Request, cap: usize) {
    let begin = out.len();
    for (name, value) in &request.headers {
        if out.len().saturating_sub(begin) < cap {
            out.extend_from_slice(name);
            out.extend_from_slice(b": ");
            out.extend_from_slice(value.get(..cap).unwrap_or(value));
            out.push(b'\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back_as_they_were_and_long_ones_say_that_they_were_cut() {
        let request = Request {
            method: "POST".to_owned(),
            path: "/p".to_owned(),
            query: Some("q=1".to_owned()),
            headers: vec![
                (Bytes::from_static(b"A"), Bytes::from_static(b"\xff1")),
                (Bytes::from_static(b"B"), Bytes::from(vec![b'b'; 100])),
                (Bytes::from_static(b"C"), Bytes::from_static(b"no room")),
            ],
            body: Bytes::from(vec![b'x'; 41]),
            peer: ([127, 0, 0, 1], 1).into(),
        };
        let texts = Texts::new(Some(""), None, &request, b"said", 40);
        assert_eq!((texts.has_reference, texts.has_number), (true, false));
        let headers = format!("A: \u{fffd}1\nB: {}\n", "b".repeat(40));
        let body = format!("{}… (41 bytes)", "x".repeat(40));
        assert_eq!(
            texts.all(),
            ["", "", "POST /p?q=1", &headers, &body, "said"].map(str::to_owned)
        );
        let long = Texts::new(Some(&"r".repeat(257)), None, &request, b"", 5);
        let [reference, _, line, ..] = long.all();
        assert!(reference.ends_with("r… (257 bytes)"), "{reference}");
        assert_eq!(line, "POST … (11 bytes)");
    }
}
