//! Paddings and profiles by name: the provider's, and those it is told apart from.

use telco_crypto::digest::Algorithm;
use telco_crypto::envelope::{
    Derivation, Iv, KeyEncoding, KeyLength, Mode, PayloadEncoding, Profile, ProfileBuilder,
};
use telco_crypto::rsa::Padding;

/// Every RSA padding that the provider might use: our name of it, its name in the known answers, the padding.
/// The documents do not say which; the first is the default (inferred).
pub const PADDINGS: [(&str, &str, Padding); 6] = [
    ("pkcs1v15", "pkcs1v15", Padding::Pkcs1v15),
    ("oaep_sha1", "oaep-sha1-mgf1-sha1", Padding::OAEP_SHA1),
    (
        "oaep_sha256_java",
        "oaep-sha256-mgf1-sha1",
        Padding::OAEP_SHA256_MASK_SHA1,
    ),
    (
        "oaep_sha256",
        "oaep-sha256-mgf1-sha256",
        Padding::OAEP_SHA256,
    ),
    (
        "oaep_sha512_java",
        "oaep-sha512-mgf1-sha1",
        Padding::OAEP_SHA512_MASK_SHA1,
    ),
    (
        "oaep_sha512",
        "oaep-sha512-mgf1-sha512",
        Padding::OAEP_SHA512,
    ),
];

/// The padding with this name, ours or that of the known answers.
///
/// ```
/// use kairos_client::envelope::padding_named;
/// assert_eq!(padding_named("oaep_sha256_java"), padding_named("oaep-sha256-mgf1-sha1"));
/// assert_eq!(padding_named("rot13"), None);
/// ```
#[must_use]
pub fn padding_named(name: &str) -> Option<Padding> {
    PADDINGS
        .iter()
        .find(|(ours, theirs, _)| *ours == name || *theirs == name)
        .map(|(_, _, padding)| *padding)
}

/// Our name of a padding.
#[must_use]
pub fn padding_name(padding: Padding) -> &'static str {
    PADDINGS
        .iter()
        .find(|(_, _, known)| *known == padding)
        .map_or("another", |(name, _, _)| name)
}

type Row = (&'static str, PayloadEncoding, KeyEncoding, Derivation, Mode);

/// The first is the provider's: its AES side is proven against its published sample, its RSA side is documented but for the padding,
/// which is inferred. The others are not: they are here to be told apart from it,
/// and for a server that turns out to differ.
const PROFILES: [Row; 21] = {
    use Algorithm::{Sha1, Sha256, Sha512};
    use Derivation::{Digest, Direct, ZeroPadded};
    use KeyLength::{Aes128, Aes256};
    use Mode::{Cbc, Ecb};
    const B64: PayloadEncoding = PayloadEncoding::Base64;
    const K64: KeyEncoding = KeyEncoding::Base64;
    const RAW: KeyEncoding = KeyEncoding::Raw;
    const PHONON: Derivation = Digest(Sha256, Aes128);
    [
        ("phonon", B64, K64, PHONON, Ecb),
        ("phonon-kairos", B64, K64, PHONON, Ecb),
        ("sha1-of-b64key", B64, K64, Digest(Sha1, Aes128), Ecb),
        ("sha256-of-raw-key", B64, RAW, PHONON, Ecb),
        ("sha1-of-raw-key", B64, RAW, Digest(Sha1, Aes128), Ecb),
        ("sha256-32-of-b64key", B64, K64, Digest(Sha256, Aes256), Ecb),
        ("sha512-16-of-b64key", B64, K64, Digest(Sha512, Aes128), Ecb),
        ("sha512-32-of-b64key", B64, K64, Digest(Sha512, Aes256), Ecb),
        ("zeropad16-raw", B64, RAW, ZeroPadded(Aes128), Ecb),
        ("zeropad16-b64key", B64, K64, ZeroPadded(Aes128), Ecb),
        ("zeropad32-b64key", B64, K64, ZeroPadded(Aes256), Ecb),
        (
            "sha256-of-b64key-raw-payload",
            PayloadEncoding::Raw,
            K64,
            PHONON,
            Ecb,
        ),
        ("direct-16", B64, RAW, Direct, Ecb),
        ("direct-32", B64, RAW, Direct, Ecb),
        ("cbc-zero-iv", B64, K64, PHONON, Cbc(Iv::Zero)),
        (
            "cbc-zero-iv-sha1",
            B64,
            K64,
            Digest(Sha1, Aes128),
            Cbc(Iv::Zero),
        ),
        ("cbc-iv-is-key", B64, K64, PHONON, Cbc(Iv::FirstKeyBytes)),
        ("cbc-iv-prefix", B64, K64, PHONON, Cbc(Iv::RandomPrefix)),
        ("cbc-iv-field", B64, K64, PHONON, Cbc(Iv::RandomField)),
        (
            "direct-32-cbc-iv-prefix",
            B64,
            RAW,
            Direct,
            Cbc(Iv::RandomPrefix),
        ),
        (
            "cbc256-iv-prefix",
            B64,
            K64,
            Digest(Sha256, Aes256),
            Cbc(Iv::RandomPrefix),
        ),
    ]
};

/// The names that [`profile_named`] knows.
pub fn profile_names() -> impl Iterator<Item = &'static str> {
    PROFILES.iter().map(|(name, ..)| *name)
}

/// The profile with this name, with the default padding; change single settings and build it.
///
/// ```
/// use kairos_client::envelope::{padding_named, profile_named};
///
/// let profile = profile_named("phonon").unwrap().padding(padding_named("oaep_sha256").unwrap()).build()?;
/// assert_eq!(profile.value_length(332), 600);
/// # Ok::<(), telco_crypto::envelope::InvalidProfile>(())
/// ```
#[must_use]
pub fn profile_named(name: &str) -> Option<ProfileBuilder> {
    let (_, payload, encoding, derivation, mode) =
        PROFILES.iter().find(|(known, ..)| *known == name)?;
    Some(
        Profile::builder()
            .payload(*payload)
            .key(*encoding, *derivation)
            .mode(*mode),
    )
}
