//! RSA: keys from any file that people have, PKCS#1 v1.5 signatures, encryption with PKCS#1 v1.5 and OAEP.
//!
//! Every private operation is blinded with randomness of the operating system, which does not change its result, and checked
//! against faults before the result leaves. Keys are loaded once, with every value checked or recomputed ([`PrivateKey::load`]).
//!
//! The cryptography is that of the `rsa` crate, or of OpenSSL with the feature `openssl`; neither appears in this API.

mod armour;
#[cfg(feature = "open")]
mod decrypt;
mod der;
mod encrypt;
mod error;
mod export;
mod factors;
mod load;
#[cfg(feature = "openssl")]
mod openssl;
mod private;
mod public;
mod source;
#[cfg(feature = "xml")]
mod xml;

#[cfg(feature = "open")]
pub use decrypt::InvalidCiphertext;
pub use encrypt::{EncryptError, Padding};
pub use error::{Inconsistency, KeyError};
pub use load::LoadOptions;
pub use private::{KeySize, PrivateKey, SigningFailed};
pub use public::PublicKey;
