//! Against a real server (`tests/support/services.rs`): databases of their own for the tests, and documents written as
//! the adapter's own commit writes them.

mod damage;
mod older;
#[path = "../../../../../tests/support/services.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod services;
mod vectors;
mod words;

use std::sync::atomic::{AtomicU32, Ordering};

use pgvector::Vector;
use sha2::{Digest as _, Sha256};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::super::{PostgresOptions, PostgresStore};
use super::{IndexedChunk, index_chunks};
use crate::domain::{ChunkKind, DocumentId, NewChunk, NewDocument, Place, SourceType, Timestamp, terms};

const NOW: Timestamp = Timestamp(1_700_000_000_000);
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// A database of its own, dropped at the end.
struct Server {
    url: String,
    name: String,
}

impl Server {
    async fn new() -> Self {
        let url = services::services().postgres.clone();
        let number = DATABASES.fetch_add(1, Ordering::Relaxed);
        let server = Self { url, name: format!("peanut_search_{}_{number}", std::process::id()) };
        server.execute(format!("CREATE DATABASE {}", server.name)).await;
        server
    }

    async fn execute(&self, sql: String) {
        let mut connection = PgConnection::connect(&self.url).await.expect("connect");
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.expect("execute");
    }

    fn address(&self) -> String {
        let (address, _) = self.url.rsplit_once('/').expect("a database in the address");
        format!("{address}/{}", self.name)
    }

    async fn open(&self) -> PostgresStore {
        PostgresStore::open(&self.address(), &PostgresOptions::default()).await.expect("open")
    }

    /// A process with a data folder.
    async fn open_in(&self, folder: &std::path::Path) -> PostgresStore {
        let options = PostgresOptions::default();
        PostgresStore::open_with(&self.address(), &options, Some(folder.join("index"))).await.expect("open")
    }

    async fn drop(self, store: PostgresStore) {
        store.pool.close().await;
        self.execute(format!("DROP DATABASE {} WITH (FORCE)", self.name)).await;
    }
}

/// Waits until every transaction of the server has ended that runs now, those of other tests too: only then may everything
/// written so far lie in blocks.
async fn settled(store: &PostgresStore) {
    let newest: i64 = sqlx::query_scalar("SELECT pg_snapshot_xmax(pg_current_snapshot())::TEXT::BIGINT")
        .fetch_one(&store.pool)
        .await
        .expect("ask");
    let oldest = || async {
        let sql = "SELECT pg_snapshot_xmin(pg_current_snapshot())::TEXT::BIGINT";
        sqlx::query_scalar::<_, i64>(sql).fetch_one(&store.pool).await.expect("ask")
    };
    while oldest().await < newest {
        tokio::task::yield_now().await;
    }
}

/// Packs the vectors of the first model, and says how many there were.
async fn pack(store: &PostgresStore, least: i64) -> usize {
    settled(store).await;
    let models = store.search.models().await.expect("models");
    let Some((model, dimension)) = models.first() else { return 0 };
    let mut packed = 0;
    loop {
        match store.search.pack_vectors(*model, *dimension, least).await.expect("pack") {
            // Another process may be tidying up.
            0 if store.search.unpacked(*model, least).await.expect("count") >= least => tokio::task::yield_now().await,
            0 => return packed,
            some => packed += some,
        }
    }
}

fn document(number: usize, texts: &[String]) -> NewDocument {
    let source_key = format!("file:/{number}.md");
    let chunk = |(ordinal, text): (usize, &String)| NewChunk {
        pieces: Vec::new(),
        ordinal: ordinal as u32,
        kind: ChunkKind::Body,
        text: text.clone(),
        overlap_bytes: 0,
        context: format!("title {number}"),
        place: Place::default(),
        token_count: text.split(' ').count() as u32,
        text_sha256: Sha256::digest(format!("title {number}\0{text}")).into(),
        terms: terms::terms(&format!("title {number}\n{text}")),
        vector: None,
    };
    NewDocument {
        id: DocumentId::from_source_key(&source_key),
        source_key,
        source_type: if number.is_multiple_of(10) { SourceType::Pdf } else { SourceType::Markdown },
        source_path: format!("/{number}.md"),
        source_offset: None,
        content_sha256: Sha256::digest(texts.join("\n")).into(),
        fingerprint: None,
        title: format!("title {number}"),
        dated_at: Some(NOW),
        tags: Vec::new(),
        concepts: Vec::new(),
        aliases: Vec::new(),
        links: Vec::new(),
        people: Vec::new(),
        message: None,
        chunks: texts.iter().enumerate().map(chunk).collect(),
    }
}

/// Writes a document, or new chunks of a known one, as the adapter's own commit does.
async fn write(connection: &mut PgConnection, document: &NewDocument, vectors: Option<(i64, &[Vec<f32>])>) -> Vec<i64> {
    let seq: i64 = sqlx::query_scalar(
        "INSERT INTO document
             (id, source_key, source_type, source_path, content_sha256, title, dated_at, ingested_at, changed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $7) ON CONFLICT (id) DO UPDATE SET changed_at = 0 RETURNING seq",
    )
    .bind(document.id.0)
    .bind(&document.source_key)
    .bind(document.source_type.as_str())
    .bind(&document.source_path)
    .bind(document.content_sha256.as_slice())
    .bind(&document.title)
    .bind(NOW.0)
    .fetch_one(&mut *connection)
    .await
    .expect("document");
    let mut ids = Vec::new();
    for chunk in &document.chunks {
        let id: i64 = sqlx::query_scalar(
            "INSERT INTO chunk
             (document_seq, ordinal, kind, searchable, text, overlap_bytes, context, place, token_count, text_sha256)
             VALUES ($1, $2, 'body', true, $3, 0, $4, '{}', $5, $6) RETURNING id",
        )
        .bind(seq)
        .bind(i64::from(chunk.ordinal))
        .bind(&chunk.text)
        .bind(&chunk.context)
        .bind(i64::from(chunk.token_count))
        .bind(chunk.text_sha256.as_slice())
        .fetch_one(&mut *connection)
        .await
        .expect("chunk");
        ids.push(id);
    }
    if let Some((model, vectors)) = vectors {
        for (id, vector) in ids.iter().zip(vectors) {
            sqlx::query("INSERT INTO embedding (model_seq, chunk_id, vector) VALUES ($1, $2, $3)")
                .bind(model)
                .bind(id)
                .bind(Vector::from(vector.clone()))
                .execute(&mut *connection)
                .await
                .expect("vector");
        }
    }
    let indexed: Vec<IndexedChunk<'_>> = ids
        .iter()
        .zip(&document.chunks)
        .map(|(id, chunk)| IndexedChunk {
            id: *id,
            document_seq: seq,
            document_id: document.id,
            kind: chunk.kind,
            token_count: chunk.token_count,
            terms: &chunk.terms,
        })
        .collect();
    index_chunks(connection, &indexed).await.expect("index");
    ids
}

async fn remove(connection: &mut PgConnection, chunks: &[i64]) {
    let sql = "DELETE FROM chunk WHERE id = ANY($1)";
    sqlx::query(sql).bind(chunks).execute(connection).await.expect("remove");
}
