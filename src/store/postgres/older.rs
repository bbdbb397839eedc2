//! Completes a store of an older version when it is opened: quotes and signatures come into the word index, documents get
//! the title and the names they lack (`shared::older`). Called by `open`, before anybody searches; in steps, each a
//! transaction of its own, so that a process that is stopped meanwhile leaves the rest to the next one.

use std::collections::HashMap;

use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use crate::domain::{ChunkKind, DocumentId, NewChunk, PersonMention, SourceType, terms};
use crate::store::StoreResult;
use crate::store::plan::chunks::NewRow;
use crate::store::shared::older::{CHUNKS_AT_ONCE, DOCUMENTS_AT_ONCE, OlderDocument, PEOPLE_IN_ORDER, lacking, person};

use super::PostgresStore;
use super::documents::{insert_chunks, last_chunk_id};
use super::error::classify;
use super::rows::{from_json, named, small, to_json, undecodable};
use super::search::{IndexedChunk, index_chunks};

const OPERATION: &str = "complete store";

/// A chunk on its way into the word index.
struct Unindexed {
    id: i64,
    document_seq: i64,
    document_id: DocumentId,
    kind: ChunkKind,
    token_count: u32,
    terms: String,
    hash: [u8; 32],
}

impl Unindexed {
    fn indexed(&self) -> IndexedChunk<'_> {
        IndexedChunk {
            id: self.id,
            document_seq: self.document_seq,
            document_id: self.document_id,
            kind: self.kind,
            token_count: self.token_count,
            terms: &self.terms,
        }
    }
}

impl PostgresStore {
    /// Makes what this version keeps and an older one did not. Costs one look when nothing is left to do.
    pub(super) async fn complete_older(&self) -> StoreResult<()> {
        self.renew_index().await?;
        let fail = |error| classify(OPERATION, self.location.as_str(), error);
        let (has_chunks, has_documents): (bool, bool) = sqlx::query_as(
            "SELECT EXISTS (SELECT 1 FROM chunk WHERE NOT searchable), \
                    EXISTS (SELECT 1 FROM completion WHERE done_seq < last_seq)",
        )
        .fetch_one(&self.pool)
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
        let fail = |error| classify(OPERATION, self.location.as_str(), error);
        let mut transaction = self.begin_writing(OPERATION, "chunks").await?;
        let work = async {
            let rows: Vec<(i64, i64, Uuid, String, i64, String)> = sqlx::query_as(
                "SELECT chunk.id, document.seq, document.id, chunk.kind, chunk.token_count, chunk.text FROM chunk \
                 JOIN document ON document.seq = chunk.document_seq WHERE NOT chunk.searchable ORDER BY chunk.id LIMIT $1",
            )
            .bind(CHUNKS_AT_ONCE)
            .fetch_all(&mut *transaction)
            .await?;
            if rows.is_empty() {
                return Ok(false);
            }
            let made =
                tokio::task::spawn_blocking(move || rows.into_iter().map(unindexed).collect::<Result<Vec<_>, _>>());
            let made = made.await.map_err(|error| sqlx::Error::Protocol(format!("making terms failed: {error}")))??;
            index_chunks(&mut transaction, &made.iter().map(Unindexed::indexed).collect::<Vec<_>>()).await?;
            sqlx::query(
                "UPDATE chunk SET searchable = TRUE, context = '', text_sha256 = new.hash \
                 FROM unnest($1::BIGINT[], $2::BYTEA[]) AS new (id, hash) WHERE chunk.id = new.id",
            )
            .bind(made.iter().map(|chunk| chunk.id).collect::<Vec<_>>())
            .bind(made.iter().map(|chunk| chunk.hash.to_vec()).collect::<Vec<_>>())
            .execute(&mut *transaction)
            .await?;
            transaction.commit().await?;
            Ok(true)
        };
        work.await.map_err(fail)
    }

    /// Completes some documents; false when there are none left.
    async fn name_some(&self) -> StoreResult<bool> {
        let fail = |error| classify(OPERATION, self.location.as_str(), error);
        let mut transaction = self.begin_writing(OPERATION, "documents").await?;
        let work = async {
            let documents = older_documents(&mut transaction).await?;
            let Some(last) = documents.last().map(|(document, _)| document.seq) else {
                sqlx::query("UPDATE completion SET done_seq = last_seq").execute(&mut *transaction).await?;
                transaction.commit().await?;
                return Ok(false);
            };
            let lacked: Vec<(i64, DocumentId, NewChunk)> = documents
                .iter()
                .flat_map(|(document, id)| lacking(document).into_iter().map(|chunk| (document.seq, *id, chunk)))
                .collect();
            let mut id = last_chunk_id(&mut transaction).await?;
            let mut rows = Vec::with_capacity(lacked.len());
            for (document_seq, _, chunk) in &lacked {
                id += 1;
                rows.push(NewRow { id, document_seq: *document_seq, chunk, place: to_json(&chunk.place)? });
            }
            if let Some(last) = rows.last() {
                insert_chunks(&mut transaction, &rows).await?;
                sqlx::query("SELECT setval('chunk_id_seq', $1)").bind(last.id).execute(&mut *transaction).await?;
            }
            let indexed = rows.iter().zip(&lacked).map(|(row, (document_seq, document_id, chunk))| IndexedChunk {
                id: row.id,
                document_seq: *document_seq,
                document_id: *document_id,
                kind: chunk.kind,
                token_count: chunk.token_count,
                terms: &chunk.terms,
            });
            index_chunks(&mut transaction, &indexed.collect::<Vec<_>>()).await?;
            sqlx::query("UPDATE completion SET done_seq = $1").bind(last).execute(&mut *transaction).await?;
            transaction.commit().await?;
            Ok(true)
        };
        work.await.map_err(fail)
    }
}

fn unindexed(
    (id, document_seq, document_id, kind, token_count, text): (i64, i64, Uuid, String, i64, String),
) -> Result<Unindexed, sqlx::Error> {
    Ok(Unindexed {
        id,
        document_seq,
        document_id: DocumentId(document_id),
        kind: named("chunk kind", &kind, ChunkKind::parse)?,
        token_count: small(token_count),
        terms: terms::terms(&text),
        hash: NewChunk::hash("", &text),
    })
}

/// The next documents to complete, in order.
async fn older_documents(connection: &mut PgConnection) -> Result<Vec<(OlderDocument, DocumentId)>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT seq, title, source_type, source_path, source_offset IS NOT NULL, attachments, \
            (SELECT count(*) FROM chunk WHERE document_seq = seq), \
            EXISTS (SELECT 1 FROM chunk WHERE document_seq = seq AND kind IN ('body', 'attachment')), \
            EXISTS (SELECT 1 FROM chunk WHERE document_seq = seq AND kind = 'names'), document.id \
         FROM document, completion WHERE seq > done_seq AND seq <= last_seq ORDER BY seq LIMIT $1",
    )
    .bind(DOCUMENTS_AT_ONCE)
    .fetch_all(&mut *connection)
    .await?;
    let numbers = rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<i64>, _>>()?;
    let mut people = people_of(connection, numbers).await?;
    rows.iter()
        .map(|row| {
            let seq = row.try_get(0)?;
            let document = OlderDocument {
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
            };
            Ok((document, DocumentId(row.try_get(9)?)))
        })
        .collect()
}

async fn people_of(
    connection: &mut PgConnection,
    documents: Vec<i64>,
) -> Result<HashMap<i64, Vec<PersonMention>>, sqlx::Error> {
    let sql = format!(
        "SELECT mention.document_seq, person.email, mention.name, mention.role FROM document_person AS mention \
         JOIN person ON person.seq = mention.person_seq WHERE mention.document_seq = ANY($1) {PEOPLE_IN_ORDER}"
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
