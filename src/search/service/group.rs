//! From fused chunks to hits: one per document, its best place first, with snippets and explanations.

use std::collections::HashMap;

use crate::domain::search::{Hit, HitSource, OtherPlace};
use crate::domain::{ChunkKind, DocumentId, findable};
use crate::search::fuse::Fused;
use crate::search::query::ParsedQuery;
use crate::search::snippet::snippet;

use super::{SearchError, SearchService};

/// Places shown beside the best one.
const OTHER_PLACES: usize = 3;

impl SearchService {
    pub(super) async fn hits(
        &self,
        fused: &[Fused],
        parsed: &ParsedQuery,
        (offset, limit): (usize, usize),
    ) -> Result<Vec<Hit>, SearchError> {
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
        order.truncate(limit);
        let wanted: Vec<_> = order.iter().flat_map(|id| &places[id]).map(|chunk| chunk.chunk_id).collect();
        let sources = self.store.hydrate(&wanted).await?;
        let mut sources: HashMap<_, HitSource> = sources.into_iter().map(|source| (source.chunk_id, source)).collect();
        let mut hits = Vec::with_capacity(order.len());
        for id in order {
            let mut chunks = places[&id].iter().filter_map(|chunk| Some((**chunk, sources.remove(&chunk.chunk_id)?)));
            let Some((best, source)) = chunks.next() else { continue };
            let rank = u32::try_from(offset + hits.len() + 1).unwrap_or(u32::MAX);
            let others = chunks.map(|(chunk, source)| other_place(&chunk, source, parsed)).collect();
            hits.push(hit(rank, &best, source, parsed, others));
        }
        Ok(hits)
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
    if let Some(score) = hit.scores.rerank {
        lines.push(format!("rerank: {score:.3}"));
    }
    lines
}
