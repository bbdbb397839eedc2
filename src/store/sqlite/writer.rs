//! The connection that writes: SQLite has one writer, so queueing here beats `SQLITE_BUSY`. It writes only as long as the
//! store's file is where it was opened (`place`). Used by every file of this adapter like the pool it is.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt as _, StreamExt as _, future, stream};
use sqlx::sqlite::{SqliteQueryResult, SqliteRow, SqliteStatement, SqliteTypeInfo};
use sqlx::{Describe, Either, Execute, Executor, SqlStr, Sqlite, SqlitePool};

use super::WriteTransaction;
use super::place::Place;

/// The writing connection, and where it writes.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    pool: SqlitePool,
    place: Arc<Place>,
}

impl Writer {
    pub(super) fn new(pool: SqlitePool, place: Arc<Place>) -> Self {
        Self { pool, place }
    }

    /// Starts a transaction that holds the write lock from its start.
    pub(super) async fn begin(&self) -> Result<WriteTransaction, sqlx::Error> {
        self.place.check()?;
        self.pool.begin_with("BEGIN IMMEDIATE").await
    }

    /// The pool, for what is no writing.
    pub(super) fn pool(&self) -> &SqlitePool {
        &self.pool
    }
}

impl<'p> Executor<'p> for &'_ Writer {
    type Database = Sqlite;

    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxStream<'e, Result<Either<SqliteQueryResult, SqliteRow>, sqlx::Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Sqlite>,
    {
        match self.place.check() {
            Ok(()) => Executor::fetch_many(&self.pool, query),
            Err(lost) => stream::once(future::ready(Err(lost.into()))).boxed(),
        }
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<SqliteRow>, sqlx::Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Sqlite>,
    {
        match self.place.check() {
            Ok(()) => Executor::fetch_optional(&self.pool, query),
            Err(lost) => future::ready(Err(lost.into())).boxed(),
        }
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [SqliteTypeInfo],
    ) -> BoxFuture<'e, Result<SqliteStatement, sqlx::Error>>
    where
        'p: 'e,
    {
        Executor::prepare_with(&self.pool, sql, parameters)
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Sqlite>, sqlx::Error>>
    where
        'p: 'e,
    {
        Executor::describe(&self.pool, sql)
    }
}
