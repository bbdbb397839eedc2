//! Outbox and intake over time, sampled once a second, for the sparklines.

use std::collections::{HashMap, VecDeque};

use crate::domain::Timestamp;
use crate::domain::intake::{FileRecord, FileState};
use crate::domain::status::StatusSnapshot;

/// Samples kept: two minutes.
const KEPT: usize = 120;
/// Samples an estimate is made of.
const RECENT: usize = 10;

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
    /// Bytes by which what waits became less per second; zero while more is offered than read.
    pub drained_bytes_per_second: VecDeque<f64>,
    last: Option<Sample>,
    /// Files in hand: when each was first seen, and how far it was read then.
    readings: HashMap<String, (Timestamp, u64)>,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    at: Timestamp,
    processed: u64,
    seen: u64,
    bytes_waiting: u64,
}

impl History {
    /// Takes a picture in, at most one a second.
    pub fn sample(&mut self, status: &StatusSnapshot) {
        self.follow(&status.files);
        let now = Sample {
            at: status.at,
            processed: status.outbox.processed_total,
            seen: status.intake.items.seen,
            bytes_waiting: status.intake.bytes_waiting,
        };
        let Some(before) = self.last else {
            self.last = Some(now);
            return;
        };
        let seconds = now.at.seconds_since(before.at);
        if seconds < 1.0 {
            return;
        }
        self.last = Some(now);
        let per_second = |more: u64, less: u64| more.saturating_sub(less) as f64 / seconds;
        push(&mut self.pending, status.outbox.pending as f64);
        push(&mut self.lag_seconds, status.outbox.oldest_pending_seconds.unwrap_or(0.0));
        push(&mut self.delivered_per_second, per_second(now.processed, before.processed));
        push(&mut self.items_per_second, per_second(now.seen, before.seen));
        push(&mut self.drained_bytes_per_second, per_second(before.bytes_waiting, now.bytes_waiting));
    }

    /// Keeps where each file in hand was when it was first seen; forgets the others.
    fn follow(&mut self, files: &[FileRecord]) {
        let in_hand = files.iter().filter(|file| file.state == FileState::Parsing);
        let readings = in_hand
            .map(|file| {
                let known = self.readings.get(&file.path).copied();
                (file.path.clone(), known.unwrap_or((file.updated_at, file.bytes_done)))
            })
            .collect();
        self.readings = readings;
    }

    /// Bytes per second a file in hand is read at, from when it was first seen to its last sign of life; `None` while
    /// that cannot be told.
    #[must_use]
    pub fn bytes_rate(&self, file: &FileRecord) -> Option<f64> {
        let (since, start) = self.readings.get(&file.path)?;
        let seconds = file.updated_at.seconds_since(*since);
        let bytes = file.bytes_done.saturating_sub(*start) as f64;
        (seconds > 0.0 && bytes > 0.0).then_some(bytes / seconds)
    }

    /// Seconds until what waits is read, at the mean speed of the last seconds; `None` while nothing moves.
    #[must_use]
    pub fn remaining_seconds(&self, bytes_waiting: u64) -> Option<f64> {
        let latest = self.drained_bytes_per_second.iter().rev().take(RECENT);
        let (count, sum) = latest.fold((0_u32, 0.0_f64), |(count, sum), rate| (count + 1, sum + rate));
        (sum > 0.0 && bytes_waiting > 0).then_some(bytes_waiting as f64 * f64::from(count) / sum)
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn what_remains_is_told_from_bytes() {
        let mut history = History::default();
        for (second, waiting) in [(1, 1_000), (2, 900), (3, 800)] {
            let mut status = StatusSnapshot { at: Timestamp(second * 1_000), ..StatusSnapshot::default() };
            status.intake.bytes_waiting = waiting;
            history.sample(&Arc::new(status));
        }
        assert_eq!(history.remaining_seconds(800), Some(8.0));
        assert_eq!(history.remaining_seconds(0), None);
        assert_eq!(History::default().remaining_seconds(800), None);
    }
}
