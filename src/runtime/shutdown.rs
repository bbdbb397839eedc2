//! Two-stage shutdown. The first signal drains, the second leaves at once; a crash never looks like a quit.
//!
//! Made by `cli`; every worker holds the soft token, blocking clean-up holds the hard one.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::app::ports::TerminalLent;

/// How long a drain may take before the process leaves anyway.
pub const DRAIN_DEADLINE: Duration = Duration::from_secs(30);

/// Exit code after a second signal or a missed drain deadline, as shells report SIGTERM.
pub const EXIT_FORCED: i32 = 143;

/// The two stages. Cancelling `hard` cancels `soft` too.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    hard: CancellationToken,
    soft: CancellationToken,
    lent: TerminalLent,
}

impl Shutdown {
    /// Nothing asked yet.
    #[must_use]
    pub fn new() -> Self {
        let hard = CancellationToken::new();
        let soft = hard.child_token();
        Self { hard, soft, lent: TerminalLent::default() }
    }

    /// Cancelled when work should be finished and none begun.
    #[must_use]
    pub fn soft(&self) -> CancellationToken {
        self.soft.clone()
    }

    /// Cancelled when the process should leave at once.
    #[must_use]
    pub fn hard(&self) -> CancellationToken {
        self.hard.clone()
    }

    /// To be told when another program has the terminal: what the keyboard signals then is not for us.
    #[must_use]
    pub fn lent(&self) -> TerminalLent {
        self.lent.clone()
    }

    /// Moves one stage on: running → draining → leaving.
    pub fn advance(&self) {
        if self.soft.is_cancelled() { self.hard.cancel() } else { self.soft.cancel() }
    }

    /// Advances on SIGTERM, SIGINT and SIGHUP (the SSH connection dropped), for as long as the process lives;
    /// the second signal ends the process with [`EXIT_FORCED`]. A hang-up comes more than once (from the shell, then
    /// from the system) and is never the second signal.
    ///
    /// # Errors
    /// When the signal handlers cannot be installed.
    pub fn on_signals(&self) -> std::io::Result<()> {
        self.listen(None)
    }

    /// As [`Self::on_signals`], for a program that lends its terminal: SIGQUIT too, and what the keyboard signals while
    /// another program has the terminal is left to that program.
    ///
    /// # Errors
    /// When the signal handlers cannot be installed.
    pub fn on_signals_of_a_terminal(&self) -> std::io::Result<()> {
        self.listen(Some(signal(SignalKind::quit())?))
    }

    fn listen(&self, mut quit: Option<Signal>) -> std::io::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut hangup = signal(SignalKind::hangup())?;
        let shutdown = self.clone();
        tokio::spawn(async move {
            loop {
                let name = tokio::select! {
                    _ = terminate.recv() => "SIGTERM",
                    _ = interrupt.recv() => "SIGINT",
                    _ = hangup.recv() => "SIGHUP",
                    () = received(quit.as_mut()) => "SIGQUIT",
                };
                shutdown.take(name);
            }
        });
        Ok(())
    }

    fn take(&self, name: &str) {
        if matches!(name, "SIGINT" | "SIGQUIT") && self.lent.has_the_keyboard() {
            tracing::debug!(signal = name, "signal_of_another_program");
            return;
        }
        // The app may end by itself at this very moment: what counts is the stage that was seen.
        let is_draining = self.soft.is_cancelled();
        if is_draining && name == "SIGHUP" {
            return;
        }
        tracing::info!(signal = name, stage = if is_draining { "leaving" } else { "draining" }, "signal_received");
        if is_draining { self.hard.cancel() } else { self.soft.cancel() }
    }
}

async fn received(signal: Option<&mut Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::Shutdown;

    #[test]
    fn a_hang_up_drains_however_often_it_comes() {
        let shutdown = Shutdown::new();
        for _ in 0..3 {
            shutdown.take("SIGHUP");
        }
        assert!(shutdown.soft().is_cancelled() && !shutdown.hard().is_cancelled());
        shutdown.take("SIGTERM");
        assert!(shutdown.hard().is_cancelled());
    }

    #[test]
    fn what_is_typed_in_an_editor_is_the_editors() {
        let shutdown = Shutdown::new();
        shutdown.lent().lend();
        shutdown.take("SIGINT");
        shutdown.take("SIGQUIT");
        shutdown.lent().take_back();
        shutdown.take("SIGINT");
        assert!(!shutdown.soft().is_cancelled(), "neither during nor right behind");
        shutdown.take("SIGTERM");
        assert!(shutdown.soft().is_cancelled());
    }

    #[test]
    fn first_stage_drains_second_leaves() {
        let shutdown = Shutdown::new();
        shutdown.advance();
        assert!(shutdown.soft().is_cancelled() && !shutdown.hard().is_cancelled());
        shutdown.advance();
        assert!(shutdown.hard().is_cancelled());
    }

    #[test]
    fn leaving_implies_draining() {
        let shutdown = Shutdown::new();
        shutdown.hard().cancel();
        assert!(shutdown.soft().is_cancelled());
    }
}
