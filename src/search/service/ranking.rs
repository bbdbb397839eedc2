//! The ranked answer: both legs at once, fused, as deep as the page lies. Called by the service.

use std::collections::HashSet;

use crate::domain::DocumentId;
use crate::domain::search::{SearchMode, SearchResponse};
use crate::search::fuse::{Fused, Fusion, Leg};
use crate::search::query::ParsedQuery;
use crate::store::Legs;

use super::options::Options;
use super::relevance::keep_alike;
use super::spread::{DEEPER, DEEPEST, is_flooded, spread};
use super::{Meaning, SearchError, SearchService};

/// A page further down asks the legs so many times as deep as the one before it, until it is full.
const PAGES_DEEPER: usize = 10;
/// No page asks deeper.
const PAGES_DEEPEST: usize = 100_000;

/// What the legs found.
pub(super) struct Ranked {
    /// Chunks, best first.
    pub(super) fused: Vec<Fused>,
    /// Whether nothing else is found, however deep the legs are asked.
    pub(super) is_all: bool,
    /// Documents with words of the query, when all of them were listed.
    pub(super) matching: Option<u64>,
    /// Whether any word of the query stands in what may be found.
    pub(super) has_words: bool,
    /// The best calibrated cosine.
    pub(super) nearest: Option<f32>,
    /// Below it nothing is alike; `None` where nobody measured.
    pub(super) floor: Option<f32>,
}

impl SearchService {
    /// Chunks of at least the documents of a page (offset and limit), where there are so many.
    ///
    /// What the first look lists stays where it is, whatever a deeper one finds: pages neither overlap nor leave out.
    pub(super) async fn ranked(
        &self,
        parsed: &ParsedQuery,
        (mode, meaning): (SearchMode, Option<Result<Meaning, String>>),
        options: &Options,
        (offset, limit): (usize, usize),
        response: &mut SearchResponse,
    ) -> Result<Ranked, SearchError> {
        let meaning = meaning.and_then(|meaning| {
            let note = |reason| {
                response.degraded = true;
                response.degraded_reason = Some(reason);
            };
            meaning.map_err(note).ok()
        });
        response.semantic_coverage = self.coverage(options).await?;
        response.model = meaning.as_ref().and_then(|meaning| Some(meaning.queries.first()?.model.clone()));
        if let Some(reason) = meaning.as_ref().and_then(|meaning| meaning.degraded.clone()) {
            response.degraded = true;
            response.degraded_reason = Some(reason);
        }
        let weight = match (mode, &meaning) {
            (SearchMode::Words, _) | (_, None) => 0.0,
            (SearchMode::Vectors, _) => 1.0,
            (SearchMode::Hybrid, Some(meaning)) => meaning.vector_weight,
        };
        let fusion = meaning.as_ref().map_or(options.fusion.unwrap_or(Fusion::Score), |meaning| meaning.fusion);
        let mut depth = options.candidates.max(limit * 4);
        // A weight of 1 is exactly the order of meaning, whatever is like it.
        let floor = meaning.as_ref().and_then(|meaning| meaning.floor).filter(|_| weight < 1.0);
        let mut fused: Vec<Fused> = Vec::new();
        loop {
            let mut found = self.legs(parsed, meaning.as_ref(), depth).await?;
            if mode != SearchMode::Vectors {
                self.forms_first(&mut found.words, parsed).await?;
            }
            let longest = found.words.len().max(found.vectors.len());
            let is_all = longest < depth;
            let with_words = || found.words.iter().map(|chunk| chunk.document_id).collect::<HashSet<_>>().len() as u64;
            let matching = (found.words.len() < depth).then(with_words);
            let (has_words, nearest) = (!found.words.is_empty(), found.vectors.first().map(|chunk| chunk.score));
            // Gates hold for the vector leg too; its own words only say what is ruled out.
            let found =
                if mode == SearchMode::Vectors { Legs { vectors: found.vectors, ..Legs::default() } } else { found };
            let words = Leg { ranked: found.words, filled_in: found.words_of_others };
            let vectors = Leg { ranked: found.vectors, filled_in: found.vectors_of_others };
            let known: HashSet<_> = fused.iter().map(|chunk| chunk.chunk_id).collect();
            let found = self.together(&words, &vectors, (weight, fusion), meaning.as_ref(), parsed).await?;
            fused.extend(found.into_iter().filter(|chunk| !known.contains(&chunk.chunk_id)));
            if let Some(floor) = floor.filter(|_| has_words && mode == SearchMode::Hybrid) {
                keep_alike(&mut fused, floor);
            }
            let documents: HashSet<DocumentId> = fused.iter().map(|chunk| chunk.document_id).collect();
            if offset == 0 || is_all || documents.len() >= offset + limit || depth >= PAGES_DEEPEST {
                if parsed.is_list && documents.len() < offset + limit {
                    self.list_behind(&mut fused, &documents, parsed, offset + limit, response).await?;
                }
                return Ok(Ranked { fused, is_all, matching, has_words, nearest, floor });
            }
            depth = depth.saturating_mul(PAGES_DEEPER).min(PAGES_DEEPEST);
        }
    }

    /// Both legs, no document filling one of them.
    async fn legs(&self, parsed: &ParsedQuery, meaning: Option<&Meaning>, depth: usize) -> Result<Legs, SearchError> {
        let queries = meaning.map_or(&[][..], |meaning| &meaning.queries);
        let (mut asked, mut found) =
            (depth, self.store.search_legs(&parsed.words, queries, &parsed.filter, depth).await?);
        while asked < DEEPEST && is_flooded(&found, asked, depth) {
            asked = asked.saturating_mul(DEEPER).min(DEEPEST);
            found = self.store.search_legs(&parsed.words, queries, &parsed.filter, asked).await?;
        }
        Ok(if asked > depth { spread(found, depth) } else { found })
    }
}
