//! How often a command that waits looks at the store: often at first, so that what is done in a moment is not waited for,
//! seldom later, so that the looking costs a twentieth of the time at most. Used by `ingest --wait`, `reindex`, `graph`.

use std::time::Duration;

use tokio::time::Instant;

/// Nothing is done in less.
const SHORTEST: Duration = Duration::from_millis(5);
/// A person who watches sees no difference below.
const LONGEST: Duration = Duration::from_millis(200);
/// The part of the time waited so far that one pause may take.
const SHARE: u32 = 20;

/// The looks of one wait.
pub(super) struct Looks {
    since: Instant,
}

impl Looks {
    /// The wait begins.
    pub(super) fn begin() -> Self {
        Self { since: Instant::now() }
    }

    /// Waits until it is time for the next look.
    pub(super) async fn next(&self) {
        tokio::time::sleep(pause(self.since.elapsed())).await;
    }
}

fn pause(waited: Duration) -> Duration {
    (waited / SHARE).clamp(SHORTEST, LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_become_rarer_and_never_rare() {
        let of = |milliseconds| pause(Duration::from_millis(milliseconds)).as_millis();
        assert_eq!([of(0), of(100), of(1_000), of(4_000), of(3_600_000)], [5, 5, 50, 200, 200]);
    }
}
