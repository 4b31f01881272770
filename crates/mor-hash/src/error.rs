use alloc::string::String;
use core::fmt;

/// Why there is no hash, or why a hash does not hold.
///
/// Every error is ours, before anything is sent. A parameter is named by its name; neither a value nor the secret
/// ever appears.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The secret is empty. MOR X4 and later refuse that; `mor12` and `x3` accept it, see
    /// [`Signer::allow_empty_secret`](crate::Signer::allow_empty_secret).
    EmptySecret,
    /// The secret begins or ends with white space, and this profile's server stores it without.
    SecretHasOuterBlanks,
    /// A parameter has no name.
    EmptyName,
    /// A name with `[` or `]`: the server would hash the printout of a container.
    BracketInName(String),
    /// `hash`, `action` or `controller`: the server's own.
    ReservedName(String),
    /// The name occurs twice. The API keeps the last value, the "Generate hash" page the first.
    RepeatedName(String),
    /// Strict: the value fails the server's filter and would be left out of the hash without a word.
    ValueWouldBeDropped(String),
    /// Strict: the server would hash another spelling of the value (`007` as `7`, an empty integer as `0`).
    ValueWouldBeChanged(String),
    /// Strict: the documentation lists the name and this profile's server never hashes it: two readings, two hashes.
    NeverHashed(String),
    /// A name or value, once decoded, is not UTF-8.
    NotUtf8,
    /// A `%` that is not followed by two hexadecimal digits.
    BadPercentEncoding,
    /// No `?` in the pasted address, or nothing that could be a method before it.
    NotARequestUri,
    /// The method's name is not made of letters, digits and `_`. Values in the path are hashed by the server under
    /// another name, so such addresses are never built.
    BadMethodName,
    /// Not 40 lower-case hexadecimal characters.
    MalformedHash,
    /// A well-formed hash of something else.
    HashMismatch,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptySecret => f.write_str("the API secret key is empty"),
            Self::SecretHasOuterBlanks => {
                f.write_str("the API secret key begins or ends with white space, which this server version removes")
            }
            Self::EmptyName => f.write_str("a parameter has no name"),
            Self::BracketInName(name) => write!(f, "parameter {name:?}: names with brackets cannot be hashed"),
            Self::ReservedName(name) => write!(f, "parameter {name:?} is reserved by the server"),
            Self::RepeatedName(name) => write!(f, "parameter {name:?} occurs more than once"),
            Self::ValueWouldBeDropped(name) => {
                write!(f, "parameter {name:?}: the server would leave this value out of the hash")
            }
            Self::ValueWouldBeChanged(name) => {
                write!(f, "parameter {name:?}: the server would hash another spelling of this value")
            }
            Self::NeverHashed(name) => {
                write!(f, "parameter {name:?} is in the documented list, but this server version never hashes it")
            }
            Self::NotUtf8 => f.write_str("a parameter is not UTF-8"),
            Self::BadPercentEncoding => f.write_str("a percent sign without two hexadecimal digits"),
            Self::NotARequestUri => f.write_str("not a request address: expected …/METHOD?name=value&…"),
            Self::BadMethodName => f.write_str("a method name has only letters, digits and underscores"),
            Self::MalformedHash => f.write_str("a hash is exactly 40 lower-case hexadecimal characters"),
            Self::HashMismatch => f.write_str("the hash does not belong to this request"),
        }
    }
}

impl core::error::Error for Error {}
