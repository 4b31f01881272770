//! Kairos: an encrypted batch of which one call is refused, and a spoken code.

use std::sync::Arc;

use kairos_client::otp::{LocalOtp, MemoryOtpStore, OtpKey};
use kairos_client::{FlowId, Kairos, Kind, PublicKey, SecurityId};
use telco_core::{
    Call, CallBatch, CallExt as _, ErrorKind, Msisdn, NotSent, OsRandomness, OtpCode, OtpRequest,
    OtpSender as _, OtpVerifier as _, Randomness as _, Reference, Secret, SecretBytes, Submission,
    Verification,
};
use telco_sandbox::{Arrival, Told};

use super::cowrie::new_reference;
use super::{Story, broken, expect};
use crate::exit::{Done, Failure, accepted};

const NAME: &str = "kairos";

pub(super) async fn tell(story: &mut Story) -> Done {
    story.chapter(
        "Kairos",
        "outbound calls for India, sealed with AES and RSA",
    )?;
    let invalid = || NotSent::because(ErrorKind::InvalidConfiguration);
    let flow = FlowId::new(story.credential(NAME, "flow_id")?).map_err(invalid())?;
    let security = SecurityId::new(story.credential(NAME, "security_id")?)
        .map_err(NotSent::because(ErrorKind::InvalidConfiguration))?;
    let key = PublicKey::load(story.credential(NAME, "public_key")?.as_bytes())
        .map_err(|e| broken(e.to_string()))?;
    let kairos = Kairos::builder(flow, security)
        .kind(Kind::EncryptedRealTime)
        .public_key(key)
        .base_url(story.base_url(NAME)?)
        .build()?;
    batch_of_three(story, &kairos).await?;
    spoken_code(story, &kairos).await
}

/// The sandbox refuses numbers of the form 9000001CCC with code CCC, and takes the others.
async fn batch_of_three(story: &mut Story, kairos: &Kairos) -> Done {
    let mut calls = Vec::new();
    for text in ["919812345671", "919000001205", "919812345673"] {
        let call = Call::new(new_reference()?, number(text)?);
        calls.push(call.variable("Amount", Secret::new("1,200 rupees")));
    }
    let refused = calls.get(1).map(|call| call.reference.clone());
    let mut taken = 0_u32;
    let mut doubtful = None;
    for (reference, answer) in kairos
        .place(&CallBatch::new(new_reference()?, calls))
        .await?
    {
        match answer {
            Ok(Submission::Accepted(_)) => {
                taken += 1;
                story.told_done(NAME, reference.as_str());
                once(story, &reference)?;
            }
            Ok(Submission::Unknown(unknown)) => {
                story.sandbox.told(NAME, reference.as_str(), Told::Unknown);
                doubtful = Some((reference, unknown.cause().message().to_owned()));
            }
            _ => return Err(broken("a call of the batch was not sent")),
        }
    }
    expect(taken == 2, "two of three calls to be taken")?;
    story.step(
        "a batch of three calls in one envelope",
        "two accepted, each rang once",
    )?;
    let (reference, why) = doubtful.ok_or_else(|| broken("no call was refused"))?;
    expect(
        Some(&reference) == refused.as_ref(),
        "the call with the wrong number to be the one in doubt",
    )?;
    let books = story.sandbox.operation(NAME, reference.as_str());
    expect(
        books.is_some_and(|it| it.delivered == 0 && it.refused == 1),
        "it to be refused in the provider's books",
    )?;
    story.step("the call with a wrong number", &why)
}

async fn spoken_code(story: &mut Story, kairos: &Kairos) -> Done {
    let mut key = [0; 32];
    OsRandomness
        .fill(&mut key)
        .map_err(NotSent::because(ErrorKind::Unavailable))?;
    let key = OtpKey::new("demo", SecretBytes::new(key))?;
    let voice = kairos.voice_otp(
        "OTP",
        LocalOtp::new(key, Arc::new(MemoryOtpStore::default())),
    );
    let request = OtpRequest::new(number("919812345674")?, new_reference()?);
    let challenge = accepted(&request.reference, voice.start(&request).await, "")?;
    story.told_done(NAME, request.reference.as_str());
    once(story, &request.reference)?;
    story.step("a code is read out to a phone", "accepted, rang once")?;

    // What the person hears.
    let heard = story
        .sandbox
        .handset(request.to.expose())
        .into_iter()
        .next();
    let Some(Arrival::Call { variables, .. }) = heard.map(|heard| heard.arrival) else {
        return Err(broken("no call arrived at the phone"));
    };
    let code = variables
        .get("$flow.key.OTP")
        .ok_or_else(|| broken("the call has no code"))?;
    let check = async |typed: &str| {
        voice
            .verify(&challenge.pending, &OtpCode::new(typed))
            .await
            .map_err(|e| Failure::of_read(&e))
    };
    let wrong: String = code
        .chars()
        .map(|c| if c == '7' { '8' } else { '7' })
        .collect();
    expect(
        matches!(check(&wrong).await?, Verification::Invalid { .. }),
        "a wrong code to be refused",
    )?;
    expect(
        check(code).await? == Verification::Valid(request.to.clone()),
        "the code that was heard to be right",
    )?;
    expect(
        check(code).await? == Verification::AlreadyUsed,
        "a code to work once",
    )?;
    story.step(
        "the code is typed",
        "a wrong one refused, the right one valid, once",
    )
}

/// The provider's books show this call exactly once.
fn once(story: &Story, reference: &Reference) -> Done {
    let books = story.sandbox.operation(NAME, reference.as_str());
    expect(
        books.is_some_and(|it| it.requests == 1 && it.delivered == 1),
        "one request and one call in the provider's books",
    )
}

fn number(text: &str) -> Result<Msisdn, Failure> {
    Ok(Msisdn::parse(text).map_err(NotSent::because(ErrorKind::InvalidInput))?)
}
