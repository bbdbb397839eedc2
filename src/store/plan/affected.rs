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

/// Of the touched Message-IDs those whose first live mail, which answers lead to, may be another one now. `staying` holds the
/// first of those that were there and stay: all that is touched came after it where it has a lower number.
pub(crate) fn beside_none_before<'a>(touched: &'a Touched, staying: &[(String, i64)]) -> HashSet<&'a str> {
    let earliest = touched.appeared_or_gone.iter().copied().min().unwrap_or(i64::MAX);
    let answered: HashSet<&str> =
        staying.iter().filter(|(_, seq)| *seq < earliest).map(|(id, _)| id.as_str()).collect();
    touched.message_ids.iter().map(String::as_str).filter(|id| !answered.contains(id)).collect()
}

/// Of the answers to `touched` messages, those whose best parent may change. `answers` holds for each the ids it names, the
/// best last; `held` live documents with one of these ids that were there and stay, two of one id at most.
pub(crate) fn changed_answers(
    answers: HashMap<i64, Vec<String>>,
    held: &[(String, i64)],
    touched: &HashSet<&str>,
) -> HashSet<i64> {
    let mut staying: HashMap<&str, Vec<i64>> = HashMap::new();
    for (id, seq) in held {
        staying.entry(id).or_default().push(*seq);
    }
    let mut changed = HashSet::new();
    for (answer, named) in answers {
        let others = |id: &String| staying.get(id.as_str()).is_some_and(|seqs| seqs.iter().any(|seq| *seq != answer));
        // The place among the ids of the best document that was and stays; what was touched matters when it beats it, or
        // has the same id: of those the first one taken in is answered.
        let Some(stays_at) = named.iter().rposition(others) else { continue };
        if named.iter().skip(stays_at).any(|id| touched.contains(id.as_str())) {
            changed.insert(answer);
        }
    }
    changed
}
