//! One parser's process, seen from this side: started, given jobs, waited for, ended. Blocking. Called by the pool.

use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::Program;
use super::confine::{PROCESSOR_TIME, processor_time};
use super::job::Job;
use super::wire::{self, Reply};

/// How often somebody who waits for an answer asks whether it is still wanted.
const LOOK: Duration = Duration::from_millis(200);
/// What a parser that ended may have said, in bytes.
const LAST_WORDS: u64 = 4096;
/// A parser that only waits, for whatever, has this many times its processor time.
const PATIENCE: u32 = 4;

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Broken {
    /// The process ended on the jobs, or had to be ended; in words.
    Ended(String),
    /// The answer is not wanted any more.
    Unwanted,
}

/// A process that parses. Ended when dropped.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    pipe: UnixStream,
    /// Since when it has nothing to do.
    pub(super) idle_since: Instant,
}

impl Process {
    /// Starts one.
    ///
    /// # Errors
    /// When the system starts no process: out of descriptors, memory or processes.
    pub(super) fn start(program: &Program) -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        let theirs = OwnedFd::from(theirs);
        let mut command = Command::new(&program.path);
        command
            .arg0("peanut-parser")
            .args(&program.arguments)
            // No secret of the settings is there to be read.
            .env_clear()
            // The allocator asks for little address space at once: it is what the limit counts.
            .env("MIMALLOC_ARENA_RESERVE", "64MiB")
            .current_dir("/")
            // What the terminal tells its programs is not for this one.
            .process_group(0)
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let child = command.spawn()?;
        ours.set_read_timeout(Some(LOOK))?;
        ours.set_write_timeout(Some(LOOK))?;
        Ok(Self { child, pipe: ours, idle_since: Instant::now() })
    }

    /// Has `jobs` done. After an error the process is of no use any more.
    pub(super) fn exchange(&mut self, jobs: &[Job], is_wanted: &dyn Fn() -> bool) -> Result<Reply, Broken> {
        let bytes = jobs.iter().map(|job| job.bytes.len() as u64).sum();
        let patience = processor_time(bytes, PROCESSOR_TIME).saturating_mul(PATIENCE);
        let deadline = Instant::now() + patience;
        let mut waiting = Waiting { pipe: &self.pipe, deadline, is_wanted, is_unwanted: false };
        let sent = wire::send_jobs(&mut waiting, jobs);
        let received = sent.and_then(|()| wire::receive_reply(&mut waiting));
        let is_unwanted = waiting.is_unwanted;
        match received {
            Ok(Some(reply)) if reply.answers.len() == jobs.len() => {
                self.idle_since = Instant::now();
                Ok(reply)
            }
            _ if is_unwanted => Err(Broken::Unwanted),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                self.end();
                Err(Broken::Ended(format!("it did not answer within {} s", patience.as_secs())))
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                self.end();
                Err(Broken::Ended(format!("its answer makes no sense: {error}")))
            }
            Ok(Some(_)) => {
                self.end();
                Err(Broken::Ended("its answer makes no sense".to_owned()))
            }
            Ok(None) | Err(_) => Err(Broken::Ended(self.cause())),
        }
    }

    /// Whether it lives.
    pub(super) fn is_there(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Why it ended by itself, in words. One that only closed its pipe is ended; that changes nothing for one that is gone.
    fn cause(&mut self) -> String {
        self.kill();
        let status = self.child.wait();
        let mut said = String::new();
        if let Some(errors) = self.child.stderr.take() {
            // What it said is for people; what is no text is left out.
            let mut bytes = Vec::new();
            let _ = errors.take(LAST_WORDS).read_to_end(&mut bytes);
            said = String::from_utf8_lossy(&bytes).split_whitespace().collect::<Vec<_>>().join(" ");
        }
        status.map_or_else(|error| format!("it ended: {error}"), |status| cause(status, &said))
    }

    /// Ends it, whatever it does.
    fn end(&mut self) {
        self.kill();
        let _ = self.child.wait();
    }

    /// With all that it may have started; they share its group. Until it is waited for, its number is nobody else's.
    fn kill(&mut self) {
        if self.is_there() {
            let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

fn cause(status: ExitStatus, said: &str) -> String {
    const ILLEGAL: i32 = 4;
    const CPU_TIME: i32 = 24;
    const KILLED: i32 = 9;
    if said.contains("overflowed its stack") {
        return "it ran out of stack".to_owned();
    }
    if said.contains("memory allocation of") {
        return "it needed more memory than a parser may have".to_owned();
    }
    let why = match (status.signal(), status.code()) {
        (Some(CPU_TIME), _) => "it took more processor time than a parser may have".to_owned(),
        (Some(KILLED), _) => "it was killed (the system may be out of memory)".to_owned(),
        (Some(ILLEGAL), _) => "it ended with an illegal instruction".to_owned(),
        (Some(signal), _) => format!("it ended with signal {signal}"),
        (None, Some(code)) => format!("it ended with code {code}"),
        (None, None) => "it ended".to_owned(),
    };
    if said.is_empty() { why } else { format!("{why}: {said}") }
}

/// The pipe, with a deadline, and an ear for those who do not want the answer any more.
struct Waiting<'a> {
    pipe: &'a UnixStream,
    deadline: Instant,
    is_wanted: &'a dyn Fn() -> bool,
    is_unwanted: bool,
}

impl Waiting<'_> {
    fn patiently<T>(&mut self, mut attempt: impl FnMut(&UnixStream) -> io::Result<T>) -> io::Result<T> {
        loop {
            match attempt(self.pipe) {
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    if !(self.is_wanted)() {
                        self.is_unwanted = true;
                        return Err(io::ErrorKind::TimedOut.into());
                    }
                    if Instant::now() >= self.deadline {
                        return Err(io::ErrorKind::TimedOut.into());
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }
}

impl Read for Waiting<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.patiently(|mut pipe| pipe.read(buffer))
    }
}

impl io::Write for Waiting<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.patiently(|mut pipe| pipe.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
