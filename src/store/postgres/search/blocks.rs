//! Fetches the blocks a search reads: from memory, the rest in one statement. Called by `matches` and `suggest`.

use std::collections::HashMap;
use std::sync::Arc;

use crate::store::StoreResult;

use super::super::error::classify;
use super::SearchIndex;
use super::cache::BlockKey;
use super::segment::{Entry, entries, find};
use super::source::Source;
use super::view::View;

/// Blocks by segment and number.
pub(super) type Blocks = HashMap<BlockKey, Arc<[u8]>>;

/// The blocks where a term stands.
pub(super) fn keys_of_term(view: &View, term: &str) -> Vec<BlockKey> {
    view.parts.iter().filter_map(|part| part.segment.block_of(term).map(|block| (part.segment.id, block))).collect()
}

/// The blocks where terms with this beginning may stand.
pub(super) fn keys_of_prefix(view: &View, start: &str) -> Vec<BlockKey> {
    view.parts
        .iter()
        .flat_map(|part| part.segment.blocks_of_prefix(start).map(|block| (part.segment.id, block)))
        .collect()
}

/// A term's entries with their parts' numbers.
pub(super) fn entries_of_term<'a>(view: &View, blocks: &'a Blocks, term: &str) -> Vec<(usize, Entry<'a>)> {
    let entry = |(number, part): (usize, &super::view::Part)| {
        let block = blocks.get(&(part.segment.id, part.segment.block_of(term)?))?;
        Some((number, find(block, term)?))
    };
    view.parts.iter().enumerate().filter_map(entry).collect()
}

/// Entries of all terms with a beginning, with their parts' numbers.
pub(super) fn entries_of_prefix<'a>(view: &View, blocks: &'a Blocks, start: &str) -> Vec<(usize, Entry<'a>)> {
    let mut found = Vec::new();
    for (number, part) in view.parts.iter().enumerate() {
        for block in part.segment.blocks_of_prefix(start) {
            let Some(block) = blocks.get(&(part.segment.id, block)) else { continue };
            found.extend(entries(block).filter(|entry| entry.term.starts_with(start)).map(|entry| (number, entry)));
        }
    }
    found
}

impl SearchIndex {
    /// The blocks asked for; `None` when a segment was merged away meanwhile: look again.
    pub(super) async fn fetch(
        &self,
        source: Source,
        wanted: impl Iterator<Item = BlockKey>,
    ) -> StoreResult<Option<Blocks>> {
        let mut blocks = Blocks::new();
        let missing = self.blocks.take_known(wanted, &mut blocks);
        if missing.is_empty() {
            return Ok(Some(blocks));
        }
        let (segments, numbers): (Vec<i64>, Vec<i32>) =
            missing.iter().map(|(segment, block)| (*segment, *block as i32)).unzip();
        let rows: Vec<(i64, i32, Vec<u8>)> = sqlx::query_as(
            "SELECT b.segment_id, b.block, b.bytes FROM unnest($1::BIGINT[], $2::INTEGER[]) AS w (segment_id, block) \
             JOIN word_block b ON b.segment_id = w.segment_id AND b.block = w.block",
        )
        .bind(segments)
        .bind(numbers)
        .fetch_all(self.at(source))
        .await
        .map_err(|error| classify("read word index", format!("{} blocks", missing.len()), error))?;
        let whole = rows.len() == missing.len();
        for (segment, block, bytes) in rows {
            let (key, bytes) = ((segment, block as u32), Arc::from(bytes));
            self.blocks.keep(key, &bytes);
            blocks.insert(key, bytes);
        }
        Ok(whole.then_some(blocks))
    }
}
