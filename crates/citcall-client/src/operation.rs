//! What was asked for, and what errors say may have come of it.

/// One operation of the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// v2: rings a phone.
    AsyncCall,
    /// v3: rings a phone.
    Motp,
    /// v3: sends a plain message.
    Sms,
    /// v3: sends a message with a code.
    SmsOtp,
    /// v3: checks a code.
    Verify,
}

/// What it does in the world.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    Call,
    Message,
    Check,
}

impl Operation {
    /// In errors and traces: the provider's own word.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::AsyncCall => "asynccall",
            Self::Motp => "motp",
            Self::Sms => "sms",
            Self::SmsOtp => "smsotp",
            Self::Verify => "verify",
        }
    }

    pub(crate) const fn deed(self) -> Deed {
        match self {
            Self::AsyncCall | Self::Motp => Deed::Call,
            Self::Sms | Self::SmsOtp => Deed::Message,
            Self::Verify => Deed::Check,
        }
    }

    /// What may have happened when nobody knows, and what to do then.
    pub(crate) const fn perhaps(self) -> &'static str {
        match self.deed() {
            Deed::Call => {
                "it may have rung: do not send it again by itself; the user may ask for a resend after the cooldown"
            }
            Deed::Message => {
                "the message may have been sent: do not send it again by itself; its reader may ask for another one after the cooldown"
            }
            Deed::Check => {
                "nothing is known about the code, and an attempt may have been counted: do not ask again by itself; let the user type \
                 again or ask for a new code"
            }
        }
    }

    /// After a refusal that will pass.
    pub(crate) const fn later(self) -> &'static str {
        match self.deed() {
            Deed::Call => "a resend later, or through the next gateway, may get through",
            Deed::Message => "try the message again later",
            Deed::Check => {
                "nothing is known about the code: let the user type it again a little later"
            }
        }
    }
}
