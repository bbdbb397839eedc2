//! Answers in the order of dates: queries that rank nothing, `sort:date`, and what a query names without ranking it (the
//! filter of `raft OR tag:x`). Called by the service.

use std::collections::{HashMap, HashSet};

use crate::domain::DocumentId;
use crate::domain::search::{
    ByDate, Condition, Filter, LegScore, Occur, Predicate, ScoredChunk, Scores, SearchMode, SearchRequest,
    SearchResponse,
};
use crate::search::fuse::Fused;
use crate::search::query::{LARGEST_OFFSET, ParsedQuery};
use crate::store::DatePage;

use super::ranking::Ranked;
use super::{Alike, SearchError, SearchService};

/// Chunks looked at for the best place of each document of a page.
const PLACES: usize = 2_000;

impl SearchService {
    /// A page of what the whole query finds, by date; shown at the place that fits the words best.
    pub(super) async fn by_date(
        &self,
        request: &SearchRequest,
        parsed: &ParsedQuery,
        order: ByDate,
        response: &mut SearchResponse,
    ) -> Result<(), SearchError> {
        let filter = parsed.as_filter();
        if filter.is_empty() && (parsed.order.is_none() || !parsed.text.trim().is_empty()) {
            response.hints.push("there is no word and no filter to look for in this".to_owned());
            return Ok(());
        }
        let page = DatePage { order, offset: request.offset, limit: request.limit };
        let found = self.store.by_date(&filter, &page).await?;
        response.total = found.total;
        let best = self.best_places(parsed, &found.chunks).await?;
        let shown = |chunk: &ScoredChunk| {
            let place = best.get(&chunk.document_id).unwrap_or(chunk);
            let lexical = (place.score > 0.0).then_some(LegScore { rank: None, score: place.score });
            let scores = Scores { lexical, ..Scores::default() };
            Fused { chunk_id: place.chunk_id, document_id: place.document_id, scores }
        };
        let fused: Vec<Fused> = found.chunks.iter().map(shown).collect();
        // A list names every document.
        response.hits = self.hits(&fused, parsed, (0, request.limit), Alike::Apart).await?.hits;
        let end = request.offset + response.hits.len();
        let is_last = found.total.is_none_or(|total| end as u64 >= total);
        response.next_offset = Some(end).filter(|end| !is_last && *end > request.offset && *end <= LARGEST_OFFSET);
        for (rank, hit) in (request.offset + 1..).zip(&mut response.hits) {
            hit.rank = u32::try_from(rank).unwrap_or(u32::MAX);
        }
        Ok(())
    }

    /// How many documents have words of the query: as the legs told, else by another look when that is wanted.
    pub(super) async fn count(
        &self,
        parsed: &ParsedQuery,
        mode: SearchMode,
        ranked: &Ranked,
        is_wanted: bool,
        response: &mut SearchResponse,
    ) -> Result<(), SearchError> {
        response.matching = match ranked.matching {
            None if is_wanted && response.total.is_none() => {
                let page = DatePage { order: ByDate::Newest, offset: 0, limit: 1 };
                self.store.by_date(&parsed.as_filter(), &page).await?.total
            }
            known => known,
        };
        if mode == SearchMode::Words {
            response.total = response.total.or(response.matching);
        }
        Ok(())
    }

    /// The best chunk by words of each document that has one.
    async fn best_places(
        &self,
        parsed: &ParsedQuery,
        documents: &[ScoredChunk],
    ) -> Result<HashMap<DocumentId, ScoredChunk>, SearchError> {
        let has_words = parsed.words.clauses.iter().any(|(occur, _)| *occur != Occur::MustNot);
        if !has_words || documents.is_empty() {
            return Ok(HashMap::new());
        }
        let ids = documents.iter().map(|chunk| Predicate::Id(chunk.document_id));
        let mut conditions = vec![Condition { negated: false, any_of: ids.collect() }];
        if parsed.filter.wants_deleted() {
            // They are wanted, or not all of them: so that they may be found here, too.
            let any = vec![Predicate::Deleted, Predicate::Path(String::new())];
            conditions.push(Condition { negated: false, any_of: any });
        }
        let filter = Filter { conditions, tree: None };
        let mut best = HashMap::new();
        for chunk in self.store.search_words(&parsed.words, &filter, PLACES).await? {
            best.entry(chunk.document_id).or_insert(chunk);
        }
        Ok(best)
    }

    /// Behind what the legs ranked, the newest of what the query names besides, until `wanted` documents are there.
    pub(super) async fn list_behind(
        &self,
        fused: &mut Vec<Fused>,
        ranked: &HashSet<DocumentId>,
        parsed: &ParsedQuery,
        wanted: usize,
        response: &mut SearchResponse,
    ) -> Result<(), SearchError> {
        // All of those that are ranked may be among the newest.
        let page = DatePage { order: ByDate::Newest, offset: 0, limit: wanted + ranked.len() };
        let found = self.store.by_date(&parsed.as_filter(), &page).await?;
        response.total = found.total;
        let others = found.chunks.iter().filter(|chunk| !ranked.contains(&chunk.document_id));
        fused.extend(others.map(|chunk| Fused {
            chunk_id: chunk.chunk_id,
            document_id: chunk.document_id,
            scores: Scores::default(),
        }));
        Ok(())
    }
}
