//! Reads one file into documents and failures. Blocking; runs on the pool's threads.
//!
//! Nothing here can end a thread: parsers run behind `catch_unwind`, and whatever happens the file ends in exactly one
//! [`Output::Done`].

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::domain::intake::{FileRecord, FileState, NewDeadLetter, Origin};
use crate::domain::{NewDocument, SourceType};
use crate::ingest::detect::{Detected, HEAD_BYTES, detect};
use crate::ingest::intake::regular::{self, Links};
use crate::ingest::intake::{paths, walk};
use crate::ingest::parse::mail::mbox::{MboxReader, RawMessage};
use crate::ingest::parse::{
    ParseError, Parsed, Section, calendar, canvas, contacts, docx, excalidraw, html, mail, markdown, pdf, rtf, text,
};

use super::left_out::LeftOut;
use super::refused::Refused;
use super::{IngestContext, archives, document};

/// Larger files that are not archives are refused.
const LARGEST_FILE: u64 = 512 << 20;
/// Messages between two reports of progress.
const PROGRESS_EVERY: u64 = 64;

/// What comes out of a file, in order.
#[derive(Debug)]
pub(super) enum Output {
    /// One document.
    Document { path: String, document: Box<NewDocument> },
    /// One item that cannot be read.
    Failed(NewDeadLetter),
    /// How far the file is.
    Progress { path: String, position: Position },
    /// The file is finished, one way or another.
    Done { path: String, position: Position, end: End },
}

/// How far a file is.
#[derive(Clone, Debug, Default)]
pub(super) struct Position {
    pub(super) source_type: Option<SourceType>,
    pub(super) seen: u64,
    pub(super) skipped: u64,
    pub(super) bytes_done: u64,
    pub(super) head_sha256: Option<Vec<u8>>,
    pub(super) content_sha256: Option<[u8; 32]>,
    /// Messages of an archive that became documents, and parts of it that could not be read.
    documents: u64,
    failed: u64,
    last_error: String,
}

/// How a file ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// As far as it can be read.
    State { state: FileState, reason: Option<String>, holds: Holds },
    /// It changed while it was read.
    Changed,
    /// The program is stopping; it goes back to the queue.
    Released,
}

/// What is known now of all that a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    /// Nothing new: only a part of it was read, or it could not be read for a reason that may pass.
    Unknown,
    /// What came out of it in this pass, and nothing else.
    What,
    /// The same, and what it held before that was of these very bytes (the file's, or messages'): the reader failed on them,
    /// they did not change.
    WhatIsOf(Vec<[u8; 32]>),
}

fn indexed(reason: Option<String>, holds: Holds) -> End {
    End::State { state: FileState::Indexed, reason, holds }
}

/// Reads `file` and reports what it holds.
pub(super) fn read(
    context: &IngestContext,
    file: FileRecord,
    outputs: &mpsc::Sender<Output>,
    soft: &CancellationToken,
) {
    let path = file.path.clone();
    if soft.is_cancelled() {
        send(outputs, Output::Done { path, position: Position::default(), end: End::Released });
        return;
    }
    let mut position = Position::default();
    let mut reading = Reading {
        context,
        file: &file,
        outputs,
        soft,
        position: &mut position,
        left_out: LeftOut::default(),
        failed_on: Vec::new(),
    };
    let result = catch_unwind(AssertUnwindSafe(|| reading.run()));
    let result = result.unwrap_or_else(|_| {
        Err(Refused::Parse(ParseError::Damaged("the parser failed on it (a bug worth reporting)".into())))
    });
    let end = result.unwrap_or_else(|refused| refused.end(&file, &mut position, outputs));
    send(outputs, Output::Done { path, position, end });
}

/// A closed channel means that the worker is gone; then there is nobody to tell.
fn send(outputs: &mpsc::Sender<Output>, output: Output) {
    let _ = outputs.blocking_send(output);
}

struct Reading<'a> {
    context: &'a IngestContext,
    file: &'a FileRecord,
    outputs: &'a mpsc::Sender<Output>,
    soft: &'a CancellationToken,
    position: &'a mut Position,
    left_out: LeftOut,
    /// Content of the messages that could not be read, to be told from messages that are gone.
    failed_on: Vec<[u8; 32]>,
}

impl Reading<'_> {
    fn run(&mut self) -> Result<End, Refused> {
        let path = &paths::path_of(&self.file.path);
        let (mut opened, before) = regular::open(path, self.links())?;
        let mut head = vec![0; HEAD_BYTES.min(usize::try_from(before.len()).unwrap_or(HEAD_BYTES))];
        opened.read_exact(&mut head)?;
        let kind = detect(path, &head, before.len());
        let end = match kind {
            Detected::Mbox => self.archive(opened, &head, before.len())?,
            Detected::Empty => self.skip("empty file"),
            Detected::Unsupported(what) => self.skip(&what),
            kind => self.single(opened, head, before.len(), &kind)?,
        };
        let after = std::fs::metadata(path)?;
        let is_same = after.len() == before.len() && walk::modified(&after) == walk::modified(&before);
        Ok(if is_same { end } else { End::Changed })
    }

    /// Whoever names a link means what it leads to; in a folder none is taken.
    fn links(&self) -> Links {
        if self.file.origin == Origin::Explicit { Links::Follow } else { Links::Refuse }
    }

    fn skip(&mut self, reason: &str) -> End {
        self.position.seen = 1;
        self.position.skipped = 1;
        self.position.bytes_done = self.file.size_bytes;
        End::State { state: FileState::Skipped, reason: Some(reason.to_owned()), holds: Holds::What }
    }

    /// A file that is one document.
    fn single(&mut self, mut opened: File, head: Vec<u8>, length: u64, kind: &Detected) -> Result<End, Refused> {
        if length > LARGEST_FILE {
            let message = format!("{} MiB; at most {} are read", length >> 20, LARGEST_FILE >> 20);
            return Err(Refused::Parse(ParseError::TooLarge(message)));
        }
        let mut bytes = head;
        opened.read_to_end(&mut bytes)?;
        self.position.seen = 1;
        // Noted before anything can fail: whoever asks later can tell whether these bytes are still the same.
        self.position.content_sha256 = Some(Sha256::digest(&bytes).into());
        let (source_type, mut parsed) = parse(kind, &bytes)?;
        self.position.source_type = Some(source_type);
        self.position.bytes_done = bytes.len() as u64;
        self.left_out.take(std::mem::take(&mut parsed.left_out));
        let built = document::of_file(self.context, self.file, source_type, &bytes, parsed);
        self.emit(built);
        Ok(indexed(self.left_out.told(), Holds::What))
    }

    /// An archive of messages, streamed; only its new tail when it grew.
    fn archive(&mut self, mut opened: File, head: &[u8], length: u64) -> Result<End, Refused> {
        self.position.source_type = Some(SourceType::Mail);
        let start = archives::resume_at(self.file, &mut opened, head, length)?;
        self.position.bytes_done = start;
        opened.seek(SeekFrom::Start(start))?;
        let mut reader = MboxReader::new(BufReader::with_capacity(256 << 10, opened), start);
        if start > 0 {
            reader = reader.with_head(head);
        }
        let mut messages = 0_u64;
        let mut last_at = start;
        // What comes before the first message is told once there is one: without any, this is no archive.
        let mut early = Vec::new();
        for item in reader.by_ref() {
            if self.soft.is_cancelled() {
                return Ok(End::Released);
            }
            match item {
                Ok(message) => {
                    messages += 1;
                    for (offset, error) in early.drain(..) {
                        self.position.seen += 1;
                        self.fail(offset, error);
                    }
                    self.position.seen += 1;
                    last_at = message.offset;
                    self.message(&message);
                    self.position.bytes_done = message.end_offset;
                    if let Some(why) = message.cut_off {
                        // What is missing is an item of its own, and the next pass reads the message again.
                        self.position.seen += 1;
                        self.fail(message.end_offset, cut_off(why));
                        self.position.bytes_done = message.offset;
                    }
                }
                Err(error) if error.is_left_out => {
                    messages += 1;
                    self.position.seen += 1;
                    self.position.skipped += 1;
                    self.position.bytes_done = error.end_offset;
                    self.left_out.take(vec![format!("a message is left out: {}", error.reason)]);
                }
                Err(error) => {
                    self.position.bytes_done = error.end_offset;
                    if messages == 0 && start == 0 {
                        early.push((error.offset, error.reason));
                    } else {
                        self.position.seen += 1;
                        self.fail(error.offset, error.reason);
                    }
                }
            }
            if self.position.seen > 0 && self.position.seen.is_multiple_of(PROGRESS_EVERY) {
                let (path, position) = (self.file.path.clone(), self.position.clone());
                send(self.outputs, Output::Progress { path, position });
            }
        }
        let is_read = reader.position() >= length;
        drop(reader);
        let (mut opened, _) = regular::open(&paths::path_of(&self.file.path), self.links())?;
        if messages == 0 && start == 0 {
            if is_read && !archives::is_named_so(&self.file.path) {
                return self.text_after_all(opened, length);
            }
            for (offset, error) in early {
                self.position.seen += 1;
                self.fail(offset, error);
            }
        }
        self.finish_archive(&mut opened, head, length, Tail { start, last_at, is_read })
    }

    /// One message of an archive.
    fn message(&mut self, message: &RawMessage) {
        let parsed = catch_unwind(AssertUnwindSafe(|| mail::parse_message(&message.bytes, &attachment)));
        let parsed = parsed.unwrap_or_else(|_| Err(ParseError::Damaged("the mail parser failed on it".into())));
        match parsed {
            Ok(mut parsed) => {
                self.left_out.take(std::mem::take(&mut parsed.left_out));
                let built = document::of_message(self.context, self.file, message, parsed);
                self.position.documents += 1;
                self.emit(built);
            }
            Err(error) => {
                self.failed_on.push(Sha256::digest(&message.bytes).into());
                self.fail(message.offset, error.to_string());
            }
        }
    }

    /// What an archive is when its last message was read.
    fn finish_archive(&mut self, opened: &mut File, head: &[u8], length: u64, tail: Tail) -> Result<End, Refused> {
        let Tail { start, last_at, is_read } = tail;
        // An archive ends with a blank line; one that does not may still be written: its last message is read once more
        // when there is more of it.
        if is_read && !archives::is_ended(opened, length)? {
            self.position.bytes_done = last_at;
        }
        self.position.head_sha256 = Some(archives::marks_of(opened, head, self.position.bytes_done)?);
        self.position.content_sha256 = archives::content_of(opened, length)?;
        let holds = if start > 0 || !is_read {
            Holds::Unknown
        } else if self.failed_on.is_empty() {
            Holds::What
        } else {
            Holds::WhatIsOf(std::mem::take(&mut self.failed_on))
        };
        let failed = self.position.failed;
        if self.position.documents == 0 && start == 0 && failed > 0 {
            let reason = format!("none of its {failed} parts can be read: {}", self.position.last_error);
            return Ok(End::State { state: FileState::Failed, reason: Some(reason), holds });
        }
        if self.position.documents == 0 && start == 0 && self.position.skipped > 0 {
            return Ok(End::State { state: FileState::Skipped, reason: self.left_out.told(), holds });
        }
        match failed {
            0 => {}
            1 => self.left_out.take(vec![format!("1 part could not be read: {}", self.position.last_error)]),
            _ => self
                .left_out
                .take(vec![format!("{failed} parts could not be read, the last: {}", self.position.last_error)]),
        }
        Ok(indexed(self.left_out.told(), holds))
    }

    /// A file that looked like an archive and holds no message is text of its own.
    fn text_after_all(&mut self, mut opened: File, length: u64) -> Result<End, Refused> {
        *self.position = Position::default();
        let mut head = vec![0; HEAD_BYTES.min(usize::try_from(length).unwrap_or(HEAD_BYTES))];
        opened.read_exact(&mut head)?;
        let is_markdown = matches!(extension(&self.file.path).as_str(), "md" | "markdown" | "mdown" | "mkd" | "mdx");
        let kind = if is_markdown { Detected::Markdown } else { Detected::Text };
        self.single(opened, head, length, &kind)
    }

    fn emit(&self, document: NewDocument) {
        send(self.outputs, Output::Document { path: self.file.path.clone(), document: Box::new(document) });
    }

    fn fail(&mut self, offset: u64, error: String) {
        self.position.failed += 1;
        self.position.last_error.clone_from(&error);
        let letter = NewDeadLetter { path: self.file.path.clone(), offset: Some(offset), error, may_pass: false };
        send(self.outputs, Output::Failed(letter));
    }
}

/// Where the reading of an archive began, where its last message stands, and whether all of it was read.
struct Tail {
    start: u64,
    last_at: u64,
    is_read: bool,
}

fn cut_off(why: &str) -> String {
    format!("the last message may be cut off: {why}; it is read again when the file has grown")
}

fn extension(path: &str) -> String {
    Path::new(path).extension().map(|extension| extension.to_string_lossy().to_lowercase()).unwrap_or_default()
}

fn parse(kind: &Detected, bytes: &[u8]) -> Result<(SourceType, Parsed), ParseError> {
    Ok(match kind {
        Detected::Mail => (SourceType::Mail, mail::parse_message(bytes, &attachment)?),
        Detected::Emlx => (SourceType::Mail, mail::emlx::parse(bytes, &attachment)?),
        Detected::WebArchive => (SourceType::Html, mail::mhtml::parse(bytes)?),
        Detected::Calendar => (SourceType::Event, calendar::parse(bytes)?),
        Detected::Contacts => (SourceType::Contact, contacts::parse(bytes)?),
        Detected::Rtf => (SourceType::Text, rtf::parse(bytes)?),
        Detected::Pdf => (SourceType::Pdf, pdf::parse(bytes)?),
        Detected::Markdown => (SourceType::Markdown, markdown::parse(bytes)?),
        Detected::Html => (SourceType::Html, html::parse(bytes)?),
        Detected::Docx => (SourceType::Docx, docx::parse(bytes)?),
        Detected::Canvas => (SourceType::Markdown, canvas::parse(bytes)?),
        Detected::Excalidraw => (SourceType::Markdown, excalidraw::parse(bytes)?),
        Detected::Text => (SourceType::Text, text::parse(bytes)?),
        Detected::Mbox | Detected::Empty | Detected::Unsupported(_) => {
            return Err(ParseError::Unsupported("not a document of its own".into()));
        }
    })
}

/// The text of a mail's attachment, by the parser for what it is.
fn attachment(name: &str, _media_type: &str, bytes: &[u8]) -> Result<Vec<Section>, ParseError> {
    let head = &bytes[..bytes.len().min(HEAD_BYTES)];
    match detect(Path::new(name), head, bytes.len() as u64) {
        Detected::Mail | Detected::Emlx | Detected::Mbox | Detected::Empty => {
            Err(ParseError::Unsupported("no text of its own".into()))
        }
        Detected::Unsupported(what) => Err(ParseError::Unsupported(what)),
        kind => parse(&kind, bytes).map(|(_, parsed)| parsed.sections),
    }
}
