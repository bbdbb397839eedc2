//! The whole store out and in, row by row: PostgreSQL's side of `store::transfer`.

use std::collections::HashMap;

use async_trait::async_trait;
use pgvector::Vector;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{AssertSqlSafe, PgConnection, Postgres, Row as _};
use uuid::Uuid;

use crate::domain::outbox::EventType;
use crate::domain::{ChunkKind, DocumentId, Timestamp, terms};
use crate::store::transfer::{Cell, Kind, Marks, NUMBERED, Row, StoreDump, TABLES, Table, TransferStore, UNFINISHED};
use crate::store::{StoreError, StoreResult, SystemStore as _};

use super::error::classify;
use super::rows::{key_text, named, small, text, undecodable};
use super::search::{IndexedChunk, index_chunks};
use super::{PgTransaction, PostgresStore};

/// Tables whose rows are content of a user: a store that has one of them is not empty.
const CONTENT: [&str; 7] = ["document", "person", "chunk", "file", "dead_letter", "folder", "outbox"];
/// What is derived from the tables that travel.
const DERIVED: [&str; 10] = [
    "word_segment",
    "vector_segment",
    "index_piece",
    "word_gone",
    "search_retired",
    "document_change",
    "counter_change",
    "embedding_change",
    "outbox_change",
    "file_change",
];
/// Tables with numbers that the engine gives out by itself.
const GIVEN_NUMBERS: [(&str, &str); 3] = [("model", "seq"), ("concept", "seq"), ("graph_node", "seq")];

/// A reading transaction: all of it sees one moment.
struct PostgresDump {
    transaction: PgTransaction,
    location: String,
}

type Statement = sqlx::query::Query<'static, Postgres, PgArguments>;

fn bind_key(statement: Statement, cell: &Cell) -> Statement {
    match cell {
        Cell::Integer(number) => statement.bind(*number),
        Cell::Text(text) => statement.bind(text.clone()),
        // Keys are numbers and texts; anything else finds nothing.
        _ => statement.bind(None::<i64>),
    }
}

fn cell(row: &PgRow, index: usize, kind: Kind) -> Result<Cell, sqlx::Error> {
    let read = match kind {
        Kind::Integer => row.try_get::<Option<i64>, _>(index)?.map(Cell::Integer),
        Kind::Flag => row.try_get::<Option<bool>, _>(index)?.map(Cell::Flag),
        Kind::Text => row.try_get::<Option<String>, _>(index)?.map(Cell::Text),
        Kind::Key => row.try_get::<Option<&str>, _>(index)?.map(|name| Cell::Text(key_text(name).into_owned())),
        Kind::Bytes => row.try_get::<Option<Vec<u8>>, _>(index)?.map(Cell::Bytes),
        Kind::Id => row.try_get::<Option<Uuid>, _>(index)?.map(Cell::Id),
        Kind::Vector => row.try_get::<Option<Vector>, _>(index)?.map(|vector| Cell::Vector(vector.into())),
    };
    Ok(read.unwrap_or(Cell::Null))
}

#[async_trait]
impl StoreDump for PostgresDump {
    async fn count(&mut self, table: &'static Table) -> StoreResult<u64> {
        let counted: Result<i64, sqlx::Error> = sqlx::query_scalar(AssertSqlSafe(table.count_sql()))
            .persistent(false)
            .fetch_one(&mut *self.transaction)
            .await;
        counted.map(i64::unsigned_abs).map_err(|error| classify("count rows of", table.name, error))
    }

    async fn page(&mut self, table: &'static Table, after: Option<&Row>, limit: u32) -> StoreResult<Vec<Row>> {
        let mut statement = sqlx::query(AssertSqlSafe(table.page_sql('$', after.is_none(), limit)));
        for cell in after.into_iter().flatten().take(table.key) {
            statement = bind_key(statement, cell);
        }
        let read = async {
            let rows = statement.fetch_all(&mut *self.transaction).await?;
            let of = |row: &PgRow| {
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
                let sql = format!(
                    "SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM {table}_{}_seq",
                    number_column(table)
                );
                marks
                    .last_numbers
                    .push(sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut *self.transaction).await?);
            }
            let processed: Vec<(String, i64)> = sqlx::query_as("SELECT event_type, processed FROM outbox_total")
                .fetch_all(&mut *self.transaction)
                .await?;
            marks.processed_events = EventType::ALL
                .map(|wanted| processed.iter().find(|(name, _)| name == wanted.as_str()).map_or(0, |(_, count)| *count))
                .to_vec();
            marks.outbox_pruned_before =
                sqlx::query_scalar("SELECT pruned_before FROM outbox_mark").fetch_one(&mut *self.transaction).await?;
            Ok(marks)
        };
        read.await.map_err(|error| classify("read marks of", self.location.as_str(), error))
    }
}

/// The column of a numbered table that holds its number.
fn number_column(table: &str) -> &'static str {
    TABLES.iter().find(|known| known.name == table).and_then(|known| known.columns.first()).map_or("seq", |it| it.name)
}

async fn content(connection: &mut PgConnection) -> Result<Option<&'static str>, sqlx::Error> {
    for table in CONTENT {
        let has_rows: bool = sqlx::query_scalar(AssertSqlSafe(format!("SELECT EXISTS (SELECT 1 FROM {table})")))
            .persistent(false)
            .fetch_one(&mut *connection)
            .await?;
        if has_rows {
            return Ok(Some(table));
        }
    }
    Ok(None)
}

async fn empty(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let tables: Vec<&str> = TABLES.iter().map(|table| table.name).chain(DERIVED).collect();
    let sql = format!("TRUNCATE {} RESTART IDENTITY", tables.join(", "));
    sqlx::query(AssertSqlSafe(sql)).persistent(false).execute(&mut *connection).await?;
    // What the views of totals need to have a row for everything.
    for sql in [
        "INSERT INTO counter_change (name, value)
         SELECT name, 0 FROM unnest(ARRAY['persons', 'graph_edges', 'graph_person', 'graph_document', 'graph_concept']) AS name",
        "INSERT INTO file_change SELECT state, 0, 0, 0, 0, 0, 0, 0, 0
         FROM unnest(ARRAY['queued', 'parsing', 'indexed', 'duplicate', 'failed', 'skipped', 'retired']) AS state",
        "UPDATE outbox_mark SET pruned_before = 0",
    ] {
        sqlx::query(sql).execute(&mut *connection).await?;
    }
    let types: Vec<&str> = EventType::ALL.iter().map(|event_type| event_type.as_str()).collect();
    sqlx::query("INSERT INTO outbox_change SELECT event_type, 0, 0, 0 FROM unnest($1::TEXT[]) AS event_type")
        .bind(types)
        .execute(connection)
        .await
        .map(drop)
}

fn integers(rows: &[Row], index: usize) -> Vec<Option<i64>> {
    rows.iter().map(|row| if let Some(Cell::Integer(number)) = row.get(index) { Some(*number) } else { None }).collect()
}

/// The type of a column's array, and the statement with the column of `rows` bound to it.
fn bind_column(statement: Statement, rows: &[Row], index: usize, kind: Kind) -> Statement {
    let cells = rows.iter().map(|row| row.get(index));
    match kind {
        Kind::Integer => statement.bind(integers(rows, index)),
        Kind::Flag => statement.bind(
            cells.map(|cell| if let Some(Cell::Flag(flag)) = cell { Some(*flag) } else { None }).collect::<Vec<_>>(),
        ),
        Kind::Text | Kind::Key => statement.bind(
            cells
                .map(|cell| if let Some(Cell::Text(text)) = cell { Some(text.clone()) } else { None })
                .collect::<Vec<_>>(),
        ),
        Kind::Bytes => statement.bind(
            cells
                .map(|cell| if let Some(Cell::Bytes(bytes)) = cell { Some(bytes.clone()) } else { None })
                .collect::<Vec<_>>(),
        ),
        Kind::Id => statement
            .bind(cells.map(|cell| if let Some(Cell::Id(id)) = cell { Some(*id) } else { None }).collect::<Vec<_>>()),
        Kind::Vector => statement.bind(
            cells
                .map(
                    |cell| {
                        if let Some(Cell::Vector(vector)) = cell { Some(Vector::from(vector.clone())) } else { None }
                    },
                )
                .collect::<Vec<_>>(),
        ),
    }
}

fn array_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Integer => "BIGINT[]",
        Kind::Flag => "BOOLEAN[]",
        Kind::Text | Kind::Key => "TEXT[]",
        Kind::Bytes => "BYTEA[]",
        Kind::Id => "UUID[]",
        Kind::Vector => "VECTOR[]",
    }
}

async fn insert(connection: &mut PgConnection, table: &Table, rows: &[Row]) -> Result<(), sqlx::Error> {
    let arrays = table.columns.iter().enumerate().map(|(index, it)| format!("${}::{}", index + 1, array_type(it.kind)));
    let sql = format!(
        "INSERT INTO {} ({}) SELECT * FROM unnest({})",
        table.name,
        table.column_list(),
        arrays.collect::<Vec<_>>().join(", ")
    );
    let statement =
        table.columns.iter().enumerate().fold(sqlx::query(AssertSqlSafe(sql)), |statement, (index, it)| {
            bind_column(statement, rows, index, it.kind)
        });
    statement.execute(connection).await.map(drop)
}

fn column(table: &Table, name: &str) -> usize {
    table.columns.iter().position(|column| column.name == name).unwrap_or_default()
}

/// A searchable chunk on its way into the word index: chunk, document, kind, length, terms.
type Words = (i64, i64, ChunkKind, u32, String);

fn words(table: &Table, rows: &[Row]) -> Result<Vec<Words>, sqlx::Error> {
    let (id, document, searchable) = (column(table, "id"), column(table, "document_seq"), column(table, "searchable"));
    let (body, context, tokens) = (column(table, "text"), column(table, "context"), column(table, "token_count"));
    let kind = column(table, "kind");
    let mut words = Vec::new();
    for row in rows.iter().filter(|row| row.get(searchable) == Some(&Cell::Flag(true))) {
        let read = (row.get(id), row.get(document), row.get(context), row.get(body), row.get(tokens), row.get(kind));
        let (
            Some(Cell::Integer(id)),
            Some(Cell::Integer(document)),
            Some(Cell::Text(context)),
            Some(Cell::Text(body)),
            Some(Cell::Integer(tokens)),
            Some(Cell::Text(kind)),
        ) = read
        else {
            return Err(undecodable("chunk", "without id, document, context, text, length or kind"));
        };
        let kind = named("chunk kind", kind, ChunkKind::parse)?;
        words.push((*id, *document, kind, small(*tokens), terms::chunk_terms(context, body)));
    }
    Ok(words)
}

async fn index(connection: &mut PgConnection, words: &[Words]) -> Result<(), sqlx::Error> {
    let documents: Vec<(i64, Uuid)> = sqlx::query_as("SELECT seq, id FROM document WHERE seq = ANY($1)")
        .bind(words.iter().map(|(_, document, ..)| *document).collect::<Vec<_>>())
        .fetch_all(&mut *connection)
        .await?;
    let documents: HashMap<i64, Uuid> = documents.into_iter().collect();
    let chunks: Vec<IndexedChunk<'_>> = words
        .iter()
        .filter_map(|(id, document_seq, kind, token_count, terms)| {
            let document_id = DocumentId(*documents.get(document_seq)?);
            let (id, document_seq, kind, token_count) = (*id, *document_seq, *kind, *token_count);
            Some(IndexedChunk { id, document_seq, document_id, kind, token_count, terms })
        })
        .collect();
    index_chunks(connection, &chunks).await
}

async fn seal(connection: &mut PgConnection, marks: &Marks) -> Result<(), sqlx::Error> {
    for (table, last) in NUMBERED.iter().zip(&marks.last_numbers) {
        let sql = format!("SELECT setval('{table}_{}_seq', greatest($1, 1), $1 > 0)", number_column(table));
        sqlx::query(AssertSqlSafe(sql)).bind(last).execute(&mut *connection).await?;
    }
    for (table, number) in GIVEN_NUMBERS {
        let sql = format!(
            "SELECT setval('{table}_{number}_seq', greatest(coalesce(max({number}), 0), 1), max({number}) IS NOT NULL)
             FROM {table}"
        );
        sqlx::query(AssertSqlSafe(sql)).execute(&mut *connection).await?;
    }
    sqlx::query("DELETE FROM outbox_change").execute(&mut *connection).await?;
    sqlx::query(
        "INSERT INTO outbox_change (event_type, pending, dead, processed)
         SELECT type.name, (SELECT count(*) FROM outbox WHERE event_type = type.name AND state IN ('pending', 'claimed')),
                (SELECT count(*) FROM outbox WHERE event_type = type.name AND state = 'dead'), type.processed
         FROM unnest($1::TEXT[], $2::BIGINT[]) AS type (name, processed)",
    )
    .bind(EventType::ALL.iter().map(|event_type| event_type.as_str()).collect::<Vec<_>>())
    .bind(marks.processed_events.clone())
    .execute(&mut *connection)
    .await?;
    sqlx::query("UPDATE outbox_mark SET pruned_before = $1")
        .bind(marks.outbox_pruned_before)
        .execute(&mut *connection)
        .await?;
    sqlx::query("DELETE FROM counter_change WHERE name = 'graph_edges'").execute(&mut *connection).await?;
    sqlx::query(
        "INSERT INTO counter_change (name, value) SELECT 'graph_edges', count(*) FROM graph_edge WHERE invalid_at IS NULL",
    )
    .execute(connection)
    .await
    .map(drop)
}

#[async_trait]
impl TransferStore for PostgresStore {
    async fn begin_dump(&self) -> StoreResult<Box<dyn StoreDump>> {
        const OPERATION: &str = "begin to read";
        let mut transaction = self.begin_reading(OPERATION, &self.location).await?;
        // Whoever takes the rows may be slower than a transaction may usually stand still.
        sqlx::query(
            "SELECT set_config('idle_in_transaction_session_timeout', '0', true), set_config('statement_timeout', '10min', true)",
        )
        .execute(&mut *transaction)
        .await
        .map_err(|error| classify(OPERATION, self.location.as_str(), error))?;
        Ok(Box::new(PostgresDump { transaction, location: self.location.clone() }))
    }

    async fn begin_load(&self, origin: &str, now: Timestamp) -> StoreResult<()> {
        const OPERATION: &str = "copy into";
        let fail = |error| classify(OPERATION, self.location.as_str(), error);
        let mut transaction = self.begin_writing(OPERATION, &self.location).await?;
        let unfinished: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM setting WHERE key = $1)")
            .bind(UNFINISHED)
            .fetch_one(&mut *transaction)
            .await
            .map_err(fail)?;
        if !unfinished && let Some(table) = content(&mut transaction).await.map_err(fail)? {
            let message = format!(
                "it is not empty (there are rows in {table}), and a copy never mixes two stores: \
                 make a new database (`createdb NAME`) and name that"
            );
            return Err(StoreError::invariant(OPERATION, self.location.as_str(), message));
        }
        let work = async {
            empty(&mut transaction).await?;
            sqlx::query("INSERT INTO setting (key, value, updated_at) VALUES ($1, $2, $3)")
                .bind(UNFINISHED)
                .bind(text(origin).into_owned())
                .bind(now.0)
                .execute(&mut *transaction)
                .await?;
            transaction.commit().await
        };
        work.await.map_err(fail)
    }

    async fn load(&self, table: &'static Table, rows: Vec<Row>) -> StoreResult<()> {
        const OPERATION: &str = "write rows of";
        let mut transaction = self.begin_writing(OPERATION, table.name).await?;
        let work = async {
            insert(&mut transaction, table, &rows).await?;
            if table.name == "chunk" {
                let words = tokio::task::spawn_blocking(move || words(table, &rows))
                    .await
                    .map_err(|error| sqlx::Error::Protocol(format!("making terms failed: {error}")))??;
                index(&mut transaction, &words).await?;
            }
            transaction.commit().await
        };
        work.await.map_err(|error| classify(OPERATION, table.name, error))
    }

    async fn seal_load(&self, marks: &Marks) -> StoreResult<()> {
        const OPERATION: &str = "write marks of";
        let mut transaction = self.begin_writing(OPERATION, &self.location).await?;
        let work = async {
            seal(&mut transaction, marks).await?;
            transaction.commit().await
        };
        work.await.map_err(|error| classify(OPERATION, self.location.as_str(), error))?;
        self.optimize().await
    }

    async fn complete_load(&self) -> StoreResult<()> {
        sqlx::query("DELETE FROM setting WHERE key = $1")
            .bind(UNFINISHED)
            .execute(&self.pool)
            .await
            .map(drop)
            .map_err(|error| classify("complete the copy in", self.location.as_str(), error))
    }
}
