//! Both legs as one list: at once, or by the rule that looks at the query, which reads texts and vectors of candidates.
//! Called by the ranking.

use std::collections::{HashMap, HashSet};

use crate::domain::ChunkId;
use crate::domain::search::{Occur, WordMatch, inverse_document_frequency};
use crate::search::fuse::{Fused, Fusion, Leg, fuse};
use crate::search::per_query::{Ranking, WINDOWS};
use crate::search::query::ParsedQuery;
use crate::search::window::Wanted;

use super::{Meaning, SearchError, SearchService};

/// Candidates that the query's movement is told to: those further down stay where their own cosine puts them.
const MOVED: usize = 400;

impl SearchService {
    /// Fuses what the legs found.
    pub(super) async fn together(
        &self,
        words: &Leg,
        vectors: &Leg,
        (weight, fusion): (f32, Fusion),
        meaning: Option<&Meaning>,
        parsed: &ParsedQuery,
    ) -> Result<Vec<Fused>, SearchError> {
        let (Fusion::PerQuery { rule, usual_weight }, Some(model)) =
            (fusion, meaning.and_then(|meaning| Some(&meaning.queries.first()?.model)))
        else {
            return Ok(fuse(words, vectors, weight, fusion));
        };
        // A weight of 0 or 1 is exactly the order of one leg.
        if weight <= 0.0 || weight >= 1.0 {
            return Ok(fuse(words, vectors, weight, fusion));
        }
        let asked = words_of(parsed);
        let mut ranking = Ranking::begin(words, vectors, rule, (weight, usual_weight), asked.len());
        if !words.ranked.is_empty() {
            ranking.close_together(&self.windows(&ranking.best(WINDOWS), &asked).await?);
        }
        let mut moved = ranking.all();
        moved.truncate(MOVED);
        ranking.feed_back(&self.store.chunk_vectors(model, &moved).await?);
        Ok(ranking.finish())
    }

    /// Of each candidate, the part of the words' weight that stands close together.
    async fn windows(
        &self,
        candidates: &[ChunkId],
        asked: &[(Vec<&str>, usize)],
    ) -> Result<HashMap<ChunkId, f32>, SearchError> {
        let terms: Vec<String> = asked.iter().flat_map(|(terms, _)| terms).map(|term| (*term).to_owned()).collect();
        let mut frequencies = self.store.document_frequencies(&terms).await?.into_iter();
        let chunks = self.store.counts().await?.searchable_chunks;
        let mut wanted = Wanted::default();
        for (terms, times) in asked {
            // Of the ways to write a word mostly one stands anywhere.
            let frequency = frequencies.by_ref().take(terms.len()).max().unwrap_or(0);
            wanted.add(terms.iter().copied(), inverse_document_frequency(chunks, frequency) * *times as f32);
        }
        let sources = self.store.hydrate(candidates).await?;
        Ok(sources.iter().map(|source| (source.chunk_id, wanted.most_within(&source.title, &source.text))).collect())
    }
}

/// The distinct words of a query, each with its terms and how often it counts: those of phrases that must stand there, and
/// those that may. What joins words that stand for themselves as well says nothing more.
fn words_of(parsed: &ParsedQuery) -> Vec<(Vec<&str>, usize)> {
    let mut said: Vec<Vec<&str>> = Vec::new();
    for (occur, clause) in parsed.words.clauses.iter().filter(|(occur, _)| *occur != Occur::MustNot) {
        match clause {
            WordMatch::Term(term) => said.push(vec![term]),
            WordMatch::Any(ways) if ways.iter().all(|words| words.len() == 1) => {
                said.push(ways.iter().flatten().map(String::as_str).collect());
            }
            WordMatch::Phrase(words) if *occur == Occur::Must => {
                said.extend(words.iter().collect::<HashSet<_>>().into_iter().map(|word| vec![word.as_str()]));
            }
            WordMatch::Any(_) | WordMatch::Phrase(_) | WordMatch::Prefix(_) => {}
        }
    }
    said.sort_unstable();
    said.chunk_by(|one, next| one == next).map(|same| (same[0].clone(), same.len())).collect()
}
