//! Text messages, plain ones and ones with a code.

use std::fmt;

use telco_core::{ErrorKind, Msisdn, NotSent, Secret};

use super::motp::Extra;
use super::{CallbackUrl, Limits};
use crate::wire::{Envelope, Object, WireError};
use crate::{Numbers, PROVIDER};

/// Words of one-time codes, by which the official SDK refuses a plain message (observed).
const CODE_WORDS: [&str; 6] = [
    "otp",
    "code",
    "kode",
    "password",
    "kata sandi",
    "one time password",
];

/// A text message to one number.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Sms {
    pub(super) to: Msisdn,
    sender_id: String,
    text: Secret,
    callback_url: Option<CallbackUrl>,
    extra: Extra,
}

impl Sms {
    /// `sender_id` as the account has it open; `citcall` in any case goes out in capitals (observed).
    pub fn new(to: &Msisdn, sender_id: impl Into<String>, text: impl Into<String>) -> Self {
        let mut sender_id = sender_id.into();
        if sender_id.eq_ignore_ascii_case(PROVIDER) {
            sender_id.make_ascii_uppercase();
        }
        Self {
            to: to.clone(),
            sender_id,
            text: Secret::new(text),
            callback_url: None,
            extra: Extra::default(),
        }
    }

    /// Where to report what became of it. Default: the account's setting.
    pub fn callback_url(mut self, url: CallbackUrl) -> Self {
        self.callback_url = Some(url);
        self
    }

    /// One more text field.
    pub fn extra(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.extra.push(name, value);
        self
    }

    /// No word of one-time codes in it, in any case.
    pub(super) fn check_words(&self) -> Result<(), NotSent> {
        let text = self.text.expose().to_lowercase();
        match CODE_WORDS.iter().find(|word| text.contains(**word)) {
            Some(word) => Err(NotSent::new(
                ErrorKind::Policy,
                format!("a plain message must not contain \"{word}\""),
            )
            .with_help("send codes with `sms_otp`, or turn `check_words` off")),
            None => Ok(()),
        }
    }

    pub(super) fn check(&self) -> Result<(), NotSent> {
        if self.sender_id.is_empty() || self.text.expose().is_empty() {
            return Err(NotSent::new(
                ErrorKind::InvalidInput,
                "a message needs a sender id and a text",
            ));
        }
        Ok(())
    }

    pub(super) fn object(&self) -> Object {
        let object = Object::new()
            .text("senderid", &self.sender_id)
            .text("msisdn", self.to.expose())
            .text("text", self.text.expose())
            .maybe_text(
                "callback_url",
                self.callback_url.as_ref().map(CallbackUrl::expose),
            );
        self.extra.write(object)
    }
}

/// A text message with a code. `XXXXX` in the text is replaced by the code on the server (observed in an official example).
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct SmsOtp {
    pub(super) message: Sms,
    token: Option<Secret>,
    pub(super) limits: Option<Limits>,
}

impl SmsOtp {
    /// What the server replaces by the code.
    pub const PLACEHOLDER: &str = "XXXXX";

    /// The message, with [`PLACEHOLDER`](Self::PLACEHOLDER) where the code goes.
    pub fn new(message: Sms) -> Self {
        Self {
            message,
            token: None,
            limits: None,
        }
    }

    /// A code of your own: ASCII digits. Without one the server makes it (inferred).
    pub fn token(mut self, token: Secret) -> Self {
        self.token = Some(token);
        self
    }

    /// Lets the provider verify the code, within these limits.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// The code reaches its reader: the text has the placeholder, or a code was given that stands in it. What the server does with
    /// any other text is unknown; it is sent all the same, with a word in [`SentSms::warnings`].
    ///
    /// ```
    /// use citcall_client::{parse_msisdn, v3::{Sms, SmsOtp}};
    ///
    /// let to = parse_msisdn("081234567890")?;
    /// assert!(SmsOtp::new(Sms::new(&to, "CITCALL", "Your code is XXXXX")).shows_the_code());
    /// assert!(!SmsOtp::new(Sms::new(&to, "CITCALL", "Your code is below")).shows_the_code());
    /// # Ok::<(), citcall_client::InvalidNumber>(())
    /// ```
    #[must_use]
    pub fn shows_the_code(&self) -> bool {
        let text = self.message.text.expose();
        text.contains(Self::PLACEHOLDER)
            || self
                .token
                .as_ref()
                .is_some_and(|token| text.contains(token.expose()))
    }

    pub(super) fn check(&self) -> Result<(), NotSent> {
        self.message.check()?;
        let is_code = |token: &Secret| {
            let text = token.expose();
            !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
        };
        if self.token.as_ref().is_none_or(is_code) {
            Ok(())
        } else {
            Err(NotSent::new(
                ErrorKind::InvalidInput,
                "token is a text of ASCII digits",
            ))
        }
    }

    pub(super) fn object(&self) -> Object {
        let object = self
            .message
            .object()
            .maybe_text("token", self.token.as_ref().map(Secret::expose));
        Limits::write(self.limits, object)
    }
}

/// A message that was accepted. All but the acceptance itself is observed by third parties, and optional. `Debug`
/// leaves out what may quote the message.
#[derive(Clone)]
#[non_exhaustive]
pub struct SentSms {
    /// The provider's id of it.
    pub trxid: Option<String>,
    /// How many messages it counts as.
    pub sms_count: Option<i64>,
    /// The sender id, as it was echoed.
    pub sender_id: Option<String>,
    /// The currency of the price.
    pub currency: Option<String>,
    /// The price, in the provider's text.
    pub price: Option<String>,
    /// The provider's words.
    pub info: Option<String>,
    /// The whole answer as JSON. It holds number and text.
    pub json: Option<Secret>,
    /// What its sender should look at, in plain words; none of the text is in them.
    pub warnings: Vec<String>,
}

impl SentSms {
    pub(super) fn read(
        envelope: &Envelope,
        numbers: &Numbers,
        echoed: Option<&Msisdn>,
    ) -> Result<Self, WireError> {
        let fields = &envelope.fields;
        if let (Some(sent), Some(text)) = (echoed, fields.text("msisdn"))
            && !numbers.is_echo(&text, sent)
        {
            return Err(WireError::EchoMismatch("msisdn"));
        }
        Ok(Self {
            trxid: fields.trxid(),
            sms_count: fields.integer("sms_count"),
            sender_id: fields.text("senderid"),
            currency: fields.text("currency"),
            price: fields.text("price"),
            info: envelope.info(),
            json: fields.json().cloned(),
            warnings: Vec::new(),
        })
    }

    /// With a word about a text in which its reader finds no code.
    pub(super) fn warned(mut self, message: &SmsOtp) -> Self {
        if !message.shows_the_code() {
            let warning =
                "the text has neither XXXXX nor the code: what the provider made of it is unknown";
            self.warnings.push(warning.to_owned());
        }
        self
    }
}

impl fmt::Debug for SentSms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SentSms")
            .field("trxid", &self.trxid)
            .field("sms_count", &self.sms_count)
            .field("warnings", &self.warnings)
            .finish_non_exhaustive()
    }
}
