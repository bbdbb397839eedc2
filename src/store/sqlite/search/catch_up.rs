//! Brings the in-memory indexes up to date with the database: new chunks by id, new vectors by number, removals and
//! deletions through `search_change`. Every search calls it first; when nothing changed it costs one small query.

use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use futures_util::StreamExt;
use sqlx::Row;

use crate::domain::ChunkKind;
use crate::domain::search::VectorQuery;

use crate::store::shared::ranking::{kind_number, kind_of_number};
use crate::store::{StoreError, StoreResult};

use super::super::SqliteStore;
use super::super::error::classify;
use super::vectors::{Coded, Matrices, floats};
use super::words::{ChunkTerms, Words, count_terms};
use super::{SearchIndex, blocks, bulk};

/// A model as the store knows it: name, number, dimension.
pub(super) type KnownModel = (String, i64, usize);

/// What the store holds at the moment of a search.
#[derive(Debug, Default)]
pub(in crate::store::sqlite) struct Present {
    /// Greatest `embedding.seq`.
    newest_vector: i64,
    /// Every model.
    pub(super) models: Vec<KnownModel>,
}

impl Present {
    /// The model of this name.
    pub(super) fn model(&self, name: &str) -> Option<&KnownModel> {
        self.models.iter().find(|(known, ..)| known == name)
    }
}

/// Vectors taken over in one step.
const AT_ONCE: usize = 1_024;
/// Chunks read and counted in one step while the word index is built.
const BUILD_STEP: i64 = 1_000;

impl SqliteStore {
    /// New slots, removals, deletions, and the words of new chunks when the word index exists.
    pub(in crate::store::sqlite) async fn catch_up_slots(&self) -> StoreResult<Present> {
        let _one = self.index.catching_up.lock().await;
        let (last_id, last_document, change_seen, words_last, loaded, has_quotes) = {
            let state = self.index.read();
            let (slots, words_last) = (&state.slots, state.words.as_ref().map(|words| words.last_id));
            (slots.last_id(), slots.last_document(), slots.change_seen, words_last, slots.loaded, slots.has_quotes)
        };
        let fail = |error| classify("read search index", "", error);
        let marks = sqlx::query(
            "SELECT coalesce((SELECT max(id) FROM chunk WHERE searchable = 1), 0), \
                    coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'search_change'), 0), \
                    coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'embedding'), 0), \
                    (SELECT json_group_array(json_array(name, seq, dimension)) FROM model)",
        )
        .fetch_one(&self.reader)
        .await
        .map_err(fail)?;
        let (newest_id, newest_change): (i64, i64) = (marks.get(0), marks.get(1));
        let models = serde_json::from_str(marks.get(3)).map_err(|error| fail(sqlx::Error::Decode(error.into())))?;
        let present = Present { newest_vector: marks.get(2), models };
        // The word index may be younger than a slot: one that came while it was built.
        let has_words = words_last.is_none_or(|last| last >= last_id);
        if loaded && has_words && newest_id <= last_id && newest_change <= change_seen {
            return Ok(present);
        }
        // One read transaction: slots, changes and texts of the same moment.
        let mut snapshot = self.reader.begin().await.map_err(fail)?;
        let new = bulk::chunks_after(&mut snapshot, last_id).await.map_err(fail)?;
        let documents = bulk::documents_after(&mut snapshot, last_document).await.map_err(fail)?;
        let changes: Vec<Change> =
            sqlx::query_as("SELECT seq, chunk_id, document_seq FROM search_change WHERE seq > ? ORDER BY seq")
                .bind(if loaded { change_seen } else { i64::MAX })
                .fetch_all(&mut *snapshot)
                .await
                .map_err(fail)?;
        let deleted: Option<Vec<i64>> = if !loaded || changes.iter().any(|(_, _, document)| document.is_some()) {
            let query = sqlx::query_scalar("SELECT seq FROM document WHERE deleted_at IS NOT NULL");
            Some(query.fetch_all(&mut *snapshot).await.map_err(fail)?)
        } else {
            None
        };
        let answers = new_answers(&mut snapshot, loaded, has_quotes, &new, &changes).await.map_err(fail)?;
        let counted = match words_last {
            Some(last) => read_terms(&mut snapshot, last, i64::MAX).await.map_err(fail)?,
            None => Vec::new(),
        };
        drop(snapshot);
        let mut state = self.index.write();
        for (number, id) in documents {
            state.slots.push_document(number as u32, id);
        }
        for (id, document, length, kind) in new {
            state.slots.push(id, document as u32, length as u32, kind_of_number(kind));
        }
        for (number, is_answer) in answers {
            state.slots.set_answer(number as usize, is_answer != 0);
        }
        for (_, chunk, _) in &changes {
            if let Some(id) = chunk {
                state.slots.remove(*id);
            }
        }
        if let Some(deleted) = deleted {
            state.slots.deleted = deleted.into_iter().map(|seq| seq as u32).collect();
        }
        state.slots.change_seen = changes.last().map_or_else(|| newest_change.max(change_seen), |(seq, ..)| *seq);
        state.slots.loaded = true;
        let state = &mut *state;
        if let Some(words) = &mut state.words {
            for (id, terms) in counted {
                if let Some(slot) = state.slots.slot(id) {
                    words.add(slot as u32, id, state.slots.kinds[slot].is_text(), terms);
                }
            }
            if words_last.is_some() {
                // The last chunks may be gone by now, and have no words to count.
                words.last_id = words.last_id.max(state.slots.last_id());
            }
        }
        Ok(present)
    }

    /// Builds the word index, unless it exists or another task is at it. Searches go on meanwhile.
    pub(super) async fn build_words(&self) -> StoreResult<()> {
        if self.index.read().words.is_some() || self.index.building.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let built = self.build_words_alone().await;
        self.index.building.store(false, Ordering::Release);
        built
    }

    async fn build_words_alone(&self) -> StoreResult<()> {
        let fail = |error| classify("build word index", "", error);
        let mut words = Words::default();
        loop {
            // Slots may grow while we read; what is indexed here is only what has a slot already.
            let upto = self.index.read().slots.last_id();
            let counted = {
                let mut connection = self.reader.acquire().await.map_err(fail)?;
                read_terms(&mut connection, words.last_id, BUILD_STEP).await.map_err(fail)?
            };
            let done = counted.iter().all(|(id, _)| *id > upto);
            let state = Arc::clone(&self.index.state);
            words = super::compute(move |_| {
                let state = state.read().unwrap_or_else(PoisonError::into_inner);
                for (id, terms) in counted.into_iter().filter(|(id, _)| *id <= upto) {
                    if let Some(slot) = state.slots.slot(id) {
                        words.add(slot as u32, id, state.slots.kinds[slot].is_text(), terms);
                    } else {
                        words.last_id = id;
                    }
                }
                words
            })
            .await?;
            if done {
                break;
            }
        }
        words.shrink();
        self.index.write().words = Some(words);
        *self.index.dictionary.lock().await = None;
        // What was committed meanwhile.
        self.catch_up_slots().await.map(drop)
    }

    /// Slots, and vectors of the models that are asked for.
    pub(super) async fn catch_up_vectors(&self, queries: &[VectorQuery]) -> StoreResult<Present> {
        let present = self.catch_up_slots().await?;
        self.catch_up_vectors_of(&present, queries).await?;
        Ok(present)
    }

    /// Vectors that were there at the moment of `present`.
    pub(in crate::store::sqlite) async fn catch_up_vectors_of(
        &self,
        present: &Present,
        queries: &[VectorQuery],
    ) -> StoreResult<()> {
        let names: Vec<&str> = queries.iter().map(|query| query.model.0.as_str()).collect();
        for (at, query) in queries.iter().enumerate() {
            let Some(model) = present.model(&query.model.0) else { continue };
            if query.vector.len() != model.2 {
                let message = format!("query vector has {} dimensions, the model has {}", query.vector.len(), model.2);
                return Err(StoreError::invariant("search vectors", query.model.to_string(), message));
            }
            self.load_vectors(model, &names[..at], present.newest_vector).await?;
        }
        Ok(())
    }

    /// What is new of one model up to vector `newest`, or everything anew when it lacks something; `better` are the models
    /// asked before it. Later vectors are left alone: their chunks may have no slot yet.
    async fn load_vectors(&self, model: &KnownModel, better: &[&str], newest: i64) -> StoreResult<()> {
        let (name, number, dimension) = (model.0.as_str(), model.1, model.2);
        let known = || {
            let state = self.index.read();
            (state.matrices.seen(name), state.matrices.lacks(name, better))
        };
        let is_current = |(seen, lacks): (i64, bool)| newest <= seen && !lacks;
        if is_current(known()) {
            return Ok(());
        }
        let _one = self.index.catching_up.lock().await;
        // Another search may have read it meanwhile.
        let (seen, lacks) = known();
        if is_current((seen, lacks)) {
            return Ok(());
        }
        let mut reading = Reading { name, dimension, better, anew: lacks.then(Matrices::default) };
        let (mut seen, newest) = if lacks { (0, newest.max(seen)) } else { (seen, newest) };
        let fail = |error| classify("read vectors", name.to_owned(), error);
        let mut connection = self.reader.acquire().await.map_err(fail)?;
        while let Some(block) = blocks::next(&mut connection, (number, dimension), seen, newest).await.map_err(fail)? {
            seen = block.last_seq;
            reading.take(&self.index, block.vectors(), seen);
        }
        let mut rows = sqlx::query(
            "SELECT seq, chunk_id, vector FROM embedding \
             WHERE seq > ? AND seq <= ? AND model_seq = ? AND vector IS NOT NULL ORDER BY seq",
        )
        .bind(seen)
        .bind(newest)
        .bind(number)
        .fetch(&mut *connection);
        let mut batch: Vec<Coded> = Vec::with_capacity(AT_ONCE);
        while let Some(row) = rows.next().await.transpose().map_err(fail)? {
            seen = row.get(0);
            let bytes: &[u8] = row.get(2);
            if bytes.len() == dimension * 4 {
                batch.push(Coded::of(row.get(1), &floats(bytes)));
            }
            if batch.len() == AT_ONCE {
                reading.take(&self.index, batch.drain(..), seen);
            }
        }
        reading.take(&self.index, batch.into_iter(), newest);
        if let Some(anew) = reading.anew {
            self.index.write().matrices.replace(anew);
        }
        Ok(())
    }
}

/// One model on its way into memory.
struct Reading<'a> {
    name: &'a str,
    dimension: usize,
    better: &'a [&'a str],
    /// Read beside the old one, which answers until this is whole.
    anew: Option<Matrices>,
}

impl Reading<'_> {
    /// Takes vectors up to number `seen`. Whoever gives up in between has the next one go on from there.
    fn take(&mut self, index: &SearchIndex, vectors: impl Iterator<Item = Coded>, seen: i64) {
        let model = (self.name, self.dimension);
        if let Some(anew) = &mut self.anew {
            anew.add(model, &[], &index.read().slots, vectors);
            anew.set_seen(self.name, self.dimension, seen);
        } else {
            let state = &mut *index.write();
            state.matrices.add(model, self.better, &state.slots, vectors);
            state.matrices.set_seen(self.name, self.dimension, seen);
        }
    }
}

/// A row of `search_change`: its number, and the chunk or the document that changed.
type Change = (i64, Option<i64>, Option<i64>);

/// What is new of which documents answer a live message. Asked only for the sake of quotes: without any there is nothing
/// to know; with the first one all are looked at, from then on those that came or changed and those that answer them.
async fn new_answers(
    connection: &mut sqlx::SqliteConnection,
    loaded: bool,
    has_quotes: bool,
    new: &[bulk::ChunkRow],
    changes: &[Change],
) -> Result<Vec<(i64, u8)>, sqlx::Error> {
    let quoted = u64::from(kind_number(ChunkKind::Quoted));
    if !has_quotes {
        let is_first = new.iter().any(|(.., kind)| *kind == quoted);
        return if is_first { bulk::answers(connection, None).await } else { Ok(Vec::new()) };
    }
    let mut documents: Vec<i64> = new.iter().map(|(_, document, ..)| *document).collect();
    documents.extend(changes.iter().filter_map(|(_, _, document)| *document));
    documents.sort_unstable();
    documents.dedup();
    if documents.is_empty() || !loaded {
        return Ok(Vec::new());
    }
    let documents = serde_json::to_string(&documents).map_err(|error| sqlx::Error::Encode(error.into()))?;
    bulk::answers(connection, Some(&documents)).await
}

/// Term counts of searchable chunks after `last`, at most `limit`, in order of id.
async fn read_terms(
    connection: &mut sqlx::SqliteConnection,
    last: i64,
    limit: i64,
) -> Result<Vec<(i64, ChunkTerms)>, sqlx::Error> {
    let texts: Vec<(i64, String, String)> =
        sqlx::query_as("SELECT id, context, text FROM chunk WHERE searchable = 1 AND id > ? ORDER BY id LIMIT ?")
            .bind(last)
            .bind(limit)
            .fetch_all(connection)
            .await?;
    tokio::task::spawn_blocking(move || {
        texts.into_iter().map(|(id, context, text)| (id, count_terms(&context, &text))).collect()
    })
    .await
    .map_err(|error| sqlx::Error::Protocol(format!("counting terms failed: {error}")))
}
