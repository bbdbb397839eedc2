//! From fused chunks to hits: one per document, its best place first, with snippets and explanations; documents that show
//! near-equal texts in one row.

use std::collections::HashMap;

use crate::domain::search::{AlikeDocument, Hit, HitSource, OtherPlace};
use crate::domain::{ChunkKind, DocumentId, findable};
use crate::search::fuse::Fused;
use crate::search::query::ParsedQuery;
use crate::search::snippet::snippet;

use super::alike::Rows;
use super::{Alike, SearchError, SearchService};

/// Places shown beside the best one.
const OTHER_PLACES: usize = 3;
/// Documents of one page, in pages: those alike do not fill it.
const MOST_PAGES: usize = 4;

/// A page of rows.
pub(super) struct Page {
    pub(super) hits: Vec<Hit>,
    /// Documents that stand in them.
    pub(super) documents: usize,
    /// Whether there are more behind them.
    pub(super) has_more: bool,
}

impl SearchService {
    /// The rows of a page: `limit` of them from the document at `offset` on, where there are so many.
    pub(super) async fn hits(
        &self,
        fused: &[Fused],
        parsed: &ParsedQuery,
        (offset, limit): (usize, usize),
        alike: Alike,
    ) -> Result<Page, SearchError> {
        let mut order: Vec<DocumentId> = Vec::new();
        let mut places: HashMap<DocumentId, Vec<&Fused>> = HashMap::new();
        for chunk in fused {
            let known = places.entry(chunk.document_id).or_default();
            if known.is_empty() {
                order.push(chunk.document_id);
            }
            if known.len() <= OTHER_PLACES {
                known.push(chunk);
            }
        }
        order.drain(..offset.min(order.len()));
        let most = if alike == Alike::Together { limit * MOST_PAGES } else { limit };
        let (mut hits, mut rows, mut documents) = (Vec::with_capacity(limit), Rows::default(), 0);
        for page in order[..most.min(order.len())].chunks(limit.max(1)) {
            if hits.len() == limit {
                break;
            }
            let wanted: Vec<_> = page.iter().flat_map(|id| &places[id]).map(|chunk| chunk.chunk_id).collect();
            let sources = self.store.hydrate(&wanted).await?;
            let mut sources: HashMap<_, HitSource> =
                sources.into_iter().map(|source| (source.chunk_id, source)).collect();
            for id in page {
                let mut chunks =
                    places[id].iter().filter_map(|chunk| Some((**chunk, sources.remove(&chunk.chunk_id)?)));
                // One that was deleted meanwhile is passed over.
                let Some((best, source)) = chunks.next() else {
                    documents += 1;
                    continue;
                };
                let row = if alike == Alike::Together { rows.row_of(source.source_type, &source.text) } else { None };
                if let Some(hit) = row.and_then(|row| hits.get_mut(row)) {
                    let hit: &mut Hit = hit;
                    hit.alike.push(alike_document(source));
                } else if hits.len() == limit {
                    // The first that has no row on this page begins the next.
                    break;
                } else {
                    let rank = u32::try_from(offset + documents + 1).unwrap_or(u32::MAX);
                    let others = chunks.map(|(chunk, source)| other_place(&chunk, source, parsed)).collect();
                    hits.push(hit(rank, &best, source, parsed, others));
                }
                documents += 1;
            }
        }
        Ok(Page { hits, documents, has_more: order.len() > documents })
    }
}

fn alike_document(source: HitSource) -> AlikeDocument {
    AlikeDocument {
        document_id: source.document_id,
        title: source.title,
        source_path: source.source_path,
        dated_at: source.dated_at,
        from: source.from,
    }
}

fn hit(rank: u32, chunk: &Fused, source: HitSource, parsed: &ParsedQuery, other_places: Vec<OtherPlace>) -> Hit {
    let place = place(&source, parsed);
    Hit {
        rank,
        document_id: source.document_id,
        chunk_id: source.chunk_id,
        snippet: snippet(&source.text, &parsed.highlights, &parsed.prefixes),
        title: source.title,
        source_type: source.source_type,
        source_path: source.source_path,
        line: source.line,
        place,
        dated_at: source.dated_at,
        from: source.from,
        tags: source.tags,
        deleted_at: source.deleted_at,
        scores: chunk.scores,
        other_places,
        alike: Vec::new(),
    }
}

fn other_place(chunk: &Fused, source: HitSource, parsed: &ParsedQuery) -> OtherPlace {
    OtherPlace {
        chunk_id: source.chunk_id,
        place: place(&source, parsed),
        line: source.line,
        snippet: snippet(&source.text, &parsed.highlights, &parsed.prefixes),
        scores: chunk.scores,
    }
}

/// Where in its document a chunk stands; of names, which sort of them was found.
fn place(source: &HitSource, parsed: &ParsedQuery) -> String {
    if source.kind != ChunkKind::Names {
        return source.place.clone();
    }
    let is_match = |term: &str| {
        parsed.highlights.iter().any(|wanted| wanted == term)
            || parsed.prefixes.iter().any(|prefix| term.starts_with(prefix.as_str()))
    };
    findable::sorts_found(&source.place, &source.text, is_match)
}

/// How a hit got its place, one line per fact.
#[must_use]
pub fn explain(hit: &Hit) -> Vec<String> {
    let leg = |name: &str, leg: Option<crate::domain::search::LegScore>| match leg {
        Some(leg) => {
            let rank = leg.rank.map_or_else(|| "below the list".to_owned(), |rank| format!("rank {rank}"));
            format!("{name}: {rank}, score {:.3}", leg.score)
        }
        None => format!("{name}: no match"),
    };
    let mut lines = vec![
        format!("fused: {:.3}", hit.scores.fused),
        leg("words (BM25)", hit.scores.lexical),
        leg("meaning (cosine)", hit.scores.vector),
    ];
    if let Some(part) = hit.scores.window {
        lines.push(format!("words close together: {:.0} % of their weight within 60 words", part * 100.0));
    }
    if let Some(gain) = hit.scores.feedback {
        lines.push(format!("likeness to the five best: {gain:+.3}"));
    }
    if let Some(score) = hit.scores.rerank {
        lines.push(format!("rerank: {score:.3}"));
    }
    lines
}
