//! Scores the words leg: every clause adds to one array over all slots; required and forbidden clauses gate it. A required
//! one must match the chunk itself, for it is the place that is shown; a forbidden one rules out the whole document.
//!
//! What a clause matches is found in `clauses`; the texts that decide about phrases are read here.

use std::collections::HashSet;
use std::sync::Arc;

use crate::domain::ChunkId;
use crate::domain::search::{Occur, ScoredChunk, WordMatch, WordsQuery};
use crate::index::numbers::Numbers;
use crate::index::ranking::ClauseScore;
use crate::index::stop::Stop;
use crate::store::{StoreError, StoreErrorKind, StoreResult};

use super::super::error::classify;
use super::blocks::{Blocks, entries_of_term, keys_of_prefix, keys_of_term};
use super::clauses::{Matching, counted, each_match, holding_all, holds_phrase};
use super::segment::Place;
use super::source::Source;
use super::view::{Allowed, View};
use super::{SearchIndex, compute};

/// Times a search starts over because segments were merged under it.
const ATTEMPTS: usize = 10;
/// Texts read in one step to look for a phrase.
const PHRASE_STEP: usize = 1000;

/// Clauses, and the blocks their words are in.
type Clauses = (Arc<Blocks>, Vec<(Occur, Matching)>);

impl SearchIndex {
    /// Scores per slot of a view (this one, or a later one when segments were merged meanwhile): NaN where words rule a
    /// chunk out. Empty when no words are asked.
    pub(super) async fn word_scores(
        &self,
        view: &Arc<View>,
        query: &WordsQuery,
    ) -> StoreResult<(Arc<View>, Arc<Vec<f32>>)> {
        let mut view = Arc::clone(view);
        if query.clauses.is_empty() {
            return Ok((view, Arc::default()));
        }
        for _ in 0..ATTEMPTS {
            if let Some(scores) = self.score(&view, query).await? {
                return Ok((view, Arc::new(scores)));
            }
            view = self.refresh(view.source).await?;
        }
        Err(unsettled())
    }

    /// Scores of given chunks, those that match, in no order.
    pub(super) async fn words_of(
        &self,
        source: Source,
        query: &WordsQuery,
        chunks: &[ChunkId],
    ) -> StoreResult<Vec<ScoredChunk>> {
        if chunks.is_empty() || !query.clauses.iter().any(|(occur, _)| *occur != Occur::MustNot) {
            return Ok(Vec::new());
        }
        // What is known is current enough for chunks another leg just found, unless one of them is newer.
        let mut view = self.current(source);
        if chunks.iter().any(|id| view.find(id.0).is_none()) {
            view = self.refresh(source).await?;
        }
        let (view, scores) = self.word_scores(&view, query).await?;
        Ok(chunks.iter().filter_map(|id| score_of(&view, &scores, *id)).collect())
    }

    /// Documents with each of some words, in order.
    pub(super) async fn documents_with(&self, view: &Arc<View>, wanted: Vec<WordMatch>) -> StoreResult<Vec<Numbers>> {
        let clauses = wanted.into_iter().map(|wanted| (Occur::Should, wanted)).collect();
        let (mut view, query) = (Arc::clone(view), WordsQuery { clauses });
        for _ in 0..ATTEMPTS {
            if let Some((blocks, clauses)) = self.matchings(&view, &query).await? {
                let holding = move |stop: &Stop| {
                    let of = |matching: &Matching| {
                        let mut documents = Numbers::default();
                        if !stop.is_set() {
                            let mut add = |_, chunk: &Place, _| {
                                usize::try_from(chunk.document_seq).map(|number| documents.insert(number)).ok();
                            };
                            matching.each(&view, &blocks, &mut add);
                        }
                        documents
                    };
                    clauses.iter().map(|(_, matching)| of(matching)).collect()
                };
                return self.score_apart(holding).await;
            }
            view = self.refresh(view.source).await?;
        }
        Err(unsettled())
    }

    /// `None` when a segment was merged away meanwhile.
    async fn score(&self, view: &Arc<View>, query: &WordsQuery) -> StoreResult<Option<Vec<f32>>> {
        let Some((blocks, clauses)) = self.matchings(view, query).await? else { return Ok(None) };
        let view = Arc::clone(view);
        self.score_apart(move |stop| accumulate(&view, &blocks, &clauses, stop)).await.map(Some)
    }

    /// What every clause matches; `None` when a segment was merged away meanwhile.
    async fn matchings(&self, view: &Arc<View>, query: &WordsQuery) -> StoreResult<Option<Clauses>> {
        let mut keys = HashSet::new();
        for (_, clause) in &query.clauses {
            match clause {
                WordMatch::Term(term) => keys.extend(keys_of_term(view, term)),
                WordMatch::Prefix(start) => keys.extend(keys_of_prefix(view, start)),
                WordMatch::Phrase(words) => keys.extend(words.iter().flat_map(|term| keys_of_term(view, term))),
                WordMatch::Any(sequences) => {
                    keys.extend(sequences.iter().flatten().flat_map(|term| keys_of_term(view, term)));
                }
            }
        }
        let Some(blocks) = self.fetch(view.source, keys.into_iter()).await? else { return Ok(None) };
        let blocks = Arc::new(blocks);
        let mut clauses = Vec::with_capacity(query.clauses.len());
        for (occur, clause) in &query.clauses {
            let source = match clause {
                WordMatch::Term(term) => Matching::Term(term.clone()),
                WordMatch::Prefix(start) => Matching::Prefix(start.clone()),
                WordMatch::Phrase(words) => match &words[..] {
                    [only] => Matching::Term(only.clone()),
                    words => Matching::Found(self.phrase(view, &blocks, &[words.to_vec()]).await?),
                },
                WordMatch::Any(sequences) if sequences.iter().all(|words| words.len() == 1) => {
                    Matching::Any(sequences.iter().flatten().cloned().collect())
                }
                WordMatch::Any(sequences) => Matching::Found(self.phrase(view, &blocks, sequences).await?),
            };
            clauses.push((*occur, source));
        }
        Ok(Some((blocks, clauses)))
    }

    /// Slots of the chunks where the words of any sequence stand side by side, ascending.
    async fn phrase(&self, view: &Arc<View>, blocks: &Arc<Blocks>, any: &[Vec<String>]) -> StoreResult<Vec<u32>> {
        let candidates = {
            let (view, blocks, any) = (Arc::clone(view), Arc::clone(blocks), any.to_vec());
            compute(move |stop| {
                let mut all: Vec<u32> = any.iter().flat_map(|words| holding_all(&view, &blocks, words, stop)).collect();
                all.sort_unstable();
                all.dedup();
                all
            })
            .await?
        };
        let mut found = Vec::new();
        for step in candidates.chunks(PHRASE_STEP) {
            let ids: Vec<i64> =
                step.iter().filter_map(|slot| view.place(*slot as usize)).map(|place| place.id).collect();
            let texts: Vec<(i64, String, String)> =
                sqlx::query_as("SELECT id, context, text FROM chunk WHERE id = ANY($1)")
                    .bind(ids)
                    .fetch_all(self.at(view.source))
                    .await
                    .map_err(|error| {
                        let wanted = any.first().map(|words| words.join(" ")).unwrap_or_default();
                        classify("look for a phrase", wanted, error)
                    })?;
            let any = any.to_vec();
            let holding = compute(move |stop| {
                let holds =
                    |(id, context, text): (i64, String, String)| holds_phrase(&context, &text, &any).then_some(id);
                texts.into_iter().take_while(|_| !stop.is_set()).filter_map(holds).collect::<HashSet<i64>>()
            })
            .await?;
            found.extend(
                step.iter().filter(|slot| view.place(**slot as usize).is_some_and(|place| holding.contains(&place.id))),
            );
        }
        Ok(found)
    }

    /// How many chunks hold each term.
    pub(super) async fn frequencies(&self, source: Source, terms: &[String]) -> StoreResult<Vec<u64>> {
        for _ in 0..ATTEMPTS {
            let view = self.refresh(source).await?;
            let keys: HashSet<_> = terms.iter().flat_map(|term| keys_of_term(&view, term)).collect();
            let Some(blocks) = self.fetch(source, keys.into_iter()).await? else { continue };
            let of = |term: &String| counted(&view, &entries_of_term(&view, &blocks, term)).chunks;
            return Ok(terms.iter().map(of).collect());
        }
        Err(unsettled())
    }

    /// Up to `most` chunks that hold a term.
    pub(super) async fn some_holding(&self, source: Source, term: &str, most: usize) -> StoreResult<Vec<i64>> {
        let view = self.current(source);
        let Some(blocks) = self.fetch(source, keys_of_term(&view, term).into_iter()).await? else {
            return Ok(Vec::new());
        };
        let mut ids = Vec::new();
        for (part, entry) in entries_of_term(&view, &blocks, term) {
            let part = &view.parts[part];
            entry.each(|place, _| {
                if ids.len() < most && !part.is_gone(place) {
                    ids.extend(part.segment.places.get(place).map(|place| place.id));
                }
            });
        }
        Ok(ids)
    }
}

fn unsettled() -> StoreError {
    StoreError {
        kind: StoreErrorKind::Retryable,
        operation: "search words",
        key: String::new(),
        message: "the word index was reorganised again and again meanwhile: try again".into(),
        source: None,
    }
}

/// Per slot: the sum of the clauses' scores, or NaN where a forbidden clause matches the document or a required one does
/// not match the chunk. Between two clauses it looks whether anybody still waits; if not, the rest is left undone.
fn accumulate(view: &View, blocks: &Blocks, clauses: &[(Occur, Matching)], stop: &Stop) -> Vec<f32> {
    let mut scores = vec![0.0_f32; view.slots];
    let required = clauses.iter().filter(|(occur, _)| *occur == Occur::Must).count();
    let mut met = if required > 0 { vec![0_u16; view.slots] } else { Vec::new() };
    let mut forbidden: HashSet<i64> = HashSet::new();
    let statistics = view.statistics();
    for (occur, source) in clauses {
        if stop.is_set() {
            break;
        }
        if *occur == Occur::MustNot {
            source.each(view, blocks, &mut |_, chunk, _| {
                forbidden.insert(chunk.document_seq);
            });
            continue;
        }
        let (entries, found) = source.found(view, blocks);
        let mut matches = counted(view, &entries);
        let places = || found.iter().filter_map(|(slot, _)| view.place(*slot as usize));
        places().for_each(|chunk| matches.add(chunk.kind));
        let clause = ClauseScore::of(statistics, matches);
        let must = *occur == Occur::Must;
        let mut add = |slot: usize, chunk: &Place, frequency: u32| {
            let is_held = || view.answers.contains(&chunk.document_seq);
            scores[slot] += clause.score(chunk.kind, frequency, chunk.length, is_held);
            if must {
                met[slot] += 1;
            }
        };
        each_match(view, &entries, &mut add);
        for ((slot, frequency), chunk) in found.iter().zip(places()) {
            add(*slot as usize, chunk, *frequency);
        }
    }
    if !forbidden.is_empty() {
        let places = view.parts.iter().flat_map(|part| &part.segment.places);
        let ruled_out = |place: &Place| forbidden.contains(&place.document_seq);
        scores.iter_mut().zip(places).filter(|(_, place)| ruled_out(place)).for_each(|(score, _)| *score = f32::NAN);
    }
    for (score, met) in scores.iter_mut().zip(&met) {
        if usize::from(*met) < required {
            *score = f32::NAN;
        }
    }
    scores
}

fn score_of(view: &View, scores: &[f32], id: ChunkId) -> Option<ScoredChunk> {
    let (part, place) = view.find(id.0)?;
    let score = *scores.get(part.base + place)?;
    let document_id = part.segment.places.get(place)?.document_id;
    (score > 0.0).then_some(ScoredChunk { chunk_id: id, document_id, score })
}

/// The best allowed slots, best first. Keeps few candidates: a common word matches everything.
pub(super) fn best(view: &View, scores: &[f32], allowed: &Allowed, limit: usize) -> Vec<ScoredChunk> {
    let most = limit.max(1) * 4 + 64;
    let mut held: Vec<ScoredChunk> = Vec::with_capacity(most);
    let mut least = 0.0_f32;
    for part in &view.parts {
        let scores = &scores[part.base..part.base + part.segment.places.len()];
        for (place, (score, chunk)) in scores.iter().zip(&part.segment.places).enumerate() {
            // False for NaN, and for 0: what matches nothing has no score.
            if *score > 0.0 && *score >= least && allowed.lets(part, place) {
                held.push(ScoredChunk { chunk_id: ChunkId(chunk.id), document_id: chunk.document_id, score: *score });
                if held.len() == most {
                    held = super::best_first(held, limit);
                    least = held.last().map_or(0.0, |chunk| chunk.score);
                }
            }
        }
    }
    super::best_first(held, limit)
}
