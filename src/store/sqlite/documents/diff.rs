//! Which chunks of a changed document keep their row. Pure. Called by `documents::write`.

use std::collections::{HashMap, VecDeque};

use crate::domain::{ChunkKind, NewChunk};

use super::super::rows::to_json;
use super::load::HeldChunk;

/// A kept chunk whose place in the document changed.
#[derive(Debug)]
pub(super) struct MovedChunk<'a> {
    /// Its row.
    pub(super) id: i64,
    /// The chunk as it is now.
    pub(super) chunk: &'a NewChunk,
    /// Its place as JSON.
    pub(super) place: String,
}

/// How the chunks of one document change.
#[derive(Debug, Default)]
pub(super) struct ChunkDiff<'a> {
    /// Chunks without a row yet.
    pub(super) added: Vec<&'a NewChunk>,
    /// Rows that go.
    pub(super) removed: Vec<i64>,
    /// Rows that stay but stand elsewhere now.
    pub(super) moved: Vec<MovedChunk<'a>>,
    /// Every row that stays, with its chunk.
    pub(super) kept: Vec<(i64, &'a NewChunk)>,
}

/// Matches old and new chunks of equal text and kind, first to first.
pub(super) fn diff<'a>(held: &[HeldChunk], chunks: &'a [NewChunk]) -> Result<ChunkDiff<'a>, sqlx::Error> {
    let mut free: HashMap<([u8; 32], ChunkKind), VecDeque<&HeldChunk>> = HashMap::new();
    for chunk in held {
        free.entry((chunk.text_sha256, chunk.kind)).or_default().push_back(chunk);
    }
    let mut diff = ChunkDiff::default();
    for chunk in chunks {
        let Some(old) = free.get_mut(&(chunk.text_sha256, chunk.kind)).and_then(VecDeque::pop_front) else {
            diff.added.push(chunk);
            continue;
        };
        diff.kept.push((old.id, chunk));
        let place = to_json(&chunk.place)?;
        if old.ordinal != i64::from(chunk.ordinal)
            || old.overlap_bytes != i64::from(chunk.overlap_bytes)
            || old.place != place
        {
            diff.moved.push(MovedChunk { id: old.id, chunk, place });
        }
    }
    diff.removed = free.into_values().flatten().map(|chunk| chunk.id).collect();
    diff.removed.sort_unstable();
    Ok(diff)
}
