//! The beginning of an answer, made fit for an error message.

const AT_MOST: usize = 200;
/// Result codes have up to three digits; one-time codes begin at four.
const DIGITS_SHOWN: usize = 3;
const TOKEN_SHOWN: usize = 19;

/// Cuts to 200 characters and replaces control characters, runs of four or more digits of any script, and runs of twenty
/// or more characters that look like a token, since those are numbers, codes, signatures or keys.
pub(crate) fn sanitised(text: &str) -> Box<str> {
    let mut out = String::new();
    let mut word = String::new();
    for c in text.chars().take(AT_MOST) {
        if c.is_alphanumeric() || matches!(c, '+' | '/' | '=' | '_') {
            word.push(c);
        } else {
            push_word(&mut out, &mut word);
            out.push(if c.is_control() { ' ' } else { c });
        }
    }
    push_word(&mut out, &mut word);
    out.into()
}

fn push_word(out: &mut String, word: &mut String) {
    if word.chars().count() > TOKEN_SHOWN {
        out.push_str("***");
        word.clear();
        return;
    }
    let mut digits = String::new();
    for c in word.drain(..) {
        if c.is_numeric() {
            digits.push(c);
        } else {
            push_digits(out, &mut digits);
            out.push(c);
        }
    }
    push_digits(out, &mut digits);
}

fn push_digits(out: &mut String, digits: &mut String) {
    if digits.chars().count() > DIGITS_SHOWN {
        out.push('#');
    } else {
        out.push_str(digits);
    }
    digits.clear();
}

#[cfg(test)]
mod tests {
    use super::sanitised;

    #[test]
    fn numbers_codes_and_tokens_are_replaced_and_words_stay() {
        let body = "{\"rc\":\"202\",\"message\":\"INVALID ACCOUNT\",\"to\":\"2348031234567\",\"code\":4821}";
        assert_eq!(
            &*sanitised(body),
            "{\"rc\":\"202\",\"message\":\"INVALID ACCOUNT\",\"to\":\"#\",\"code\":#}"
        );
        assert_eq!(
            &*sanitised("sig ZSLLNVUYTxCZc+9UvLyp/UGluWv5YHi5Ls6pmUwJFdk= end"),
            "sig *** end"
        );
        assert_eq!(&*sanitised(&"a".repeat(19)), "a".repeat(19));
        assert_eq!(&*sanitised(&"a".repeat(20)), "***");
        assert_eq!(&*sanitised("123 1234"), "123 #");
        assert_eq!(&*sanitised("۰۹۱۲۰۰۰۰۰۰۰\r\nnext"), "#  next");
        assert_eq!(sanitised(&"é ".repeat(500)).chars().count(), 200);
    }
}
