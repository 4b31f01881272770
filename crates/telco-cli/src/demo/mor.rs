//! MOR: a request signed so that the server takes it.

use mor_hash::{Call, Mode, Profile, Secret, Signer};

use super::{Story, broken, expect};
use crate::exit::Done;

pub(super) async fn tell(story: &mut Story) -> Done {
    story.chapter("MOR", "request signatures for a softswitch")?;
    let signer = Signer::new(
        Secret::new(story.credential("mor", "secret")?),
        Profile::x8(),
    )
    .with_mode(Mode::Strict);
    let shuffled = Call::new("user_calls_get")
        .with("calltype", "answered")
        .with("period_start", "1252454580");
    let ordered = Call::new("user_calls_get")
        .with("period_start", "1252454580")
        .with("calltype", "answered");
    let hash = signer.hash(&shuffled).map_err(|e| broken(e.to_string()))?;
    expect(
        signer.verify(&ordered, &hash.to_hex()).is_ok(),
        "one hash for either order",
    )?;
    story.step(
        "hash of a request, in the server's own order",
        &hash.to_hex(),
    )
}
