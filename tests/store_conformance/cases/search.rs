//! `SearchStore`: both legs against their plain definitions, computed here from the documents themselves.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use peanut::domain::search::{
    Condition, Filter, Hit, Occur, Predicate, ScoredChunk, SearchMode, SearchRequest, VectorQuery, WordMatch,
    WordsQuery,
};
use peanut::domain::{ChunkId, ChunkKind, DocumentId, ModelId, NewChunk, NewDocument, SystemClock, Timestamp, terms};
use peanut::search::service::{SearchError, SearchService, Who};
use peanut::store::{DocumentStore, EmbeddingStore, RetireReason, SearchStore, SystemStore};

use crate::build::{NOW, assert_sound, batch_with, chunk, commit, file, mail};
use crate::harness::Harness;

/// Documents of the random corpus.
const DOCUMENTS: usize = 120;
const DIMENSION: usize = 8;

fn model() -> ModelId {
    ModelId::from("small")
}

fn unit(random: &mut fastrand::Rng) -> Vec<f32> {
    let values: Vec<f32> = (0..DIMENSION).map(|_| random.f32() - 0.5).collect();
    let norm = values.iter().map(|value| value * value).sum::<f32>().sqrt();
    values.into_iter().map(|value| value / norm).collect()
}

/// Words no stemmer touches, the first ones far more frequent.
fn word(random: &mut fastrand::Rng) -> String {
    let rank = (random.f32().powi(3) * 40.0) as u8;
    format!("w{}{}o", char::from(b'a' + rank / 8), char::from(b'k' + rank % 8))
}

fn documents(seed: u64) -> Vec<NewDocument> {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..DOCUMENTS)
        .map(|number| {
            let words: Vec<String> = (0..random.usize(3..40)).map(|_| word(&mut random)).collect();
            let folder = if number % 10 == 0 { "rare" } else { "common" };
            let mut document = file(&format!("/{folder}/{number}.md"), &words.join(" "));
            for chunk in &mut document.chunks {
                chunk.terms = terms::terms(&format!("{}\n{}", chunk.context, chunk.text));
                chunk.vector = Some(unit(&mut random));
            }
            document
        })
        .collect()
}

async fn filled<H: Harness>(harness: &H, seed: u64) -> Vec<NewDocument> {
    let store = harness.store();
    store.register_model(&model(), DIMENSION, NOW).await.expect("register");
    let documents = documents(seed);
    // Several commits, as several segments of whatever index an engine keeps.
    for some in documents.chunks(25) {
        store.commit(&batch_with(some.to_vec(), "small", &[])).await.expect("commit");
    }
    documents
}

fn should(words: &[&str]) -> WordsQuery {
    WordsQuery { clauses: words.iter().map(|word| (Occur::Should, WordMatch::Term((*word).to_owned()))).collect() }
}

fn query(vector: Vec<f32>) -> Vec<VectorQuery> {
    vec![VectorQuery { model: model(), vector, scale: 0.5, offset: 0.1 }]
}

/// BM25 as the trait defines it, over whole documents of one chunk.
fn bm25(documents: &[NewDocument], words: &[&str]) -> BTreeMap<DocumentId, f32> {
    let counts = |document: &NewDocument| {
        let mut counts: HashMap<String, f32> = HashMap::new();
        let chunk = &document.chunks[0];
        terms::each_token(&format!("{}\n{}", chunk.context, chunk.text), |_, term| {
            *counts.entry(term.to_owned()).or_default() += 1.0;
        });
        (document.id, counts, chunk.token_count as f32)
    };
    let all: Vec<_> = documents.iter().map(counts).collect();
    let mean = all.iter().map(|(.., length)| length).sum::<f32>() / all.len() as f32;
    let mut scores = BTreeMap::new();
    for word in words {
        let matching = all.iter().filter(|(_, counts, _)| counts.contains_key(*word)).count() as f32;
        let idf = (1.0 + (all.len() as f32 - matching + 0.5) / (matching + 0.5)).ln();
        for (id, counts, length) in &all {
            if let Some(frequency) = counts.get(*word) {
                let norm = 1.2 * (0.25 + 0.75 * length / mean);
                *scores.entry(*id).or_default() += idf * frequency * 2.2 / (frequency + norm);
            }
        }
    }
    scores
}

fn assert_same(found: &[ScoredChunk], wanted: &BTreeMap<DocumentId, f32>, limit: usize) {
    assert_eq!(found.len(), wanted.len().min(limit));
    for chunk in found {
        let score = wanted[&chunk.document_id];
        assert!((chunk.score - score).abs() < 1e-3, "{chunk:?} should score {score}");
    }
    assert!(found.is_sorted_by(|a, b| b.score.total_cmp(&a.score).then(a.chunk_id.cmp(&b.chunk_id)).is_lt()));
    let worst = found.last().map_or(f32::MAX, |chunk| chunk.score);
    let listed: HashSet<DocumentId> = found.iter().map(|chunk| chunk.document_id).collect();
    let best_unlisted = wanted.iter().filter(|(id, _)| !listed.contains(*id)).map(|(_, score)| *score);
    assert!(best_unlisted.fold(f32::MIN, f32::max) <= worst + 1e-3);
}

pub(crate) async fn words_are_scored_by_bm25<H: Harness>(harness: H) {
    let documents = filled(&harness, 1).await;
    let store = harness.store();
    for words in [&["wako"][..], &["wako", "wbko", "wemo"], &["wero", "wako", "nowhere"], &["nowhere"]] {
        for limit in [5, 1000] {
            let found = store.search_words(&should(words), &Filter::default(), limit).await.expect("search");
            assert_same(&found, &bm25(&documents, words), limit);
        }
    }
    let frequencies = store.document_frequencies(&["wako".to_owned(), "nowhere".to_owned()]).await.expect("count");
    assert_eq!(frequencies, [bm25(&documents, &["wako"]).len() as u64, 0]);
    let nothing = store.search_words(&WordsQuery::default(), &Filter::default(), 10).await.expect("search");
    assert!(nothing.is_empty());
}

pub(crate) async fn vectors_are_scored_by_cosine<H: Harness>(harness: H) {
    let documents = filled(&harness, 2).await;
    let store = harness.store();
    let mut random = fastrand::Rng::with_seed(99);
    for limit in [5, 1000] {
        let wanted = unit(&mut random);
        let cosine = |document: &NewDocument| {
            let vector = document.chunks[0].vector.as_ref().expect("a vector");
            0.5 * vector.iter().zip(&wanted).map(|(a, b)| a * b).sum::<f32>() + 0.1
        };
        let scores = documents.iter().map(|document| (document.id, cosine(document))).collect();
        let found = store.search_vectors(&query(wanted.clone()), &Filter::default(), limit).await.expect("search");
        assert_same(&found, &scores, limit);
    }
    let held = store.document_vectors(&model(), documents[3].id).await.expect("vectors");
    let own = documents[3].chunks[0].vector.as_ref().expect("a vector");
    assert!(held[0].iter().zip(own).all(|(a, b)| (a - b).abs() < 1e-6));
}

pub(crate) async fn both_legs_at_once_say_what_each_says_alone<H: Harness>(harness: H) {
    filled(&harness, 3).await;
    let store = harness.store();
    let (words, near) = (should(&["wako", "wemo"]), query(unit(&mut fastrand::Rng::with_seed(5))));
    let legs = store.search_legs(&words, &near, &Filter::default(), 10).await.expect("search");
    assert_eq!(legs.words, store.search_words(&words, &Filter::default(), 10).await.expect("search"));
    assert_eq!(legs.vectors, store.search_vectors(&near, &Filter::default(), 10).await.expect("search"));
    let ids = |leg: &[ScoredChunk]| leg.iter().map(|chunk| chunk.chunk_id).collect::<Vec<_>>();
    let only = |these: Vec<ChunkId>, those: Vec<ChunkId>| {
        these.into_iter().filter(|id| !those.contains(id)).collect::<Vec<ChunkId>>()
    };
    let no_vector = only(ids(&legs.words), ids(&legs.vectors));
    let no_words = only(ids(&legs.vectors), ids(&legs.words));
    assert!(!no_vector.is_empty() && !no_words.is_empty(), "the case must have something to fill in");
    let vectors = store.score_vectors(&near, &no_vector).await.expect("score");
    let scored: HashMap<_, _> =
        no_vector.into_iter().zip(vectors).filter_map(|(id, score)| Some((id, score?))).collect();
    assert_eq!(legs.vectors_of_others.len(), scored.len());
    // A leg's cosines are promised to four digits.
    assert!(legs.vectors_of_others.iter().all(|(id, score)| (score - scored[id]).abs() < 5e-5));
    let lexical = store.score_words(&words, &no_words).await.expect("score");
    let scored = no_words.into_iter().zip(lexical).filter_map(|(id, score)| Some((id, score?)));
    assert_eq!(legs.words_of_others, scored.collect::<HashMap<_, _>>());
}

pub(crate) async fn required_and_forbidden_words_hold_for_both_legs<H: Harness>(harness: H) {
    let documents = filled(&harness, 4).await;
    let store = harness.store();
    let term = |word: &str| WordMatch::Term(word.to_owned());
    let words = WordsQuery {
        clauses: vec![(Occur::Should, term("wbko")), (Occur::Must, term("wako")), (Occur::MustNot, term("walo"))],
    };
    let near = query(unit(&mut fastrand::Rng::with_seed(6)));
    let legs = store.search_legs(&words, &near, &Filter::default(), 1000).await.expect("search");
    let may = |document: &&NewDocument| {
        let text = &document.chunks[0].text;
        text.contains("wako") && !text.contains("walo")
    };
    let allowed: HashSet<DocumentId> = documents.iter().filter(may).map(|document| document.id).collect();
    assert!(!allowed.is_empty() && allowed.len() < DOCUMENTS);
    for leg in [&legs.words, &legs.vectors] {
        assert_eq!(leg.iter().map(|chunk| chunk.document_id).collect::<HashSet<_>>(), allowed);
    }
}

pub(crate) async fn filters_come_before_the_cut<H: Harness>(harness: H) {
    let documents = filled(&harness, 7).await;
    let store = harness.store();
    let only = |predicate| Filter {
        conditions: vec![Condition { negated: false, any_of: vec![predicate] }],
        ..Filter::default()
    };
    let rare: Vec<NewDocument> =
        documents.iter().filter(|document| document.source_path.starts_with("/rare")).cloned().collect();
    let near = query(unit(&mut fastrand::Rng::with_seed(8)));
    let filter = only(Predicate::Path("/rare/".to_owned()));
    let legs = store.search_legs(&should(&["wako"]), &near, &filter, rare.len()).await.expect("search");
    let holds = |document: &&NewDocument| document.chunks[0].text.contains("wako");
    assert_eq!(legs.words.len(), rare.iter().filter(holds).count());
    assert_eq!(legs.vectors.len(), rare.len());
    assert!(legs.vectors.iter().all(|chunk| rare.iter().any(|document| document.id == chunk.document_id)));
    let newest = store.newest(&filter, 1000).await.expect("newest");
    assert_eq!(newest.len(), rare.len());
    let dated = only(Predicate::DatedFrom(Timestamp(NOW.0 + 1)));
    assert!(store.search_words(&should(&["wako"]), &dated, 10).await.expect("search").is_empty());
}

pub(crate) async fn phrases_and_prefixes_match_text<H: Harness>(harness: H) {
    let store = harness.store();
    let texts = ["alpha bravo charlie", "bravo alpha charlie", "alphabet soup", "delta"];
    let documents = texts.iter().enumerate().map(|(number, text)| {
        let mut document = file(&format!("/{number}.md"), text);
        document.chunks[0].terms = terms::terms(&format!("context\n{text}"));
        document
    });
    commit(store, documents.collect()).await;
    let found = async |clause: WordMatch| {
        let query = WordsQuery { clauses: vec![(Occur::Should, clause)] };
        let hits = store.search_words(&query, &Filter::default(), 10).await.expect("search");
        let hits = store.hydrate(&hits.iter().map(|hit| hit.chunk_id).collect::<Vec<_>>()).await.expect("hydrate");
        let mut paths: Vec<String> = hits.into_iter().map(|hit| hit.source_path).collect();
        paths.sort();
        paths
    };
    let phrase = |words: &[&str]| WordMatch::Phrase(words.iter().flat_map(|word| terms::terms_of(word)).collect());
    assert_eq!(found(phrase(&["alpha", "bravo"])).await, ["/0.md"]);
    assert_eq!(found(phrase(&["alpha", "charlie"])).await, ["/1.md"]);
    assert_eq!(found(WordMatch::Prefix("alpha".to_owned())).await, ["/0.md", "/1.md", "/2.md"]);
    assert!(found(phrase(&["charlie", "alpha"])).await.is_empty());
}

pub(crate) async fn what_left_is_not_found<H: Harness>(harness: H) {
    let mut documents = filled(&harness, 9).await;
    let store = harness.store();
    let near = query(unit(&mut fastrand::Rng::with_seed(10)));
    // Warm, so that the indexes must learn of what follows.
    store.search_legs(&should(&["wako"]), &near, &Filter::default(), 10).await.expect("search");
    let gone: Vec<DocumentId> = documents.drain(..30).map(|document| document.id).collect();
    store.retire(&gone, RetireReason::Deleted, NOW).await.expect("retire");
    let changed = documents.len() - 1;
    let mut replacement = file(&documents[changed].source_path, "entirely different");
    replacement.chunks[0].terms = terms::terms("context\nentirely different");
    store.commit(&batch_with(vec![replacement], "small", &[])).await.expect("commit");
    let legs = store.search_legs(&should(&["wako"]), &near, &Filter::default(), 1000).await.expect("search");
    let held: HashSet<DocumentId> = documents[..changed].iter().map(|document| document.id).collect();
    let with_word = documents[..changed].iter().filter(|document| document.chunks[0].text.contains("wako")).count();
    assert_eq!(legs.words.len(), with_word);
    assert_eq!(legs.vectors.iter().map(|chunk| chunk.document_id).collect::<HashSet<_>>(), held);
    store.restore(&gone[..1], NOW).await.expect("restore");
    let legs = store.search_legs(&should(&["wako"]), &near, &Filter::default(), 1000).await.expect("search");
    assert_eq!(legs.vectors.len(), held.len() + 1);
}

pub(crate) async fn other_processes_see_every_commit<H: Harness>(harness: H) {
    let (store, other) = (harness.store(), harness.another().await);
    let count = async |store: &H::Store| {
        store.search_words(&should(&["bravo"]), &Filter::default(), 100).await.expect("search").len()
    };
    for number in 0..5 {
        let mut document = file(&format!("/{number}.md"), "alpha bravo");
        document.chunks[0].text = format!("alpha bravo number{number}");
        document.chunks[0].terms = terms::terms(&format!("context\n{}", document.chunks[0].text));
        document.content_sha256[0] = number;
        commit(store, vec![document]).await;
        assert_eq!((count(store).await, count(&other).await), (usize::from(number) + 1, usize::from(number) + 1));
    }
}

pub(crate) async fn near_words_are_suggested<H: Harness>(harness: H) {
    let store = harness.store();
    let mut document = file("/a.md", "the consensus protocol");
    document.chunks[0].terms = terms::terms("context\nthe consensus protocol");
    commit(store, vec![document]).await;
    let near = store.suggest("consensos", 3).await.expect("suggest");
    assert_eq!(near.iter().map(|near| near.word.as_str()).collect::<Vec<_>>(), ["consensus"]);
    assert!(store.suggest("xylophone", 3).await.expect("suggest").is_empty());
}

pub(crate) async fn hits_are_told_in_the_order_asked<H: Harness>(harness: H) {
    filled(&harness, 11).await;
    let store = harness.store();
    let mut ids: Vec<ChunkId> =
        store.newest(&Filter::default(), 20).await.expect("newest").iter().map(|chunk| chunk.chunk_id).collect();
    ids.reverse();
    let with_unknown: Vec<ChunkId> = [&ids[..], &[ChunkId(i64::MAX)]].concat();
    let told = store.hydrate(&with_unknown).await.expect("hydrate");
    assert_eq!(told.iter().map(|hit| hit.chunk_id).collect::<Vec<_>>(), ids);
    assert!(told.iter().all(|hit| hit.text.contains('w') && hit.title.parse::<u32>().is_ok()));
}

/// A message with a text and further chunks, its words as a commit brings them.
fn message(number: u64, id: &str, answers: Option<&str>, chunks: &[(ChunkKind, &str)]) -> NewDocument {
    let mut document = mail("/m.mbox", number * 1000, id, "");
    document.chunks = (0..)
        .zip(chunks)
        .map(|(ordinal, (kind, text))| {
            let mut chunk = chunk(ordinal, *kind, text);
            chunk.context = String::new();
            chunk.text_sha256 = NewChunk::hash("", text);
            chunk.terms = terms::terms(text);
            chunk.vector = kind.is_text().then(|| unit(&mut fastrand::Rng::with_seed(number)));
            chunk
        })
        .collect();
    if let Some(message) = &mut document.message {
        message.in_reply_to = answers.map(str::to_owned);
    }
    document
}

async fn scores<H: Harness>(harness: &H, words: &[&str]) -> HashMap<DocumentId, f32> {
    let found = harness.store().search_words(&should(words), &Filter::default(), 1000).await.expect("search");
    assert!(found.is_sorted_by(|a, b| a.score >= b.score));
    found.into_iter().map(|chunk| (chunk.document_id, chunk.score)).collect()
}

pub(crate) async fn everything_is_found_below_the_texts<H: Harness>(harness: H) {
    let store = harness.store();
    store.register_model(&model(), DIMENSION, NOW).await.expect("register");
    let long = format!("{} ledger", "filler ".repeat(400));
    let text = message(1, "text@x", None, &[(ChunkKind::Body, &long)]);
    let others = [ChunkKind::Aside, ChunkKind::Signature, ChunkKind::Names];
    let mut documents = vec![text.clone(), message(2, "attached@x", None, &[(ChunkKind::Attachment, "ledger of old")])];
    documents.extend((3..).zip(others).map(|(number, kind)| {
        message(number, &format!("{kind:?}@x"), None, &[(ChunkKind::Body, "short"), (kind, "ledger ledger ledger")])
    }));
    let before: HashMap<DocumentId, f32> = {
        store.commit(&batch_with(documents[..2].to_vec(), "small", &[])).await.expect("commit");
        scores(&harness, &["ledger"]).await
    };
    let bodies: Vec<NewDocument> = documents[2..].to_vec();
    store.commit(&batch_with(bodies.clone(), "small", &[])).await.expect("commit");
    let found = scores(&harness, &["ledger"]).await;
    assert_eq!(found.len(), 5, "never unfindable");
    assert_eq!(before.len(), 2);
    for other in &bodies {
        assert!(found[&other.id] > 0.0 && found[&other.id] < found[&text.id], "{}", other.title);
    }
    let near = query(unit(&mut fastrand::Rng::with_seed(1)));
    let legs = store.search_legs(&should(&["ledger"]), &near, &Filter::default(), 100).await.expect("search");
    assert_eq!(legs.vectors.len(), 5, "every text has its vector, and nothing else has one");
    assert_eq!(store.embedding_progress().await.expect("progress")[0].done, 5);
    // The newest are told by their texts.
    let newest = store.newest(&Filter::default(), 100).await.expect("newest");
    let told = store.hydrate(&newest.iter().map(|chunk| chunk.chunk_id).collect::<Vec<_>>()).await.expect("hydrate");
    assert!(told.len() == 5 && told.iter().all(|hit| hit.kind.is_text()));
    assert_sound(store).await;
}

pub(crate) async fn light_chunks_change_no_score_of_a_text<H: Harness>(harness: H) {
    let documents = filled(&harness, 12).await;
    let words = ["wako", "wbko", "wemo"];
    let store = harness.store();
    let lights = (0..60).map(|number| {
        let text = "wako wbko wemo and a long list of other words that nobody asked for ".repeat(3);
        message(
            number + 500,
            &format!("{number}@x"),
            None,
            &[(ChunkKind::Names, &text), (ChunkKind::Signature, "wako")],
        )
    });
    store.commit(&batch_with(lights.collect(), "small", &[])).await.expect("commit");
    let found = store.search_words(&should(&words), &Filter::default(), 1000).await.expect("search");
    let wanted = bm25(&documents, &words);
    let texts: Vec<ScoredChunk> =
        found.iter().filter(|chunk| wanted.contains_key(&chunk.document_id)).copied().collect();
    assert_same(&texts, &wanted, 1000);
    assert_eq!(found.len() - texts.len(), 120);
}

pub(crate) async fn quotes_of_what_is_here_stand_below_it<H: Harness>(harness: H) {
    let store = harness.store();
    let quote = (ChunkKind::Quoted, "the galvanised girders cost ninety thousand");
    let replies = |from: u64| -> Vec<NewDocument> {
        (from..from + 10)
            .map(|number| {
                let id = format!("reply{number}@x");
                message(number, &id, Some("original@x"), &[(ChunkKind::Body, "I agree with this"), quote])
            })
            .collect()
    };
    let other = message(90, "other@x", None, &[(ChunkKind::Body, "wooden girders are what we had before they burned")]);
    store.register_model(&model(), DIMENSION, NOW).await.expect("register");
    store.commit(&batch_with([replies(1), vec![other.clone()]].concat(), "small", &[])).await.expect("commit");
    // Nobody else has all of the words: the quotes are searched like texts, the shorter the better.
    let alone = scores(&harness, &[stem("girders").as_str()]).await;
    let reply = replies(1)[0].id;
    assert_eq!(alone.len(), 11);
    // The original comes late, and is found before all who quote it; another text with one of the words, too.
    let original = message(50, "original@x", None, &[(ChunkKind::Body, quote.1)]);
    store.commit(&batch_with(vec![original.clone()], "small", &[])).await.expect("commit");
    let words = ["girders", "thousand"].map(stem);
    let found = scores(&harness, &words.each_ref().map(String::as_str)).await;
    assert_eq!(found.len(), 12, "quotes are found all the same");
    assert!(replies(1).iter().all(|reply| found[&reply.id] < found[&original.id]));
    let one = scores(&harness, &[stem("girders").as_str()]).await;
    assert!(replies(1).iter().all(|reply| one[&reply.id] < one[&other.id]), "{one:?}");
    // More replies to what is here; then it goes, and comes back.
    store.commit(&batch_with(replies(20), "small", &[])).await.expect("commit");
    let late = scores(&harness, &[stem("girders").as_str()]).await;
    assert!((late[&replies(20)[0].id] - late[&reply]).abs() < 1e-6);
    assert!(alone[&reply] > 1.5 * late[&reply], "{} {}", alone[&reply], late[&reply]);
    store.retire(&[original.id], RetireReason::Deleted, NOW).await.expect("retire");
    let without = scores(&harness, &[stem("girders").as_str()]).await;
    assert!(without[&reply] > 1.5 * late[&reply], "{} {}", without[&reply], late[&reply]);
    store.restore(&[original.id], NOW).await.expect("restore");
    let again = scores(&harness, &[stem("girders").as_str()]).await;
    assert!(again[&reply] < again[&original.id]);
    // Another process sees the same.
    let other_process = harness.another().await;
    let told = other_process
        .search_words(&should(&[stem("girders").as_str()]), &Filter::default(), 100)
        .await
        .expect("search");
    for chunk in told {
        assert!((chunk.score - again[&chunk.document_id]).abs() < 1e-5);
    }
    assert_sound(store).await;
}

fn stem(word: &str) -> String {
    terms::terms(word)
}

/// The service over this engine, without any model.
async fn service<H: Harness>(harness: &H) -> SearchService {
    SearchService::new(Arc::new(harness.another().await), Vec::new(), Arc::new(SystemClock))
}

fn asked(query: &str) -> SearchRequest {
    SearchRequest { query: query.to_owned(), limit: 100, offset: 0, mode: SearchMode::Hybrid }
}

pub(crate) async fn a_query_said_again_finds_the_same_in_the_same_order<H: Harness>(harness: H) {
    filled(&harness, 9).await;
    let service = service(&harness).await;
    for (once, times) in [("wako", 300), ("wako +wbko", 100), ("wako wemo -wbko", 100), ("wak* wemo", 150)] {
        let (once, again) = (asked(once), asked(&format!("{once} ").repeat(times)));
        let (once, again) = (service.search(&once).await.expect("once"), service.search(&again).await.expect("again"));
        assert!(!once.hits.is_empty());
        let order = |hits: &[Hit]| hits.iter().map(|hit| (hit.document_id, hit.chunk_id)).collect::<Vec<_>>();
        assert_eq!(order(&again.hits), order(&once.hits));
        assert!(again.hints.is_empty());
    }
    let many: Vec<String> = (0..400).map(|number| format!("x{number}")).collect();
    let many = service.search(&asked(&format!("wako {}", many.join(" ")))).await.expect("many");
    assert!(many.hints.iter().any(|hint| hint.contains("too many different words")), "{:?}", many.hints);
    assert_eq!(many.hits.len(), service.search(&asked("wako")).await.expect("one").hits.len());
}

pub(crate) async fn a_search_over_its_deadline_is_given_up<H: Harness>(harness: H) {
    filled(&harness, 10).await;
    let hurried = service(&harness).await.at_once(1).within(Duration::ZERO);
    // More than there are places and connections: each gives its own back. An answer that is there at the first look is
    // no fault.
    let mut given_up = 0;
    for number in 0..40 {
        let who = Who::Key((number % 3).to_string());
        match hurried.search_for(who, &asked("wako wbko wemo \"wako wbko\" wa*")).await {
            Err(SearchError::TooSlow(_)) => given_up += 1,
            Ok(answer) => assert!(!answer.hits.is_empty()),
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!(given_up > 20, "{given_up} of 40 were given up");
    let patient = hurried.within(Duration::from_mins(1));
    assert!(!patient.search(&asked("wako")).await.expect("an answer").hits.is_empty());
    harness.store().ping().await.expect("ping");
}

pub(crate) async fn a_joined_name_stands_first_as_it_was_typed<H: Harness>(harness: H) {
    let filler = "filler ".repeat(80);
    let texts = [
        ("/blank.md", "run task".to_owned()),
        ("/twice.md", "run task, task run, run a task".to_owned()),
        ("/longer.md", "run-tasks and pre-run-task".to_owned()),
        ("/exact.md", format!("{filler} It is called Run-Task. {filler}")),
    ];
    let mut documents: Vec<NewDocument> = texts.iter().map(|(path, text)| file(path, text)).collect();
    for chunk in documents.iter_mut().flat_map(|document| &mut document.chunks) {
        chunk.terms = terms::chunk_terms(&chunk.context, &chunk.text);
    }
    commit(harness.store(), documents).await;
    let service = service(&harness).await;
    for query in ["run-task", "\"run-task\"", "run-task it"] {
        let found = service.search(&asked(query)).await.expect("search");
        let paths: Vec<&str> = found.hits.iter().map(|hit| hit.source_path.as_str()).collect();
        assert_eq!(paths.first(), Some(&"/exact.md"), "{query}: {paths:?}");
    }
    let found = service.search(&asked("run task")).await.expect("search");
    assert_ne!(found.hits[0].source_path, "/exact.md", "nothing is joined");
}

pub(crate) async fn one_document_cannot_fill_a_list<H: Harness>(harness: H) {
    let filler = |words: &str, length: usize| format!("{words} {}", "filler ".repeat(length));
    // Every part of the long one is better than any other document.
    let long: Vec<String> = (0..500).map(|number| filler("zebrako zebrako", number % 3)).collect();
    let mut documents = vec![file("/long.md", &long.join("\n\n"))];
    documents.extend((0..5).map(|number| file(&format!("/other-{number}.md"), &filler("zebrako", 40 + number))));
    for document in &mut documents {
        for chunk in &mut document.chunks {
            chunk.terms = terms::terms(&format!("{}\n{}", chunk.context, chunk.text));
        }
    }
    commit(harness.store(), documents).await;
    let service = service(&harness).await;
    let found = service.search(&SearchRequest { limit: 10, ..asked("zebrako") }).await.expect("search");
    assert_eq!(found.hits.len(), 6, "{:?}", found.hits.iter().map(|hit| &hit.title).collect::<Vec<_>>());
    assert_eq!(found.hits[0].source_path, "/long.md");
}
