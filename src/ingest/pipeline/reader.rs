//! Reads one file and has it parsed: documents and failures come out. Blocking; runs on the pool's threads. Archives are
//! `messages`.
//!
//! Nothing here can end a thread: content is parsed in processes of its own, the rest runs behind `catch_unwind`, and
//! whatever happens the file ends in exactly one [`Output::Done`].

use std::fs::{File, Metadata};
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::domain::intake::{FileRecord, FileState, NewDeadLetter, Origin, Retry};
use crate::domain::{DocumentId, NewDocument, SourceType};
use crate::ingest::detect::{Detected, HEAD_BYTES, detect};
use crate::ingest::intake::regular::{self, Links};
use crate::ingest::intake::{paths, walk};
use crate::ingest::parse::ParseError;
use crate::ingest::parsers::{Answer, Facts, Job, What, document};

use super::IngestContext;
use super::left_out::LeftOut;
use super::refused::Refused;

/// Larger files that are not archives are refused.
const LARGEST_FILE: u64 = 512 << 20;

/// Files parsed as one set at most.
const SET: usize = 16;
/// Bytes of the files of one set at most.
const SET_BYTES: u64 = 256 << 10;
/// A file that was taken in hand this often, and each time the program ended before anything came out of it, is not read
/// any more. Whoever kills the program again and again should not lose files by it, hence not two.
const ATTEMPTS: u32 = 5;

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
    pub(super) documents: u64,
    pub(super) failed: u64,
    pub(super) last_error: String,
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

/// The end of a file that was read.
pub(super) fn indexed(reason: Option<String>, holds: Holds) -> End {
    End::State { state: FileState::Indexed, reason, holds }
}

/// Reads files and reports what they hold: each ends in one [`Output::Done`]. Those that are one document are parsed as one
/// set: few and small ones, or a large one alone ([`fits`]).
pub(super) fn read(
    context: &IngestContext,
    files: &[FileRecord],
    outputs: &mpsc::Sender<Output>,
    soft: &CancellationToken,
) {
    let (mut waiting, mut jobs) = (Vec::with_capacity(files.len()), Vec::with_capacity(files.len()));
    for file in files {
        let (position, left_out) = (Position::default(), LeftOut::default());
        let mut reading = Reading { context, file, outputs, soft, position, left_out, failed_on: Vec::new() };
        if soft.is_cancelled() {
            reading.done(Ok(End::Released));
            continue;
        }
        match caught(|| reading.begin()) {
            Ok(Begun::Waits { job, before }) => {
                waiting.push((reading, job.bytes.len() as u64, before));
                jobs.push(job);
            }
            Ok(Begun::Ended(end)) => reading.done(Ok(end)),
            Err(refused) => reading.done(Err(refused)),
        }
    }
    let answers = context.parsers.parse(&jobs, &|| !soft.is_cancelled());
    drop(jobs);
    for ((mut reading, length, before), answer) in waiting.into_iter().zip(answers) {
        let end = caught(|| {
            let end = reading.take(length, answer)?;
            reading.unless_changed(end, &before)
        });
        reading.done(end);
    }
}

/// Whether a file of `size` may join a set that holds `files` of `bytes` together: what one of them does to its parser costs
/// the others time.
pub(super) fn fits(size: u64, files: usize, bytes: u64) -> bool {
    files == 0 || (files < SET && bytes.saturating_add(size) <= SET_BYTES)
}

fn caught<T>(work: impl FnOnce() -> Result<T, Refused>) -> Result<T, Refused> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        Err(Refused::Parse(ParseError::Damaged("the parser failed on it (a bug worth reporting)".into())))
    })
}

/// A closed channel means that the worker is gone; then there is nobody to tell.
pub(super) fn send(outputs: &mpsc::Sender<Output>, output: Output) {
    let _ = outputs.blocking_send(output);
}

/// A file being read.
pub(super) struct Reading<'a> {
    pub(super) context: &'a IngestContext,
    pub(super) file: &'a FileRecord,
    pub(super) outputs: &'a mpsc::Sender<Output>,
    pub(super) soft: &'a CancellationToken,
    pub(super) position: Position,
    pub(super) left_out: LeftOut,
    /// Content of the messages that could not be read, to be told from messages that are gone.
    pub(super) failed_on: Vec<[u8; 32]>,
}

/// How far a file is after a first look.
enum Begun {
    /// It is done.
    Ended(End),
    /// It waits to be parsed; `before` is what it was when it was read.
    Waits { job: Job, before: Box<Metadata> },
}

impl Reading<'_> {
    fn begin(&mut self) -> Result<Begun, Refused> {
        if self.file.attempts > ATTEMPTS {
            return Err(ParseError::EndedProgram(self.file.attempts - 1).into());
        }
        let path = &paths::path_of(&self.file.path);
        let (mut opened, before) = regular::open(path, self.links())?;
        let mut head = vec![0; HEAD_BYTES.min(usize::try_from(before.len()).unwrap_or(HEAD_BYTES))];
        opened.read_exact(&mut head)?;
        let end = match detect(path, &head, before.len()) {
            Detected::Mbox => self.archive(opened, &head, &before)?,
            Detected::Empty => self.skip("empty file"),
            Detected::Unsupported(what) => self.skip(&what),
            kind => {
                let job = self.job(opened, head, before.len(), kind)?;
                return Ok(Begun::Waits { job, before: Box::new(before) });
            }
        };
        self.unless_changed(end, &before).map(Begun::Ended)
    }

    /// The end, unless the file was changed while it was read.
    fn unless_changed(&self, end: End, before: &Metadata) -> Result<End, Refused> {
        let after = std::fs::metadata(paths::path_of(&self.file.path))?;
        let is_same = after.len() == before.len() && walk::modified(&after) == walk::modified(before);
        Ok(if is_same { end } else { End::Changed })
    }

    /// Reports how it ended.
    fn done(mut self, end: Result<End, Refused>) {
        let end = end.unwrap_or_else(|refused| refused.end(self.file, &mut self.position, self.outputs));
        send(self.outputs, Output::Done { path: self.file.path.clone(), position: self.position, end });
    }

    /// Whoever names a link means what it leads to; in a folder none is taken.
    pub(super) fn links(&self) -> Links {
        if self.file.origin == Origin::Explicit { Links::Follow } else { Links::Refuse }
    }

    fn skip(&mut self, reason: &str) -> End {
        self.position.seen = 1;
        self.position.skipped = 1;
        self.position.bytes_done = self.file.size_bytes;
        End::State { state: FileState::Skipped, reason: Some(reason.to_owned()), holds: Holds::What }
    }

    /// A file that is one document, to be parsed.
    fn job(&mut self, opened: File, head: Vec<u8>, length: u64, kind: Detected) -> Result<Job, Refused> {
        if length > LARGEST_FILE {
            let message = format!("{} MiB; at most {} are read", length >> 20, LARGEST_FILE >> 20);
            return Err(Refused::Parse(ParseError::TooLarge(message)));
        }
        let mut bytes = head;
        // What grows while it is read ends somewhere.
        opened.take(LARGEST_FILE).read_to_end(&mut bytes)?;
        self.position.seen = 1;
        // Noted before anything can fail: whoever asks later can tell whether these bytes are still the same.
        self.position.content_sha256 = Some(Sha256::digest(&bytes).into());
        let what = What::File { path: self.file.path.clone(), modified_at: self.file.modified_at, kind };
        Ok(Job { facts: Facts { what, chunks: self.context.chunks }, bytes })
    }

    /// What became of it; it has `length` bytes.
    fn take(&mut self, length: u64, answer: Answer) -> Result<End, Refused> {
        let (document, left_out) = match answer {
            Answer::Read { document, left_out } => (document, left_out),
            Answer::Refused(error) => return Err(error.into()),
            Answer::NotTried(why) => return self.not_tried(why),
        };
        self.position.source_type = Some(document.source_type);
        self.position.bytes_done = length;
        self.left_out.take(left_out);
        self.emit(*document, None);
        Ok(indexed(self.left_out.told(), Holds::What))
    }

    /// A file that looked like an archive and holds no message is text of its own.
    pub(super) fn text_after_all(&mut self, mut opened: File, length: u64) -> Result<End, Refused> {
        self.position = Position::default();
        let mut head = vec![0; HEAD_BYTES.min(usize::try_from(length).unwrap_or(HEAD_BYTES))];
        opened.read_exact(&mut head)?;
        let is_markdown = matches!(extension(&self.file.path).as_str(), "md" | "markdown" | "mdown" | "mkd" | "mdx");
        let kind = if is_markdown { Detected::Markdown } else { Detected::Text };
        let job = self.job(opened, head, length, kind)?;
        let length = job.bytes.len() as u64;
        let answer = self.parse(&[job]).pop().unwrap_or_else(|| Answer::NotTried("no answer".to_owned()));
        self.take(length, answer)
    }

    /// Has jobs done, and gives up on them when the program is to end.
    pub(super) fn parse(&self, jobs: &[Job]) -> Vec<Answer> {
        self.context.parsers.parse(jobs, &|| !self.soft.is_cancelled())
    }

    /// Nothing is known of what was not tried: it goes back to the queue when the program ends, and is tried again later
    /// otherwise.
    pub(super) fn not_tried(&self, why: String) -> Result<End, Refused> {
        if self.soft.is_cancelled() { Ok(End::Released) } else { Err(Refused::Io(std::io::Error::other(why))) }
    }

    /// A document of this file, at `offset` of it. Where it comes from is known here, whatever a parser says.
    pub(super) fn emit(&self, mut document: NewDocument, offset: Option<u64>) {
        document.source_path.clone_from(&self.file.path);
        document.source_offset = offset;
        if document.message.is_none() {
            document.source_key = format!("file:{}", self.file.path);
        }
        document.id = DocumentId::from_source_key(&document.source_key);
        document::embed(&mut document, &*self.context.instant);
        send(self.outputs, Output::Document { path: self.file.path.clone(), document: Box::new(document) });
    }

    /// A part of the file, at `offset`, that cannot be read.
    pub(super) fn fail(&mut self, offset: u64, error: String) {
        self.fail_until(offset, error, Retry::AFewTimes);
    }

    /// The same; `retry` says when it is tried again.
    pub(super) fn fail_until(&mut self, offset: u64, error: String, retry: Retry) {
        self.position.failed += 1;
        self.position.last_error.clone_from(&error);
        let letter = NewDeadLetter { path: self.file.path.clone(), offset: Some(offset), error, retry };
        send(self.outputs, Output::Failed(letter));
    }
}

fn extension(path: &str) -> String {
    Path::new(path).extension().map(|extension| extension.to_string_lossy().to_lowercase()).unwrap_or_default()
}
