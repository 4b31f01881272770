//! The hybrid envelope: a text under AES, the key of that under RSA, both as text.
//!
//! Providers put the same pieces together in different ways; a [`Profile`] says how. Most mix-ups are not representable (CBC without
//! an initialisation vector, ECB with one), the others are refused when it is built.
//!
//! ```text
//! key text  ──► encoding ──► derivation ──► AES key ─┐
//! payload   ──► encoding ─────────────────────────► AES ──► value
//! key text  ──► encoding ─────────────────────────► RSA ──► wrapped key
//! ```
//!
//! The wrapped key signs nothing: whoever has the public key can seal.

mod key_text;
#[cfg(feature = "open")]
mod open;
mod profile;
mod seal;

pub use key_text::{KeyText, WeakKeyText};
#[cfg(feature = "open")]
pub use open::OpenError;
pub use profile::{
    Derivation, InvalidProfile, Iv, KeyEncoding, KeyLength, Mode, PayloadEncoding, Profile,
    ProfileBuilder, TextEncoding, Wrapped,
};
pub use seal::{Encrypted, SealError, Sealed};
