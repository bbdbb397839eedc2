//! Brings the view up to date: one small statement when nothing changed, headers of new segments when something did.
//!
//! The list of segments is read whole. Removed chunks and retired documents are read from where the last look ended, by
//! transaction number: everything that was written by transactions at or after the oldest one running then, so nothing
//! that was still uncommitted is missed, in whatever order transactions end. One look serves all searches that wait.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, RwLock};

use sqlx::Row;

use crate::domain::ChunkKind;
use crate::store::StoreResult;

use super::super::error::classify;
use super::super::rows::undecodable;
use super::segment::Segment;
use super::source::Source;
use super::view::{Model, View};
use super::{SearchIndex, compute};

const OPERATION: &str = "read search index";

/// Looks at one server.
#[derive(Debug, Default)]
pub(super) struct Looking {
    view: RwLock<Arc<View>>,
    /// The last look that ended. Held while looking.
    finished: tokio::sync::Mutex<u64>,
}

/// What one look at the database says.
struct Look {
    segments: Vec<i64>,
    seen: i64,
    gone: Vec<i64>,
    retired: Vec<i64>,
    restored: Vec<i64>,
    models: Vec<Model>,
}

impl SearchIndex {
    fn looking(&self, source: Source) -> &Looking {
        match source {
            Source::Primary => &self.primary_looks,
            Source::Replica => &self.replica_looks,
        }
    }

    /// The view of a server as it was last made.
    pub(super) fn current(&self, source: Source) -> Arc<View> {
        Arc::clone(&self.looking(source).view.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// A view that holds everything the server held before the call.
    pub(super) async fn refresh(&self, source: Source) -> StoreResult<Arc<View>> {
        let begun = self.looks_begun.load(Ordering::SeqCst);
        let mut finished = self.looking(source).finished.lock().await;
        if *finished > begun {
            // A look that began after we came has ended while we waited.
            return Ok(self.current(source));
        }
        let number = self.looks_begun.fetch_add(1, Ordering::SeqCst) + 1;
        let view = self.look_until_whole(source, number).await?;
        *finished = number;
        Ok(view)
    }

    /// Looks until all segments of the list could be read: one may be merged into another between two statements.
    async fn look_until_whole(&self, source: Source, number: u64) -> StoreResult<Arc<View>> {
        loop {
            let before = self.current(source);
            let look = self.look(source, before.seen).await?;
            let known: HashMap<i64, &Arc<Segment>> =
                before.parts.iter().map(|part| (part.segment.id, &part.segment)).collect();
            let same_segments =
                before.parts.len() == look.segments.len() && look.segments.iter().all(|id| known.contains_key(id));
            let same = before.seen > 0
                && same_segments
                && look.models == before.models
                && look.gone.iter().all(|id| before.gone.contains(id))
                && look.retired.iter().all(|seq| before.retired.contains(seq))
                && !look.restored.iter().any(|seq| before.retired.contains(seq));
            if same {
                return Ok(before);
            }
            let missing: Vec<i64> = look.segments.iter().filter(|id| !known.contains_key(id)).copied().collect();
            let read = self.read_segments(source, &missing).await?;
            if read.len() < missing.len() {
                continue;
            }
            let new: HashMap<i64, &Arc<Segment>> = read.iter().map(|segment| (segment.id, segment)).collect();
            let find = |id: &i64| known.get(id).or_else(|| new.get(id)).map(|segment| Arc::clone(segment));
            let segments: Vec<Arc<Segment>> = look.segments.iter().filter_map(find).collect();
            let old = Arc::clone(&before);
            let answers = self.answers(source, &before, &segments, &look).await?;
            let view = compute(move |_| {
                let gone: HashSet<i64> = old.gone.iter().copied().chain(look.gone).collect();
                let mut retired = old.retired.clone();
                retired.extend(look.retired);
                retired.retain(|seq| !look.restored.contains(seq));
                let mut view = View::new(segments, &gone, retired, look.models, look.seen, (source, number));
                view.answers = answers;
                Arc::new(view)
            })
            .await?;
            if !same_segments {
                let current: HashSet<i64> = look.segments.into_iter().collect();
                self.blocks.retain_segments(|id| current.contains(&id));
            }
            *self.looking(source).view.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&view);
            return Ok(view);
        }
    }

    async fn look(&self, source: Source, seen: i64) -> StoreResult<Look> {
        let fail = |error| classify(OPERATION, "", error);
        let row = sqlx::query(
            "SELECT (SELECT array_agg(id ORDER BY id) FROM word_segment), \
                    pg_snapshot_xmin(pg_current_snapshot())::TEXT::BIGINT, \
                    (SELECT array_agg(chunk_id) FROM word_gone WHERE written_by >= $1), \
                    (SELECT array_agg(document_seq) FROM search_retired WHERE written_by >= $1 AND retired), \
                    (SELECT array_agg(document_seq) FROM search_retired WHERE written_by >= $1 AND NOT retired), \
                    (SELECT array_agg(seq ORDER BY seq) FROM model), \
                    (SELECT array_agg(name ORDER BY seq) FROM model), \
                    (SELECT array_agg(dimension ORDER BY seq) FROM model), \
                    (SELECT array_agg(done ORDER BY model_seq) FROM embedding_total)",
        )
        .bind(seen)
        .fetch_one(self.at(source))
        .await
        .map_err(fail)?;
        let numbers = |column| row.try_get::<Option<Vec<i64>>, _>(column).map(Option::unwrap_or_default).map_err(fail);
        let names: Vec<String> = row.try_get::<Option<_>, _>(6).map_err(fail)?.unwrap_or_default();
        let models = numbers(5)?.into_iter().zip(names).zip(numbers(7)?).zip(numbers(8)?);
        Ok(Look {
            segments: numbers(0)?,
            seen: row.try_get(1).map_err(fail)?,
            gone: numbers(2)?,
            retired: numbers(3)?,
            restored: numbers(4)?,
            models: models
                .map(|(((seq, name), dimension), done)| Model {
                    seq,
                    name,
                    dimension: dimension.unsigned_abs() as usize,
                    done: done.unsigned_abs(),
                })
                .collect(),
        })
    }

    /// Documents that answer a message which is live in the store, brought up to date: those with chunks that came, those
    /// that left or came back, and what answers them. Asked only for the sake of quotes; with the first one all are read.
    async fn answers(
        &self,
        source: Source,
        before: &View,
        segments: &[Arc<Segment>],
        look: &Look,
    ) -> StoreResult<Arc<HashSet<i64>>> {
        let fail = |error| classify(OPERATION, "", error);
        let new = segments
            .iter()
            .filter(|segment| !before.parts.iter().any(|part| part.segment.id == segment.id))
            .flat_map(|segment| segment.places.iter());
        if !before.has_quotes {
            let has_quotes = new.into_iter().any(|place| place.kind == ChunkKind::Quoted);
            if !has_quotes {
                return Ok(Arc::clone(&before.answers));
            }
            let all: Option<Vec<i64>> = sqlx::query_scalar(
                "SELECT array_agg(d.seq) FROM document d WHERE d.in_reply_to IS NOT NULL AND EXISTS \
                    (SELECT 1 FROM document p WHERE p.message_id = d.in_reply_to AND p.deleted_at IS NULL)",
            )
            .fetch_one(self.at(source))
            .await
            .map_err(fail)?;
            return Ok(Arc::new(all.unwrap_or_default().into_iter().collect()));
        }
        // Chunks are numbered in the order of commits: what merged segments bring along is known.
        let came = new.filter(|place| place.id > before.last_chunk).map(|place| place.document_seq);
        let turned = look.retired.iter().filter(|seq| !before.retired.contains(seq)).copied();
        let returned = look.restored.iter().filter(|seq| before.retired.contains(seq)).copied();
        let documents: HashSet<i64> = came.chain(turned).chain(returned).collect();
        if documents.is_empty() {
            return Ok(Arc::clone(&before.answers));
        }
        let rows: Vec<(i64, bool)> = sqlx::query_as(
            "SELECT d.seq, EXISTS (SELECT 1 FROM document p WHERE p.message_id = d.in_reply_to AND p.deleted_at IS NULL) \
             FROM document d WHERE d.seq IN (SELECT unnest($1::BIGINT[]) UNION SELECT a.seq FROM document a \
                JOIN document m ON m.message_id = a.in_reply_to WHERE m.seq = ANY($1))",
        )
        .bind(documents.into_iter().collect::<Vec<_>>())
        .fetch_all(self.at(source))
        .await
        .map_err(fail)?;
        let mut answers = HashSet::clone(&before.answers);
        for (seq, is_answer) in rows {
            if is_answer {
                answers.insert(seq)
            } else {
                answers.remove(&seq)
            };
        }
        Ok(Arc::new(answers))
    }

    /// Headers of segments; those that are no more are left out.
    async fn read_segments(&self, source: Source, ids: &[i64]) -> StoreResult<Vec<Arc<Segment>>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let fail = |error| classify(OPERATION, format!("{} segments", ids.len()), error);
        let rows: Vec<(i64, Vec<u8>)> = sqlx::query_as("SELECT id, header FROM word_segment WHERE id = ANY($1)")
            .bind(ids)
            .fetch_all(self.at(source))
            .await
            .map_err(fail)?;
        let segments = compute(move |_| {
            let unpack = |(id, header): (i64, Vec<u8>)| {
                Segment::unpack(id, &header).map(Arc::new).ok_or_else(|| undecodable("header of word segment", id))
            };
            rows.into_iter().map(unpack).collect::<Result<Vec<_>, _>>()
        })
        .await?;
        segments.map_err(fail)
    }
}
