//! One push: a plain HTTP POST, and the status of its answer.

use std::net::IpAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Callback;

/// Host with port, and path, of a URL the sandbox can push to.
pub(super) fn target(url: &str) -> Result<(&str, &str), String> {
    let rest = url
        .strip_prefix("http://")
        .ok_or("the sandbox pushes to http:// URLs only")?;
    let at = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(at);
    if authority.is_empty()
        || url.bytes().any(|b| b <= b' ' || b == 0x7f || b == b'#')
        || authority.contains('@')
    {
        return Err("this is no URL the sandbox can push to".to_owned());
    }
    Ok((authority, if path.is_empty() { "/" } else { path }))
}

/// Whether a URL names this machine, by an address or as `localhost`.
pub(super) fn is_local(url: &str) -> bool {
    let Ok((authority, _)) = target(url) else {
        return false;
    };
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    };
    let ip = host.trim_matches(['[', ']']).parse::<IpAddr>();
    ip.map_or(host.eq_ignore_ascii_case("localhost"), |ip| {
        ip.is_loopback()
    })
}

pub(super) async fn push(url: &str, callback: &Callback) -> Result<u16, String> {
    let exchange = async {
        let (authority, path) = target(url)?;
        let has_port = authority
            .rsplit(':')
            .next()
            .is_some_and(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()))
            && authority.contains(':');
        let address = if has_port {
            authority.to_owned()
        } else {
            format!("{authority}:80")
        };
        let mut stream = TcpStream::connect(address)
            .await
            .map_err(|e| e.to_string())?;
        let mut message =
            format!("POST {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n");
        for (name, value) in &callback.headers {
            message.push_str(&format!("{name}: {value}\r\n"));
        }
        message.push_str(&format!("Content-Length: {}\r\n\r\n", callback.body.len()));
        let mut message = message.into_bytes();
        message.extend_from_slice(&callback.body);
        stream
            .write_all(&message)
            .await
            .map_err(|e| e.to_string())?;
        let mut head = [0u8; 64];
        let mut have = 0usize;
        while have < 12 {
            let free = head.get_mut(have..).unwrap_or_default();
            match stream.read(free).await.map_err(|e| e.to_string())? {
                0 => return Err("the listener closed without an answer".to_owned()),
                n => have = have.saturating_add(n),
            }
        }
        let status = head
            .get(9..12)
            .and_then(|s| std::str::from_utf8(s).ok()?.parse().ok());
        status.ok_or_else(|| "the listener's answer is no HTTP".to_owned())
    };
    tokio::time::timeout(Duration::from_secs(10), exchange)
        .await
        .unwrap_or_else(|_| Err("the listener did not answer in 10 s".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::is_local;

    #[test]
    fn only_this_machine_is_local() {
        for url in [
            "http://127.0.0.1:8080/hook",
            "http://127.9.9.9",
            "http://localhost:1/",
            "http://LocalHost/x",
            "http://[::1]:80/",
        ] {
            assert!(is_local(url), "{url}");
        }
        for url in [
            "http://example.com/",
            "http://192.0.2.1:80/",
            "http://localhost.example.com/",
            "http://127.0.0.1.example.com/",
            "http://[2001:db8::1]/",
            "http://user@127.0.0.1/",
            "https://127.0.0.1/",
        ] {
            assert!(!is_local(url), "{url}");
        }
    }
}
