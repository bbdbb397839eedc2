//! The whole store out and in, row by row: SQLite's side of `store::transfer`.

use async_trait::async_trait;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{AssertSqlSafe, Row as _, Sqlite, SqliteConnection};

use crate::domain::outbox::EventType;
use crate::domain::text::without_nul;
use crate::domain::{ChunkKind, Timestamp, terms};
use crate::store::shared::text::key_text;
use crate::store::transfer::{Cell, Kind, Marks, NUMBERED, Row, StoreDump, TABLES, Table, TransferStore, UNFINISHED};
use crate::store::{StoreError, StoreResult, SystemStore as _};

use super::SqliteStore;
use super::batch::insert_rows;
use super::documents::last_seq;
use super::error::classify;
use super::rows::{named, undecodable, uuid, vector_bytes};
use super::search::{IndexedChunk, document_ids, floats, forget_words, index_chunks};
use super::totals;

/// Tables whose rows are content of a user: a store that has one of them is not empty.
const CONTENT: [&str; 7] = ["document", "person", "chunk", "file", "dead_letter", "folder", "outbox"];

/// A reading transaction: all of it sees the moment of its first statement.
struct SqliteDump {
    transaction: sqlx::Transaction<'static, Sqlite>,
    location: String,
}

type Statement = sqlx::query::Query<'static, Sqlite, SqliteArguments>;

fn bind(statement: Statement, cell: &Cell) -> Statement {
    match cell {
        Cell::Null => statement.bind(None::<i64>),
        Cell::Integer(number) => statement.bind(*number),
        Cell::Flag(flag) => statement.bind(i64::from(*flag)),
        Cell::Text(text) => statement.bind(text.clone()),
        Cell::Bytes(bytes) => statement.bind(bytes.clone()),
        Cell::Id(id) => statement.bind(id.as_bytes().to_vec()),
        Cell::Vector(vector) => statement.bind(vector_bytes(vector)),
    }
}

fn cell(row: &SqliteRow, index: usize, kind: Kind) -> Result<Cell, sqlx::Error> {
    let read = match kind {
        Kind::Integer => row.try_get::<Option<i64>, _>(index)?.map(Cell::Integer),
        Kind::Flag => row.try_get::<Option<i64>, _>(index)?.map(|number| Cell::Flag(number != 0)),
        // Stores of before texts were held to it may have a NUL, and longer names.
        Kind::Text => row.try_get::<Option<&str>, _>(index)?.map(|text| Cell::Text(without_nul(text).into_owned())),
        Kind::Key => row.try_get::<Option<&str>, _>(index)?.map(|text| Cell::Text(key_text(text).into_owned())),
        Kind::Bytes => row.try_get::<Option<Vec<u8>>, _>(index)?.map(Cell::Bytes),
        Kind::Id => row.try_get::<Option<&[u8]>, _>(index)?.map(uuid).transpose()?.map(Cell::Id),
        Kind::Vector => row.try_get::<Option<&[u8]>, _>(index)?.map(|bytes| Cell::Vector(floats(bytes))),
    };
    Ok(read.unwrap_or(Cell::Null))
}

#[async_trait]
impl StoreDump for SqliteDump {
    async fn count(&mut self, table: &'static Table) -> StoreResult<u64> {
        let counted: Result<i64, sqlx::Error> =
            sqlx::query_scalar(AssertSqlSafe(table.count_sql())).fetch_one(&mut *self.transaction).await;
        counted.map(i64::unsigned_abs).map_err(|error| classify("count rows of", table.name, error))
    }

    async fn page(&mut self, table: &'static Table, after: Option<&Row>, limit: u32) -> StoreResult<Vec<Row>> {
        let mut statement = sqlx::query(AssertSqlSafe(table.page_sql('?', after.is_none(), limit)));
        for cell in after.into_iter().flatten().take(table.key) {
            statement = bind(statement, cell);
        }
        let read = async {
            let rows = statement.fetch_all(&mut *self.transaction).await?;
            let of = |row: &SqliteRow| {
                let cells = table.columns.iter().enumerate().map(|(index, column)| cell(row, index, column.kind));
                cells.collect::<Result<Row, sqlx::Error>>()
            };
            rows.iter().map(of).collect::<Result<Vec<Row>, sqlx::Error>>()
        };
        read.await.map_err(|error| classify("read rows of", table.name, error))
    }

    async fn marks(&mut self) -> StoreResult<Marks> {
        let read = async {
            let mut marks = Marks::default();
            for table in NUMBERED {
                marks.last_numbers.push(last_seq(&mut self.transaction, table).await?);
            }
            let processed: Vec<(String, i64)> = sqlx::query_as("SELECT event_type, processed FROM outbox_total")
                .fetch_all(&mut *self.transaction)
                .await?;
            marks.processed_events = EventType::ALL
                .map(|wanted| processed.iter().find(|(name, _)| name == wanted.as_str()).map_or(0, |(_, count)| *count))
                .to_vec();
            marks.outbox_pruned_before =
                sqlx::query_scalar("SELECT value FROM counter WHERE name = 'outbox_pruned_before'")
                    .fetch_one(&mut *self.transaction)
                    .await?;
            Ok(marks)
        };
        read.await.map_err(|error| classify("read marks of", self.location.as_str(), error))
    }
}

async fn content(connection: &mut SqliteConnection) -> Result<Option<(&'static str, i64)>, sqlx::Error> {
    for table in CONTENT {
        let rows: i64 = sqlx::query_scalar(AssertSqlSafe(format!("SELECT count(*) FROM {table}")))
            .fetch_one(&mut *connection)
            .await?;
        if rows > 0 {
            return Ok(Some((table, rows)));
        }
    }
    Ok(None)
}

/// Empties every table. Totals follow by their triggers where they have one for it; what is loaded is counted when all of
/// it is there.
async fn empty(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    for table in TABLES.iter().rev() {
        sqlx::query(AssertSqlSafe(format!("DELETE FROM {}", table.name))).execute(&mut *connection).await?;
    }
    for sql in [
        "DELETE FROM search_change",
        "DELETE FROM vector_segment",
        "UPDATE outbox_total SET pending = 0, dead = 0, processed = 0",
        "UPDATE file_total SET files = 0, seen = 0, documents = 0, duplicates = 0, unchanged = 0, dead_letters = 0,
            skipped = 0, bytes_waiting = 0",
        "UPDATE counter SET value = 0",
    ] {
        sqlx::query(sql).execute(&mut *connection).await?;
    }
    for table in NUMBERED {
        sqlx::query("DELETE FROM sqlite_sequence WHERE name = ?1").bind(table).execute(&mut *connection).await?;
    }
    // Last: the chunks that just went are not gone for the copy, which brings the same numbers.
    forget_words(connection).await
}

fn column(table: &Table, name: &str) -> usize {
    table.columns.iter().position(|column| column.name == name).unwrap_or_default()
}

/// The searchable chunks among `rows` as the word index takes them, without the ids of their documents.
fn words(table: &Table, rows: &[Row]) -> Result<Vec<IndexedChunk>, sqlx::Error> {
    let (id, searchable, document) = (column(table, "id"), column(table, "searchable"), column(table, "document_seq"));
    let (text, context) = (column(table, "text"), column(table, "context"));
    let (kind, length) = (column(table, "kind"), column(table, "token_count"));
    let mut words = Vec::new();
    for row in rows.iter().filter(|row| row.get(searchable) == Some(&Cell::Flag(true))) {
        let numbers = (row.get(id), row.get(document), row.get(length));
        let texts = (row.get(kind), row.get(context), row.get(text));
        let (
            (Some(Cell::Integer(id)), Some(Cell::Integer(document_seq)), Some(Cell::Integer(length))),
            (Some(Cell::Text(kind)), Some(Cell::Text(context)), Some(Cell::Text(text))),
        ) = (numbers, texts)
        else {
            return Err(undecodable("chunk", "without id, document, length, kind, context or text"));
        };
        words.push(IndexedChunk {
            id: *id,
            document_seq: *document_seq,
            document_id: uuid::Uuid::nil(),
            kind: named("kind of chunk", kind, ChunkKind::parse)?,
            token_count: u32::try_from(*length).unwrap_or(u32::MAX),
            terms: terms::chunk_terms(context, text),
        });
    }
    Ok(words)
}

async fn seal(connection: &mut SqliteConnection, marks: &Marks) -> Result<(), sqlx::Error> {
    totals::count_all(connection).await?;
    for (table, last) in NUMBERED.iter().zip(&marks.last_numbers) {
        sqlx::query("DELETE FROM sqlite_sequence WHERE name = ?1").bind(table).execute(&mut *connection).await?;
        if *last > 0 {
            sqlx::query("INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)")
                .bind(table)
                .bind(last)
                .execute(&mut *connection)
                .await?;
        }
    }
    for (event_type, processed) in EventType::ALL.iter().zip(&marks.processed_events) {
        sqlx::query(
            "UPDATE outbox_total SET processed = ?2,
                pending = (SELECT count(*) FROM outbox WHERE event_type = ?1 AND state IN ('pending', 'claimed')),
                dead = (SELECT count(*) FROM outbox WHERE event_type = ?1 AND state = 'dead')
             WHERE event_type = ?1",
        )
        .bind(event_type.as_str())
        .bind(processed)
        .execute(&mut *connection)
        .await?;
    }
    sqlx::query("UPDATE counter SET value = ?1 WHERE name = 'outbox_pruned_before'")
        .bind(marks.outbox_pruned_before)
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        "UPDATE counter SET value = (SELECT count(*) FROM graph_edge WHERE invalid_at IS NULL) WHERE name = 'graph_edges'",
    )
    .execute(connection)
    .await
    .map(drop)
}

#[async_trait]
impl TransferStore for SqliteStore {
    async fn begin_dump(&self) -> StoreResult<Box<dyn StoreDump>> {
        let location = self.location();
        let begun = async {
            let mut transaction = self.reader.begin().await?;
            // The moment is that of the first statement.
            sqlx::query("SELECT count(*) FROM counter").fetch_one(&mut *transaction).await?;
            Ok(transaction)
        };
        let transaction = begun.await.map_err(|error| classify("begin to read", location.as_str(), error))?;
        Ok(Box::new(SqliteDump { transaction, location }))
    }

    async fn begin_load(&self, origin: &str, now: Timestamp) -> StoreResult<()> {
        const OPERATION: &str = "copy into";
        let location = self.location();
        let fail = |error| classify(OPERATION, location.as_str(), error);
        let mut transaction = self.begin(OPERATION, &location).await?;
        let unfinished: i64 = sqlx::query_scalar("SELECT count(*) FROM setting WHERE key = ?1")
            .bind(UNFINISHED)
            .fetch_one(&mut *transaction)
            .await
            .map_err(fail)?;
        if unfinished == 0
            && let Some((table, rows)) = content(&mut transaction).await.map_err(fail)?
        {
            let message = format!(
                "it is not empty ({rows} rows in {table}), and a copy never mixes two stores: \
                 name a file that does not exist yet, or move this one away"
            );
            return Err(StoreError::invariant(OPERATION, location.as_str(), message));
        }
        let work = async {
            empty(&mut transaction).await?;
            sqlx::query("INSERT INTO setting (key, value, updated_at) VALUES (?1, ?2, ?3)")
                .bind(UNFINISHED)
                .bind(without_nul(origin).into_owned())
                .bind(now.0)
                .execute(&mut *transaction)
                .await?;
            transaction.commit().await
        };
        work.await.map_err(fail)
    }

    async fn load(&self, table: &'static Table, rows: Vec<Row>) -> StoreResult<()> {
        const OPERATION: &str = "write rows of";
        let fail = |error| classify(OPERATION, table.name, error);
        let mut transaction = self.begin(OPERATION, table.name).await?;
        let head = format!("INSERT INTO {} ({}) VALUES", table.name, table.column_list());
        let work = async {
            insert_rows(&mut transaction, &head, table.columns.len(), "", &rows, |statement, row| {
                row.iter().fold(statement, bind)
            })
            .await?;
            if table.name == "chunk" {
                let mut words = tokio::task::spawn_blocking(move || words(table, &rows))
                    .await
                    .map_err(|error| sqlx::Error::Protocol(format!("making terms failed: {error}")))??;
                let ids = document_ids(&mut transaction, words.iter().map(|chunk| chunk.document_seq)).await?;
                for chunk in &mut words {
                    chunk.document_id = ids.get(&chunk.document_seq).copied().unwrap_or_default();
                }
                index_chunks(&mut transaction, words).await?;
            }
            transaction.commit().await
        };
        work.await.map_err(fail)
    }

    async fn seal_load(&self, marks: &Marks) -> StoreResult<()> {
        const OPERATION: &str = "write marks of";
        let location = self.location();
        let mut transaction = self.begin(OPERATION, &location).await?;
        let work = async {
            seal(&mut transaction, marks).await?;
            transaction.commit().await
        };
        work.await.map_err(|error| classify(OPERATION, location.as_str(), error))?;
        self.optimize().await
    }

    async fn complete_load(&self) -> StoreResult<()> {
        sqlx::query("DELETE FROM setting WHERE key = ?1")
            .bind(UNFINISHED)
            .execute(&self.writer)
            .await
            .map(drop)
            .map_err(|error| classify("complete the copy in", self.location(), error))
    }
}
