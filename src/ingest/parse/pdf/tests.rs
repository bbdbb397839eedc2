use super::*;

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/fixtures/pdf/{name}.pdf", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

#[test]
fn an_empty_password_opens_every_kind_of_encryption() {
    for kind in ["rc4-40", "rc4-128", "aes-128", "aes-256"] {
        let parsed = parse(&fixture(kind)).unwrap_or_else(|error| panic!("{kind}: {error}"));
        assert_eq!(parsed.sections[0].text.trim(), "Sealed, but the door is open.", "{kind}");
        assert_eq!(parsed.sections[0].page, Some(1));
    }
}

#[test]
fn an_unknown_password_is_the_reason() {
    assert!(matches!(parse(&fixture("password")), Err(ParseError::Encrypted)));
}
