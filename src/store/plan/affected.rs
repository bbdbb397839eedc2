//! Other documents whose place in the graph changes with a commit. Called by the adapters' `documents::affected`.

use std::collections::{HashMap, HashSet};

/// What a transaction changed.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    /// Documents that have events of their own.
    pub(crate) documents: HashSet<i64>,
    /// Of those, the ones that came to life or left it.
    pub(crate) appeared_or_gone: HashSet<i64>,
    /// Names that lead, or led, to one of them.
    pub(crate) names: HashSet<String>,
    /// Message-IDs of mails that came to life or left it.
    pub(crate) message_ids: HashSet<String>,
}

/// Of the answers to touched messages, those whose best parent may change. `answers` holds for each the ids it names, the
/// best last; `held` the live documents with one of these ids, several of one id among them.
pub(crate) fn changed_answers(
    answers: HashMap<i64, Vec<String>>,
    held: &[(String, i64)],
    touched: &Touched,
) -> HashSet<i64> {
    let mut staying: HashMap<&str, Vec<i64>> = HashMap::new();
    for (id, seq) in held.iter().filter(|(_, seq)| !touched.appeared_or_gone.contains(seq)) {
        staying.entry(id).or_default().push(*seq);
    }
    let mut changed = HashSet::new();
    for (answer, named) in answers {
        let others = |id: &String| staying.get(id.as_str()).is_some_and(|seqs| seqs.iter().any(|seq| *seq != answer));
        // The place among the ids of the best document that was and stays; what was touched matters when it beats it, or
        // has the same id: of those the first one taken in is answered.
        let Some(stays_at) = named.iter().rposition(others) else { continue };
        if named.iter().skip(stays_at).any(|id| touched.message_ids.contains(id)) {
            changed.insert(answer);
        }
    }
    changed
}
