use super::*;

type Read = (Option<String>, Option<String>);

fn read(text: &str) -> Vec<Read> {
    parse(text.as_bytes(), PersonRole::To).into_iter().map(|person| (person.email, person.name)).collect()
}

fn one(text: &str) -> Read {
    let mut people = read(text);
    assert_eq!(people.len(), 1, "{text}: {people:?}");
    people.remove(0)
}

fn both(email: &str, name: &str) -> Read {
    (Some(email.to_owned()), Some(name.to_owned()))
}

fn only_email(email: &str) -> Read {
    (Some(email.to_owned()), None)
}

#[test]
fn ordinary_addresses() {
    assert_eq!(one("Ann Lee <Ann.Lee@Example.ORG>"), both("ann.lee@example.org", "Ann Lee"));
    assert_eq!(one("\"Lee, Ann\" <a@x.org>"), both("a@x.org", "Lee, Ann"));
    assert_eq!(one("a@x.org (Ann Lee)"), both("a@x.org", "Ann Lee"));
    assert_eq!(one("<a@x.org>"), only_email("a@x.org"));
    assert_eq!(one("\"a@x.org\" <a@x.org>"), only_email("a@x.org"));
    assert_eq!(one("'Ann' <a@x.org>"), both("a@x.org", "Ann"));
    assert_eq!(read("a@x.org, b@x.org;"), vec![only_email("a@x.org"), only_email("b@x.org")]);
}

#[test]
fn groups_are_opened() {
    assert!(read("undisclosed-recipients:;").is_empty());
    let emails: Vec<_> =
        read("Team: Ann <a@x.org>, b@x.org; c@x.org").into_iter().filter_map(|(email, _)| email).collect();
    assert_eq!(emails, ["a@x.org", "b@x.org", "c@x.org"]);
}

#[test]
fn names_in_any_charset() {
    assert_eq!(one("=?iso-8859-1?q?J=F6rg_M=FCller?= <j@x.de>"), both("j@x.de", "Jörg Müller"));
    assert_eq!(one("=?unknown-8bit?q?J=C3=B6rg?= <j@x.de>"), both("j@x.de", "Jörg"));
    assert_eq!(parse(b"J\xf6rg M\xfcller <j@x.de>", PersonRole::To)[0].name.as_deref(), Some("Jörg Müller"));
    assert_eq!(one("\"=?utf-8?q?J=C3=B6rg?=\" <j@x.de>"), both("j@x.de", "Jörg"));
    assert_eq!(one("=?utf-8?q?M=C3=BCller=2C_J?= <j@x.de>"), both("j@x.de", "Müller, J"));
}

#[test]
fn archives_mask_addresses() {
    assert_eq!(one("jjl at pobox.com (John J. Lee)"), both("jjl@pobox.com", "John J. Lee"));
    assert_eq!(one("\"Cat T. Stark\" <cat at stark.gov>"), both("cat@stark.gov", "Cat T. Stark"));
    assert_eq!(one("aria at stark.gov (Aria \"Cat\" Stark)").0.as_deref(), Some("aria@stark.gov"));
    assert_eq!(one("t at gmail.com (t at gmail.com)"), only_email("t@gmail.com"));
    assert_eq!(one("rob@gmail.... (Rob J. Stark)"), (None, Some("Rob J. Stark".into())));
}

#[test]
fn broken_fields_name_who_they_can() {
    assert!(read("").is_empty());
    assert!(read("<>").is_empty());
    assert_eq!(one("Ann Lee"), (None, Some("Ann Lee".into())));
    assert_eq!(one("Ann <a@x.org"), both("a@x.org", "Ann"));
    assert_eq!(one("<mailto:a@x.org>"), only_email("a@x.org"));
    assert_eq!(one("<@relay.net,@b.net:a@x.org>").0.as_deref(), Some("a@x.org"));
}

#[test]
fn lists_that_rewrite_senders_are_seen_through() {
    let raw = b"From: Ann Lee via dev <dev@lists.org>\nReply-To: Ann Lee <ann@x.org>\nTo: dev@lists.org\n\n";
    let (headers, _) = Headers::split(raw);
    let people = people(&headers);
    assert_eq!(people[0].email.as_deref(), Some("ann@x.org"));
    assert_eq!(people[0].name.as_deref(), Some("Ann Lee"));
    assert_eq!(people[1].email.as_deref(), Some("dev@lists.org"));
}

#[test]
fn two_people_are_two() {
    let two = vec![both("a@x.org", "Ann"), both("b@y.org", "Bob")];
    for text in [
        "Ann <a@x.org>, Bob <b@y.org>",
        "Ann <a@x.org>; Bob <b@y.org>",
        "Ann <a@x.org> Bob <b@y.org>",
        "Ann <a@x.org>,Bob b@y.org",
        "Ann a@x.org, Bob b@y.org",
        "Ann a@x.org Bob <b@y.org>",
        "\"Ann\" <a@x.org>, b@y.org (Bob)",
        "Friends: Ann <a@x.org>, Bob <b@y.org>;",
    ] {
        assert_eq!(read(text), two, "{text}");
    }
    let bare = vec![only_email("a@x.org"), only_email("b@y.org")];
    for text in [
        "a@x.org, b@y.org",
        "a@x.org b@y.org",
        "a@x.org; b@y.org",
        "<a@x.org> <b@y.org>",
        "<a@x.org, b@y.org>",
        "<a@x.org>,<b@y.org>",
    ] {
        assert_eq!(read(text), bare, "{text}");
    }
}

#[test]
fn addresses_without_brackets() {
    for text in [
        "Ann Lee a@x.org",
        "\"Ann Lee\" a@x.org",
        "Ann Lee a@x.org.",
        "Ann Lee <<a@x.org>>",
        "Ann Lee <a@x.org.>",
        "Ann Lee < a@x.org >",
        "a@x.org Ann Lee",
        "Ann Lee [a@x.org]",
        "Ann Lee (a@x.org)",
        "Ann Lee <mailto:a@x.org>",
        "Ann Lee (work) <a@x.org>",
        "=?utf-8?q?Ann_Lee?= a@x.org",
        "\"=?utf-8?q?Ann?= Lee\" <a@x.org>",
    ] {
        let (email, name) = one(text);
        assert_eq!(email.as_deref(), Some("a@x.org"), "{text}");
        assert_eq!(
            name.as_deref().map(|name| name.replace(" (work)", "").replace(" work", "")).as_deref(),
            Some("Ann Lee"),
            "{text}"
        );
    }
    assert_eq!(one("<<a@x.org>>"), only_email("a@x.org"));
    assert_eq!(one("a@x.org."), only_email("a@x.org"));
}
