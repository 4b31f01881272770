//! AES in the modes that providers ask for: ECB and CBC, with PKCS#7 padding. Key of 16, 24 or 32 bytes.
//!
//! Neither mode protects against changes, and ECB shows which 16-byte blocks are equal. They are here because a protocol
//! prescribes them, not as a recommendation.

use std::fmt;

use ::aes::cipher::array::Array;
use ::aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, BlockModeDecrypt, BlockModeEncrypt};
use ::aes::cipher::{BlockSizeUser, InnerIvInit, KeyInit, consts::U16};
use ::aes::{Aes128, Aes192, Aes256};
use zeroize::Zeroizing;

/// The size of a block, and of an initialisation vector, in bytes.
pub const BLOCK: usize = 16;

/// A key is not 16, 24 or 32 bytes long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an AES key has 16, 24 or 32 bytes")]
pub struct InvalidKeyLength;

/// Why a ciphertext was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecryptError {
    /// Empty, or not a whole number of blocks.
    #[error("an AES ciphertext is a whole number of 16-byte blocks")]
    Length,
    /// The padding is wrong: another key, or damage. All such failures look the same.
    #[error("the padding of the decrypted text is wrong")]
    Padding,
}

/// How blocks are chained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode<'a> {
    /// Not at all.
    Ecb,
    /// Each with the one before, the first with this initialisation vector.
    Cbc(&'a [u8; BLOCK]),
}

/// An AES key, its schedule computed once. Wiped on drop, not shown by `Debug`.
///
/// ```
/// use telco_crypto::aes::{Aes, Mode};
///
/// let aes = Aes::new(b"0123456789abcdef")?;
/// let ciphertext = aes.encrypt(Mode::Ecb, b"sixteen bytes...");
/// assert_eq!(ciphertext.len(), 32); // a whole block of padding
/// assert_eq!(aes.decrypt(Mode::Ecb, &ciphertext).unwrap().as_slice(), b"sixteen bytes...");
/// # Ok::<(), telco_crypto::aes::InvalidKeyLength>(())
/// ```
#[derive(Clone)]
pub struct Aes(Schedule);

#[derive(Clone)]
enum Schedule {
    Aes128(Aes128),
    Aes192(Aes192),
    Aes256(Aes256),
}

impl Aes {
    /// The length of `key` chooses AES-128, AES-192 or AES-256.
    ///
    /// ```
    /// use telco_crypto::aes::{Aes, InvalidKeyLength};
    /// assert!(Aes::new(&[7; 16]).is_ok() && Aes::new(&[7; 24]).is_ok() && Aes::new(&[7; 32]).is_ok());
    /// assert_eq!(Aes::new(&[7; 20]).unwrap_err(), InvalidKeyLength);
    /// ```
    ///
    /// # Errors
    /// [`InvalidKeyLength`].
    pub fn new(key: &[u8]) -> Result<Self, InvalidKeyLength> {
        let schedule = match key.len() {
            16 => Aes128::new_from_slice(key).map(Schedule::Aes128),
            24 => Aes192::new_from_slice(key).map(Schedule::Aes192),
            _ => Aes256::new_from_slice(key).map(Schedule::Aes256),
        };
        schedule.map(Self).map_err(|_| InvalidKeyLength)
    }

    /// Pads (PKCS#7) and encrypts. Text that is already a whole number of blocks gets one more.
    ///
    /// ```
    /// use telco_crypto::aes::{Aes, Mode};
    /// let aes = Aes::new(&[7; 32])?;
    /// assert_eq!(aes.encrypt(Mode::Ecb, b"fifteen bytes..").len(), 16);
    /// assert_eq!(aes.encrypt(Mode::Cbc(&[9; 16]), b"sixteen bytes...").len(), 32);
    /// # Ok::<(), telco_crypto::aes::InvalidKeyLength>(())
    /// ```
    #[must_use]
    pub fn encrypt(&self, mode: Mode<'_>, plaintext: &[u8]) -> Vec<u8> {
        let mut buffer = Vec::with_capacity(padded_length(plaintext.len()));
        buffer.extend_from_slice(plaintext);
        self.encrypt_in_place(mode, &mut buffer);
        buffer
    }

    /// As [`encrypt`](Self::encrypt), turning the plaintext in `buffer` into its ciphertext: no copy is left behind if `buffer` has
    /// room for the padding ([`padded_length`]).
    ///
    /// ```
    /// use telco_crypto::aes::{Aes, Mode, padded_length};
    ///
    /// let aes = Aes::new(&[7; 16])?;
    /// let mut buffer = Vec::with_capacity(padded_length(5));
    /// buffer.extend_from_slice(b"hello");
    /// aes.encrypt_in_place(Mode::Ecb, &mut buffer);
    /// assert_eq!(buffer, aes.encrypt(Mode::Ecb, b"hello"));
    /// # Ok::<(), telco_crypto::aes::InvalidKeyLength>(())
    /// ```
    pub fn encrypt_in_place(&self, mode: Mode<'_>, buffer: &mut Vec<u8>) {
        let padded = padded_length(buffer.len());
        let padding = u8::try_from(padded - buffer.len()).unwrap_or_default(); // 1 to 16
        buffer.resize(padded, padding);
        match &self.0 {
            Schedule::Aes128(cipher) => encrypt_blocks(cipher, mode, buffer),
            Schedule::Aes192(cipher) => encrypt_blocks(cipher, mode, buffer),
            Schedule::Aes256(cipher) => encrypt_blocks(cipher, mode, buffer),
        }
    }

    /// Decrypts, checks every byte of the padding and removes it.
    ///
    /// ```
    /// use telco_crypto::aes::{Aes, DecryptError, Mode};
    ///
    /// let aes = Aes::new(&[7; 16])?;
    /// let ciphertext = aes.encrypt(Mode::Cbc(&[9; 16]), b"hello");
    /// assert_eq!(aes.decrypt(Mode::Cbc(&[9; 16]), &ciphertext).unwrap().as_slice(), b"hello");
    /// assert_eq!(aes.decrypt(Mode::Ecb, &ciphertext[1..]).unwrap_err(), DecryptError::Length);
    /// # Ok::<(), telco_crypto::aes::InvalidKeyLength>(())
    /// ```
    ///
    /// # Errors
    /// [`DecryptError`]. Do not show a remote caller which one: telling wrong padding apart lets them decrypt messages.
    pub fn decrypt(
        &self,
        mode: Mode<'_>,
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, DecryptError> {
        if ciphertext.is_empty() || !ciphertext.len().is_multiple_of(BLOCK) {
            return Err(DecryptError::Length);
        }
        let mut buffer = Zeroizing::new(ciphertext.to_vec());
        match &self.0 {
            Schedule::Aes128(cipher) => decrypt_blocks(cipher, mode, &mut buffer),
            Schedule::Aes192(cipher) => decrypt_blocks(cipher, mode, &mut buffer),
            Schedule::Aes256(cipher) => decrypt_blocks(cipher, mode, &mut buffer),
        }
        let padding = buffer.last().copied().map_or(0, usize::from);
        let text = buffer.len() - padding.min(buffer.len());
        let uniform = buffer
            .iter()
            .skip(text)
            .all(|byte| usize::from(*byte) == padding);
        if !(1..=BLOCK).contains(&padding) || !uniform {
            return Err(DecryptError::Padding);
        }
        buffer.truncate(text);
        Ok(buffer)
    }
}

impl fmt::Debug for Aes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Schedule::Aes128(_) => "Aes128(***)",
            Schedule::Aes192(_) => "Aes192(***)",
            Schedule::Aes256(_) => "Aes256(***)",
        })
    }
}

/// The length of `plaintext` bytes once padded: the next multiple of 16 above it.
///
/// ```
/// use telco_crypto::aes::padded_length;
/// assert_eq!((padded_length(0), padded_length(15), padded_length(16)), (16, 16, 32));
/// ```
#[must_use]
pub const fn padded_length(plaintext: usize) -> usize {
    plaintext / BLOCK * BLOCK + BLOCK
}

fn encrypt_blocks<C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16>>(
    cipher: &C,
    mode: Mode<'_>,
    buffer: &mut [u8],
) {
    let (blocks, _) = Array::slice_as_chunks_mut(buffer);
    match mode {
        Mode::Ecb => cipher.encrypt_blocks(blocks),
        Mode::Cbc(iv) => cbc::Encryptor::inner_iv_init(cipher, iv.into()).encrypt_blocks(blocks),
    }
}

fn decrypt_blocks<C: BlockCipherDecrypt + BlockSizeUser<BlockSize = U16>>(
    cipher: &C,
    mode: Mode<'_>,
    buffer: &mut [u8],
) {
    let (blocks, _) = Array::slice_as_chunks_mut(buffer);
    match mode {
        Mode::Ecb => cipher.decrypt_blocks(blocks),
        Mode::Cbc(iv) => cbc::Decryptor::inner_iv_init(cipher, iv.into()).decrypt_blocks(blocks),
    }
}
