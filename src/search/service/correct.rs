//! "Did you mean": the query with words that exist instead of words that match nothing.

use std::collections::HashMap;

use crate::domain::search::Hit;
use crate::search::query::ParsedQuery;

use super::{SearchError, SearchService};

/// A word is corrected when it matches nothing and is at least this long.
const SHORTEST_CORRECTED: usize = 3;
/// Words corrected in one query: each is compared with every word there is.
const MOST_CORRECTED: usize = 4;

impl SearchService {
    /// A corrected query when a typed word matches nothing and a near one does.
    pub(super) async fn correction(
        &self,
        typed: &str,
        parsed: &ParsedQuery,
        hits: &[Hit],
    ) -> Result<Option<String>, SearchError> {
        // Its terms in every language.
        let single = |word: &String| -> Option<Vec<String>> {
            let asked = crate::domain::terms::asked(word);
            let [only] = &asked[..] else { return None };
            (word.chars().count() >= SHORTEST_CORRECTED).then(|| only.terms().cloned().collect())
        };
        let mut unseen: Vec<(&String, Vec<String>)> =
            parsed.plain_words.iter().filter_map(|word| Some((word, single(word)?))).collect();
        // A word that is marked in what was found matches something.
        for snippet in hits.iter().flat_map(Hit::snippets) {
            if unseen.is_empty() {
                break;
            }
            for mark in &snippet.marks {
                let shown = crate::domain::terms::wanted(snippet.text.get(mark.0..mark.1).unwrap_or_default());
                unseen.retain(|(_, terms)| !terms.iter().any(|term| shown.contains(term)));
            }
        }
        if unseen.is_empty() {
            return Ok(None);
        }
        let terms: Vec<String> = unseen.iter().flat_map(|(_, terms)| terms.iter().cloned()).collect();
        let mut counts = self.store.document_frequencies(&terms).await?.into_iter();
        let of_each = |(word, terms): (_, Vec<String>)| (word, counts.by_ref().take(terms.len()).sum::<u64>());
        let frequencies: Vec<(&String, u64)> = unseen.into_iter().map(of_each).collect();
        let mut corrections: HashMap<&str, String> = HashMap::new();
        let unknown = frequencies.into_iter().filter(|(_, frequency)| *frequency == 0);
        for (word, _) in unknown.take(MOST_CORRECTED) {
            if let Some(near) = self.store.suggest(word, 1).await?.into_iter().next() {
                corrections.insert(word, near.word);
            }
        }
        if corrections.is_empty() {
            return Ok(None);
        }
        let corrected: Vec<String> = typed
            .split_whitespace()
            .map(|piece| {
                let word = piece.trim_start_matches(['(', '-', '+']).trim_end_matches(')');
                let better = corrections.get(piece).map(|better| (piece, better));
                let better = better.or_else(|| corrections.get(word).map(|better| (word, better)));
                better.map_or_else(|| piece.to_owned(), |(known, better)| piece.replacen(known, better, 1))
            })
            .collect();
        Ok(Some(corrected.join(" ")))
    }
}
