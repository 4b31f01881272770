//! What phones and keyboards put into numbers and codes: Persian and Arabic digits, spaces, invisible marks.

/// ASCII digits for Persian and Arabic ones; white space, direction marks and `separators` dropped. Everything else stays,
/// digits of other scripts included, so that it is refused and not guessed.
pub(crate) fn compact(typed: &str, separators: &[char]) -> String {
    typed
        .chars()
        .filter(|c| !c.is_whitespace() && !is_mark(*c) && !separators.contains(c))
        .map(ascii_digit)
        .collect()
}

/// Zero-width and direction marks, the byte-order mark: they come along with pasted numbers.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{200C}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

fn ascii_digit(c: char) -> char {
    let zero = match c {
        '\u{06F0}'..='\u{06F9}' => '\u{06F0}',
        '\u{0660}'..='\u{0669}' => '\u{0660}',
        _ => return c,
    };
    let value = u32::from(c) - u32::from(zero);
    char::from_digit(value, 10).unwrap_or(c)
}
