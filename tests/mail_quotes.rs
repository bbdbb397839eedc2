//! Quoted replies and signatures against texts that people have divided by hand.
//!
//! Uses the reply collection in the shared data when it is there; a clone without it runs the cases in `fixtures`.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test that cannot read its data has failed")]

mod mail_support;

use std::collections::HashMap;
use std::path::PathBuf;

use peanut::domain::ChunkKind;
use peanut::ingest::parse::mail::quotes::{self, Hints};
use peanut::ingest::parse::mail::{NoAttachments, parse_message};

fn collection() -> Option<PathBuf> {
    mail_support::shared_mail().map(|folder| folder.join("quotes/talon")).filter(|folder| folder.is_dir())
}

fn squeeze(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// F1 over words, order ignored.
fn token_score(got: &str, wanted: &str) -> f64 {
    let mut left: HashMap<&str, i64> = HashMap::new();
    wanted.split_whitespace().for_each(|word| *left.entry(word).or_default() += 1);
    let (got_count, wanted_count) = (got.split_whitespace().count(), wanted.split_whitespace().count());
    let mut shared = 0.0;
    for word in got.split_whitespace() {
        if let Some(count) = left.get_mut(word).filter(|count| **count > 0) {
            *count -= 1;
            shared += 1.0;
        }
    }
    if got_count + wanted_count == 0 { 1.0 } else { 2.0 * shared / (got_count + wanted_count) as f64 }
}

#[derive(Default)]
struct Scores {
    cases: usize,
    exact: usize,
    tokens: f64,
}

impl Scores {
    fn add(&mut self, name: &str, got: &str, wanted: &str) {
        let (got, wanted) = (squeeze(got), squeeze(wanted));
        self.cases += 1;
        self.exact += usize::from(got == wanted);
        let score = token_score(&got, &wanted);
        self.tokens += score;
        if got != wanted {
            println!("{name}: {score:.2}\n  got    {got:?}\n  wanted {wanted:?}");
        }
    }

    fn report(&self, what: &str) -> (f64, f64) {
        let cases = self.cases as f64;
        let (exact, tokens) = (self.exact as f64 / cases, self.tokens / cases);
        println!("{what}: {} cases, exact {exact:.3}, tokens {tokens:.3}", self.cases);
        (exact, tokens)
    }
}

/// What the author wrote, signature included: what reply collections call the reply.
fn reply_of(raw: &[u8]) -> String {
    let parsed = parse_message(raw, &NoAttachments).unwrap();
    let own = parsed.sections.iter().filter(|section| matches!(section.kind, None | Some(ChunkKind::Signature)));
    own.map(|section| section.text.as_str()).collect::<Vec<_>>().join("\n")
}

#[test]
fn replies_of_many_programs() {
    let Some(folder) = collection() else { return };
    let mut scores = Scores::default();
    for entry in std::fs::read_dir(folder.join("standard_replies")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "eml") {
            let wanted_path =
                path.with_file_name(format!("{}_reply_text", path.file_stem().unwrap().to_str().unwrap()));
            let wanted = std::fs::read_to_string(wanted_path).unwrap_or_else(|_| "Hello".to_owned());
            scores.add(&path.display().to_string(), &reply_of(&std::fs::read(&path).unwrap()), &wanted);
        }
    }
    let shared = std::fs::read(folder.join("reply-quotations-share-block.eml")).unwrap();
    let reply = reply_of(&shared);
    assert!(reply.starts_with("Hi Katharine.") && !reply.contains("New Booking Inquiry"), "{reply}");
    let (exact, tokens) = scores.report("plain replies");
    assert!(exact >= 0.95 && tokens >= 0.95);
}

#[test]
fn html_replies_of_many_programs() {
    let Some(folder) = collection() else { return };
    let mut scores = Scores::default();
    let mut check = |path: PathBuf, wanted: &str| {
        let html = std::fs::read_to_string(&path).unwrap();
        let raw = format!("From: a@example.org\nSubject: Re: x\nContent-Type: text/html; charset=utf-8\n\n{html}");
        scores.add(&path.display().to_string(), &reply_of(raw.as_bytes()), wanted);
    };
    for entry in std::fs::read_dir(folder.join("html_replies")).unwrap() {
        check(entry.unwrap().path(), "Hi. I am fine. Thanks, Alex");
    }
    check(folder.join("OLK_SRC_BODY_SECTION.html"), "Reply");
    check(folder.join("reply-separated-by-hr.html"), "Hi there Bob");
    let (exact, tokens) = scores.report("HTML replies");
    assert!(exact >= 0.8 && tokens >= 0.9);
}

#[test]
fn signatures_at_the_end() {
    let Some(folder) = collection() else { return };
    let folder = folder.join("signature/emails/stripped");
    let mut bodies = Scores::default();
    let mut signatures = Scores::default();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let Some(case) = name.strip_suffix("_body") else { continue };
        // The collection marks the lines of one signature in the text itself; the marks are no mail.
        let read =
            |part: &str| std::fs::read_to_string(folder.join(format!("{case}_{part}"))).unwrap().replace("#sig#", "");
        let (text, sender, signature) = (read("body"), read("sender"), read("signature"));
        let sender = sender.trim();
        let hints = Hints { sender: (!sender.is_empty()).then_some(sender), ..Hints::default() };
        let runs = quotes::split(&text, &hints);
        let of = |kind: ChunkKind| {
            let texts = runs.iter().filter(|run| run.kind == kind).map(|run| run.text.as_str());
            texts.collect::<Vec<_>>().join("\n")
        };
        let wanted = squeeze(&text);
        let wanted = wanted.strip_suffix(&squeeze(&signature)).unwrap_or(&wanted);
        bodies.add(case, &of(ChunkKind::Body), wanted);
        signatures.add(case, &of(ChunkKind::Signature), &signature);
    }
    let (_, body_tokens) = bodies.report("bodies");
    let (_, signature_tokens) = signatures.report("signatures");
    assert!(body_tokens >= 0.95 && signature_tokens >= 0.8);
}
