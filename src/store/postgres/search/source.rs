//! Which server a search reads: the replica where there is one that may serve, else the primary. Called by every read.

use std::time::Duration;

use sqlx::PgPool;

use crate::store::{StoreErrorKind, StoreResult};

use super::SearchIndex;

/// A replica that takes longer than this for a read counts as failed.
const PATIENCE: Duration = Duration::from_secs(2);

/// A server that is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Source {
    /// The server that is written to: it has everything.
    #[default]
    Primary,
    /// The standby: it is a little behind.
    Replica,
}

impl SearchIndex {
    /// Connections to a source.
    pub(super) fn at(&self, source: Source) -> &PgPool {
        match (source, self.replica.get()) {
            (Source::Replica, Some(replica)) => replica.pool(),
            _ => &self.pool,
        }
    }

    /// Runs a read on the replica when it may serve; on the primary when not, and when the replica fails under it.
    pub(super) async fn reading<T, R>(&self, read: impl Fn(Source) -> R + Send) -> StoreResult<T>
    where
        T: Send,
        R: Future<Output = StoreResult<T>> + Send,
    {
        if let Some(replica) = self.replica.get().filter(|replica| replica.may_serve()) {
            match tokio::time::timeout(PATIENCE, read(Source::Replica)).await {
                Ok(Err(error)) if error.kind != StoreErrorKind::Invariant => replica.distrust(&error.to_string()),
                Ok(answer) => return answer,
                Err(_) => replica.distrust("no answer within 2 s"),
            }
        }
        read(Source::Primary).await
    }
}
