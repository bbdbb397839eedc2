//! Words of the index close to one that matched nothing: "did you mean".

use std::sync::{Arc, PoisonError};

use crate::domain::terms;
use crate::store::{StoreResult, TermSuggestion};

use super::super::SqliteStore;
use super::super::error::classify;
use super::bulk;
use super::patient::patient;

/// Terms with the number of chunks that hold each.
pub(super) type Dictionary = Arc<Vec<(String, u64)>>;
/// Newest chunk and newest change that a dictionary knows.
pub(super) type Moment = (i64, i64);

/// Suggestions read to find the surface form of a stem.
const SURFACE_SAMPLES: i64 = 20;

impl SqliteStore {
    pub(super) async fn suggest_words(&self, word: &str, limit: usize) -> StoreResult<Vec<TermSuggestion>> {
        let wanted = terms::fold(word);
        let Some(near) = terms::Near::of(word) else { return Ok(Vec::new()) };
        self.catch_up_slots().await?;
        let mut found: Vec<(String, u32, u64)> = if self.index.read().words.is_some() {
            let state = Arc::clone(&self.index.state);
            super::compute(move |stop| {
                let state = state.read().unwrap_or_else(PoisonError::into_inner);
                let words = state.words.iter().flat_map(super::words::Words::dictionary);
                let words = words.take_while(|_| !stop.is_set());
                words.filter_map(|(term, n)| Some((term.to_owned(), near.distance(term)?, n))).collect()
            })
            .await?
        } else {
            let known = self.dictionary().await.map_err(|error| classify("suggest words for", word, error))?;
            known.iter().filter_map(|(term, n)| Some((term.clone(), near.distance(term)?, *n))).collect()
        };
        found.sort_unstable_by(|a, b| a.1.cmp(&b.1).then(b.2.cmp(&a.2)).then(a.0.cmp(&b.0)));
        found.truncate(limit);
        let mut suggestions = Vec::with_capacity(found.len());
        for (term, distance, document_frequency) in found {
            let word = self.surface(&term, &wanted).await?;
            suggestions.push(TermSuggestion { word, distance, document_frequency });
        }
        Ok(suggestions)
    }

    /// Every term with the number of its chunks, as FTS5 has them. Kept until something changes or the word index in
    /// memory takes over: whoever types half a word after another must not wait for it each time.
    async fn dictionary(&self) -> Result<Dictionary, sqlx::Error> {
        let mut kept = self.index.dictionary.lock().await;
        let moment = {
            let state = self.index.read();
            (state.slots.last_id(), state.slots.change_seen)
        };
        if let Some((read_at, dictionary)) = &*kept
            && *read_at == moment
        {
            return Ok(Arc::clone(dictionary));
        }
        let dictionary = Arc::new(bulk::dictionary(&mut *patient(&self.reader).await?).await?);
        // Built meanwhile: then nobody asks again.
        if self.index.read().words.is_some() {
            return Ok(dictionary);
        }
        *kept = Some((moment, Arc::clone(&dictionary)));
        Ok(dictionary)
    }

    /// How people write a stem: the form nearest to `wanted` in a few chunks that hold it.
    async fn surface(&self, term: &str, wanted: &str) -> StoreResult<String> {
        let expression = format!("\"{}\"", term.replace('"', "\"\""));
        let texts: Vec<(String, String)> = sqlx::query_as(
            "SELECT context, text FROM chunk WHERE id IN (SELECT rowid FROM chunk_words WHERE chunk_words MATCH ? LIMIT ?)",
        )
        .bind(expression)
        .bind(SURFACE_SAMPLES)
        .fetch_all(&self.reader)
        .await
        .map_err(|error| classify("suggest words for", term, error))?;
        let mut best: Option<(usize, String)> = None;
        for text in texts.iter().flat_map(|(context, text)| [context, text]) {
            for token in terms::tokens(text).into_iter().filter(|token| token.term == term) {
                let form = terms::fold(&text[token.range]);
                let distance = strsim::osa_distance(&form, wanted);
                if best.as_ref().is_none_or(|(known, _)| distance < *known) {
                    best = Some((distance, form));
                }
            }
        }
        Ok(best.map_or_else(|| term.to_owned(), |(_, form)| form))
    }
}
