//! Real and hostile mail through the parser: nothing is lost, nothing panics, nothing depends on line ends.
//!
//! Runs over the shared data when it is there; the fixtures are in every clone.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its data has failed")]

mod mail_support;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use peanut::ingest::parse::Parsed;
use peanut::ingest::parse::mail::mbox::{MboxReader, RawMessage};
use peanut::ingest::parse::mail::{NoAttachments, parse_message};

/// Far more than any message needs; a hang is minutes.
const SLOWEST: Duration = Duration::from_secs(5);

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/email")
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() { files_below(&path, found) } else { found.push(path) }
    }
}

/// Single messages: the fixtures, and of the shared data everything that is no archive.
fn message_files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    files_below(&fixtures(), &mut files);
    if let Some(shared) = mail_support::shared_mail() {
        for folder in ["torture", "eml", "maildir", "quotes"] {
            files_below(&shared.join(folder), &mut files);
        }
    }
    files.retain(|path| path.extension().is_none_or(|extension| extension != "json"));
    files.sort();
    files
}

fn archive(name: &str) -> Option<Vec<u8>> {
    std::fs::read(mail_support::shared_mail()?.join("mbox").join(name)).ok()
}

fn messages(archive: &[u8]) -> Vec<RawMessage> {
    MboxReader::new(archive, 0).map(Result::unwrap).collect()
}

fn with_line_ends(raw: &[u8], end: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len() + raw.len() / 20);
    let mut bytes = raw.iter().peekable();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'\r' if bytes.peek() == Some(&&b'\n') => {}
            b'\n' => out.extend_from_slice(end),
            _ => out.push(byte),
        }
    }
    out
}

/// Some mail says a character was lost long before it came to us.
fn source_has_replacements(raw: &[u8]) -> bool {
    raw.windows(3).any(|bytes| bytes == [0xEF, 0xBF, 0xBD])
}

#[test]
fn every_message_is_read_in_bounded_time_and_without_losing_characters() {
    for path in message_files() {
        let raw = std::fs::read(&path).unwrap();
        let started = Instant::now();
        let parsed = parse_message(&raw, &NoAttachments);
        assert!(started.elapsed() < SLOWEST, "{}", path.display());
        let Ok(parsed) = parsed else {
            assert!(raw.trim_ascii().is_empty() || raw.contains(&0), "{} was refused", path.display());
            continue;
        };
        let is_mail = path.extension().is_some_and(|extension| extension == "eml");
        if is_mail && !source_has_replacements(&raw) {
            let text = format!("{:?}{:?}{:?}", parsed.title, parsed.people, parsed.sections);
            // One character may be broken in a text of the East (a list's footer behind it in base64, say); then it is told
            // from the whole of the text having been read as something else.
            let foreign = text.chars().filter(|character| !character.is_ascii()).count();
            let lost = text.chars().filter(|character| *character == char::REPLACEMENT_CHARACTER).count();
            assert!(lost * 10 <= foreign.saturating_sub(lost), "{}: {lost} of {foreign}", path.display());
        }
    }
}

#[test]
fn line_ends_do_not_matter() {
    for path in message_files() {
        let raw = std::fs::read(&path).unwrap();
        if raw.contains(&0) {
            continue;
        }
        let unix = parse_message(&with_line_ends(&raw, b"\n"), &NoAttachments);
        let dos = parse_message(&with_line_ends(&raw, b"\r\n"), &NoAttachments);
        assert_eq!(unix, dos, "{}", path.display());
    }
}

#[test]
fn archives_give_every_message() {
    for (name, count) in [
        ("spamassassin-easy-ham-2.mbox", 1400),
        ("bigbang/2001-November.txt", 164),
        ("bigbang/3GPP_TSG_SA_WG4_EVS.mbox", 50),
        ("mimekit/content-length.mbox.txt", 29),
        ("mimekit/issue1189.mbox.txt", 4),
        ("mimekit/simple.mbox.txt", 3),
        ("mimekit/unmunged.mbox.txt", 2),
    ] {
        let Some(bytes) = archive(name) else { return };
        let found = messages(&bytes);
        assert_eq!(found.len(), count, "{name}");
        assert_eq!(found.last().unwrap().end_offset, bytes.len() as u64);
        assert!(found.windows(2).all(|pair| pair[0].end_offset == pair[1].offset), "{name}");
        for message in &found {
            let parsed = parse_message(&message.bytes, &NoAttachments).unwrap();
            assert!(!parsed.people.is_empty(), "{name} at {}", message.offset);
        }
        // Starting at any message gives the rest of the archive: an appended file needs only its tail read.
        let middle = found[count / 2].offset;
        let tail =
            MboxReader::new(&bytes[usize::try_from(middle).unwrap()..], middle).with_head(&bytes).map(Result::unwrap);
        assert!(tail.eq(found[count / 2..].iter().cloned()), "{name}");
    }
}

fn root(parents: &mut HashMap<String, String>, id: &str) -> String {
    let mut id = id.to_owned();
    while let Some(parent) = parents.get(&id).filter(|parent| **parent != id) {
        id.clone_from(parent);
    }
    parents.entry(id.clone()).or_insert_with(|| id.clone());
    id
}

#[test]
fn threads_of_the_list_archive() {
    let Some(bytes) = archive("spamassassin-easy-ham-2.mbox") else { return };
    let mut parents = HashMap::new();
    let mut ids = Vec::new();
    for message in messages(&bytes) {
        let meta = parse_message(&message.bytes, &NoAttachments).unwrap().message.unwrap();
        for other in meta.references.iter().chain(&meta.in_reply_to) {
            let (own, other) = (root(&mut parents, &meta.message_id), root(&mut parents, other));
            parents.insert(other, own);
        }
        ids.push(meta.message_id);
    }
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 1400);
    let mut sizes: HashMap<String, usize> = HashMap::new();
    for id in &ids {
        *sizes.entry(root(&mut parents, id)).or_default() += 1;
    }
    assert_eq!(sizes.values().filter(|size| **size > 1).count(), 267);
}

#[test]
fn masked_addresses_of_public_archives() {
    let Some(bytes) = archive("bigbang/from-header-variations.txt") else { return };
    for line in String::from_utf8(bytes).unwrap().lines().filter(|line| !line.is_empty()) {
        let raw = format!("From: {line}\nSubject: x\n\nbody\n");
        let people = parse_message(raw.as_bytes(), &NoAttachments).unwrap().people;
        assert_eq!(people.len(), 1, "{line}");
        let address = people[0].email.as_deref();
        if line.contains("....") {
            assert_eq!(address, None, "{line}");
        } else {
            let address = address.unwrap_or_else(|| panic!("{line}"));
            assert!(address.contains('@') && !address.contains(' '), "{line}");
        }
    }
}

fn reference_text<'json>(
    headers: &'json serde_json::Value,
    name: &str,
    kind: &str,
) -> Option<&'json serde_json::Value> {
    headers.as_array()?.iter().find(|header| header["name"] == name)?["value"].get(kind)
}

/// Words of the reference text that are not in ours.
fn missing_words(parsed: &Parsed, text: &str) -> (usize, usize) {
    let ours: String = parsed.sections.iter().map(|section| section.text.as_str()).collect::<Vec<_>>().join(" ");
    let ours: HashSet<&str> = ours.split_whitespace().collect();
    let words: Vec<&str> = text.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric)).collect();
    (words.iter().filter(|word| !ours.contains(*word)).count(), words.len())
}

#[test]
fn another_parser_reads_the_torture_set_alike() {
    let Some(shared) = mail_support::shared_mail() else { return };
    let mut files = Vec::new();
    files_below(&shared.join("torture/stalwart"), &mut files);
    let mut compared = 0;
    let mut texts = 0;
    let mut texts_alike = 0;
    for path in files.iter().filter(|path| path.extension().is_some_and(|extension| extension == "eml")) {
        let Ok(json) = std::fs::read(path.with_extension("json")) else { continue };
        let reference: serde_json::Value = serde_json::from_slice(&json).unwrap();
        let parsed = parse_message(&std::fs::read(path).unwrap(), &NoAttachments).unwrap();
        let headers = &reference["parts"][0]["headers"];
        let name = path.display();
        if let Some(subject) = reference_text(headers, "subject", "Text").and_then(serde_json::Value::as_str) {
            let subject = subject.split_whitespace().collect::<Vec<_>>().join(" ");
            assert_eq!(parsed.title.as_deref(), Some(subject.as_str()), "{name}");
        }
        if let Some(id) = reference_text(headers, "message_id", "Text").and_then(serde_json::Value::as_str) {
            assert_eq!(parsed.message.as_ref().unwrap().message_id, id, "{name}");
        }
        if let Some(list) = reference_text(headers, "from", "Address").and_then(|address| address.get("List")) {
            for entry in list.as_array().unwrap() {
                let Some(address) = entry["address"].as_str().filter(|address| address.contains('@')) else { continue };
                let address = address.to_lowercase();
                assert!(
                    parsed.people.iter().any(|person| person.email.as_ref() == Some(&address)),
                    "{name}: {address}"
                );
            }
        }
        for part in reference["text_body"].as_array().unwrap() {
            let body = &reference["parts"][usize::try_from(part.as_u64().unwrap()).unwrap()]["body"];
            let Some(text) = body.get("Text").and_then(serde_json::Value::as_str) else { continue };
            let (missing, all) = missing_words(&parsed, text);
            texts += 1;
            texts_alike += usize::from(missing * 10 <= all);
        }
        compared += 1;
    }
    assert!(compared >= 50, "{compared}");
    // The rest is damaged on purpose; there the two may differ in what they make of it.
    assert!(texts_alike * 100 >= texts * 85, "{texts_alike} of {texts}");
}

#[test]
fn fixtures_read_as_they_should() {
    let read = |name: &str| {
        let raw = std::fs::read(fixtures().join(name)).unwrap();
        parse_message(&raw, &NoAttachments).unwrap()
    };
    let body = |parsed: &Parsed| {
        let own = parsed.sections.iter().filter(|section| section.kind.is_none());
        own.map(|section| section.text.clone()).collect::<Vec<_>>().join("\n")
    };
    let raw_8bit = read("raw-8bit-headers.eml");
    assert_eq!(raw_8bit.title.as_deref(), Some("Grüße aus Köln"));
    assert_eq!(raw_8bit.people[0].name.as_deref(), Some("Jörg Müller"));
    assert!(body(&raw_8bit).contains("schöne Grüße"));
    let unknown = read("unknown-charset.eml");
    assert_eq!(unknown.people[0].name.as_deref(), Some("François Dupré"));
    assert!(body(&unknown).contains("déjà réservé"));
    let html = read("html-only.eml");
    assert!(body(&html).contains("The meeting moved to Thursday.") && !body(&html).contains("color"));
    let koi8 = read("koi8-base64.eml");
    assert_eq!(koi8.title.as_deref(), Some("Привет из Москвы"));
    assert_eq!(body(&koi8), "Добрый день!");
    let invitation = read("invitation.eml");
    assert!(body(&invitation).contains("Event: Budget review"));
    let digest = read("nested.eml");
    assert_eq!(digest.message.unwrap().attachments, ["First report.eml", "Second report.eml"]);
}
