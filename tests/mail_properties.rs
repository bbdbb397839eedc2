//! Properties of the mail room that no single example shows: archives divide into what they were made of, and no
//! damage to a message makes the parser panic.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its data has failed")]

mod mail_support;

use std::path::Path;

use peanut::ingest::parse::mail::mbox::MboxReader;
use peanut::ingest::parse::mail::quotes::{self, Hints};
use peanut::ingest::parse::mail::{NoAttachments, parse_message};
use proptest::prelude::*;

/// Lines that archives get wrong, among ordinary ones.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just("From here on".to_owned()),
        Just("From ann@example.org Fri Feb  2 10:00:00 2024".to_owned()),
        Just(">From quoted".to_owned()),
        Just(">>From twice".to_owned()),
        Just("From - ".to_owned()),
        Just("Subject: in the body".to_owned()),
        Just("-- ".to_owned()),
        "[ -~äöü日]{0,40}",
    ]
}

/// A message as bytes: one header at least, a body of any lines, `\n` or `\r\n`, a line end at its end.
fn message() -> impl Strategy<Value = Vec<u8>> {
    (prop::collection::vec(line(), 0..12), any::<bool>()).prop_map(|(body, is_dos)| {
        let text = format!("Subject: x\n\n{}\n", body.join("\n"));
        if is_dos { text.replace('\n', "\r\n").into_bytes() } else { text.into_bytes() }
    })
}

/// Writes an mboxrd archive.
fn archive(messages: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    for message in messages {
        out.extend_from_slice(b"From - Fri Feb  2 10:00:00 2024\n");
        for line in message.split_inclusive(|byte| *byte == b'\n') {
            let marks = line.iter().take_while(|byte| **byte == b'>').count();
            if line[marks..].starts_with(b"From ") {
                out.push(b'>');
            }
            out.extend_from_slice(line);
        }
        out.extend_from_slice(if message.ends_with(b"\r\n") { b"\r\n" } else { b"\n" });
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn archives_divide_into_what_they_were_made_of(messages in prop::collection::vec(message(), 0..6)) {
        let archive = archive(&messages);
        let found: Vec<Vec<u8>> = MboxReader::new(archive.as_slice(), 0).map(|item| item.unwrap().bytes).collect();
        prop_assert_eq!(found, messages);
    }

    #[test]
    fn small_buffers_change_nothing(messages in prop::collection::vec(message(), 1..5), capacity in 1_usize..64) {
        let archive = archive(&messages);
        let whole: Vec<_> = MboxReader::new(archive.as_slice(), 0).collect();
        let buffered = std::io::BufReader::with_capacity(capacity, archive.as_slice());
        prop_assert_eq!(MboxReader::new(buffered, 0).collect::<Vec<_>>(), whole);
    }

    #[test]
    fn any_bytes_are_covered_by_items(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut end = 0;
        for item in MboxReader::new(bytes.as_slice(), 0) {
            let (offset, end_offset) = match item {
                Ok(message) => (message.offset, message.end_offset),
                Err(error) => (error.offset, error.end_offset),
            };
            prop_assert!(end <= offset && offset <= end_offset);
            end = end_offset;
        }
        prop_assert!(end <= bytes.len() as u64);
    }

    #[test]
    fn splitting_loses_no_word(lines in prop::collection::vec(quote_line(), 0..30), is_forward: bool) {
        let text = lines.join("\n");
        let hints = Hints { is_forward, is_opening: !is_forward, sender: Some("Ann Lee") };
        let runs = quotes::split(&text, &hints);
        let words = |text: &str| {
            let mut words: Vec<String> =
                text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_owned).collect();
            words.sort();
            words
        };
        let joined = runs.iter().map(|run| run.text.as_str()).collect::<Vec<_>>().join("\n");
        prop_assert_eq!(words(&joined), words(&text));
    }
}

fn quote_line() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just("> quoted".to_owned()),
        Just(">> older".to_owned()),
        Just("On Mon, 2 Apr 2012 at 6:26 PM, Ann wrote:".to_owned()),
        Just("-----Original Message-----".to_owned()),
        Just("From: Ann\nSent: now\nTo: Bob\nSubject: x".to_owned()),
        Just("Begin forwarded message:".to_owned()),
        Just("-- ".to_owned()),
        Just("Ann Lee".to_owned()),
        Just("Best regards,".to_owned()),
        Just("________________________________".to_owned()),
        "[a-z ]{0,30}",
    ]
}

fn samples() -> Vec<Vec<u8>> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/email")];
    if let Some(shared) = mail_support::shared_mail() {
        folders.push(shared.join("torture/stalwart/malformed"));
        folders.push(shared.join("torture/stalwart/thirdparty"));
    }
    let entries = folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "eml"));
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).filter(|raw| raw.len() < 40_000).collect()
}

#[test]
fn damaged_messages_do_not_panic() {
    let samples = samples();
    let mut random = fastrand::Rng::with_seed(7);
    let marks: [&[u8]; 8] =
        [b"--", b"=?utf-8?b?", b"\r\n\r\n", b"Content-Type: multipart/mixed; boundary=", b"<", b"\"", b"\0", b"="];
    for round in 0..1_500 {
        let mut raw = samples[round % samples.len()].clone();
        for _ in 0..random.usize(1..6) {
            let at = random.usize(0..=raw.len());
            match random.u8(0..4) {
                0 => raw.truncate(at),
                1 => drop(raw.splice(at..at, marks[random.usize(0..marks.len())].iter().copied())),
                2 if at < raw.len() => raw[at] = random.u8(..),
                _ => {
                    let end = random.usize(at..=raw.len());
                    let piece = raw[at..end].to_vec();
                    raw.splice(at..at, piece.into_iter().take(2_000));
                }
            }
        }
        // The result does not matter; that there is one does.
        let _ = parse_message(&raw, &NoAttachments);
    }
}
