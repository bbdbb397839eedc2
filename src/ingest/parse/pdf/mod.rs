//! PDF: text page by page. Called by the pipeline.
//!
//! The library reads the file's structure, fonts and character tables; where words, lines and columns are is decided
//! here, from the places of the glyphs. It all runs on a thread of its own with a stack of its own, behind
//! `catch_unwind` and a deadline; a file that hangs it costs one abandoned thread (a few at most), never a worker.
//! No text is an error with a reason, never an empty document; pages that could not be read are told.

mod characters;
mod content;
mod font;
mod guard;
mod layout;
mod lines;
mod matrix;
mod notes;
mod page;
mod report;
mod strings;
mod unmapped;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use hayro_syntax::metadata::Metadata;
use hayro_syntax::object::{DateTime, Dict};
use hayro_syntax::{DecryptionError, LoadPdfError, Pdf};

use crate::domain::{PersonMention, PersonRole, Timestamp};

use self::content::{Budget, Hidden};
use self::font::Fonts;
use self::page::{PageState, PageText};
use super::{ParseError, Parsed, Section, date};

/// Most pages read of one file.
const MOST_PAGES: usize = 20_000;
/// Most text taken from one file.
const MOST_TEXT_BYTES: usize = 64 * 1024 * 1024;
/// After this time, the pages not yet read are left out.
const DEADLINE: Duration = Duration::from_mins(1);
/// A page that hangs is waited for this long.
const GIVEN_UP: Duration = Duration::from_mins(2);
/// Threads that may hang in the library at one time; beyond that, files are refused until one returns.
const MOST_ABANDONED: usize = 4;
/// Stack of the thread a file is read on.
const STACK: usize = 64 << 20;
/// Operators played of one page.
const PAGE_OPERATORS: usize = 3_000_000;
/// Bytes unpacked for one document, or a few hundred times its size if that is more.
const MOST_BYTES: u64 = 1 << 30;
/// Forms played of one page.
const PAGE_FORMS: usize = 20_000;

static ABANDONED: AtomicUsize = AtomicUsize::new(0);

/// Parses a PDF.
///
/// # Errors
/// `Encrypted`, `NoTextLayer`, `NoText`, `Damaged`, `Unsupported` or `TooLarge`.
pub fn parse(bytes: &[u8]) -> Result<Parsed, ParseError> {
    if ABANDONED.load(Ordering::Relaxed) >= MOST_ABANDONED {
        return Err(ParseError::Damaged(format!(
            "not tried: {MOST_ABANDONED} other PDFs hang in the reader; restart Peanut"
        )));
    }
    let (sender, receiver) = channel();
    let owned = bytes.to_vec();
    // Shut by whoever is done with it first, the thread or we who wait for it; the other one finds it shut.
    let door = Arc::new(AtomicBool::new(false));
    let shut = Arc::clone(&door);
    let builder = std::thread::Builder::new().name("peanut-parse-pdf".into()).stack_size(STACK);
    let spawned = builder.spawn(move || {
        let result = catch_unwind(AssertUnwindSafe(|| read(owned)));
        let result = result.unwrap_or_else(|_| Err(ParseError::Damaged("the PDF reader failed on it".into())));
        // The result first: whoever finds the door shut can take it.
        let _ = sender.send(result);
        if shut.swap(true, Ordering::AcqRel) {
            // Nobody waits any more: this thread was counted as abandoned and is back.
            ABANDONED.fetch_sub(1, Ordering::Relaxed);
        }
    });
    spawned.map_err(|error| ParseError::Damaged(format!("cannot start a thread for it: {error}")))?;
    match receiver.recv_timeout(GIVEN_UP) {
        Ok(result) => result,
        Err(RecvTimeoutError::Timeout) => {
            ABANDONED.fetch_add(1, Ordering::Relaxed);
            if door.swap(true, Ordering::AcqRel) {
                // It came back this very moment.
                ABANDONED.fetch_sub(1, Ordering::Relaxed);
                return receiver
                    .try_recv()
                    .unwrap_or_else(|_| Err(ParseError::Damaged("the PDF reader failed on it".into())));
            }
            Err(ParseError::Damaged(format!("not read within {} s", GIVEN_UP.as_secs())))
        }
        Err(RecvTimeoutError::Disconnected) => Err(ParseError::Damaged("the PDF reader failed on it".into())),
    }
}

fn read(bytes: Vec<u8>) -> Result<Parsed, ParseError> {
    let started = Instant::now();
    let size = bytes.len() as u64;
    let deadline = started + DEADLINE;
    if let Some(what) = guard::beyond(&bytes, deadline) {
        return Err(ParseError::TooLarge(what.into()));
    }
    let pdf = Pdf::new(bytes).map_err(problem)?;
    let pages = pdf.pages();
    let catalog = pdf.xref().get::<Dict<'_>>(pdf.xref().root_id());
    let hidden = catalog.as_ref().map(page::hidden).unwrap_or_default();
    let mut fonts = Fonts::new();
    let mut budget = Budget { operators: 0, forms: 0, bytes: MOST_BYTES.max(size.saturating_mul(300)), deadline };
    let mut read: Vec<PageText> = Vec::with_capacity(pages.len().min(MOST_PAGES));
    let mut total = 0;
    let mut unread = None;
    for page in pages.iter().take(MOST_PAGES) {
        if started.elapsed() > DEADLINE {
            unread = Some(format!("reading took more than {} s", DEADLINE.as_secs()));
            break;
        }
        let text = one(page, &mut fonts, &mut budget, &hidden);
        total += text.text.len();
        if total > MOST_TEXT_BYTES {
            unread = Some(format!("there is more than {} MiB of text", MOST_TEXT_BYTES >> 20));
            break;
        }
        read.push(text);
    }
    if unread.is_none() && pages.len() > MOST_PAGES {
        unread = Some(format!("at most {MOST_PAGES} pages are read"));
    }
    let texts: Vec<String> = read.iter_mut().map(|page| std::mem::take(&mut page.text)).collect();
    let mut texts = lines::readable(&texts);
    for (text, page) in texts.iter_mut().zip(&read) {
        for note in &page.notes {
            if !text.is_empty() {
                text.push_str("\n\n");
            }
            text.push_str(note);
        }
    }
    let states: Vec<PageState> = read.iter().map(|page| page.state).collect();
    if !texts.iter().any(|text| text.chars().any(is_said)) {
        return Err(report::nothing(&states, unread));
    }
    let information = pdf.metadata();
    let property = |value: &Option<Box<[u8]>>| value.as_deref().map(strings::line).filter(|value| !value.is_empty());
    let author = property(&information.author).map(|name| PersonMention {
        email: None,
        name: Some(name),
        role: PersonRole::Author,
    });
    let sections = texts.into_iter().enumerate().filter(|(_, text)| !text.trim().is_empty());
    Ok(Parsed {
        title: property(&information.title).filter(|title| lines::is_title(title)),
        dated_at: dated_at(information),
        people: author.into_iter().filter(|author| author.person_id().is_some()).collect(),
        sections: sections
            .map(|(page, text)| Section { page: Some(page as u32 + 1), text, ..Section::default() })
            .collect(),
        left_out: report::left_out(&states, pages.len(), unread),
        ..Parsed::default()
    }
    .bounded())
}

/// Letters, digits and pictures that stand for words; a page of dots and strokes says nothing.
fn is_said(character: char) -> bool {
    !character.is_whitespace() && !character.is_ascii_punctuation()
}

/// One page; a page that breaks the library costs no other.
fn one<'a>(
    page: &hayro_syntax::page::Page<'a>,
    fonts: &mut Fonts<'a>,
    budget: &mut Budget,
    hidden: &Hidden,
) -> PageText {
    (budget.operators, budget.forms) = (PAGE_OPERATORS, PAGE_FORMS);
    let text = catch_unwind(AssertUnwindSafe(|| page::read(page, fonts, budget, hidden)));
    text.unwrap_or_else(|_| {
        // What broke may be half read: the next page starts anew.
        *fonts = Fonts::new();
        PageText { state: PageState::Damaged, ..PageText::default() }
    })
}

fn problem(error: LoadPdfError) -> ParseError {
    match error {
        LoadPdfError::Decryption(DecryptionError::PasswordProtected) => ParseError::Encrypted,
        LoadPdfError::Decryption(DecryptionError::UnsupportedAlgorithm) => {
            ParseError::Unsupported("encrypted in a way that is not known; save a copy without encryption".into())
        }
        LoadPdfError::Decryption(_) => ParseError::Damaged("its encryption cannot be read".into()),
        LoadPdfError::Invalid => ParseError::Damaged("no page can be found in it".into()),
    }
}

fn dated_at(information: &Metadata) -> Option<Timestamp> {
    let dated = information.creation_date.or(information.modification_date)?;
    let DateTime { year, month, day, hour, minute, second, .. } = dated;
    date::parse(&format!("D:{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}"))
}

#[cfg(test)]
mod tests;
