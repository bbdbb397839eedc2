//! Parsing of files nobody vouches for, in processes of its own: what a file does to its parser, it does to nothing else.
//! Called by the pipeline (files, messages) and by intake (texts handed over).
//!
//! A few processes of this very program wait for jobs (`child`), confined to computing (`confine`); they are started when
//! they are needed and go when nobody needed them for a while. Jobs go in sets. When a process ends on a set, each job of it
//! is tried alone, and one that ends its process twice is refused for good, with the reason. Where no program is given
//! (tests and benchmarks of the library), jobs are done in this process, behind `catch_unwind` alone.

pub mod child;
mod confine;
pub mod document;
pub mod job;
mod planned;
mod process;
mod wire;
mod work;

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use job::{Answer, Facts, Job, TextFacts, What};

use crate::ingest::parse::ParseError;

use process::{Broken, Process};

/// A process that nobody needed for this long is ended.
const IDLE: Duration = Duration::from_secs(30);
/// How often a job may end its process.
const ATTEMPTS: u32 = 2;

/// How a parser's process is started.
#[derive(Clone, Debug)]
pub struct Program {
    /// The program, and what tells it to parse ([`child::run`]).
    pub path: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

/// A file that ended its parser for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Casualty {
    /// Which one.
    pub name: String,
    /// How.
    pub why: String,
}

/// Told of every job that is refused because it ended its parser.
pub type Witness = Arc<dyn Fn(&Casualty) + Send + Sync>;

/// The parsers of this process. Clones share them.
#[derive(Clone)]
pub struct Parsers(Option<Arc<Pool>>);

struct Pool {
    program: Program,
    witness: Witness,
    idle: Mutex<Vec<Process>>,
}

impl Parsers {
    /// Parses in this process: for tests and benchmarks.
    #[must_use]
    pub fn here() -> Self {
        Self(None)
    }

    /// Parses in processes of `program`. `witness` hears of what ended them.
    #[must_use]
    pub fn of(program: Program, witness: Witness) -> Self {
        Self(Some(Arc::new(Pool { program, witness, idle: Mutex::default() })))
    }

    /// Does `jobs`, as many at a time as there are callers; one answer for each, in order. Blocking. When `is_wanted` says no,
    /// the process is ended and what it had not answered is [`Answer::NotTried`].
    #[must_use]
    pub fn parse(&self, jobs: &[Job], is_wanted: &dyn Fn() -> bool) -> Vec<Answer> {
        let Some(pool) = &self.0 else {
            return jobs.iter().map(|job| work::answer(&job.facts, &job.bytes)).collect();
        };
        match pool.exchange(jobs, is_wanted) {
            Ok(answers) => answers,
            Err(Trouble::NotTried(why)) => vec![Answer::NotTried(why); jobs.len()],
            Err(Trouble::Ended(why)) => match jobs {
                [job] => vec![pool.alone(job, Some(why), is_wanted)],
                // Nobody knows yet whose doing it was.
                _ => jobs.iter().map(|job| pool.alone(job, None, is_wanted)).collect(),
            },
        }
    }

    /// Ends the processes that nobody needed for a while.
    pub fn tidy(&self) {
        if let Some(pool) = &self.0 {
            pool.idle().retain(|process| process.idle_since.elapsed() < IDLE);
        }
    }
}

enum Trouble {
    Ended(String),
    NotTried(String),
}

impl Pool {
    fn idle(&self) -> MutexGuard<'_, Vec<Process>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One that waits, or a new one. What ended while it waited was no job's doing.
    fn process(&self) -> io::Result<Process> {
        while let Some(mut waiting) = self.idle().pop() {
            if waiting.is_there() {
                return Ok(waiting);
            }
        }
        Process::start(&self.program)
    }

    fn exchange(&self, jobs: &[Job], is_wanted: &dyn Fn() -> bool) -> Result<Vec<Answer>, Trouble> {
        let mut process =
            self.process().map_err(|error| Trouble::NotTried(format!("no parser can be started: {error}")))?;
        match process.exchange(jobs, is_wanted) {
            Ok(reply) => {
                for panic in &reply.panics {
                    tracing::warn!(error = panic, "parser_panicked");
                }
                self.idle().push(process);
                Ok(reply.answers)
            }
            Err(Broken::Unwanted) => Err(Trouble::NotTried("the program is ending".to_owned())),
            Err(Broken::Ended(why)) => {
                let first = jobs.first().map(|job| job.facts.what.name()).unwrap_or_default();
                tracing::warn!(why, jobs = jobs.len(), first, "parser_ended");
                Err(Trouble::Ended(why))
            }
        }
    }

    /// Does one job with nothing beside it. `ended` is why a process ended on it already.
    fn alone(&self, job: &Job, ended: Option<String>, is_wanted: &dyn Fn() -> bool) -> Answer {
        let mut attempts = u32::from(ended.is_some());
        let mut why = ended.unwrap_or_default();
        while attempts < ATTEMPTS {
            match self.exchange(std::slice::from_ref(job), is_wanted) {
                Ok(mut answers) => return answers.pop().unwrap_or_else(|| Answer::NotTried("no answer".to_owned())),
                Err(Trouble::NotTried(why)) => return Answer::NotTried(why),
                Err(Trouble::Ended(again)) => (attempts, why) = (attempts + 1, again),
            }
        }
        (self.witness)(&Casualty { name: job.facts.what.name(), why: why.clone() });
        Answer::Refused(ParseError::EndedParser(why))
    }
}
