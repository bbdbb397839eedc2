//! Two-stage shutdown. The first signal drains, the second leaves at once; a crash never looks like a quit.
//!
//! Made by `cli`; every worker holds the soft token, blocking clean-up holds the hard one.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// How long a drain may take before the process leaves anyway.
pub const DRAIN_DEADLINE: Duration = Duration::from_secs(30);

/// Exit code after a second signal or a missed drain deadline, as shells report SIGTERM.
pub const EXIT_FORCED: i32 = 143;

/// The two stages. Cancelling `hard` cancels `soft` too.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    hard: CancellationToken,
    soft: CancellationToken,
}

impl Shutdown {
    /// Nothing asked yet.
    #[must_use]
    pub fn new() -> Self {
        let hard = CancellationToken::new();
        let soft = hard.child_token();
        Self { hard, soft }
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

    /// Moves one stage on: running → draining → leaving.
    pub fn advance(&self) {
        if self.soft.is_cancelled() { self.hard.cancel() } else { self.soft.cancel() }
    }

    /// Advances on SIGTERM, SIGINT and SIGHUP (the SSH connection dropped), for as long as the process lives;
    /// the second signal ends the process with [`EXIT_FORCED`].
    ///
    /// # Errors
    /// When the signal handlers cannot be installed.
    pub fn on_signals(&self) -> std::io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
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
                };
                let stage = if shutdown.soft.is_cancelled() { "leaving" } else { "draining" };
                tracing::info!(signal = name, stage, "signal_received");
                shutdown.advance();
            }
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Shutdown;

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
