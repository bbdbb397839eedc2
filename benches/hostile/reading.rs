//! Reads bytes as the pipeline does: recognised, parsed, cut into chunks with their terms, without a store.

use std::fs::read_to_string;
use std::path::Path;

use peanut::domain::{SourceType, findable};
use peanut::ingest::chunk::{ChunkOptions, chunk};
use peanut::ingest::concepts::concepts;
use peanut::ingest::detect::{Detected, HEAD_BYTES, detect};
use peanut::ingest::parse::{
    ParseError, Parsed, calendar, canvas, contacts, docx, excalidraw, html, mail, markdown, pdf, rtf, text,
};

/// Seconds of processor time, peak of memory, and what came out.
pub(crate) fn measure(file: &str, bytes: &[u8]) -> String {
    let before = processor_time();
    let base = peak();
    let told = match read(file, bytes) {
        Ok(parsed) => {
            let parsed = parsed.without_nul();
            let chunks = finish(&parsed, file);
            let left_out = if parsed.left_out.is_empty() { "" } else { ", told" };
            format!("{chunks} chunks{left_out}")
        }
        Err(error) => error.to_string().chars().take(60).collect(),
    };
    let taken = processor_time() - before;
    format!("{taken:.2} s, {} MB, {told}", peak().saturating_sub(base) >> 10)
}

fn finish(parsed: &Parsed, file: &str) -> usize {
    let title = parsed.title.as_deref().unwrap_or("x");
    let mut chunks = chunk(parsed, title, findable::sender(&parsed.people).as_deref(), ChunkOptions::default());
    let known = findable::Known {
        title,
        source_type: SourceType::Text,
        source_path: file,
        is_part: false,
        people: &parsed.people,
        attachments: parsed.message.as_ref().map_or(&[], |message| &message.attachments),
    };
    findable::complete(&mut chunks, &known);
    let _ = concepts(parsed);
    chunks.len()
}

fn read(file: &str, bytes: &[u8]) -> Result<Parsed, ParseError> {
    let head = &bytes[..bytes.len().min(HEAD_BYTES)];
    match detect(Path::new(file), head, bytes.len() as u64) {
        Detected::Mail => mail::parse_message(bytes, &attachment),
        Detected::Emlx => mail::emlx::parse(bytes, &attachment),
        Detected::Mbox => {
            let mut last = Parsed::default();
            for message in mail::mbox::MboxReader::new(bytes, 0).flatten() {
                last = mail::parse_message(&message.bytes, &attachment)?;
            }
            Ok(last)
        }
        Detected::WebArchive => mail::mhtml::parse(bytes),
        Detected::Calendar => calendar::parse(bytes),
        Detected::Contacts => contacts::parse(bytes),
        Detected::Rtf => rtf::parse(bytes),
        Detected::Pdf => pdf::parse(bytes),
        Detected::Markdown => markdown::parse(bytes),
        Detected::Html => html::parse(bytes),
        Detected::Docx => docx::parse(bytes),
        Detected::Canvas => canvas::parse(bytes),
        Detected::Excalidraw => excalidraw::parse(bytes),
        Detected::Text => text::parse(bytes),
        Detected::Empty => Err(ParseError::NoText),
        Detected::Unsupported(what) => Err(ParseError::Unsupported(what)),
    }
}

fn attachment(name: &str, _: &str, bytes: &[u8]) -> Result<Parsed, ParseError> {
    let head = &bytes[..bytes.len().min(HEAD_BYTES)];
    match detect(Path::new(name), head, bytes.len() as u64) {
        Detected::Mail | Detected::Emlx | Detected::Mbox | Detected::Empty | Detected::Unsupported(_) => {
            Err(ParseError::NoText)
        }
        _ => read(name, bytes),
    }
}

/// Highest resident memory so far, in kB.
fn peak() -> u64 {
    let status = read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Seconds that all threads have computed so far.
fn processor_time() -> f64 {
    let stat = read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}
