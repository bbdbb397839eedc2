//! Outbox and intake over time, sampled once a second, for the sparklines.

use std::collections::VecDeque;

use crate::domain::Timestamp;
use crate::domain::status::StatusSnapshot;

/// Samples kept: two minutes.
const KEPT: usize = 120;

/// The samples, oldest first.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Events waiting.
    pub pending: VecDeque<f64>,
    /// Age of the oldest deliverable event in seconds.
    pub lag_seconds: VecDeque<f64>,
    /// Events delivered per second.
    pub delivered_per_second: VecDeque<f64>,
    /// Items taken in per second.
    pub items_per_second: VecDeque<f64>,
    last: Option<(Timestamp, u64, u64)>,
}

impl History {
    /// Takes a picture in, at most one a second.
    pub fn sample(&mut self, status: &StatusSnapshot) {
        let (processed, seen) = (status.outbox.processed_total, status.intake.items.seen);
        let Some((at, processed_before, seen_before)) = self.last else {
            self.last = Some((status.at, processed, seen));
            return;
        };
        let seconds = status.at.seconds_since(at);
        if seconds < 1.0 {
            return;
        }
        self.last = Some((status.at, processed, seen));
        push(&mut self.pending, status.outbox.pending as f64);
        push(&mut self.lag_seconds, status.outbox.oldest_pending_seconds.unwrap_or(0.0));
        push(&mut self.delivered_per_second, processed.saturating_sub(processed_before) as f64 / seconds);
        push(&mut self.items_per_second, seen.saturating_sub(seen_before) as f64 / seconds);
    }

    /// The latest rate of intake.
    #[must_use]
    pub fn items_rate(&self) -> f64 {
        self.items_per_second.back().copied().unwrap_or(0.0)
    }

    /// The latest rate of delivery.
    #[must_use]
    pub fn delivery_rate(&self) -> f64 {
        self.delivered_per_second.back().copied().unwrap_or(0.0)
    }
}

fn push(samples: &mut VecDeque<f64>, value: f64) {
    if samples.len() == KEPT {
        samples.pop_front();
    }
    samples.push_back(value);
}
