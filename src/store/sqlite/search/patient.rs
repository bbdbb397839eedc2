//! Statements that end when nobody waits for them: a list of matches or the table of people may be long, and the thread of
//! a connection goes on to the end of its statement, whoever gave up. Called by everything here that reads much.

use std::ops::{Deref, DerefMut};

use sqlx::pool::PoolConnection;
use sqlx::{Connection as _, Sqlite, SqliteConnection, SqlitePool};

use crate::index::stop::Awaited;

/// Steps of the engine between two looks: some microseconds.
const STEPS: i32 = 10_000;

/// A reading connection. Dropped in the middle of a statement, it has it interrupted.
pub(super) struct Patient {
    // First: the flag is set before the connection goes back.
    _awaited: Awaited,
    connection: PoolConnection<Sqlite>,
}

impl Deref for Patient {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.connection
    }
}

impl DerefMut for Patient {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }
}

/// A connection of `pool`, whose `after_release` must be [`settle`].
pub(super) async fn patient(pool: &SqlitePool) -> Result<Patient, sqlx::Error> {
    let mut connection = pool.acquire().await?;
    let awaited = Awaited::default();
    let stop = awaited.stop();
    connection.lock_handle().await?.set_progress_handler(STEPS, move || !stop.is_set());
    Ok(Patient { _awaited: awaited, connection })
}

/// Makes a connection ready for the next one who takes it: nothing of before is under way, and nothing interrupts what comes.
pub(in crate::store::sqlite) async fn settle(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    // Answered behind a statement that is still queued or being interrupted: without it that could begin after the handler
    // is gone, and go on to its end.
    connection.ping().await?;
    connection.lock_handle().await?.remove_progress_handler();
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use sqlx::sqlite::SqlitePoolOptions;

    use super::*;

    const ENDLESS: &str =
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x > 0) SELECT count(*) FROM n";

    #[tokio::test]
    async fn a_statement_that_nobody_waits_for_ends_and_its_connection_is_good() {
        let one = SqlitePoolOptions::new()
            .max_connections(1)
            .after_release(|connection, _| Box::pin(settle(connection)))
            .connect("sqlite::memory:")
            .await
            .unwrap();
        for _ in 0..50 {
            let mut connection = patient(&one).await.unwrap();
            {
                let endless = sqlx::query_scalar::<_, i64>(ENDLESS).fetch_one(&mut *connection);
                tokio::pin!(endless);
                // Begun: the statement is with the connection's thread.
                for _ in 0..20 {
                    let is_pending =
                        std::future::poll_fn(|context| Poll::Ready(endless.as_mut().poll(context).is_pending()));
                    assert!(is_pending.await);
                    tokio::task::yield_now().await;
                }
            }
            drop(connection);
            // There is one connection alone: this waits until that one is free.
            let answer: i64 = sqlx::query_scalar("SELECT 7").fetch_one(&one).await.unwrap();
            assert_eq!(answer, 7);
        }
    }
}
