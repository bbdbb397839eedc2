//! Completes a store of an older version when it is opened: quotes and signatures come into the word index, documents get
//! the title and the names they lack (`shared::older`). Called by `open`, before anybody searches; in steps, each a
//! transaction of its own, so that a process that is stopped meanwhile leaves the rest to the next one.

use std::collections::HashMap;

use sqlx::{Row as _, SqliteConnection};
use uuid::Uuid;

use crate::domain::{ChunkKind, NewChunk, PersonMention, SourceType, terms};
use crate::store::StoreResult;
use crate::store::plan::chunks::NewRow;
use crate::store::shared::older::{CHUNKS_AT_ONCE, DOCUMENTS_AT_ONCE, OlderDocument, PEOPLE_IN_ORDER, lacking, person};

use super::SqliteStore;
use super::batch::{insert_rows, json_numbers};
use super::documents::{indexed, insert_chunks, last_seq};
use super::error::classify;
use super::rows::{from_json, named, to_json, undecodable};
use super::search::{IndexedChunk, document_ids, index_chunks};

const OPERATION: &str = "complete store";

/// A chunk that is not in the word index: id, document, kind, length, text.
type UnindexedRow = (i64, i64, String, i64, String);

fn unindexed(
    (id, document_seq, kind, length, text): UnindexedRow,
    ids: &HashMap<i64, Uuid>,
) -> Result<IndexedChunk, sqlx::Error> {
    Ok(IndexedChunk {
        id,
        document_seq,
        document_id: ids.get(&document_seq).copied().unwrap_or_default(),
        kind: named("kind of chunk", &kind, ChunkKind::parse)?,
        token_count: u32::try_from(length).unwrap_or(u32::MAX),
        terms: terms::terms(&text),
    })
}

impl SqliteStore {
    /// Makes what this version keeps and an older one did not. Costs one look when nothing is left to do.
    pub(super) async fn complete_older(&self) -> StoreResult<()> {
        self.renew_words().await?;
        let fail = |error| classify(OPERATION, self.location(), error);
        let (has_chunks, has_documents): (bool, bool) = sqlx::query_as(
            "SELECT EXISTS (SELECT 1 FROM chunk INDEXED BY chunk_unindexed WHERE searchable = 0), \
                    EXISTS (SELECT 1 FROM completion WHERE done_seq < last_seq)",
        )
        .fetch_one(&self.reader)
        .await
        .map_err(fail)?;
        if !has_chunks && !has_documents {
            return Ok(());
        }
        tracing::info!(event = "store_completion_began", "what an older version left out of the index is added, once");
        while has_chunks && self.index_some().await? {}
        while has_documents && self.name_some().await? {}
        tracing::info!(event = "store_completed");
        Ok(())
    }

    /// Indexes some chunks; false when there are none left. What is no text loses the context it was stored with: the
    /// document's title is found with its texts.
    async fn index_some(&self) -> StoreResult<bool> {
        let fail = |error| classify(OPERATION, self.location(), error);
        let mut transaction = self.begin(OPERATION, "chunks").await?;
        let work = async {
            let rows: Vec<UnindexedRow> = sqlx::query_as(
                "SELECT id, document_seq, kind, token_count, text FROM chunk INDEXED BY chunk_unindexed \
                 WHERE searchable = 0 ORDER BY id LIMIT ?",
            )
            .bind(CHUNKS_AT_ONCE)
            .fetch_all(&mut *transaction)
            .await?;
            if rows.is_empty() {
                return Ok(false);
            }
            let ids = document_ids(&mut transaction, rows.iter().map(|(_, document, ..)| *document)).await?;
            let making = tokio::task::spawn_blocking(move || {
                let made = |row: UnindexedRow| {
                    let hash = NewChunk::hash("", &row.4);
                    Ok((unindexed(row, &ids)?, hash))
                };
                rows.into_iter().map(made).collect::<Result<Vec<(IndexedChunk, [u8; 32])>, sqlx::Error>>()
            });
            let made =
                making.await.map_err(|error| sqlx::Error::Protocol(format!("making terms failed: {error}")))??;
            insert_rows(
                &mut transaction,
                "WITH new (id, hash) AS (VALUES",
                2,
                ") UPDATE chunk SET searchable = 1, context = '', text_sha256 = new.hash FROM new WHERE chunk.id = new.id",
                &made,
                |statement, (chunk, hash)| statement.bind(chunk.id).bind(hash.to_vec()),
            )
            .await?;
            index_chunks(&mut transaction, made.into_iter().map(|(chunk, _)| chunk).collect()).await?;
            transaction.commit().await?;
            Ok(true)
        };
        work.await.map_err(fail)
    }

    /// Completes some documents; false when there are none left.
    async fn name_some(&self) -> StoreResult<bool> {
        let fail = |error| classify(OPERATION, self.location(), error);
        let mut transaction = self.begin(OPERATION, "documents").await?;
        let work = async {
            let documents = older_documents(&mut transaction).await?;
            let Some(last) = documents.last().map(|document| document.seq) else {
                sqlx::query("UPDATE completion SET done_seq = last_seq").execute(&mut *transaction).await?;
                transaction.commit().await?;
                return Ok(false);
            };
            let lacked: Vec<(i64, NewChunk)> = documents
                .iter()
                .flat_map(|document| lacking(document).into_iter().map(|chunk| (document.seq, chunk)))
                .collect();
            let mut id = last_seq(&mut transaction, "chunk").await?;
            let mut rows = Vec::with_capacity(lacked.len());
            for (document_seq, chunk) in &lacked {
                id += 1;
                rows.push(NewRow { id, document_seq: *document_seq, chunk, place: to_json(&chunk.place)? });
            }
            insert_chunks(&mut transaction, &rows).await?;
            let ids = document_ids(&mut transaction, rows.iter().map(|row| row.document_seq)).await?;
            index_chunks(&mut transaction, indexed(&rows, &ids)).await?;
            sqlx::query("UPDATE completion SET done_seq = ?").bind(last).execute(&mut *transaction).await?;
            transaction.commit().await?;
            Ok(true)
        };
        work.await.map_err(fail)
    }
}

/// The next documents to complete, in order.
async fn older_documents(connection: &mut SqliteConnection) -> Result<Vec<OlderDocument>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT seq, title, source_type, source_path, source_offset IS NOT NULL, attachments, \
            (SELECT count(*) FROM chunk WHERE document_seq = seq), \
            EXISTS (SELECT 1 FROM chunk WHERE document_seq = seq AND kind IN ('body', 'attachment')), \
            EXISTS (SELECT 1 FROM chunk WHERE document_seq = seq AND kind = 'names') \
         FROM document, completion WHERE seq > done_seq AND seq <= last_seq ORDER BY seq LIMIT ?",
    )
    .bind(DOCUMENTS_AT_ONCE)
    .fetch_all(&mut *connection)
    .await?;
    let numbers = json_numbers(rows.iter().map(|row| row.get(0)));
    let mut people = people_of(connection, numbers).await?;
    rows.iter()
        .map(|row| {
            let seq = row.try_get(0)?;
            Ok(OlderDocument {
                seq,
                title: row.try_get(1)?,
                source_type: named("source type", row.try_get(2)?, SourceType::parse)?,
                source_path: row.try_get(3)?,
                is_part: row.try_get(4)?,
                attachments: from_json("attachments", row.try_get(5)?)?,
                people: people.remove(&seq).unwrap_or_default(),
                chunks: row.try_get(6)?,
                has_text: row.try_get(7)?,
                has_names: row.try_get(8)?,
            })
        })
        .collect()
}

async fn people_of(
    connection: &mut SqliteConnection,
    documents: String,
) -> Result<HashMap<i64, Vec<PersonMention>>, sqlx::Error> {
    let sql = format!(
        "SELECT mention.document_seq, person.email, mention.name, mention.role FROM document_person AS mention \
         JOIN person ON person.seq = mention.person_seq \
         WHERE mention.document_seq IN (SELECT value FROM json_each(?)) {PEOPLE_IN_ORDER}"
    );
    let rows: Vec<(i64, Option<String>, Option<String>, String)> =
        sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(documents).fetch_all(connection).await?;
    let mut people: HashMap<i64, Vec<PersonMention>> = HashMap::new();
    for (document, email, name, role) in rows {
        let mention = person(email, name, &role).ok_or_else(|| undecodable("role", role))?;
        people.entry(document).or_default().push(mention);
    }
    Ok(people)
}
