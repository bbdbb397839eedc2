//! Trees of tests and words against a naive evaluator over a small random corpus, and the laws of logic against the store
//! itself. `PEANUT_TREE_QUERIES` says how many trees (usually 40), `PEANUT_TREE_SEED` repeats a run; the seed is printed.

use std::collections::BTreeSet;

use peanut::domain::search::{
    ByDate, Expression, Filter, Occur, Predicate, ScoredChunk, VectorQuery, WordMatch, WordsQuery,
};
use peanut::domain::{ChunkKind, DocumentId, ModelId, NewDocument, PersonRole, SourceType, Timestamp, terms};
use peanut::store::{DatePage, DocumentStore, EmbeddingStore, RetireReason, SearchStore};

use crate::build::{NOW, batch_with, chunk, file, mail, person};
use crate::harness::Harness;

const DOCUMENTS: usize = 70;
const WORDS: [&str; 8] = ["wako", "wabo", "webo", "weko", "wiko", "wibo", "woko", "wobo"];
const TITLES: [&str; 4] = ["Über den Bau", "ÜBERSICHT", "u\u{308}ber alles", "plain"];
const EVERYTHING: usize = 1000;

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|value| value.parse().ok())
}

/// A document with what its tests need to know.
struct Known {
    document: NewDocument,
    deleted: bool,
}

fn documents(random: &mut fastrand::Rng) -> Vec<Known> {
    let make = |number: usize| {
        let text = |random: &mut fastrand::Rng| {
            let words: Vec<&str> = (0..random.usize(1..6)).map(|_| WORDS[random.usize(0..WORDS.len())]).collect();
            // No two documents have the same content.
            format!("{} n{number}", words.join(" "))
        };
        let folder = ["north", "SOUTH", "Ärger"][random.usize(0..3)];
        let mut document = if random.bool() {
            file(&format!("/{folder}/{number}.md"), &text(random))
        } else {
            let mut document = mail(&format!("/{folder}.mbox"), number as u64, &format!("{number}@x"), &text(random));
            let name = ["Ann Lee", "Jörg Ölmann", "JÖRG Other"][random.usize(0..3)];
            document.people = vec![person(&format!("p{}@example.org", name.len()), Some(name), PersonRole::From)];
            document.people.push(person("copy@example.org", None, PersonRole::Cc));
            document
        };
        if random.bool() {
            document.chunks.push(chunk(1, ChunkKind::Body, &text(random)));
        }
        document.title = format!("{} {number}", TITLES[random.usize(0..TITLES.len())]);
        document.dated_at = random.bool().then(|| Timestamp(NOW.0 - random.i64(0..1000)));
        let tags: [&[&str]; 3] = [&[], &["a"], &["a/b", "c"]];
        document.tags = tags[random.usize(0..3)].iter().map(|tag| (*tag).to_owned()).collect();
        for chunk in &mut document.chunks {
            chunk.terms = terms::terms(&format!("{}\n{}", chunk.context, chunk.text));
            let angle = random.f32() * std::f32::consts::TAU;
            chunk.vector = Some(vec![angle.sin(), angle.cos()]);
        }
        Known { document, deleted: random.usize(0..10) == 0 }
    };
    (0..DOCUMENTS).map(make).collect()
}

fn words(random: &mut fastrand::Rng) -> WordMatch {
    let word = |random: &mut fastrand::Rng| WORDS[random.usize(0..WORDS.len())].to_owned();
    match random.usize(0..7) {
        0 => WordMatch::Prefix(["wa", "we", "wik", "nothing"][random.usize(0..4)].to_owned()),
        1 => WordMatch::Phrase(vec![word(random), word(random)]),
        2 => WordMatch::Term("absent".to_owned()),
        3 => WordMatch::Any(vec![vec![word(random)], vec![word(random), word(random)], vec!["absent".to_owned()]]),
        _ => WordMatch::Term(word(random)),
    }
}

fn predicate(random: &mut fastrand::Rng) -> Predicate {
    let moment = |random: &mut fastrand::Rng| Timestamp(NOW.0 - random.i64(0..1000));
    match random.usize(0..11) {
        0 => Predicate::Type(if random.bool() { SourceType::Mail } else { SourceType::Markdown }),
        1 => Predicate::Tag(["a", "a/b", "c", "d"][random.usize(0..4)].to_owned()),
        2 => Predicate::Path(["south", "NORTH/", "ÄRGER"][random.usize(0..3)].to_owned()),
        3 => Predicate::DatedFrom(moment(random)),
        4 => Predicate::DatedBefore(moment(random)),
        5 => Predicate::Subject(["über", "plain", "Übers"][random.usize(0..3)].to_owned()),
        6 => Predicate::From(["jörg", "ÖLMANN", "ann", "@example.org"][random.usize(0..4)].to_owned()),
        7 => Predicate::Cc(["copy", "ann"][random.usize(0..2)].to_owned()),
        8 => Predicate::File(["1", "mbox", "ärger"][random.usize(0..3)].to_owned()),
        9 => Predicate::Extension(["md", "mbox", "pdf"][random.usize(0..3)].to_owned()),
        _ => Predicate::Deleted,
    }
}

fn tree(random: &mut fastrand::Rng, depth: usize) -> Expression {
    let parts = |random: &mut fastrand::Rng| -> Vec<Expression> {
        (0..random.usize(0..4)).map(|_| tree(random, depth - 1)).collect()
    };
    match random.usize(0..if depth == 0 { 2 } else { 5 }) {
        0 => Expression::Has(words(random)),
        1 => Expression::Is(predicate(random)),
        2 => Expression::All(parts(random)),
        3 => Expression::Any(parts(random)),
        _ => Expression::Not(Box::new(tree(random, depth - 1))),
    }
}

fn folded(text: &str) -> String {
    // Composed as the patterns expect it; the corpus has one letter that comes decomposed.
    text.to_lowercase().replace("u\u{308}", "ü")
}

fn passes(known: &Known, test: &Predicate) -> bool {
    let document = &known.document;
    let contains = |text: &str, part: &str| folded(text).contains(&folded(part));
    let is_named = |part: &str, role: PersonRole| {
        document
            .people
            .iter()
            .filter(|person| person.role == role)
            .any(|person| [&person.email, &person.name].into_iter().flatten().any(|text| contains(text, part)))
    };
    match test {
        Predicate::Type(kind) => document.source_type == *kind,
        Predicate::Tag(tag) => document.tags.iter().any(|t| t == tag || t.starts_with(&format!("{tag}/"))),
        Predicate::Path(part) => contains(&document.source_path, part),
        Predicate::DatedFrom(moment) => document.dated_at.is_some_and(|dated| dated >= *moment),
        Predicate::DatedBefore(moment) => document.dated_at.is_some_and(|dated| dated < *moment),
        Predicate::Subject(part) => contains(&document.title, part),
        Predicate::From(part) => is_named(part, PersonRole::From),
        Predicate::Cc(part) => is_named(part, PersonRole::Cc),
        Predicate::File(part) => contains(document.source_path.rsplit('/').next().unwrap_or_default(), part),
        Predicate::Extension(ending) => document.source_path.ends_with(&format!(".{ending}")),
        Predicate::Deleted => known.deleted,
        other => panic!("not in these trees: {other:?}"),
    }
}

fn has(known: &Known, wanted: &WordMatch) -> bool {
    known.document.chunks.iter().any(|chunk| {
        let held: Vec<&str> = chunk.terms.split(' ').collect();
        match wanted {
            WordMatch::Term(term) => held.contains(&term.as_str()),
            WordMatch::Prefix(start) => held.iter().any(|term| term.starts_with(start.as_str())),
            WordMatch::Phrase(words) => held.windows(words.len()).any(|window| window == words),
            WordMatch::Any(ways) => {
                ways.iter().any(|words| held.windows(words.len()).any(|window| window == &words[..]))
            }
        }
    })
}

fn holds(known: &Known, tree: &Expression) -> bool {
    match tree {
        Expression::All(parts) => parts.iter().all(|part| holds(known, part)),
        Expression::Any(parts) => parts.iter().any(|part| holds(known, part)),
        Expression::Not(part) => !holds(known, part),
        Expression::Is(test) => passes(known, test),
        Expression::Has(wanted) => has(known, wanted),
    }
}

fn ids(found: &[ScoredChunk]) -> BTreeSet<DocumentId> {
    found.iter().map(|chunk| chunk.document_id).collect()
}

async fn listed(store: &impl SearchStore, tree: Expression) -> BTreeSet<DocumentId> {
    let filter = Filter { tree: Some(tree), ..Filter::default() };
    ids(&store.newest(&filter, EVERYTHING).await.expect("list"))
}

async fn corpus<H: Harness>(harness: &H, random: &mut fastrand::Rng) -> Vec<Known> {
    let store = harness.store();
    store.register_model(&ModelId::from("small"), 2, NOW).await.expect("register");
    let documents = documents(random);
    for some in documents.chunks(20) {
        let batch = some.iter().map(|known| known.document.clone()).collect();
        store.commit(&batch_with(batch, "small", &[])).await.expect("commit");
    }
    let gone: Vec<DocumentId> = documents.iter().filter(|known| known.deleted).map(|known| known.document.id).collect();
    store.retire(&gone, RetireReason::Deleted, NOW).await.expect("retire");
    documents
}

#[expect(clippy::print_stderr, reason = "a failure is repeated by its seed")]
fn seeded() -> fastrand::Rng {
    let seed = setting("PEANUT_TREE_SEED").unwrap_or_else(|| fastrand::u64(..));
    eprintln!("PEANUT_TREE_SEED={seed}");
    fastrand::Rng::with_seed(seed)
}

pub(crate) async fn trees_mean_the_same_as_a_naive_evaluator_says<H: Harness>(harness: H) {
    let mut random = seeded();
    let documents = corpus(&harness, &mut random).await;
    let store = harness.store();
    let near = [VectorQuery { model: ModelId::from("small"), vector: vec![0.6, 0.8], scale: 1.0, offset: 0.0 }];
    for number in 0..setting("PEANUT_TREE_QUERIES").unwrap_or(40) {
        if number == 10 {
            store.warm_up().await.expect("warm up");
        }
        let tree = tree(&mut random, 3);
        let filter = Filter { tree: Some(tree.clone()), ..Filter::default() };
        let may = |known: &&Known| (!known.deleted || filter.wants_deleted()) && holds(known, &tree);
        let wanted: BTreeSet<DocumentId> = documents.iter().filter(may).map(|known| known.document.id).collect();
        let page = DatePage { order: ByDate::Oldest, offset: 0, limit: EVERYTHING };
        let found = store.by_date(&filter, &page).await.expect("list");
        assert_eq!(ids(&found.chunks), wanted, "{tree:?}");
        assert_eq!(found.total.unwrap_or(0), wanted.len() as u64, "{tree:?}");
        let word = WordMatch::Term(WORDS[random.usize(0..WORDS.len())].to_owned());
        let query = WordsQuery { clauses: vec![(Occur::Should, word.clone())] };
        let legs = store.search_legs(&query, &near, &filter, EVERYTHING).await.expect("search");
        assert_eq!(ids(&legs.vectors), wanted, "{tree:?}");
        let with_word = documents.iter().filter(may).filter(|known| has(known, &word));
        assert_eq!(ids(&legs.words), with_word.map(|known| known.document.id).collect(), "{word:?} in {tree:?}");
        // Before the cut: the best few are the best of those that may be found.
        let few = store.search_legs(&query, &near, &filter, 3).await.expect("search");
        assert_eq!(few.vectors, legs.vectors.iter().take(3).copied().collect::<Vec<_>>(), "{tree:?}");
        assert_eq!(few.words, legs.words.iter().take(3).copied().collect::<Vec<_>>(), "{tree:?}");
    }
}

pub(crate) async fn the_laws_of_logic_hold<H: Harness>(harness: H) {
    let mut random = seeded();
    let documents = corpus(&harness, &mut random).await;
    let store = harness.store();
    let not = |tree: &Expression| Expression::Not(Box::new(tree.clone()));
    // What is deleted is found when it is asked for, and NOT turns asking round: the laws are those of what is live.
    let live = |random: &mut fastrand::Rng| loop {
        let tree = tree(random, 2);
        if !tree.wants_deleted() && !not(&tree).wants_deleted() {
            return tree;
        }
    };
    let all: BTreeSet<DocumentId> = documents.iter().filter(|k| !k.deleted).map(|k| k.document.id).collect();
    for _ in 0..setting("PEANUT_TREE_QUERIES").unwrap_or(40) / 4 {
        let (one, other) = (live(&mut random), live(&mut random));
        let (a, b) = (listed(store, one.clone()).await, listed(store, other.clone()).await);
        let both = Expression::All(vec![one.clone(), other.clone()]);
        let either = Expression::Any(vec![one.clone(), other.clone()]);
        assert_eq!(listed(store, both.clone()).await, &a & &b, "{one:?} and {other:?}");
        assert_eq!(listed(store, either.clone()).await, &a | &b, "{one:?} or {other:?}");
        assert_eq!(listed(store, not(&one)).await, &all - &a, "not {one:?}");
        assert_eq!(listed(store, not(&not(&one))).await, a, "not not {one:?}");
        let apart = |make: fn(Vec<Expression>) -> Expression| make(vec![not(&one), not(&other)]);
        assert_eq!(listed(store, not(&both)).await, listed(store, apart(Expression::Any)).await);
        assert_eq!(listed(store, not(&either)).await, listed(store, apart(Expression::All)).await);
    }
}

pub(crate) async fn pages_by_date_are_pages_of_one_list<H: Harness>(harness: H) {
    let mut random = seeded();
    let documents = corpus(&harness, &mut random).await;
    let store = harness.store();
    let excluded = WordMatch::Term("wako".to_owned());
    let filter = Filter { tree: Some(Expression::Has(excluded.clone()).opposite()), ..Filter::default() };
    for order in [ByDate::Newest, ByDate::Oldest] {
        let page =
            async |offset, limit| store.by_date(&filter, &DatePage { order, offset, limit }).await.expect("list");
        let whole = page(0, EVERYTHING).await;
        let left = documents.iter().filter(|known| !known.deleted && !has(known, &excluded)).count();
        assert_eq!((whole.chunks.len(), whole.total), (left, Some(left as u64)));
        let mut gathered = Vec::new();
        for offset in (0..left).step_by(7) {
            gathered.extend(page(offset, 7).await.chunks);
        }
        assert_eq!(gathered, whole.chunks);
        assert_eq!(page(left, 7).await.chunks.len(), 0);
    }
}
