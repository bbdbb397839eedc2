//! "More like this": documents near the mean of one document's vectors that share its telling words.

use std::collections::{HashMap, HashSet};

use crate::domain::DocumentId;
use crate::domain::search::{Filter, Occur, SearchResponse, VectorQuery, WordMatch, WordsQuery};
use crate::domain::terms;
use crate::embed::FusionRule;
use crate::search::fuse::{Fusion, Leg, fuse};
use crate::search::query::ParsedQuery;

use super::{Alike, SearchError, SearchService, Who};

/// Telling words taken from the document.
const TELLING_WORDS: usize = 12;
/// Text read for them, in bytes: the beginning says what a document is about.
const READ_BYTES: usize = 20_000;

impl SearchService {
    /// Documents like `id`, best first, `id` itself left out; for the one in front of this machine.
    ///
    /// # Errors
    /// As [`SearchService::more_like_for`].
    pub async fn more_like(&self, id: DocumentId, limit: usize) -> Result<SearchResponse, SearchError> {
        self.more_like_for(Who::Here, id, limit).await
    }

    /// The same for anybody, in his turn.
    ///
    /// # Errors
    /// When there is no such document, or the store fails or takes too long.
    pub async fn more_like_for(&self, who: Who, id: DocumentId, limit: usize) -> Result<SearchResponse, SearchError> {
        self.in_turn(who, self.like(id, limit)).await
    }

    async fn like(&self, id: DocumentId, limit: usize) -> Result<SearchResponse, SearchError> {
        let started = std::time::Instant::now();
        let document = self.store.document(id).await?;
        let mut body = document.title.clone();
        for chunk in document.chunks.iter().filter(|chunk| chunk.kind.is_text()) {
            if body.len() > READ_BYTES {
                break;
            }
            body.push('\n');
            body.push_str(&chunk.text);
        }
        let telling = self.telling_words(&body).await?;
        let clauses = telling.iter().map(|term| (Occur::Should, WordMatch::Term(term.clone()))).collect();
        let words = WordsQuery { clauses };
        let depth = 100.max(limit * 4);
        let mut queries = Vec::new();
        let mut weight = 0.0_f32;
        let mut fusion = Fusion::Score;
        let options = self.options().await?;
        let (models, _) = self.models(&options);
        for model in &models {
            let vectors = self.store.document_vectors(model.embedder.model(), id).await?;
            if let Some(vector) = mean(&vectors) {
                let profile = model.embedder.profile();
                if profile.rule == FusionRule::ZScore && queries.is_empty() {
                    fusion = Fusion::ZScore;
                }
                weight = weight.max(profile.vector_weight);
                let (scale, offset) = profile.calibration;
                queries.push(VectorQuery { model: model.embedder.model().clone(), vector, scale, offset });
            }
        }
        let by_words = self.store.search_words(&words, &Filter::default(), depth).await?;
        let by_vectors = self.store.search_vectors(&queries, &Filter::default(), depth).await?;
        let (words, vectors) =
            (Leg { ranked: by_words, ..Leg::default() }, Leg { ranked: by_vectors, ..Leg::default() });
        let mut fused = fuse(&words, &vectors, weight, fusion);
        fused.retain(|chunk| chunk.document_id != id);
        let parsed = ParsedQuery { highlights: telling, ..ParsedQuery::default() };
        Ok(SearchResponse {
            hits: self.hits(&fused, &parsed, (0, limit), Alike::Apart).await?.hits,
            semantic_coverage: self.coverage(&options).await?,
            model: queries.first().map(|query| query.model.clone()),
            elapsed_ms: started.elapsed().as_secs_f64() * 1000.0,
            ..SearchResponse::default()
        })
    }

    /// The terms with the highest tf × idf that at least one other chunk could share.
    async fn telling_words(&self, text: &str) -> Result<Vec<String>, SearchError> {
        let mut counts: HashMap<String, u32> = HashMap::new();
        terms::each_token(text, |_, term| *counts.entry(term.to_owned()).or_default() += 1);
        counts.retain(|term, _| term.len() > 2 && !terms::is_stop_term(term));
        let mut common: Vec<(String, u32)> = counts.into_iter().collect();
        common.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        common.truncate(TELLING_WORDS * 5);
        let names: Vec<String> = common.iter().map(|(term, _)| term.clone()).collect();
        let frequencies = self.store.document_frequencies(&names).await?;
        let total = self.store.counts().await?.searchable_chunks.max(1) as f64;
        let mut scored: Vec<(f64, String)> = common
            .into_iter()
            .zip(frequencies)
            .filter(|(_, frequency)| *frequency > 1)
            .map(|((term, count), frequency)| ((1.0 + f64::from(count).ln()) * (total / frequency as f64).ln(), term))
            .collect();
        scored.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        let mut seen = HashSet::new();
        Ok(scored
            .into_iter()
            .map(|(_, term)| term)
            .filter(|term| seen.insert(term.clone()))
            .take(TELLING_WORDS)
            .collect())
    }
}

/// Unit vector of the mean; `None` when there is none.
fn mean(vectors: &[Vec<f32>]) -> Option<Vec<f32>> {
    let mut sum = vec![0.0_f32; vectors.first()?.len()];
    for vector in vectors {
        for (total, value) in sum.iter_mut().zip(vector) {
            *total += value;
        }
    }
    let norm = sum.iter().map(|value| value * value).sum::<f32>().sqrt();
    (norm > 1e-9).then(|| sum.into_iter().map(|value| value / norm).collect())
}
