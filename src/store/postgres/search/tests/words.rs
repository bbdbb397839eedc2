//! The same documents in both stores give the same scores, whatever was replaced, retired or merged in between.

use std::collections::{HashMap, HashSet};

use super::{NOW, Server, document, remove, write};
use crate::domain::search::{Condition, Filter, Occur, Predicate, ScoredChunk, WordMatch, WordsQuery};
use crate::domain::{ChunkId, DocumentId, NewDocument, SourceType, terms};
use crate::store::postgres::PostgresStore;
use crate::store::sqlite::SqliteStore;
use crate::store::{CommitBatch, DocumentStore, RetireReason, SearchStore};

/// Writes documents to both stores.
async fn write_both(postgres: &PostgresStore, sqlite: &SqliteStore, documents: Vec<NewDocument>) {
    for document in &documents {
        let mut transaction = postgres.pool.begin().await.expect("begin");
        sqlx::query("DELETE FROM chunk WHERE document_seq = (SELECT seq FROM document WHERE id = $1)")
            .bind(document.id.0)
            .execute(&mut *transaction)
            .await
            .expect("replace");
        write(&mut transaction, document, None).await;
        transaction.commit().await.expect("commit");
    }
    #[expect(clippy::disallowed_methods, reason = "the store's own tests commit without the recorder")]
    sqlite.commit(&CommitBatch { documents, now: NOW, ..CommitBatch::default() }).await.expect("commit");
}

/// Hits by what they are instead of by id, which differ between the stores once chunks were replaced.
async fn named(store: &impl SearchStore, found: Vec<ScoredChunk>) -> Vec<(String, f32)> {
    let ids: Vec<ChunkId> = found.iter().map(|chunk| chunk.chunk_id).collect();
    let sources = store.hydrate(&ids).await.expect("hydrate");
    assert_eq!(sources.len(), found.len());
    let name = |(chunk, source): (&ScoredChunk, crate::domain::search::HitSource)| {
        assert_eq!(chunk.document_id, source.document_id);
        (format!("{} {}", source.title, source.text), chunk.score)
    };
    found.iter().zip(sources).map(name).collect()
}

async fn assert_same(postgres: &PostgresStore, sqlite: &SqliteStore, query: &WordsQuery, filter: &Filter) -> usize {
    let all = usize::from(u16::MAX);
    let ours = postgres.search_words(query, filter, all).await.expect("search");
    let theirs = sqlite.search_words(query, filter, all).await.expect("search");
    assert!(ours.windows(2).all(|pair| {
        pair[0].score > pair[1].score || (pair[0].score >= pair[1].score && pair[0].chunk_id < pair[1].chunk_id)
    }));
    let few = postgres.search_words(query, filter, 7).await.expect("search");
    assert_eq!(few, ours.iter().take(7).copied().collect::<Vec<_>>());
    let again: Vec<ChunkId> = ours.iter().map(|chunk| chunk.chunk_id).rev().collect();
    let scores = postgres.score_words(query, &again).await.expect("score");
    assert_eq!(scores, ours.iter().rev().map(|chunk| Some(chunk.score)).collect::<Vec<_>>());
    let (ours, theirs) = (named(postgres, ours).await, named(sqlite, theirs).await);
    let theirs_by_name: HashMap<&str, f32> = theirs.iter().map(|(name, score)| (name.as_str(), *score)).collect();
    assert_eq!(ours.len(), theirs.len(), "{query:?} {filter:?}");
    for (name, score) in &ours {
        let other = theirs_by_name.get(name.as_str()).unwrap_or_else(|| panic!("{query:?}: only here: {name}"));
        assert!((score - other).abs() < 1e-3, "{query:?} {name}: {score} {other}");
    }
    ours.len()
}

fn words(random: &mut fastrand::Rng, count: usize) -> String {
    let word = |random: &mut fastrand::Rng| {
        // Some words are everywhere, most are rare; stems, digits and accents among them.
        let rank = (random.f64().powi(3) * 300.0) as usize;
        ["running", "the", "café", "v3", "naïve"].get(rank).map_or_else(|| format!("word{rank}s"), |w| (*w).to_owned())
    };
    (0..count).map(|_| word(random)).collect::<Vec<_>>().join(" ")
}

fn random_query(random: &mut fastrand::Rng) -> WordsQuery {
    let term = |random: &mut fastrand::Rng| terms::terms(&words(random, 1));
    let clauses = (0..random.usize(1..5))
        .map(|_| {
            let occur = [Occur::Should, Occur::Should, Occur::Must, Occur::MustNot][random.usize(0..4)];
            let wanted = match random.usize(0..8) {
                0 => WordMatch::Prefix(["word1", "word", "run", "caf", "absent"][random.usize(0..5)].to_owned()),
                1 => WordMatch::Phrase(vec![term(random), term(random)]),
                2 => WordMatch::Any((0..random.usize(1..5)).map(|_| vec![term(random)]).collect()),
                3 => WordMatch::Any((0..3).map(|_| vec![term(random), term(random)]).collect()),
                _ => WordMatch::Term(term(random)),
            };
            (occur, wanted)
        })
        .collect();
    WordsQuery { clauses }
}

fn only_pdf(negated: bool) -> Filter {
    Filter {
        conditions: vec![Condition { negated, any_of: vec![Predicate::Type(SourceType::Pdf)] }],
        ..Filter::default()
    }
}

async fn assert_same_answers(postgres: &PostgresStore, sqlite: &SqliteStore, random: &mut fastrand::Rng) {
    let mut found = 0;
    for _ in 0..40 {
        let query = random_query(random);
        for filter in [Filter::default(), only_pdf(false), only_pdf(true)] {
            found += assert_same(postgres, sqlite, &query, &filter).await;
        }
    }
    assert!(found > 100);
    let asked: Vec<String> = ["run", "word12", "the", "absent"].map(str::to_owned).to_vec();
    assert_eq!(
        postgres.document_frequencies(&asked).await.expect("frequencies"),
        sqlite.document_frequencies(&asked).await.expect("frequencies")
    );
}

#[tokio::test]
async fn both_stores_give_the_same_scores_whatever_happened() {
    let server = Server::new().await;
    let postgres = server.open().await;
    let folder = tempfile::tempdir().expect("folder");
    let sqlite = SqliteStore::open(&folder.path().join("peanut.sqlite")).await.expect("open");
    let mut random = fastrand::Rng::with_seed(11);
    let make = |random: &mut fastrand::Rng, number: usize| {
        let texts: Vec<String> = (0..random.usize(1..4))
            .map(|_| {
                let n = random.usize(5..60);
                words(random, n)
            })
            .collect();
        document(number, &texts)
    };
    write_both(&postgres, &sqlite, (0..120).map(|number| make(&mut random, number)).collect()).await;
    sqlite.warm_up().await.expect("warm up");
    assert_same_answers(&postgres, &sqlite, &mut random).await;

    // Replaced, retired, restored; merged before the removals and after them.
    let segments = || async {
        let sql = "SELECT count(*) FROM word_segment";
        sqlx::query_scalar::<_, i64>(sql).fetch_one(&postgres.pool).await.expect("count")
    };
    let before = segments().await;
    postgres.search.tidy().await.expect("tidy");
    assert!(before >= 120 && segments().await < 16);
    assert_same_answers(&postgres, &sqlite, &mut random).await;
    let replaced: Vec<NewDocument> = (0..40).map(|number| make(&mut random, number * 2)).collect();
    write_both(&postgres, &sqlite, replaced).await;
    assert_same_answers(&postgres, &sqlite, &mut random).await;
    let turned: Vec<DocumentId> = (0..20).map(|number| document(number * 3, &[]).id).collect();
    for (ids, deleted) in [(&turned[..], true), (&turned[5..9], false)] {
        let raw: Vec<uuid::Uuid> = ids.iter().map(|id| id.0).collect();
        sqlx::query("UPDATE document SET deleted_at = $2 WHERE id = ANY($1)")
            .bind(raw)
            .bind(deleted.then_some(NOW.0))
            .execute(&postgres.pool)
            .await
            .expect("turn");
        #[expect(clippy::disallowed_methods, reason = "the store's own tests commit without the recorder")]
        if deleted {
            sqlite.retire(ids, RetireReason::Deleted, NOW).await.expect("retire");
        } else {
            sqlite.restore(ids, NOW).await.expect("restore");
        }
        assert_same_answers(&postgres, &sqlite, &mut random).await;
    }
    postgres.search.tidy().await.expect("tidy");
    assert_same_answers(&postgres, &sqlite, &mut random).await;
    write_both(&postgres, &sqlite, (200..260).map(|number| make(&mut random, number)).collect()).await;
    postgres.search.tidy().await.expect("tidy");
    assert_same_answers(&postgres, &sqlite, &mut random).await;

    // Another process, that starts now, sees the same.
    let other = server.open().await;
    assert_same_answers(&other, &sqlite, &mut random).await;
    let (ours, theirs) =
        (other.suggest("runing", 3).await.expect("suggest"), sqlite.suggest("runing", 3).await.expect("suggest"));
    assert_eq!(ours.first().map(|s| (&s.word, s.distance)), theirs.first().map(|s| (&s.word, s.distance)));
    let newest = |found: Vec<ScoredChunk>| found.iter().map(|chunk| chunk.document_id).collect::<Vec<_>>();
    assert_eq!(
        newest(other.newest(&only_pdf(false), 5).await.expect("newest")),
        newest(sqlite.newest(&only_pdf(false), 5).await.expect("newest"))
    );
    other.pool.close().await;
    server.drop(postgres).await;
}

#[tokio::test]
async fn removals_are_not_lost_while_segments_are_merged() {
    let server = Server::new().await;
    let postgres = server.open().await;
    let mut ids = Vec::new();
    for number in 0..64 {
        let texts: Vec<String> = (0..3).map(|n| format!("common text {number} {n}")).collect();
        let mut transaction = postgres.pool.begin().await.expect("begin");
        ids.extend(write(&mut transaction, &document(number, &texts), None).await);
        transaction.commit().await.expect("commit");
    }
    let forget = async {
        for step in ids.chunks(5).step_by(2) {
            let mut connection = postgres.pool.acquire().await.expect("connection");
            remove(&mut connection, step).await;
            tokio::task::yield_now().await;
        }
    };
    let merge = async {
        for _ in 0..20 {
            postgres.search.tidy().await.expect("tidy");
        }
    };
    let search = async {
        let query = WordsQuery { clauses: vec![(Occur::Should, WordMatch::Term("common".into()))] };
        for _ in 0..50 {
            let found = postgres.search_words(&query, &Filter::default(), 1000).await.expect("search");
            let distinct: HashSet<ChunkId> = found.iter().map(|chunk| chunk.chunk_id).collect();
            assert_eq!(distinct.len(), found.len());
            assert!(found.len() >= 90);
        }
    };
    tokio::join!(forget, merge, search);
    let kept: HashSet<ChunkId> = ids.chunks(5).skip(1).step_by(2).flatten().map(|id| ChunkId(*id)).collect();
    // A removal that is not committed while all is merged.
    let mut pending = postgres.pool.begin().await.expect("begin");
    let last = *ids.chunks(5).nth(1).expect("chunks").first().expect("id");
    remove(&mut pending, &[last]).await;
    postgres.search.tidy().await.expect("tidy");
    pending.commit().await.expect("commit");
    for store in [&postgres, &server.open().await] {
        for _ in 0..2 {
            let query = WordsQuery { clauses: vec![(Occur::Should, WordMatch::Term("common".into()))] };
            let found = store.search_words(&query, &Filter::default(), 1000).await.expect("search");
            let found: HashSet<ChunkId> = found.iter().map(|chunk| chunk.chunk_id).collect();
            assert_eq!(found, kept.iter().copied().filter(|id| id.0 != last).collect());
            postgres.search.tidy().await.expect("tidy");
        }
    }
    server.drop(postgres).await;
}
