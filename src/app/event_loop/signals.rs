//! What the shell tells a program on a terminal: stop, go on, another size. Called by the loop.

use nix::unistd::{Pid, getpgid, getpgrp, getppid, getsid};
use rustix::process::{Signal, getpid, kill_current_process_group, kill_process};
use tokio::signal::unix::{Signal as Told, SignalKind, signal};

/// Who is to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// Everybody who was started with us, as Ctrl-Z does.
    Group,
    /// Only this process: it alone was told to.
    Us,
}

/// What a signal asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// Stop.
    Stop,
    /// We were stopped, by whatever means, and go on.
    GoOn,
    /// The terminal has another size.
    Resize,
}

/// The signals a program on a terminal lives with.
pub(super) struct Signals {
    stop: Told,
    go_on: Told,
    resize: Told,
}

impl Signals {
    /// Listens from now on.
    ///
    /// # Errors
    /// When the handlers cannot be installed.
    pub(super) fn listen() -> std::io::Result<Self> {
        let kind = |signal: Signal| SignalKind::from_raw(signal.as_raw());
        Ok(Self {
            stop: signal(kind(Signal::TSTP))?,
            go_on: signal(kind(Signal::CONT))?,
            resize: signal(SignalKind::window_change())?,
        })
    }

    /// The next one.
    pub(super) async fn next(&mut self) -> Asked {
        tokio::select! {
            biased;
            _ = self.stop.recv() => Asked::Stop,
            _ = self.go_on.recv() => Asked::GoOn,
            _ = self.resize.recv() => Asked::Resize,
        }
    }

    /// Stops, and returns when somebody says that it goes on. The first process of a container cannot be stopped from
    /// within: it goes on at once.
    pub(super) async fn stop(&mut self, who: Who) {
        if getpid().is_init() {
            return;
        }
        // What was said before does not count.
        while std::future::poll_fn(|context| std::task::Poll::Ready(self.go_on.poll_recv(context).is_ready())).await {}
        // The process may run a little further before it stands still: only the word to go on is sure.
        let stopped = match who {
            Who::Group => kill_current_process_group(Signal::STOP),
            Who::Us => kill_process(getpid(), Signal::STOP),
        };
        if stopped.is_ok() {
            self.go_on.recv().await;
        }
    }
}

/// Whether a shell waits for us, that would notice that we stopped and can bring us back. Without one (the program of a
/// window, of an SSH connection) nobody could.
///
/// A group or session that this process cannot see (of whoever started a container) has the number 0.
pub(super) fn has_shell() -> bool {
    let (group, Ok(session)) = (getpgrp(), getsid(None)) else { return false };
    let mut ancestor = getppid();
    while ancestor.as_raw() > 0 {
        if getsid(Some(ancestor)) != Ok(session) {
            return false;
        }
        if getpgid(Some(ancestor)) != Ok(group) {
            return true;
        }
        let Some(parent) = parent_of(ancestor) else { return false };
        ancestor = parent;
    }
    false
}

/// The parent of another process; `None` where the system does not tell.
fn parent_of(process: Pid) -> Option<Pid> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name before it may hold blanks and brackets.
    let (_, behind_name) = text.rsplit_once(')')?;
    behind_name.split_whitespace().nth(1)?.parse().ok().map(Pid::from_raw)
}
