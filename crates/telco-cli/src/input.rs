//! What a person or a script gives: standard input, and their own id of an operation.

use std::io::{IsTerminal as _, Read as _};

use telco_core::{ErrorKind, NotSent, Reference};
use zeroize::Zeroizing;

use crate::exit::Failure;
use crate::output;

/// All of it, untouched. Whoever sits at a terminal is told that it is waited for.
pub(crate) fn standard_input() -> Result<Zeroizing<Vec<u8>>, Failure> {
    const END: &str = if cfg!(windows) {
        "Ctrl-Z and Enter"
    } else {
        "Ctrl-D"
    };
    let mut input = std::io::stdin();
    if input.is_terminal() {
        output::note(&format!(
            "standard input is read from this terminal: type it, then Enter and {END}"
        ));
    }
    let mut bytes = Zeroizing::new(Vec::new());
    input
        .read_to_end(&mut bytes)
        .map_err(|e| Failure::not_sent(format!("standard input cannot be read: {e}")))?;
    Ok(bytes)
}

/// The same as text.
pub(crate) fn text(bytes: &[u8]) -> Result<&str, Failure> {
    std::str::from_utf8(bytes).map_err(|_| Failure::not_sent("standard input is not UTF-8 text"))
}

/// What somebody typed, or why it is none.
pub(crate) fn valid<T, E: std::error::Error>(read: Result<T, E>) -> Result<T, Failure> {
    Ok(read.map_err(NotSent::because(ErrorKind::InvalidInput))?)
}

/// The reference that was given, or one that is made up and told before anything is sent: whoever is interrupted can
/// still ask what became of it.
pub(crate) fn reference(given: Option<&str>) -> Result<Reference, Failure> {
    if let Some(text) = given {
        return valid(Reference::new(text));
    }
    let reference = Reference::generate().map_err(NotSent::because(ErrorKind::Unavailable))?;
    output::note(&format!("reference {reference}"));
    Ok(reference)
}
