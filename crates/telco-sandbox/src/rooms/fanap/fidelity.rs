//! What FanapPlus' room does and what that rests on, its misbehaviours and the numbers that behave.

use crate::room::Rule;

pub(super) const RULES: &[Rule] = &[
    Rule::fixed(
        "documented",
        "signed text",
        "AppId#TenantId#Date, octet for octet what the headers and the body hold",
    ),
    Rule::fixed(
        "proven",
        "signature",
        "RSASSA-PKCS1-v1_5, base64 on one line (proven for the vendor's own signatures)",
    ),
    Rule::set_by(
        "inferred",
        "hash under the signature",
        "SHA-1, as the siblings and the vendor's clients",
        "hash",
    ),
    Rule::set_by(
        "documented",
        "registered key",
        "the public half of the key in the credentials, or the public.xml given here",
        "registered_key",
    ),
    Rule::fixed(
        "documented",
        "Date",
        "YYYY-MM-DDTHH:MM:SS.mmmZ in UTC; another form gets 1010 (the sibling's code)",
    ),
    Rule::set_by(
        "unknown",
        "window of the Date",
        "600 s on both sides, then 1011; 0 switches it off",
        "date_window_s",
    ),
    Rule::set_by(
        "unknown",
        "a Date that was used before",
        "taken",
        "refuse_repeated_dates",
    ),
    Rule::set_by(
        "documented",
        "Content-Type",
        "application/json; charset=utf-8. Without the charset it is taken (inferred), else 415",
        "charset_required",
    ),
    Rule::fixed(
        "inferred",
        "order of the checks",
        "Content-Type and JSON, ids, Date and key fields, Date, signature, service, then what the call is about",
    ),
    Rule::fixed(
        "inferred",
        "names of the fields",
        "exactly as printed; order and further fields do not matter",
    ),
    Rule::fixed(
        "inferred",
        "phone forms",
        "9…, 09…, 98…, +98…, 0098… and 980…: the vendor's samples use several",
    ),
    Rule::set_by(
        "unknown",
        "commit with another form of the phone than start",
        "taken",
        "one_phone_form",
    ),
    Rule::set_by(
        "inferred",
        "shape of a refusal",
        "the siblings' error object; only success is documented for this host",
        "refusal_shape",
    ),
    Rule::set_by(
        "unknown",
        "HTTP status of a refusal with a code",
        "400",
        "refusal_status",
    ),
    Rule::fixed(
        "inferred",
        "a field that is missing or has a wrong type",
        "400 with {\"Field\": [\"text\"]}",
    ),
    Rule::set_by(
        "documented",
        "code in the message",
        "four digits, as text with leading zeros",
        "code_digits",
    ),
    Rule::set_by(
        "inferred",
        "life of a code",
        "300 s, then 1009",
        "code_life_s",
    ),
    Rule::set_by(
        "unknown",
        "tries per code",
        "5 wrong ones with 1013, then GH-419; 0 switches it off",
        "code_tries",
    ),
    Rule::set_by(
        "unknown",
        "starts per phone and hour",
        "no limit; beyond one, 429",
        "starts_per_hour",
    ),
    Rule::set_by(
        "unknown",
        "second commit of one correlation id",
        "1016, and nothing is charged",
        "repeated_commit",
    ),
    Rule::set_by(
        "unknown",
        "commit for a phone that is subscribed already",
        "charges again: it may be a one-off purchase",
        "refuse_subscribed",
    ),
    Rule::fixed(
        "unknown",
        "rate limits of the host",
        "none but the setting above",
    ),
    Rule::fixed(
        "documented",
        "subscription/verification (a sibling)",
        "signed SDP-ProductId#SDP-Date; 401 when headers or signature fail, else 400",
    ),
    Rule::set_by(
        "documented",
        "callback of a subscription",
        "one message with Actor Cp and MessageType Subscription, signed",
        "callbacks",
    ),
    Rule::set_by(
        "unknown",
        "how soon after a commit",
        "2 s",
        "callback_after_ms",
    ),
    Rule::set_by(
        "documented",
        "a callback whose listener fails",
        "is not pushed again: the sender does not wait for the answer",
        "push_attempts",
    ),
    Rule::fixed(
        "documented",
        "delivery callback",
        "unsigned; only by trigger (when the provider sends one is unknown)",
    ),
    Rule::fixed(
        "documented",
        "IMI OTP (a sibling)",
        "/api/otp/start and /commit: headers and signed text of Pardis; OtpId and RequestId, no success flag",
    ),
    Rule::fixed(
        "inferred",
        "error of IMI",
        "{\"error\": {code, message}} with the status of `refusal_status`; `refusal_shape` empty leaves the status alone",
    ),
    Rule::fixed(
        "documented",
        "SDP v1 OTP (a sibling)",
        "/api/v1/otp/start and /commit: signed SDP-ProductId#SDP-Date in headers; {code, message, ghasedakResult, result}",
    ),
    Rule::fixed(
        "inferred",
        "failure of SDP v1",
        "its code in the same envelope; 401 when headers or signature fail, as verification does, else `refusal_status`",
    ),
    Rule::fixed(
        "inferred",
        "Ghasedak's code in SDP v1",
        "in ghasedakResult {code, description}, behind code 1008",
    ),
    Rule::fixed(
        "unknown",
        "message and ghasedakResult of a success in SDP v1",
        "an empty text and null",
    ),
    Rule::fixed(
        "inferred",
        "which code for which product",
        "1001 for an unknown SDP-ProductId, 1018 for a `productId` that is not the one of the headers",
    ),
    Rule::fixed(
        "inferred",
        "codes, lives, tries and repeats of the siblings",
        "as of Pardis, by the same settings; an id commits only at the API that gave it",
    ),
    Rule::fixed(
        "documented",
        "what verification sees",
        "Pardis subscriptions; what IMI or SDP v1 committed is not seen",
    ),
    Rule::fixed(
        "inferred",
        "hosts of the siblings",
        "one address here for the three of them: their paths differ",
    ),
    Rule::fixed(
        "documented",
        "Ghasedak messaging and PIQO payment",
        "not modelled: refused with 404",
    ),
];

pub(super) const QUIRKS: &[(&str, &str)] = &[
    ("pascal-case", "the fields of an answer begin with capitals"),
    ("text-values", "numbers and booleans come as text"),
    (
        "no-correlation",
        "a start that succeeded without `correlationId`",
    ),
    (
        "contradiction",
        "it is done, and the answer says `response` 5 and `success` true (Pardis)",
    ),
    (
        "true-with-error",
        "it is done, and the answer says `success` true beside an error object",
    ),
    ("empty-object", "it is done, and the answer is {}"),
    (
        "forgetful",
        "a commit that was done before charges once more",
    ),
    (
        "forged-callback",
        "the signature of a message is made with another key",
    ),
];

pub(super) const SCENARIOS: &[(&str, &str)] = &[
    (
        "0919000CCCC",
        "start is refused with code CCCC, e.g. 09190001015; below 1000 it is one of Ghasedak's",
    ),
    (
        "0919001CCCC",
        "the code arrives, and commit is refused with code CCCC, e.g. 09190010104: balance too low",
    ),
    (
        "0919002NNNN",
        "start gets `response` NNNN: an error of the operator (Pardis; its siblings have no such field)",
    ),
    (
        "0919003NNNN",
        "the code arrives, and commit gets `response` NNNN (Pardis)",
    ),
    ("09190040000", "accepted, but the message never arrives"),
];
