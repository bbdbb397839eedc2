//! Reads an archive of messages: streamed, only its new tail when it grew, its messages parsed in sets. Blocking; called by
//! `reader`.

use std::fs::{File, Metadata};
use std::io::{BufReader, Seek, SeekFrom};
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::domain::SourceType;
use crate::domain::intake::FileState;
use crate::ingest::intake::{paths, regular, walk};
use crate::ingest::parse::mail::mbox::{MboxReader, NO_BLANK_LINE, RawMessage};
use crate::ingest::parsers::{Answer, Facts, Job, What};

use super::archives;
use super::reader::{End, Holds, Output, Reading, indexed, send};
use super::refused::{Refused, retry_of};

/// Messages parsed as one set at most.
const SET: usize = 64;
/// Bytes of one set, about.
const SET_BYTES: usize = 512 << 10;
/// An archive that nobody wrote to for this long is not growing: what only looks like half a message is the last one of
/// a program that writes no blank line behind it. Shorter than what failed is tried again by itself: then it is known.
const STILL_GROWING: Duration = Duration::from_secs(30);

/// Where the reading of an archive began, where its last message stands, and whether all of it was read.
struct Tail {
    start: u64,
    last_at: u64,
    is_read: bool,
}

/// Messages that wait to be parsed.
#[derive(Default)]
struct Set {
    messages: Vec<RawMessage>,
    bytes: usize,
}

impl Set {
    fn push(&mut self, message: RawMessage) {
        self.bytes += message.bytes.len();
        self.messages.push(message);
    }

    fn is_full(&self) -> bool {
        self.messages.len() >= SET || self.bytes >= SET_BYTES
    }
}

impl Reading<'_> {
    /// Takes in the messages that it does not know yet.
    pub(super) fn archive(&mut self, mut opened: File, head: &[u8], before: &Metadata) -> Result<End, Refused> {
        let length = before.len();
        self.position.source_type = Some(SourceType::Mail);
        let start = archives::resume_at(self.file, &mut opened, head, length)?;
        self.position.bytes_done = start;
        opened.seek(SeekFrom::Start(start))?;
        let mut reader = MboxReader::new(BufReader::with_capacity(256 << 10, opened), start);
        if start > 0 {
            reader = reader.with_head(head);
        }
        let may_grow = self.context.clock.now().seconds_since(walk::modified(before)) < STILL_GROWING.as_secs_f64();
        let mut messages = 0_u64;
        let mut last_at = start;
        // What comes before the first message is told once there is one: without any, this is no archive.
        let mut early = Vec::new();
        let mut set = Set::default();
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
                    last_at = message.offset;
                    let (why, offset, end_offset) = (message.cut_off, message.offset, message.end_offset);
                    set.push(message);
                    if set.is_full() && why.is_none() {
                        if let Some(end) = self.parse_set(&mut set)? {
                            return Ok(end);
                        }
                    } else if let Some(why) = why {
                        if let Some(end) = self.parse_set(&mut set)? {
                            return Ok(end);
                        }
                        self.half(why, offset, end_offset, may_grow);
                    }
                }
                Err(error) => {
                    if let Some(end) = self.parse_set(&mut set)? {
                        return Ok(end);
                    }
                    self.position.bytes_done = error.end_offset;
                    if error.is_left_out {
                        messages += 1;
                        self.position.seen += 1;
                        self.position.skipped += 1;
                        self.left_out.take(vec![format!("a message is left out: {}", error.reason)]);
                    } else if messages == 0 && start == 0 {
                        early.push((error.offset, error.reason));
                    } else {
                        self.position.seen += 1;
                        self.fail(error.offset, error.reason);
                    }
                }
            }
        }
        if let Some(end) = self.parse_set(&mut set)? {
            return Ok(end);
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

    /// Has the messages parsed and tells how far the archive is; the end of the file when they could not be tried.
    fn parse_set(&mut self, set: &mut Set) -> Result<Option<End>, Refused> {
        let Set { messages, .. } = std::mem::take(set);
        if messages.is_empty() {
            return Ok(None);
        }
        let mut places = Vec::with_capacity(messages.len());
        let mut jobs = Vec::with_capacity(messages.len());
        for RawMessage { offset, end_offset, bytes, dated_at, .. } in messages {
            places.push((offset, end_offset));
            let what = What::Message { path: self.file.path.clone(), offset, dated_at };
            jobs.push(Job { facts: Facts { what, chunks: self.context.chunks }, bytes });
        }
        let answers = self.parse(&jobs);
        for (((offset, end_offset), answer), job) in places.into_iter().zip(answers).zip(&jobs) {
            match answer {
                Answer::NotTried(why) => return self.not_tried(why).map(Some),
                Answer::Read { document, left_out } => {
                    self.position.seen += 1;
                    self.left_out.take(left_out);
                    self.position.documents += 1;
                    self.emit(*document, Some(offset));
                }
                Answer::Refused(error) => {
                    self.position.seen += 1;
                    self.failed_on.push(Sha256::digest(&job.bytes).into());
                    self.fail_until(offset, error.to_string(), retry_of(&error));
                }
            }
            self.position.bytes_done = end_offset;
        }
        send(self.outputs, Output::Progress { path: self.file.path.clone(), position: self.position.clone() });
        Ok(None)
    }

    /// The last message may be only half there. What is missing is an item of its own, and the next pass reads the
    /// message again.
    fn half(&mut self, why: &'static str, offset: u64, end_offset: u64, may_grow: bool) {
        if why == NO_BLANK_LINE && !may_grow {
            self.left_out.take(vec![format!("of its last message, {why}")]);
            return;
        }
        self.position.seen += 1;
        self.fail(
            end_offset,
            format!("the last message may be cut off: {why}; it is read again when the file has grown"),
        );
        self.position.bytes_done = offset;
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
}
