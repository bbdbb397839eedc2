//! How long to wait before trying again, and when to stop hammering. Pure: time comes in, decisions go out.
//!
//! Called by the relay and the embedding worker.

use std::time::Duration;

use crate::domain::Timestamp;

/// Exponential backoff with full jitter (a wait drawn evenly from zero to the exponential ceiling), as in
/// "Exponential Backoff And Jitter", AWS Architecture Blog, 2015, but never below a tenth of the ceiling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Ceiling of the first wait.
    pub base: Duration,
    /// Ceiling of every later wait.
    pub cap: Duration,
}

impl Backoff {
    /// The wait after the `failures`-th failure in a row (from 1); `fraction` is random, 0 to 1.
    #[must_use]
    pub fn delay(self, failures: u32, fraction: f64) -> Duration {
        let doublings = failures.saturating_sub(1).min(24);
        let ceiling = self.base.saturating_mul(1 << doublings).min(self.cap);
        ceiling.mul_f64(fraction.clamp(0.1, 1.0))
    }
}

/// Opens after a number of failures in a row, lets one attempt through when its time has come, closes on success.
#[derive(Clone, Debug)]
pub struct Breaker {
    backoff: Backoff,
    threshold: u32,
    failures: u32,
    open_until: Option<Timestamp>,
}

impl Breaker {
    /// A closed breaker that opens after `threshold` failures in a row.
    #[must_use]
    pub fn new(threshold: u32, backoff: Backoff) -> Self {
        Self { backoff, threshold, failures: 0, open_until: None }
    }

    /// Until when nothing should be tried; `None` while it is closed or due for an attempt.
    #[must_use]
    pub fn open_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.open_until.filter(|until| *until > now)
    }

    /// Whether it is open or trying its luck.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open_until.is_some()
    }

    /// The service answered.
    pub fn success(&mut self) {
        self.failures = 0;
        self.open_until = None;
    }

    /// The service did not answer. Returns how long to wait before the next attempt, open or not.
    pub fn failure(&mut self, now: Timestamp, fraction: f64) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let delay = self.backoff.delay(self.failures, fraction);
        if self.failures >= self.threshold {
            self.open_until = Some(now.plus(delay));
        }
        delay
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff { base: Duration::from_secs(1), cap: Duration::from_secs(60) };

    #[test]
    fn waits_double_up_to_the_cap_and_keep_their_jitter() {
        let seconds: Vec<f64> = (1..=8).map(|n| BACKOFF.delay(n, 1.0).as_secs_f64()).collect();
        assert_eq!(seconds, [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]);
        assert_eq!(BACKOFF.delay(3, 0.5), Duration::from_secs(2));
        assert_eq!(BACKOFF.delay(1, 0.0), Duration::from_millis(100));
        assert_eq!(BACKOFF.delay(u32::MAX, 1.0), Duration::from_secs(60));
    }

    #[test]
    fn the_breaker_opens_after_its_threshold_and_closes_on_success() {
        let mut breaker = Breaker::new(5, BACKOFF);
        let now = Timestamp(0);
        for _ in 0..4 {
            breaker.failure(now, 1.0);
            assert!(!breaker.is_open());
        }
        breaker.failure(now, 1.0);
        assert_eq!(breaker.open_until(now), Some(Timestamp(16_000)));
        assert_eq!(breaker.open_until(Timestamp(16_000)), None, "due for an attempt");
        assert!(breaker.is_open(), "but not closed yet");
        breaker.success();
        assert!(!breaker.is_open());
    }
}
