//! Brings what a process knows of the index to the present: new segments by number, removals and deletions through
//! `search_change`. Every search calls it first; when nothing changed it costs one small query.

use std::collections::HashSet;
use std::sync::Arc;

use sqlx::{Row, SqliteConnection};

use crate::index::bytes::Bytes;
use crate::index::numbers::Numbers;
use crate::index::view::View;
use crate::index::words::Segment;
use crate::store::{StoreError, StoreResult};

use super::super::SqliteStore;
use super::super::batch::json_numbers;
use super::super::error::classify;
use super::super::rows::undecodable;
use super::bulk;

/// A model as the store knows it: name, number, dimension.
pub(super) type KnownModel = (String, i64, usize);

/// What the store holds at the moment of a search.
#[derive(Debug, Default)]
pub(in crate::store::sqlite) struct Present {
    /// Greatest `embedding.seq`.
    pub(super) newest_vector: i64,
    /// Every model.
    pub(super) models: Vec<KnownModel>,
    /// The chunks.
    pub(super) view: Arc<View>,
}

impl Present {
    /// The model of this name.
    pub(super) fn model(&self, name: &str) -> Option<&KnownModel> {
        self.models.iter().find(|(known, ..)| known == name)
    }
}

/// How much of the tables a process has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// Whether anything was read at all.
    is_loaded: bool,
    /// Greatest number of a segment there was.
    segment: i64,
    /// Greatest `search_change.seq`.
    pub(super) change: i64,
    /// What `View::answers` knows: nothing before there is any quote.
    pub(super) answers: Option<Answered>,
}

/// Up to where it is known which documents answer a live message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answered {
    /// Greatest chunk id whose document was asked for.
    pub(super) chunk: i64,
    /// Greatest `search_change.seq` that was looked at.
    pub(super) change: i64,
}

/// Times the list of segments is read anew because a file of it was merged away meanwhile.
const ATTEMPTS: usize = 5;
/// So many documents are looked up all at once, not by a list.
const MANY_DOCUMENTS: usize = 20_000;

const OPERATION: &str = "read search index";

/// A row of `word_segment` without its bytes: number, file.
type SegmentRow = (i64, Option<String>);
/// A row of `search_change`: its number, and the chunk or the document that changed.
type Change = (i64, Option<i64>, Option<i64>);

/// Why a look at the segments did not go well.
pub(super) enum Failed {
    /// A file was not there: merged away since the list was read, or lost.
    Missing(String),
    Store(sqlx::Error),
}

impl From<sqlx::Error> for Failed {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error)
    }
}

impl SqliteStore {
    /// The present: all segments, and what of them is gone.
    pub(in crate::store::sqlite) async fn catch_up(&self) -> StoreResult<Present> {
        let _one = self.index.catching_up.lock().await;
        let fail = |error| classify(OPERATION, "", error);
        let marks = sqlx::query(
            "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'word_segment'), 0), \
                    coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'search_change'), 0), \
                    coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'embedding'), 0), \
                    (SELECT json_group_array(json_array(name, seq, dimension)) FROM model)",
        )
        .fetch_one(&self.reader)
        .await
        .map_err(fail)?;
        let (segment, change): (i64, i64) = (marks.get(0), marks.get(1));
        let models = serde_json::from_str(marks.get(3)).map_err(|error| fail(sqlx::Error::Decode(error.into())))?;
        let mut present = Present { newest_vector: marks.get(2), models, ..Present::default() };
        let seen = {
            let state = self.index.read();
            present.view = Arc::clone(&state.view);
            state.seen
        };
        if !seen.is_loaded || segment > seen.segment || change > seen.change {
            present.view = self.look_anew(&present.view, seen).await?;
        }
        Ok(present)
    }

    async fn look_anew(&self, known: &Arc<View>, seen: Seen) -> StoreResult<Arc<View>> {
        let fail = |error| classify(OPERATION, "", error);
        let mut missing = String::new();
        for _ in 0..ATTEMPTS {
            let mut snapshot = self.reader.begin().await.map_err(fail)?;
            match self.look(&mut snapshot, View::clone(known), seen).await {
                Ok((view, seen)) => {
                    let view = Arc::new(view);
                    let state = &mut *self.index.write();
                    state.view = Arc::clone(&view);
                    state.seen = seen;
                    return Ok(view);
                }
                Err(Failed::Missing(file)) => missing = file,
                Err(Failed::Store(error)) => return Err(fail(error)),
            }
        }
        let path = self.index.folder().file(&missing);
        Err(StoreError::invariant(
            OPERATION,
            path.display().to_string(),
            "this file of the search index is missing or damaged: start Peanut again and it is made anew from the store"
                .to_owned(),
        ))
    }

    /// One look at the tables, all of the same moment.
    pub(super) async fn look(
        &self,
        snapshot: &mut SqliteConnection,
        mut view: View,
        mut seen: Seen,
    ) -> Result<(View, Seen), Failed> {
        let rows: Vec<SegmentRow> =
            sqlx::query_as("SELECT id, file FROM word_segment").fetch_all(&mut *snapshot).await?;
        let mut new = Vec::new();
        for (id, file) in rows.iter().filter(|(id, _)| !view.has(*id)) {
            new.push((*id, self.segment(snapshot, *id, file.as_deref()).await?));
        }
        let ids: HashSet<i64> = rows.iter().map(|(id, _)| *id).collect();
        let are_some_gone = view.parts.iter().any(|part| !ids.contains(&part.key));
        view.replace(|id| ids.contains(&id), new);
        let changes: Vec<Change> =
            sqlx::query_as("SELECT seq, chunk_id, document_seq FROM search_change WHERE seq > ? ORDER BY seq")
                .bind(if seen.is_loaded { seen.change } else { i64::MAX })
                .fetch_all(&mut *snapshot)
                .await?;
        if are_some_gone || !seen.is_loaded {
            // What was merged is marked anew: it may hold chunks that went while it was made.
            let gone = sqlx::query_scalar("SELECT json_group_array(chunk_id) FROM word_gone");
            view.remove(bulk::numbers_of(gone, snapshot).await?);
        } else {
            view.remove(changes.iter().filter_map(|(_, chunk, _)| *chunk));
        }
        if !seen.is_loaded || changes.iter().any(|(_, _, document)| document.is_some()) {
            let deleted = sqlx::query_scalar("SELECT json_group_array(seq) FROM document WHERE deleted_at IS NOT NULL");
            view.set_deleted(Numbers::of(bulk::numbers_of(deleted, snapshot).await?));
        }
        let newest: (i64, i64) = sqlx::query_as(
            "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'word_segment'), 0), \
                    coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'search_change'), 0)",
        )
        .fetch_one(&mut *snapshot)
        .await?;
        seen.is_loaded = true;
        (seen.segment, seen.change) = newest;
        if view.has_quotes() {
            seen.answers = Some(look_at_answers(snapshot, &mut view, seen.answers, seen.change).await?);
        }
        Ok((view, seen))
    }

    /// A segment, where it lies.
    async fn segment(&self, snapshot: &mut SqliteConnection, id: i64, file: Option<&str>) -> Result<Segment, Failed> {
        if let Some(file) = file {
            let mapped = Bytes::map(&self.index.folder().file(file)).ok().and_then(Segment::of);
            return mapped.ok_or_else(|| Failed::Missing(file.to_owned()));
        }
        let bytes: Option<Vec<u8>> =
            sqlx::query_scalar("SELECT bytes FROM word_segment WHERE id = ?").bind(id).fetch_one(snapshot).await?;
        let segment = bytes.and_then(|bytes| Segment::of(bytes.into()));
        segment.ok_or_else(|| Failed::Store(undecodable("segment of the word index", id)))
    }
}

/// Which documents answer a live message, brought to the present: of the documents that came and of those that changed, and
/// of those that answer them. The first time what was written down when files were merged is where it begins.
async fn look_at_answers(
    snapshot: &mut SqliteConnection,
    view: &mut View,
    known: Option<Answered>,
    newest_change: i64,
) -> Result<Answered, sqlx::Error> {
    let present = Answered { chunk: view.last_id(), change: newest_change };
    let begin = match known {
        Some(answered) => Some(answered),
        None => written_down(snapshot, view).await?,
    };
    let mut documents: Vec<i64> = Vec::new();
    if let Some(begin) = begin {
        let changed = sqlx::query_scalar(
            "SELECT json_group_array(document_seq) FROM search_change WHERE seq > ? AND document_seq IS NOT NULL",
        );
        documents = bulk::numbers_of(changed.bind(begin.change), snapshot).await?;
        documents.extend(view.documents_after(begin.chunk).into_iter().map(i64::from));
        documents.sort_unstable();
        documents.dedup();
    }
    let found = if begin.is_none() || documents.len() > MANY_DOCUMENTS {
        view.answers = Arc::default();
        bulk::answers(snapshot, None).await?
    } else if documents.is_empty() {
        Vec::new()
    } else {
        bulk::answers(snapshot, Some(&json_numbers(documents))).await?
    };
    if !found.is_empty() {
        let answers = Arc::make_mut(&mut view.answers);
        for (document, is_answer) in found {
            let Ok(document) = usize::try_from(document) else { continue };
            if is_answer != 0 { answers.insert(document) } else { answers.remove(document) }
        }
    }
    Ok(present)
}

/// What the last merge wrote down.
async fn written_down(snapshot: &mut SqliteConnection, view: &mut View) -> Result<Option<Answered>, sqlx::Error> {
    let row: Option<(i64, i64, Vec<u8>)> =
        sqlx::query_as("SELECT chunk_id, change_seq, answers FROM index_state").fetch_optional(snapshot).await?;
    Ok(row.map(|(chunk, change, answers)| {
        view.answers = Arc::new(Numbers::from_bytes(&answers));
        Answered { chunk, change }
    }))
}
