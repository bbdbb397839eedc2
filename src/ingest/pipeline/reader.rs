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

use crate::domain::intake::{FileRecord, FileState, NewDeadLetter};
use crate::domain::{NewDocument, SourceType};
use crate::ingest::detect::{Detected, HEAD_BYTES, detect};
use crate::ingest::intake::{paths, walk};
use crate::ingest::parse::mail::mbox::MboxReader;
use crate::ingest::parse::{ParseError, Parsed, Section, canvas, docx, excalidraw, html, mail, markdown, pdf, text};

use super::IngestContext;
use super::document;

/// Larger files that are not archives are refused.
const LARGEST_FILE: u64 = 512 << 20;
/// Bytes whose hash tells an archive that grew from one that was rewritten.
const HEAD_HASHED: u64 = 64 << 10;
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
}

/// How a file ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// In the store, as far as it can be read. `whole` when it was read from its beginning: documents that it held
    /// before and holds no more are to be retired.
    State { state: FileState, reason: Option<String>, whole: bool },
    /// It changed while it was read.
    Changed,
    /// The program is stopping; it goes back to the queue.
    Released,
}

fn indexed(whole: bool) -> End {
    End::State { state: FileState::Indexed, reason: None, whole }
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
    let mut reading = Reading { context, file: &file, outputs, soft, position: &mut position };
    let result = catch_unwind(AssertUnwindSafe(|| reading.run()));
    let result =
        result.unwrap_or_else(|_| Err(ParseError::Damaged("the parser failed on it (a bug worth reporting)".into())));
    let end = match result {
        Ok(end) => end,
        // Nothing in it to read is no failure: an empty note, a file of blanks.
        Err(ParseError::NoText) => {
            position.seen = 1;
            position.skipped = 1;
            End::State { state: FileState::Skipped, reason: Some(ParseError::NoText.to_string()), whole: true }
        }
        Err(error) => {
            // An archive that breaks off is one more item beside its messages; any other file is the one item itself.
            position.seen = if position.source_type.is_some() { position.seen + 1 } else { 1 };
            send(outputs, Output::Failed(NewDeadLetter { path: path.clone(), offset: None, error: error.to_string() }));
            End::State { state: FileState::Failed, reason: Some(error.to_string()), whole: false }
        }
    };
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
}

fn io(error: &std::io::Error) -> ParseError {
    ParseError::Damaged(paths::explain(error))
}

impl Reading<'_> {
    fn run(&mut self) -> Result<End, ParseError> {
        let path = Path::new(&self.file.path);
        let mut opened = File::open(path).map_err(|error| io(&error))?;
        let before = opened.metadata().map_err(|error| io(&error))?;
        if !before.is_file() {
            return Err(ParseError::Unsupported("is no regular file".into()));
        }
        let mut head = vec![0; HEAD_BYTES.min(usize::try_from(before.len()).unwrap_or(HEAD_BYTES))];
        opened.read_exact(&mut head).map_err(|error| io(&error))?;
        let kind = detect(path, &head, before.len());
        let end = match kind {
            Detected::Mbox => self.archive(opened, &head, before.len())?,
            Detected::Empty => self.skip("empty file"),
            Detected::Unsupported(what) => self.skip(&what),
            kind => self.single(opened, head, before.len(), &kind)?,
        };
        let after = std::fs::metadata(path).map_err(|error| io(&error))?;
        let is_same = after.len() == before.len() && walk::modified(&after) == walk::modified(&before);
        Ok(if is_same { end } else { End::Changed })
    }

    fn skip(&mut self, reason: &str) -> End {
        self.position.seen = 1;
        self.position.skipped = 1;
        self.position.bytes_done = self.file.size_bytes;
        End::State { state: FileState::Skipped, reason: Some(reason.to_owned()), whole: true }
    }

    /// A file that is one document.
    fn single(&mut self, mut opened: File, head: Vec<u8>, length: u64, kind: &Detected) -> Result<End, ParseError> {
        if length > LARGEST_FILE {
            return Err(ParseError::TooLarge(format!("{} MiB; at most {} are read", length >> 20, LARGEST_FILE >> 20)));
        }
        let mut bytes = head;
        opened.read_to_end(&mut bytes).map_err(|error| io(&error))?;
        self.position.seen = 1;
        let (source_type, parsed) = parse(kind, &bytes)?;
        self.position.source_type = Some(source_type);
        self.position.bytes_done = bytes.len() as u64;
        let built = document::of_file(self.context, self.file, source_type, &bytes, parsed);
        self.emit(built);
        Ok(indexed(true))
    }

    /// An archive of messages, streamed; only its new tail when it grew.
    fn archive(&mut self, mut opened: File, head: &[u8], length: u64) -> Result<End, ParseError> {
        self.position.source_type = Some(SourceType::Mail);
        let start = self.resume_at(head, length);
        let hashed = &head[..head.len().min(HEAD_HASHED as usize)];
        opened.seek(SeekFrom::Start(start)).map_err(|error| io(&error))?;
        self.position.bytes_done = start;
        let reader = MboxReader::new(BufReader::with_capacity(256 << 10, opened), start);
        for item in reader {
            if self.soft.is_cancelled() {
                return Ok(End::Released);
            }
            self.position.seen += 1;
            match item {
                Ok(message) => {
                    let parsed = catch_unwind(AssertUnwindSafe(|| mail::parse_message(&message.bytes, &attachment)));
                    let parsed =
                        parsed.unwrap_or_else(|_| Err(ParseError::Damaged("the mail parser failed on it".into())));
                    match parsed {
                        Ok(parsed) => {
                            let built =
                                document::of_message(self.context, self.file, message.offset, &message.bytes, parsed);
                            self.emit(built);
                        }
                        Err(error) => self.fail(message.offset, error.to_string()),
                    }
                    self.position.bytes_done = message.end_offset;
                }
                Err(error) => {
                    self.position.bytes_done = error.end_offset;
                    self.fail(error.offset, error.reason);
                }
            }
            if self.position.seen.is_multiple_of(PROGRESS_EVERY) {
                let (path, position) = (self.file.path.clone(), self.position.clone());
                send(self.outputs, Output::Progress { path, position });
            }
        }
        self.position.head_sha256 = Some(hash_of_head(hashed, length));
        Ok(indexed(start == 0))
    }

    /// Where the last scan ended, when the archive only grew since; 0 otherwise.
    fn resume_at(&self, head: &[u8], length: u64) -> u64 {
        let done = self.file.bytes_done;
        let Some(known) = &self.file.head_sha256 else { return 0 };
        if done == 0 || done >= length {
            return 0;
        }
        // The hash covered the first bytes of what was there then.
        let covered = usize::try_from(done.min(HEAD_HASHED)).unwrap_or(0).min(head.len());
        if known.as_slice() == Sha256::digest(&head[..covered]).as_slice() { done } else { 0 }
    }

    fn emit(&self, document: NewDocument) {
        send(self.outputs, Output::Document { path: self.file.path.clone(), document: Box::new(document) });
    }

    fn fail(&self, offset: u64, error: String) {
        send(self.outputs, Output::Failed(NewDeadLetter { path: self.file.path.clone(), offset: Some(offset), error }));
    }
}

fn hash_of_head(head: &[u8], length: u64) -> Vec<u8> {
    let covered = usize::try_from(length.min(HEAD_HASHED)).unwrap_or(0).min(head.len());
    Sha256::digest(&head[..covered]).to_vec()
}

fn parse(kind: &Detected, bytes: &[u8]) -> Result<(SourceType, Parsed), ParseError> {
    Ok(match kind {
        Detected::Mail => (SourceType::Mail, mail::parse_message(bytes, &attachment)?),
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
        Detected::Mail | Detected::Mbox | Detected::Empty => Err(ParseError::Unsupported("no text of its own".into())),
        Detected::Unsupported(what) => Err(ParseError::Unsupported(what)),
        kind => parse(&kind, bytes).map(|(_, parsed)| parsed.sections),
    }
}
