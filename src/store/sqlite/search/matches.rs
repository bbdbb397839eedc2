//! Scores the words leg: every clause adds to one array over all slots; required and forbidden clauses gate it.
//!
//! A term's postings come from the index in memory, or (before that is built, and for stop words) from FTS5; phrases
//! and prefixes are always matched by FTS5 and count as one occurrence. The formula is the same on every way.

use std::sync::{Arc, PoisonError};

use sqlx::Row;

use crate::domain::search::{Filter, Occur, ScoredChunk, WordMatch, WordsQuery};
use crate::domain::terms::is_stop_term;
use crate::domain::{ChunkId, DocumentId};
use crate::store::StoreResult;
use crate::store::shared::ranking::{bm25, idf};

use super::super::SqliteStore;
use super::super::error::classify;
use super::slots::{Allowed, Slots};
use super::words::Words;

/// Where a clause's postings come from.
enum Source {
    /// The index in memory.
    Memory(String),
    /// FTS5: chunk ids with their frequencies.
    Read(Vec<(i64, u32)>),
}

impl SqliteStore {
    /// BM25 of every chunk that matches (or of those in `only`), in no order, document ids not filled in.
    pub(super) async fn score_all_words(
        &self,
        query: &WordsQuery,
        filter: &Filter,
        only: Option<Vec<ChunkId>>,
    ) -> StoreResult<Vec<ScoredChunk>> {
        if !query.clauses.iter().any(|(occur, _)| *occur != Occur::MustNot) {
            return Ok(Vec::new());
        }
        self.catch_up_slots().await?;
        let allowed = if only.is_some() { Allowed::Live } else { self.allowed(filter).await? };
        let has_memory = self.index.read().words.is_some();
        let mut clauses = Vec::with_capacity(query.clauses.len());
        for (occur, wanted) in &query.clauses {
            let source = match wanted {
                WordMatch::Term(term) if has_memory && !is_stop_term(term) => Source::Memory(term.clone()),
                WordMatch::Term(term) => Source::Read(self.read_postings(term).await?),
                WordMatch::Phrase(terms) => Source::Read(self.read_matches(&quoted(&terms.join(" "))).await?),
                WordMatch::Prefix(start) => Source::Read(self.read_matches(&format!("{} *", quoted(start))).await?),
            };
            clauses.push((*occur, source));
        }
        let state = Arc::clone(&self.index.state);
        super::compute(move || {
            let state = state.read().unwrap_or_else(PoisonError::into_inner);
            let scores = accumulate(&clauses, &state.slots, state.words.as_ref());
            collect(&scores, &state.slots, &allowed, only.as_deref())
        })
        .await
    }

    /// One term's chunks and frequencies by FTS5.
    async fn read_postings(&self, term: &str) -> StoreResult<Vec<(i64, u32)>> {
        let rows = sqlx::query("SELECT doc, count(*) FROM chunk_words_instance WHERE term = ? GROUP BY doc")
            .bind(term)
            .fetch_all(&self.reader)
            .await
            .map_err(|error| classify("read postings of", term, error))?;
        Ok(rows.iter().map(|row| (row.get(0), row.get::<i64, _>(1) as u32)).collect())
    }

    /// Chunks that match an FTS5 expression.
    async fn read_matches(&self, expression: &str) -> StoreResult<Vec<(i64, u32)>> {
        let rows = sqlx::query("SELECT rowid FROM chunk_words WHERE chunk_words MATCH ?")
            .bind(expression)
            .fetch_all(&self.reader)
            .await
            .map_err(|error| classify("match words", expression, error))?;
        Ok(rows.iter().map(|row| (row.get(0), 1)).collect())
    }

    /// How many chunks hold each term.
    pub(super) async fn term_frequencies(&self, terms: &[String]) -> StoreResult<Vec<u64>> {
        self.catch_up_slots().await?;
        let mut frequencies = Vec::with_capacity(terms.len());
        for term in terms {
            let known = {
                let state = self.index.read();
                let words = state.words.as_ref().filter(|_| !is_stop_term(term));
                words.map(|words| words.postings(term, &state.slots, |_, _| {}))
            };
            frequencies.push(if let Some(known) = known {
                known
            } else {
                let read = self.read_postings(term).await?;
                let state = self.index.read();
                read.iter().filter(|(id, _)| alive(&state.slots, *id).is_some()).count() as u64
            });
        }
        Ok(frequencies)
    }
}

/// An FTS5 string: whatever is inside is text, not syntax.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\"").replace('\0', " "))
}

fn alive(slots: &Slots, id: i64) -> Option<usize> {
    slots.slot(id).filter(|slot| !slots.removed[*slot])
}

/// Per slot: the sum of scores, or NaN where a forbidden clause matches or a required one does not.
fn accumulate(clauses: &[(Occur, Source)], slots: &Slots, words: Option<&Words>) -> Vec<f32> {
    let mut scores = vec![0.0_f32; slots.ids.len()];
    let required = clauses.iter().filter(|(occur, _)| *occur == Occur::Must).count();
    let mut met = if required > 0 { vec![0_u16; slots.ids.len()] } else { Vec::new() };
    let mut forbidden = Vec::new();
    let mean_length = slots.mean_length();
    for (occur, source) in clauses {
        let mut matching: Vec<(u32, u32)> = Vec::new();
        match source {
            Source::Memory(term) => {
                if let Some(words) = words {
                    words.postings(term, slots, |slot, frequency| matching.push((slot as u32, frequency)));
                }
            }
            Source::Read(read) => {
                matching.extend(read.iter().filter_map(|(id, n)| Some((alive(slots, *id)? as u32, *n))));
            }
        }
        if *occur == Occur::MustNot {
            forbidden.extend(matching);
            continue;
        }
        let weight = idf(slots.alive, matching.len() as u64);
        for (slot, frequency) in matching {
            let slot = slot as usize;
            scores[slot] += bm25(weight, frequency, slots.lengths[slot], mean_length);
            if *occur == Occur::Must {
                met[slot] += 1;
            }
        }
    }
    for (slot, _) in forbidden {
        scores[slot as usize] = f32::NAN;
    }
    for (score, met) in scores.iter_mut().zip(&met) {
        if usize::from(*met) < required {
            *score = f32::NAN;
        }
    }
    scores
}

fn collect(scores: &[f32], slots: &Slots, allowed: &Allowed, only: Option<&[ChunkId]>) -> Vec<ScoredChunk> {
    let scored = |slot: usize| {
        let score = scores[slot];
        (score > 0.0 && (only.is_some() || allowed.slot(slots, slot))).then(|| ScoredChunk {
            chunk_id: ChunkId(slots.ids[slot]),
            document_id: DocumentId(uuid::Uuid::nil()),
            score,
        })
    };
    match only {
        Some(chunks) => chunks.iter().filter_map(|id| scored(alive(slots, id.0)?)).collect(),
        None => (0..slots.ids.len()).filter_map(scored).collect(),
    }
}
