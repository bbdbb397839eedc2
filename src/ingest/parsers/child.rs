//! The life of a parser's process: confined, it reads jobs from its standard input until there are no more. Called by the
//! binary when it is started as a parser, and by nobody else.

use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::ingest::parse::ParseError;

use super::job::{Answer, Job};
use super::wire::{self, Reply};
use super::{confine, planned, work};

/// Panics that were caught since the last answer.
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());
/// Panics told of one set of jobs at most.
const PANICS_TOLD: usize = 8;
/// Processor time of a test.
const PLANNED_TIME: Duration = Duration::from_secs(1);

/// Answers jobs until the other end is closed. `is_planned` makes it do what jobs ask for (`planned`), with less time:
/// for tests.
///
/// # Errors
/// When it cannot be confined, or what comes is no job.
pub fn run(is_planned: bool) -> io::Result<()> {
    std::panic::set_hook(Box::new(|info| {
        let mut panics = PANICS.lock().unwrap_or_else(PoisonError::into_inner);
        if panics.len() < PANICS_TOLD {
            panics.push(info.to_string());
        }
    }));
    serve(is_planned)
}

fn serve(is_planned: bool) -> io::Result<()> {
    let pipe = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    lower_priority();
    confine::confine()?;
    let base = if is_planned { PLANNED_TIME } else { confine::PROCESSOR_TIME };
    let mut from = io::BufReader::with_capacity(128 << 10, &pipe);
    // Before the first byte: its own limits first.
    confine::allow(0, base)?;
    while let Some(jobs) = wire::receive_jobs(&mut from)? {
        confine::allow(jobs.iter().map(|job| job.bytes.len() as u64).sum(), base)?;
        let answers = jobs.iter().map(|job| if is_planned { planned_answer(job) } else { answer(job) }).collect();
        drop(jobs);
        let panics = std::mem::take(&mut *PANICS.lock().unwrap_or_else(PoisonError::into_inner));
        wire::send_reply(&pipe, &Reply { answers, panics })?;
    }
    Ok(())
}

fn answer(job: &Job) -> Answer {
    work::answer(&job.facts, &job.bytes)
}

fn planned_answer(job: &Job) -> Answer {
    let reached = planned::act(&job.bytes);
    if reached.is_empty() { answer(job) } else { Answer::Refused(ParseError::Damaged(reached.join(", "))) }
}

/// The screen never waits for a parser.
fn lower_priority() {
    let _ = rustix::process::setpriority_process(None, 10);
}
