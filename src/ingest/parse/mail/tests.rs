use std::fmt::Write;

use super::*;

fn parse(raw: &str) -> Parsed {
    parse_message(raw.as_bytes(), &NoAttachments).unwrap()
}

fn texts(parsed: &Parsed, kind: Option<ChunkKind>) -> Vec<&str> {
    parsed.sections.iter().filter(|section| section.kind == kind).map(|section| section.text.as_str()).collect()
}

#[test]
fn a_plain_mail() {
    let parsed = parse(
        "From: Ann <ann@x.org>\r\nTo: Bob <bob@x.org>\r\nSubject: =?utf-8?q?Caf=C3=A9?=\r\nDate: Thu, 1 Nov 2001 11:19:12 +0000\r\n\
         Message-ID: <2@x.org>\r\nIn-Reply-To: <1@x.org>\r\nReferences: <0@x.org> <1@x.org>\r\n\r\nHello\r\n\r\nBob wrote:\r\n> Hi\r\n",
    );
    assert_eq!(parsed.title.as_deref(), Some("Café"));
    assert_eq!(parsed.dated_at, Some(Timestamp(1_004_613_552_000)));
    let message = parsed.message.as_ref().unwrap();
    assert_eq!(message.message_id, "2@x.org");
    assert_eq!(message.in_reply_to.as_deref(), Some("1@x.org"));
    assert_eq!(message.references, ["0@x.org", "1@x.org"]);
    assert_eq!(texts(&parsed, None), ["Hello"]);
    assert_eq!(texts(&parsed, Some(ChunkKind::Quoted)), ["Bob wrote:\n> Hi"]);
    assert_eq!(parsed.people.len(), 2);
}

#[test]
fn missing_headers_have_stand_ins() {
    let parsed =
        parse("From: Ann <ann@x.org>\nReceived: from a by b; Thu, 1 Nov 2001 11:19:12 +0000\nDate: soon\n\nHello\n");
    assert_eq!(parsed.title.as_deref(), Some(NO_SUBJECT));
    assert_eq!(parsed.dated_at, Some(Timestamp(1_004_613_552_000)));
    let id = parsed.message.as_ref().unwrap().message_id.clone();
    assert!(id.ends_with("@no-message-id.peanut.invalid"));
    let again = parse(
        "From: Ann <ann@x.org>\r\nReceived: from a by b; Thu, 1 Nov 2001 11:19:12 +0000\r\nDate: soon\r\n\r\nHello\r\n",
    );
    assert_eq!(again.message.unwrap().message_id, id);
    let other = parse("From: Ann <ann@x.org>\n\nHello!\n");
    assert_ne!(other.message.unwrap().message_id, id);
}

#[test]
fn alternatives() {
    let mail = |plain: &str, html: &str| {
        parse(&format!(
            "From: a@x.org\nContent-Type: multipart/alternative; boundary=b\n\n--b\n\n{plain}\n--b\nContent-Type: text/html\n\n{html}\n--b--\n"
        ))
    };
    assert_eq!(texts(&mail("plain", "<p>html</p>"), None), ["plain"]);
    assert_eq!(texts(&mail(" \n", "<p>html</p>"), None), ["html"]);
    assert_eq!(texts(&mail("Please view this in an HTML capable client.", "<p>the offer</p>"), None), ["the offer"]);
    assert_eq!(texts(&mail("This is HTML support.", ""), None), ["This is HTML support."]);
}

#[test]
fn alternatives_that_are_multiparts() {
    let parsed = parse(
        "From: a@x.org\nContent-Type: multipart/alternative; boundary=a\n\n--a\n\nsee below\n--a\n\
         Content-Type: multipart/mixed; boundary=m\n\n--m\nContent-Type: text/html\n\n<p>one</p>\n--m\n\
         Content-Type: application/pdf; name=x.pdf\n\n%PDF\n--m\nContent-Type: text/html\n\n<p>two</p>\n--m--\n--a--\n",
    );
    assert_eq!(texts(&parsed, None), ["see below"]);
    assert_eq!(parsed.message.unwrap().attachments, ["x.pdf"]);
    let html_only = parse(
        "From: a@x.org\nContent-Type: multipart/alternative; boundary=a\n\n--a\n\n \n--a\n\
         Content-Type: multipart/mixed; boundary=m\n\n--m\nContent-Type: text/html\n\n<p>one</p>\n--m\n\
         Content-Type: text/html\n\n<p>two</p>\n--m--\n--a--\n",
    );
    assert_eq!(texts(&html_only, None), ["one\n\ntwo"]);
}

#[test]
fn hostile_nesting_is_read_once() {
    let mut raw = "From: a@x.org\n".to_owned();
    for level in 0..40 {
        let _ = write!(
            raw,
            "Content-Type: multipart/alternative; boundary=b{level}\n\n--b{level}\n\nhi\n--b{level}\n\
             Content-Type: text/html\n\n<p>hi</p>\n--b{level}\n"
        );
    }
    assert_eq!(texts(&parse(&raw), None), ["hi"]);
    let messages = "Content-Type: message/rfc822\n\n".repeat(10_000);
    assert!(parse(&messages).message.unwrap().attachments.len() < 20);
}

#[test]
fn attachments_are_named_and_read() {
    let raw = "From: a@x.org\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nsee files\n\
        --b\nContent-Type: text/csv; name=t.csv\nContent-Disposition: attachment\n\na,b\n\
        --b\nContent-Type: application/pdf; name=\"=?utf-8?q?=C3=A4.pdf?=\"\nContent-Transfer-Encoding: base64\n\nJVBERg==\n\
        --b\nContent-Type: image/png; name=p.png\nContent-Disposition: inline\nContent-ID: <p>\n\nxx\n\
        --b\nContent-Type: message/rfc822\n\nFrom: c@x.org\nSubject: inner\n\ninner text\n--b--\n";
    let reader = |name: &str, media_type: &str, bytes: &[u8]| {
        assert_eq!((name, media_type, bytes), ("ä.pdf", "application/pdf", &b"%PDF"[..]));
        let sections = vec![Section { page: Some(1), text: "from the pdf".to_owned(), ..Section::default() }];
        Ok(Parsed { sections, left_out: vec!["2 of its pages were not read".to_owned()], ..Parsed::default() })
    };
    let parsed = parse_message(raw.as_bytes(), &reader).unwrap();
    assert_eq!(parsed.message.as_ref().unwrap().attachments, ["t.csv", "ä.pdf", "p.png", "inner.eml"]);
    let attached: Vec<_> =
        parsed.sections.iter().filter(|section| section.kind == Some(ChunkKind::Attachment)).collect();
    assert_eq!(attached.len(), 3);
    assert_eq!(attached[0].text, "a,b");
    assert_eq!((attached[1].attachment.as_deref(), attached[1].page), (Some("ä.pdf"), Some(1)));
    assert!(attached[2].text.contains("Subject: inner") && attached[2].text.contains("inner text"));
    assert_eq!(parsed.left_out, ["ä.pdf: 2 of its pages were not read"]);
}

#[test]
fn encrypted_and_signed_parts() {
    let encrypted = parse(
        "From: a@x.org\nContent-Type: multipart/encrypted; boundary=b; protocol=\"application/pgp-encrypted\"\n\n--b\n\
         Content-Type: application/pgp-encrypted\n\nVersion: 1\n--b\nContent-Type: application/octet-stream\n\n-----BEGIN PGP MESSAGE-----\n--b--\n",
    );
    assert_eq!(texts(&encrypted, None), [plain::ENCRYPTED_NOTE]);
    let signed = parse(
        "From: a@x.org\nContent-Type: multipart/signed; boundary=b\n\n--b\n\nclear text\n--b\n\
         Content-Type: application/pgp-signature; name=signature.asc\n\n-----BEGIN PGP SIGNATURE-----\n--b--\n",
    );
    assert_eq!(texts(&signed, None), ["clear text"]);
    assert!(signed.message.unwrap().attachments.is_empty());
}

#[test]
fn nothing_to_read_is_an_error() {
    assert!(matches!(parse_message(b"", &NoAttachments), Err(ParseError::Damaged(_))));
    assert!(matches!(parse_message(b"\r\n\n ", &NoAttachments), Err(ParseError::Damaged(_))));
    assert!(matches!(parse_message(&[0, 1, 2, 3, 0, 0], &NoAttachments), Err(ParseError::Unsupported(_))));
    assert!(parse_message(b"only text, no header\n", &NoAttachments).is_ok());
}

#[test]
fn what_goes_over_a_limit_is_told() {
    let told = |raw: String| parse(&raw).left_out;
    let head = "From: a@x.org\nSubject: x\n";
    let parts = format!("{head}Content-Type: multipart/mixed; boundary=B\n\n{}", "--B\n\nx\n".repeat(5_000));
    assert_eq!(told(parts), ["a message of more than 2000 parts: the other 3001 were not read"]);
    let file = |i| format!("--B\nContent-Type: text/plain; name=a{i}.txt\nContent-Disposition: attachment\n\nx{i}\n");
    let files = (0..600).map(file).collect::<Vec<String>>().concat();
    let files = format!("{head}Content-Type: multipart/mixed; boundary=B\n\n{files}--B--\n");
    assert_eq!(told(files), ["more than 500 attachments: the others were not read"]);
    let nested = format!(
        "{}From: a@x.org\nSubject: inner\n\nx\n",
        "From: a@x.org\nContent-Type: message/rfc822\n\n".repeat(500)
    );
    assert_eq!(told(nested), ["messages within messages were read to a depth of 8, those inside were not"]);
    let references = (0..1_000).map(|i| format!("<r{i}@x> ")).collect::<Vec<String>>().concat();
    assert_eq!(
        told(format!("{head}References: {references}\n\nx\n")),
        ["600 of 1000 references were left out: the newest 400 are kept"]
    );
    let people = (0..100_000).map(|i| format!("u{i}@x.org, ")).collect::<Vec<String>>().concat();
    assert_eq!(told(format!("{head}To: {people}z@x.org\n\nx\n")), [headers::CUT]);
    assert_eq!(told(format!("{head}{}\nx\n", "X-A: b\n".repeat(5_000))), [headers::CUT]);
    assert!(told(format!("{head}\nHello\n")).is_empty());
    let mut parsed = parse(&format!(
        "{head}To: {}\n\nx\n",
        (0..10_000).map(|i| format!("u{i}@x.org,")).collect::<Vec<String>>().concat()
    ));
    assert_eq!((parsed.people.len(), std::mem::take(&mut parsed.left_out).len()), (10_001, 0), "all that fit are kept");
}

#[test]
fn where_links_of_either_alternative_lead_is_kept() {
    let mail = parse(
        "From: a@x.org\nContent-Type: multipart/alternative; boundary=b\n\n--b\n\nplain\n--b\n\
         Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n\
         <p>Click <a href=3D\"https://x.org/c?id=3D1&amp;to=\n=3Dme\">here</a></p>\n--b--\n",
    );
    assert_eq!(texts(&mail, None), ["plain"]);
    assert_eq!(mail.targets, ["https://x.org/c?id=1&to=me"]);
}
