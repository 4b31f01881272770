//! The beginning of an answer, made fit for an error message.

use std::mem::take;

const AT_MOST: usize = 200;
/// So much is looked at, so that what is cut is masked before.
const LOOKED_AT: usize = 4_096;
/// Result codes have up to three digits; one-time codes begin at four.
const DIGITS_SHOWN: usize = 3;
const TOKEN_SHOWN: usize = 19;

/// Replaces control characters, four or more digits of any script, also in groups as people write numbers and codes, and runs of
/// twenty or more characters that look like a token, since those are numbers, codes, signatures or keys. Then cuts to 200
/// characters.
pub(crate) fn sanitised(text: &str) -> Box<str> {
    let mut chars = text.chars();
    let seen = chars.by_ref().take(LOOKED_AT);
    let mut seen: String = seen.map(|c| if c.is_control() { ' ' } else { c }).collect();
    if chars.next().is_some() {
        // What was cut in two is not known for what it is.
        seen.truncate(seen.trim_end_matches(is_of_a_run).len());
        seen.push_str("***");
    }
    let masked = without_digits(&without_tokens(&seen));
    masked.chars().take(AT_MOST).collect::<String>().into()
}

/// What Base64, UUIDs, JWTs and percent-encoded text are made of.
fn is_of_a_run(c: char) -> bool {
    c.is_alphanumeric() || "+/=_-.%~".contains(c)
}

fn without_tokens(text: &str) -> String {
    let mut out = String::new();
    let mut run = String::new();
    for c in text.chars() {
        if is_of_a_run(c) {
            run.push(c);
        } else {
            push_run(&mut out, &take(&mut run));
            out.push(c);
        }
    }
    push_run(&mut out, &run);
    out
}

/// UUIDs and JWTs have hyphens and full stops in them; so have names and sentences.
fn push_run(out: &mut String, run: &str) {
    let is_long = |text: &str| text.chars().count() > TOKEN_SHOWN;
    let mut parts = run.split(['-', '.']);
    let mut words = run.split(['-', '.', '_']);
    if parts.any(is_long) || is_long(run) && !words.all(is_a_word) {
        out.push_str("***");
    } else {
        out.push_str(run);
    }
}

/// Letters: all capitals, or none but the first.
fn is_a_word(text: &str) -> bool {
    let shouted = text.chars().skip(1).any(char::is_uppercase);
    let spoken = text.chars().any(char::is_lowercase);
    text.chars().all(char::is_alphabetic) && !(shouted && spoken)
}

/// A group of digits goes on over one space, hyphen, full stop, slash or parenthesis, or over a parenthesis and one of the others.
fn without_digits(text: &str) -> String {
    let mut out = String::new();
    // From the first digit to the last, and what may lie between it and the next one.
    let (mut group, mut between) = (String::new(), String::new());
    for c in text.chars() {
        if c.is_numeric() {
            if !group.is_empty() {
                group.push_str(&between);
                between.clear();
            }
            group.push(c);
        } else if !group.is_empty() && goes_on(&between, c) {
            between.push(c);
        } else {
            push_group(&mut out, &take(&mut group));
            out.push_str(&take(&mut between));
            out.push(c);
        }
    }
    push_group(&mut out, &group);
    out.push_str(&between);
    out
}

fn goes_on(between: &str, c: char) -> bool {
    let is_paren = |c: char| c == '(' || c == ')';
    let separates = is_paren(c)
        || c.is_whitespace()
        || matches!(c, '.' | '-' | '/')
        || ('\u{2010}'..='\u{2015}').contains(&c);
    let mut chars = between.chars();
    match (chars.next(), chars.next()) {
        (None, _) => separates,
        (Some(one), None) => separates && (is_paren(one) || is_paren(c)),
        _ => false,
    }
}

fn push_group(out: &mut String, group: &str) {
    if group.chars().filter(|c| c.is_numeric()).count() > DIGITS_SHOWN {
        out.push('#');
    } else {
        out.push_str(group);
    }
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
        assert_eq!(&*sanitised("123, 1234"), "123, #");
        assert_eq!(&*sanitised("۰۹۱۲۰۰۰۰۰۰۰\r\nnext"), "#  next");
        assert_eq!(sanitised(&"é ".repeat(500)).chars().count(), 200);
    }

    #[test]
    fn numbers_and_codes_in_groups_are_replaced() {
        for (text, kept) in [
            ("to +234 803 123 45 67, no", "to +#, no"),
            ("to (0803) 123-4567.", "to (#."),
            ("to +62(21)-555.12", "to +#"),
            ("to 803\u{2011}123\u{a0}45", "to #"),
            ("code 482-913 expired", "code # expired"),
            ("code 4 8 2 1", "code #"),
            ("to 080/312/345/67", "to #"),
            ("part 2/3 of 10/", "part 2/3 of 10/"),
            ("12(x34", "12(x34"),
            ("۰۹۱ ۲۰۰", "#"),
            ("1 2 3", "1 2 3"),
            ("rc=202, 45 left", "rc=202, 45 left"),
            ("error 12: 345 of 678", "error 12: 345 of 678"),
            ("took 10.5 s", "took 10.5 s"),
            ("12 - 345 -", "12 - 345 -"),
            ("(402) (", "(402) ("),
        ] {
            assert_eq!(&*sanitised(text), kept, "{text}");
        }
    }

    #[test]
    fn keys_and_tokens_in_parts_are_replaced_and_names_stay() {
        for (text, kept) in [
            ("key 3f2504e0-4f89-11d3-9a0c-0305e82c3301!", "key ***!"),
            ("Bearer eyJhbGciOi.eyJzdWIiOi.SflKxwRJSM", "Bearer ***"),
            ("sig ZSLL%2BNVUY%2FTxCZ%3D end", "sig *** end"),
            ("key abcdef~ghijkl~mnopqr1 end", "key *** end"),
            ("100% of ~5", "100% of ~5"),
            (
                "at api.example-provider.com.",
                "at api.example-provider.com.",
            ),
            (
                "Nicht-unterstuetzte Transaktions-Kennung",
                "Nicht-unterstuetzte Transaktions-Kennung",
            ),
            ("ERROR-INVALID_ACCOUNT.TYPE", "ERROR-INVALID_ACCOUNT.TYPE"),
            (
                "wait...................... please",
                "wait...................... please",
            ),
        ] {
            assert_eq!(&*sanitised(text), kept, "{text}");
        }
    }

    /// A key that the cut would go through is masked before; so is one at the end of what is looked at.
    #[test]
    fn what_is_cut_is_masked_before() {
        let key = "3f2504e04f8911d39a0c0305e82c3301";
        let before = "ab ".repeat(64);
        let told = sanitised(&format!("{before}{key} 2348031234567"));
        assert_eq!(&*told, format!("{before}*** #"));
        for padding in 0..40 {
            let long = "k".repeat(4_070 + padding);
            let told = sanitised(&format!("{long} {key} {key}"));
            assert!(!told.contains("3f2"), "{padding}: {told}");
            assert!(told.starts_with("***"), "{padding}: {told}");
        }
    }
}
