//! Reads what there is very much of, a few thousand rows as one: between SQLite's thread and ours a row costs more than
//! what is in it. Called by `catch_up` at the first search and for what is new since, by `matches`, `filter` and `suggest`.

use serde::de::DeserializeOwned;
use sqlx::query::QueryScalar;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Sqlite, SqliteConnection};
use uuid::Uuid;

use crate::domain::terms::is_stop_term;

/// A chunk as the slots know it: id, number of its document, length, number of its kind.
pub(super) type ChunkRow = (i64, i64, i64, u64);

/// Rows read as one.
const AT_ONCE: i64 = 4_096;

/// Chunks with greater ids than `last`, in order: id, number of the document, length in word pieces, number of the kind.
pub(super) async fn chunks_after(connection: &mut SqliteConnection, last: i64) -> Result<Vec<ChunkRow>, sqlx::Error> {
    const SQL: &str = "SELECT json_group_array(json_array(id, document_seq, token_count, CASE kind \
            WHEN 'body' THEN 0 WHEN 'attachment' THEN 0 WHEN 'aside' THEN 1 WHEN 'quoted' THEN 2 \
            WHEN 'signature' THEN 3 ELSE 4 END)) FROM \
        (SELECT id, document_seq, token_count, kind FROM chunk WHERE searchable = 1 AND id > ? ORDER BY id LIMIT ?)";
    all(connection, SQL, last, |(id, ..): &ChunkRow| *id).await
}

/// Which of the documents `documents` (a JSON array of their numbers; `None`: of all) and of those that answer one of them
/// answer a message that is live in the store. Of all, only those that do.
pub(super) async fn answers(
    connection: &mut SqliteConnection,
    documents: Option<&str>,
) -> Result<Vec<(i64, u8)>, sqlx::Error> {
    const ALL: &str = "SELECT json_group_array(json_array(d.seq, 1)) FROM document d WHERE d.in_reply_to IS NOT NULL \
        AND EXISTS (SELECT 1 FROM document p WHERE p.message_id = d.in_reply_to AND p.deleted_at IS NULL)";
    const SOME: &str = "SELECT json_group_array(json_array(d.seq, EXISTS \
            (SELECT 1 FROM document p WHERE p.message_id = d.in_reply_to AND p.deleted_at IS NULL))) \
        FROM document d WHERE d.seq IN (SELECT value FROM json_each(?1) UNION SELECT a.seq FROM document m \
            JOIN document a ON a.in_reply_to = m.message_id WHERE m.seq IN (SELECT value FROM json_each(?1)))";
    let json: String = match documents {
        None => sqlx::query_scalar(ALL).fetch_one(connection).await?,
        Some(documents) => sqlx::query_scalar(SOME).bind(documents).fetch_one(connection).await?,
    };
    parsed(&json)
}

/// Documents with greater numbers than `last`, in order: number and id.
pub(super) async fn documents_after(
    connection: &mut SqliteConnection,
    last: i64,
) -> Result<Vec<(i64, Uuid)>, sqlx::Error> {
    const SQL: &str = "SELECT json_group_array(json_array(seq, hex(id))) FROM \
        (SELECT seq, id FROM document WHERE seq > ? ORDER BY seq LIMIT ?)";
    all(connection, SQL, last, |(number, _): &(i64, Uuid)| *number).await
}

/// Chunks with a term and how often it stands in each, in no promised order.
pub(super) async fn postings(reader: &mut SqliteConnection, term: &str) -> Result<Vec<(i64, u32)>, sqlx::Error> {
    const PLACES: &str = "SELECT json_group_array(doc) FROM chunk_words_instance WHERE term = ?";
    const COUNTED: &str = "SELECT json_group_array(json_array(doc, n)) FROM \
        (SELECT doc, count(*) AS n FROM chunk_words_instance WHERE term = ? GROUP BY doc)";
    if is_stop_term(term) {
        // Everywhere, and many times: counted before it is handed over. For others that takes longer.
        let json: String = sqlx::query_scalar(COUNTED).bind(term).fetch_one(reader).await?;
        return parsed(&json);
    }
    let mut places = numbers_of(sqlx::query_scalar(PLACES).bind(term), reader).await?;
    // They come in order, though nothing promises it.
    if !places.is_sorted() {
        places.sort_unstable();
    }
    Ok(places.chunk_by(|one, next| one == next).map(|same| (same[0], same.len() as u32)).collect())
}

/// Chunks with any of some terms and how often these stand in each, in order.
pub(super) async fn postings_of_any(
    reader: &mut SqliteConnection,
    terms: &[&str],
) -> Result<Vec<(i64, u32)>, sqlx::Error> {
    const SQL: &str = "SELECT json_group_array(held.doc) FROM json_each(?) AS wanted \
        CROSS JOIN chunk_words_instance AS held ON held.term = wanted.value";
    let terms = serde_json::to_string(terms).map_err(|error| sqlx::Error::Encode(error.into()))?;
    let mut places = numbers_of(sqlx::query_scalar(SQL).bind(terms), reader).await?;
    places.sort_unstable();
    Ok(places.chunk_by(|one, next| one == next).map(|same| (same[0], same.len() as u32)).collect())
}

/// Ids of the chunks that match an FTS5 expression, in no promised order.
pub(super) async fn matching(reader: &mut SqliteConnection, expression: &str) -> Result<Vec<i64>, sqlx::Error> {
    const SQL: &str = "SELECT json_group_array(rowid) FROM chunk_words WHERE chunk_words MATCH ?";
    numbers_of(sqlx::query_scalar(SQL).bind(expression), reader).await
}

/// Every term with the number of chunks it stands in.
pub(super) async fn dictionary(reader: &mut SqliteConnection) -> Result<Vec<(String, u64)>, sqlx::Error> {
    const SQL: &str = "SELECT json_group_array(json_array(term, doc)) FROM chunk_words_row";
    let json: String = sqlx::query_scalar(SQL).fetch_one(reader).await?;
    parsed(&json)
}

/// What a query of one array of numbers says.
pub(super) async fn numbers_of(
    query: QueryScalar<'_, Sqlite, String, SqliteArguments>,
    reader: &mut SqliteConnection,
) -> Result<Vec<i64>, sqlx::Error> {
    parsed(&query.fetch_one(reader).await?)
}

fn parsed<T: DeserializeOwned>(json: &str) -> Result<Vec<T>, sqlx::Error> {
    serde_json::from_str(json).map_err(|error| sqlx::Error::Decode(error.into()))
}

async fn all<T: DeserializeOwned>(
    connection: &mut SqliteConnection,
    sql: &'static str,
    mut last: i64,
    number: impl Fn(&T) -> i64,
) -> Result<Vec<T>, sqlx::Error> {
    let mut all = Vec::new();
    loop {
        let json: String = sqlx::query_scalar(sql).bind(last).bind(AT_ONCE).fetch_one(&mut *connection).await?;
        let mut some: Vec<T> = parsed(&json)?;
        // An aggregate promises no order.
        some.sort_unstable_by_key(&number);
        let Some(newest) = some.last() else { return Ok(all) };
        last = number(newest);
        all.append(&mut some);
    }
}
