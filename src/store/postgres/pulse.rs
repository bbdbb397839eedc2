//! The connection that signs of life are asked over. Called by `system`.
//!
//! Not one of the pool's: when all of those are at work, the server is busy, not gone, and whoever watches it must not
//! wait behind the work.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::{Connection as _, FromRow, PgConnection};
use tokio::sync::Mutex;

/// How long an answer may take, the connection made anew included.
const LIMIT: Duration = Duration::from_secs(2);

/// Makes its connection when it is first needed.
pub(super) struct Pulse {
    connect: PgConnectOptions,
    connection: Mutex<Option<PgConnection>>,
    closed: AtomicBool,
}

impl Pulse {
    pub(super) fn new(connect: PgConnectOptions) -> Self {
        Self { connect, connection: Mutex::new(None), closed: AtomicBool::new(false) }
    }

    /// The one row of a small statement. A connection that was lost meanwhile is made anew; one that does not answer is
    /// given up with the call.
    pub(super) async fn ask<T>(&self, sql: &'static str) -> Result<T, sqlx::Error>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let silent =
            |_| sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer within 2 seconds"));
        tokio::time::timeout(LIMIT, self.asked(sql)).await.map_err(silent)?
    }

    async fn asked<T>(&self, sql: &'static str) -> Result<T, sqlx::Error>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let mut kept = self.connection.lock().await;
        // Taken out while in use: a call that is given up half-way takes its connection with it.
        if let Some(mut connection) = kept.take() {
            match sqlx::query_as(sql).fetch_one(&mut connection).await {
                Ok(row) => {
                    *kept = Some(connection);
                    return Ok(row);
                }
                // The server may have been restarted since the last call.
                Err(sqlx::Error::Io(_) | sqlx::Error::Protocol(_)) => {}
                Err(sqlx::Error::Database(error)) if error.code().is_some_and(|code| code.starts_with("57P")) => {}
                Err(error) => return Err(error),
            }
        }
        if self.closed.load(Ordering::Acquire) {
            return Err(sqlx::Error::PoolClosed);
        }
        let mut connection = PgConnection::connect_with(&self.connect).await?;
        let row = sqlx::query_as(sql).fetch_one(&mut connection).await?;
        *kept = Some(connection);
        Ok(row)
    }

    /// Ends the connection; every later call fails.
    pub(super) async fn close(&self) {
        self.closed.store(true, Ordering::Release);
        if let Some(connection) = self.connection.lock().await.take() {
            // The server ends it by itself should it be gone already.
            drop(connection.close().await);
        }
    }
}
