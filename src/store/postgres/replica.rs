//! A standby that answers searches: how far it is behind, and whether a search may go there.
//!
//! A task asks primary and standby twice a second for their positions in the log. The standby serves while it is a
//! standby of this very primary, is not behind more than [`MOST_BEHIND`], and has replayed everything this process wrote:
//! whoever adds a document finds it with the next search. Whatever fails there is asked of the primary instead.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::PgPool;
use sqlx::postgres::PgConnectOptions;

use crate::store::ReplicaStatus;

/// A standby further behind than this serves no searches.
const MOST_BEHIND: Duration = Duration::from_secs(10);
/// Between two looks at its position.
const PERIOD: Duration = Duration::from_millis(500);
/// A question about a position takes at most this long.
const ASK_TIMEOUT: Duration = Duration::from_secs(2);
/// What was last seen of it is worth something for this long.
const FRESH: Duration = Duration::from_secs(5);
/// A standby under which a search failed is left alone this long.
const RESTS: Duration = Duration::from_secs(10);
/// Positions of the primary that are remembered: ten minutes.
const MOST_SAMPLES: usize = 1_200;

/// Where the primary's log was at a moment, and how much this process had written before.
#[derive(Clone, Copy, Debug)]
struct Sample {
    at: Instant,
    position: i64,
    writes: u64,
}

/// What is known of the standby.
#[derive(Debug, Default)]
struct Known {
    samples: VecDeque<Sample>,
    /// When it last said where it is.
    seen: Option<Instant>,
    behind: Duration,
    behind_bytes: u64,
    /// How much of what this process wrote it has for sure.
    has_writes: u64,
    /// Why it cannot serve, with what to do.
    problem: Option<String>,
    rests_until: Option<Instant>,
}

/// The standby.
#[derive(Debug)]
pub(super) struct Replica {
    location: String,
    pool: PgPool,
    /// Writes of this process, counted when they are committed.
    writes: Arc<AtomicU64>,
    known: Arc<Mutex<Known>>,
    following: tokio::task::JoinHandle<()>,
}

impl Replica {
    /// Follows the standby behind `pool`. Must be called on a runtime.
    pub(super) fn follow(
        (location, connect): (String, PgConnectOptions),
        pool: PgPool,
        primary: PgPool,
        writes: Arc<AtomicU64>,
    ) -> Self {
        let known: Arc<Mutex<Known>> = Arc::default();
        let following = tokio::spawn(follow(Arc::clone(&known), connect, pool.clone(), primary, Arc::clone(&writes)));
        Self { location, pool, writes, known, following }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its connections.
    pub(super) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Whether a search may go there now.
    pub(super) fn may_serve(&self) -> bool {
        let known = self.known();
        known.serves() && known.has_writes >= self.writes.load(Ordering::SeqCst)
    }

    /// Leaves it alone for a while: a search failed there.
    pub(super) fn distrust(&self, why: &str) {
        tracing::warn!(event = "replica_distrusted", why, "searches go to the primary for a while");
        self.known().rests_until = Some(Instant::now() + RESTS);
    }

    /// For the screens.
    pub(super) fn status(&self) -> ReplicaStatus {
        let known = self.known();
        let is_known = known.seen.is_some() && known.problem.is_none();
        ReplicaStatus {
            location: self.location.clone(),
            behind_seconds: is_known.then_some(known.behind.as_secs_f64()),
            behind_bytes: is_known.then_some(known.behind_bytes),
            serves: known.serves(),
            has_own_writes: known.has_writes >= self.writes.load(Ordering::SeqCst),
            problem: known.problem.clone(),
        }
    }

    /// Ends the following and closes the connections.
    pub(super) async fn close(&self) {
        self.following.abort();
        self.pool.close().await;
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.following.abort();
    }
}

impl Known {
    fn serves(&self) -> bool {
        self.problem.is_none()
            && self.behind <= MOST_BEHIND
            && self.seen.is_some_and(|seen| seen.elapsed() < FRESH)
            && self.rests_until.is_none_or(|until| until <= Instant::now())
    }

    /// The primary was here.
    fn primary_at(&mut self, sample: Sample) {
        if self.samples.len() == MOST_SAMPLES {
            // The oldest stays: it tells how long a standby that does not move is behind.
            self.samples.remove(1);
        }
        self.samples.push_back(sample);
    }

    /// The standby is here.
    fn replica_at(&mut self, position: i64, now: Instant) {
        self.seen = Some(now);
        self.problem = None;
        while self.samples.front().is_some_and(|sample| sample.position <= position) {
            if let Some(sample) = self.samples.pop_front() {
                self.has_writes = self.has_writes.max(sample.writes);
            }
        }
        // It is behind since the primary was first seen further on.
        self.behind = self.samples.front().map_or(Duration::ZERO, |sample| now.saturating_duration_since(sample.at));
        self.behind_bytes = self.samples.back().map_or(0, |sample| (sample.position - position).unsigned_abs());
    }
}

async fn follow(
    known: Arc<Mutex<Known>>,
    connect: PgConnectOptions,
    replica: PgPool,
    primary: PgPool,
    writes: Arc<AtomicU64>,
) {
    loop {
        // Counted before the position is asked: all of it is before that position.
        let written = writes.load(Ordering::SeqCst);
        let (ours, theirs) = tokio::join!(primary_position(&primary), replica_position(&replica, &connect));
        {
            let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            if let Ok((position, _)) = &ours {
                known.primary_at(Sample { at: now, position: *position, writes: written });
            }
            match (theirs, ours) {
                (Err(why), _) => known.problem = Some(format!("{why}: searches go to the primary")),
                (Ok((None, _)), _) => {
                    let text = "it is no standby (any more): correct POSTGRES_REPLICA_URL; searches go to the primary";
                    known.problem = Some(text.to_owned());
                }
                (Ok((_, theirs)), Ok((_, ours))) if theirs != ours => {
                    let text = "it follows another server than POSTGRES_URL: correct POSTGRES_REPLICA_URL; searches go \
                                to the primary";
                    known.problem = Some(text.to_owned());
                }
                // Without its primary it serves what it has.
                (Ok((Some(position), _)), _) => known.replica_at(position, now),
            }
        }
        tokio::time::sleep(PERIOD).await;
    }
}

async fn ask<T>(question: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, String> {
    match tokio::time::timeout(ASK_TIMEOUT, question).await {
        Ok(answer) => answer.map_err(|error| super::error::classify("ask", "replica", error).message),
        Err(_) => Err(format!("no answer within {} s", ASK_TIMEOUT.as_secs())),
    }
}

/// Where the primary's log ends, and which server it is.
async fn primary_position(primary: &PgPool) -> Result<(i64, i64), String> {
    ask(sqlx::query_as(
        "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::BIGINT, \
                (SELECT system_identifier FROM pg_control_system())",
    )
    .fetch_one(primary))
    .await
}

/// Up to where a standby has replayed (`None`: it is none), and which server it copies.
async fn replica_position(replica: &PgPool, connect: &PgConnectOptions) -> Result<(Option<i64>, i64), String> {
    let asking = sqlx::query_as(
        "SELECT CASE WHEN pg_is_in_recovery() THEN pg_wal_lsn_diff(coalesce(pg_last_wal_replay_lsn(), '0/0'), '0/0') \
                END::BIGINT, (SELECT system_identifier FROM pg_control_system())",
    )
    .fetch_one(replica);
    let answer = tokio::time::timeout(ASK_TIMEOUT, asking).await.unwrap_or(Err(sqlx::Error::PoolTimedOut));
    match answer {
        Ok(answer) => Ok(answer),
        Err(error) => Err(super::error::classify("ask", "replica", super::explained(connect, error).await).message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_behind_since_the_primary_went_on() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut known = Known::default();
        for (seconds, position, writes) in [(0, 100, 1), (1, 200, 2), (2, 300, 3)] {
            known.primary_at(Sample { at: at(seconds), position, writes });
        }
        known.replica_at(200, at(3));
        assert_eq!((known.behind, known.behind_bytes, known.has_writes), (Duration::from_secs(1), 100, 2));
        // It stands still: the longer, the further behind, whether the primary writes or not.
        known.replica_at(200, at(14));
        assert_eq!(known.behind, Duration::from_secs(12));
        assert!(known.behind > MOST_BEHIND && !known.serves());
        known.replica_at(300, at(15));
        assert_eq!((known.behind, known.behind_bytes, known.has_writes), (Duration::ZERO, 0, 3));
    }

    #[test]
    fn the_oldest_sample_is_remembered() {
        let start = Instant::now();
        let mut known = Known::default();
        for number in 0..MOST_SAMPLES * 2 {
            let at = start + PERIOD * number as u32;
            known.primary_at(Sample { at, position: number as i64 + 1, writes: 0 });
        }
        assert_eq!(known.samples.len(), MOST_SAMPLES);
        known.replica_at(0, start + PERIOD * (MOST_SAMPLES * 2) as u32);
        assert_eq!(known.behind, PERIOD * (MOST_SAMPLES * 2) as u32);
    }
}
