//! PDF text: how much of a known text comes out, beside poppler's `pdftotext`, and how fast.
//!
//! `cargo bench --bench pdf -- FOLDER` reads every `NAME.pdf` below the folder that has its text beside it (`NAME.txt`, or
//! `NAME.pdftotext.txt` where only another reader's text is known) and prints per file and in the mean: the part of the
//! text's words that come out, the part of its pairs of neighbouring words, the same for `pdftotext` in the same run, and
//! pages a second.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a program of measurements")]

use std::collections::HashMap;
use std::fs;
use std::hash::Hash;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use peanut::ingest::parse::pdf;
use unicode_normalization::UnicodeNormalization as _;

/// What one reader got of one text, 0 to 1.
#[derive(Clone, Copy, Default)]
struct Score {
    words: f64,
    pairs: f64,
}

fn main() {
    let folder = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let folder = PathBuf::from(folder.unwrap_or_else(|| "../shared/data/pdf".into()));
    let mut files = Vec::new();
    collect(&folder, &mut files);
    let mut scores: Vec<(Score, Option<Score>)> = Vec::new();
    let (mut pages, mut ours, mut theirs, mut unread) = (0, Duration::ZERO, Duration::ZERO, 0);
    println!("words pairs | the same of pdftotext | file");
    for file in files {
        let Some(wanted) = ["txt", "pdftotext.txt"].iter().find_map(|end| fs::read(file.with_extension(end)).ok())
        else {
            continue;
        };
        let wanted = words(&String::from_utf8_lossy(&wanted));
        if wanted.is_empty() {
            continue;
        }
        let bytes = fs::read(&file).unwrap();
        let started = Instant::now();
        let parsed = pdf::parse(&bytes);
        ours += started.elapsed();
        let (text, note) = match parsed {
            Ok(parsed) => {
                pages += parsed.sections.len();
                let texts: Vec<String> = parsed.sections.into_iter().map(|section| section.text).collect();
                (texts.join("\n"), parsed.left_out.join("; "))
            }
            Err(error) => (String::new(), error.to_string()),
        };
        let started = Instant::now();
        let other = Command::new("pdftotext").args(["-enc", "UTF-8"]).arg(&file).arg("-").output().ok();
        theirs += started.elapsed();
        let other = other.map(|output| words(&String::from_utf8_lossy(&output.stdout)));
        unread += usize::from(text.is_empty() && other.as_ref().is_some_and(|words| !words.is_empty()));
        let score = score(&wanted, &words(&text));
        let other = other.map(|other| self::score(&wanted, &other));
        let name = file.strip_prefix(&folder).unwrap_or(&file).display();
        println!("{} | {} | {name} {note}", show(Some(score)), show(other));
        scores.push((score, other));
    }
    let own: Vec<Score> = scores.iter().map(|pair| pair.0).collect();
    let other: Vec<Score> = scores.iter().filter_map(|pair| pair.1).collect();
    println!("{} | {} | mean of {} files", show(mean(&own)), show(mean(&other)), own.len());
    println!("{unread} files that pdftotext reads and we do not");
    println!(
        "{pages} pages in {ours:.2?}: {:.0} pages/s; pdftotext, a process a file, {theirs:.2?}",
        pages as f64 / ours.as_secs_f64().max(1e-9)
    );
}

fn mean(scores: &[Score]) -> Option<Score> {
    let count = scores.len() as f64;
    let mean = |pick: fn(&Score) -> f64| scores.iter().map(pick).sum::<f64>() / count;
    (!scores.is_empty()).then(|| Score { words: mean(|score| score.words), pairs: mean(|score| score.pairs) })
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|end| end == "pdf") {
            files.push(path);
        }
    }
}

/// Words in order, compared as search compares them: folded, without marks; ideographs one by one.
fn words(text: &str) -> Vec<String> {
    let text: String = text.nfkc().filter(|c| !matches!(c, '\u{ad}' | '\u{640}' | '\u{64b}'..='\u{652}')).collect();
    let mut words = Vec::new();
    for word in text.to_lowercase().split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        if word.chars().any(|c| matches!(c, '\u{3040}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}')) {
            words.extend(word.chars().map(String::from));
        } else {
            words.push(word.to_owned());
        }
    }
    words
}

fn score(wanted: &[String], found: &[String]) -> Score {
    let pairs = |words: &[String]| -> Vec<(String, String)> {
        words.windows(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect()
    };
    Score {
        words: recall(wanted, found),
        pairs: if wanted.len() < 2 { recall(wanted, found) } else { recall(&pairs(wanted), &pairs(found)) },
    }
}

/// The part of `wanted` that is in `found`, each as often as it is there.
fn recall<T: Eq + Hash>(wanted: &[T], found: &[T]) -> f64 {
    let mut there: HashMap<&T, usize> = HashMap::new();
    for item in found {
        *there.entry(item).or_default() += 1;
    }
    let hits = wanted.iter().filter(|item| {
        there.get_mut(item).is_some_and(|count| {
            let is_there = *count > 0;
            *count = count.saturating_sub(1);
            is_there
        })
    });
    hits.count() as f64 / wanted.len().max(1) as f64
}

fn show(score: Option<Score>) -> String {
    score.map_or_else(|| " —     —  ".into(), |score| format!("{:.4} {:.4}", score.words, score.pairs))
}
