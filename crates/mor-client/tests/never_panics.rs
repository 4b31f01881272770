//! Hostile bytes into whatever reads them.

mod hostile;

/// One answer of each shape.
const ANSWERS: &[&[u8]] = &[
    br#"<?xml version="1.0" encoding="UTF-8"?><page><page><status>User balance updated</status><user><username>bob</username><id>2</id><balance>15.0</balance></user></page></page>"#,
    b"<page><response><status>ok</status><confirmed>Yes</confirmed><payment currency='EUR'><payment_id>1</payment_id></payment></response></page>",
    b"<page><response><status>ok</status><message><message_id>1</message_id><price>0.05</price></message></response></page>",
    b"<page><payments><payment><user>bob</user><amount>1</amount></payment></payments></page>",
    b"<page><userid>2</userid><total_calls>1</total_calls><calls_stat><calls><call><dst>1</dst></call></calls></calls_stat></page>",
    b"<page><details><main_detail><account>a</account></main_detail></details><registration><reg_city>x</reg_city></registration></page>",
    b"<page><devices><device><device_id>5</device_id><secret>s</secret></device></devices></page>",
    b"<status><error>Incorrect hash</error></status>",
    b"<page><error><message>&lt;&#65;&#x41;&amp;</message></error></page>",
    b"<action><name>login</name><status>failed</status><status_message>Bad login</status_message></action>",
    b"<page><Status>Ok</Status></page>",
    b"<page><balance>66.0000</balance><currency>EUR</currency><version>X8</version></page>",
    b"<?xml version='1.0' encoding='ISO-8859-1'?><page><!-- --><a><![CDATA[ \xe4 ]]></a></page>",
    b"<!DOCTYPE page [<!ENTITY a 'b'>]><page>&a;</page>",
    b"66.0000",
    b"User was not found",
    b"PK\x03\x04",
];

#[test]
fn answers() {
    telco_conformance::hostile("answers", ANSWERS, 2_000, hostile::answer).assert_passed();
}

#[test]
fn decimals() {
    let samples: &[&[u8]] = &[b"-12.50", b"+1", b"007"];
    telco_conformance::hostile("decimals", samples, 2_000, hostile::decimal).assert_passed();
}
