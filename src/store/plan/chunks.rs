//! Which chunks of a changed document keep their row. Called by the adapters' `documents::write`.

use std::collections::{HashMap, VecDeque};

use crate::domain::{ChunkKind, NewChunk};

use super::commit::Writing;

/// A stored chunk of a document that is replaced.
#[derive(Clone, Debug)]
pub(crate) struct HeldChunk {
    /// Row.
    pub(crate) id: i64,
    /// Position.
    pub(crate) ordinal: i64,
    /// What it is.
    pub(crate) kind: ChunkKind,
    /// Its text's hash.
    pub(crate) text_sha256: [u8; 32],
    /// Bytes shared with its predecessor.
    pub(crate) overlap_bytes: i64,
    /// Where it stands, as stored.
    pub(crate) place: String,
}

/// A kept chunk whose place in the document changed.
#[derive(Debug)]
pub(crate) struct MovedChunk<'a> {
    /// Its row.
    pub(crate) id: i64,
    /// The chunk as it is now.
    pub(crate) chunk: &'a NewChunk,
    /// Its place as JSON.
    pub(crate) place: String,
}

/// How the chunks of one document change.
#[derive(Debug, Default)]
struct ChunkDiff<'a> {
    /// Chunks without a row yet.
    added: Vec<&'a NewChunk>,
    /// Rows that go.
    removed: Vec<i64>,
    /// Rows that stay but stand elsewhere now.
    moved: Vec<MovedChunk<'a>>,
    /// Every row that stays, with its chunk.
    kept: Vec<(i64, &'a NewChunk)>,
}

/// Matches old and new chunks of equal text and kind, first to first.
fn diff<'a>(held: &[HeldChunk], chunks: &'a [NewChunk]) -> Result<ChunkDiff<'a>, serde_json::Error> {
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
        let place = serde_json::to_string(&chunk.place)?;
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

/// A chunk that gets a row.
#[derive(Debug)]
pub(crate) struct NewRow<'a> {
    /// Row number.
    pub(crate) id: i64,
    /// Its document's row.
    pub(crate) document_seq: i64,
    /// The chunk.
    pub(crate) chunk: &'a NewChunk,
    /// Its place as JSON.
    pub(crate) place: String,
}

/// How the chunks of a whole commit change.
#[derive(Debug, Default)]
pub(crate) struct Changes<'a> {
    /// New rows, numbered on from the last one.
    pub(crate) added: Vec<NewRow<'a>>,
    /// Rows that go.
    pub(crate) removed: Vec<i64>,
    /// Rows that stay but stand elsewhere now.
    pub(crate) moved: Vec<MovedChunk<'a>>,
    /// Every row that stays, with its chunk.
    kept: Vec<(i64, &'a NewChunk)>,
}

impl<'a> Changes<'a> {
    /// New rows that models embed.
    pub(crate) fn added_texts(&self) -> Vec<(i64, &'a NewChunk)> {
        self.added.iter().filter(|row| row.chunk.kind.is_text()).map(|row| (row.id, row.chunk)).collect()
    }

    /// Rows that stay and that models embed.
    pub(crate) fn kept_texts(&self) -> Vec<(i64, &'a NewChunk)> {
        self.kept.iter().filter(|(_, chunk)| chunk.kind.is_text()).copied().collect()
    }
}

/// Compares the documents of a commit with what is held of them; new rows are numbered after `last_id`.
pub(crate) fn changes<'a>(
    writings: &[Writing<'a>],
    held: &HashMap<i64, Vec<HeldChunk>>,
    last_id: i64,
) -> Result<Changes<'a>, serde_json::Error> {
    let mut next_id = last_id;
    let mut changes = Changes::default();
    for writing in writings {
        let diff = match held.get(&writing.slot.seq) {
            Some(held) => diff(held, &writing.document.chunks)?,
            None => ChunkDiff { added: writing.document.chunks.iter().collect(), ..ChunkDiff::default() },
        };
        for chunk in diff.added {
            next_id += 1;
            let place = serde_json::to_string(&chunk.place)?;
            changes.added.push(NewRow { id: next_id, document_seq: writing.slot.seq, chunk, place });
        }
        changes.moved.extend(diff.moved);
        changes.removed.extend(diff.removed);
        changes.kept.extend(diff.kept);
    }
    Ok(changes)
}
