//! Finding the RSA padding with requests that cannot dial: their list of calls is empty (docs/protocols/kairos.md, section 11).

use telco_core::{Error, ErrorKind, NotSent};
use telco_crypto::rsa::Padding;
use telco_http::Bytes;

use crate::envelope::PADDINGS;
use crate::judge::PROVIDER;
use crate::wire::Answer;
use crate::{Code, Kairos};

const OPERATION: &str = "probe";

/// What one answer says about a padding. Inferred: the order of the server's checks is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// The server read what was inside: this padding is right.
    Right,
    /// The server probably could not decrypt.
    ProbablyWrong,
    /// Nothing was learnt; the server turned the request away before.
    Nothing,
}

/// The answer to one probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProbeReading {
    /// Its name, as in [`PADDINGS`].
    pub name: &'static str,
    /// Which was tried.
    pub padding: Padding,
    /// What it says.
    pub finding: Finding,
    /// The result code, if one could be read.
    pub code: Option<Code>,
    /// The HTTP status.
    pub http_status: u16,
}

impl Kairos {
    /// Tries every padding of [`PADDINGS`] on this encrypted flow, one request each, until one is right. Nobody is called: the list of
    /// calls is empty. White space differs from one request to the next, so that none is refused as a duplicate.
    ///
    /// It is still traffic to a production host: ask before running it.
    ///
    /// ```
    #[doc = against_the_sandbox!()]
    /// use kairos_client::Finding;
    ///
    /// let readings = kairos.probe().await?;
    /// let right = readings.iter().find(|reading| reading.finding == Finding::Right).ok_or("none fits")?;
    /// assert_eq!(right.name, "pkcs1v15");
    /// assert_eq!(sandbox.totals().delivered, 0); // nobody was called
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error`] for a plain kind, or if an answer did not arrive.
    pub async fn probe(&self) -> Result<Vec<ProbeReading>, Error> {
        let mut readings = Vec::new();
        for (name, _, padding) in PADDINGS {
            let reading = self.probe_one(name, padding).await?;
            readings.push(reading);
            if reading.finding == Finding::Right {
                break;
            }
        }
        Ok(readings)
    }

    async fn probe_one(&self, name: &'static str, padding: Padding) -> Result<ProbeReading, Error> {
        let inner = self.inner();
        let Some((key, envelope)) = &inner.seal else {
            return Err(Self::unsupported("only an encrypted kind has a padding to find").into());
        };
        let mut json = self.body(Vec::new(), inner.security.expose()).to_json();
        let end = json.pop();
        let mut noise = [0; 4];
        inner
            .random
            .fill(&mut noise)
            .map_err(NotSent::because(ErrorKind::Other))?;
        let bits = u32::from_be_bytes(noise);
        json.extend((0..u32::BITS).map(|bit| if bits >> bit & 1 == 0 { b' ' } else { b'\t' }));
        json.extend(end);
        let text = std::str::from_utf8(&json).map_err(NotSent::because(ErrorKind::Other))?;
        let body = envelope
            .clone()
            .with_padding(padding)
            .seal_own(&inner.flow, text, key, &inner.random)
            .map_err(|why| {
                NotSent::new(ErrorKind::InvalidInput, why.to_string()).at(PROVIDER, OPERATION)
            })?;
        let answer = inner
            .create
            .endpoint
            .exchange(OPERATION, inner.create.post(Bytes::from(body)))
            .await?;
        let code = Answer::parse(answer.body()).ok().map(|answer| answer.code);
        let finding = match code {
            Some(
                Code::EmptyCallList
                | Code::InvalidSecurityId
                | Code::InvalidApiVersion
                | Code::InvalidFlowId,
            ) => Finding::Right,
            Some(Code::InvalidFormat | Code::Failure) => Finding::ProbablyWrong,
            _ => Finding::Nothing,
        };
        Ok(ProbeReading {
            name,
            padding,
            finding,
            code,
            http_status: answer.status().as_u16(),
        })
    }
}
