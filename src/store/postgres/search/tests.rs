//! Against a real server (`PEANUT_TEST_POSTGRES_URL`): the same documents in both stores give the same scores, whatever was
//! replaced, retired or merged in between; and the graph of vectors finds what an exact scan finds.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU32, Ordering};

use pgvector::Vector;
use sha2::{Digest as _, Sha256};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::super::{PostgresOptions, PostgresStore};
use super::{IndexedChunk, index_chunks};
use crate::domain::search::{Condition, Filter, Occur, Predicate, ScoredChunk, VectorQuery, WordMatch, WordsQuery};
use crate::domain::{
    ChunkId, ChunkKind, DocumentId, ModelId, NewChunk, NewDocument, Place, SourceType, Timestamp, terms,
};
use crate::store::sqlite::SqliteStore;
use crate::store::{CommitBatch, DocumentStore, RetireReason, SearchStore};

const NOW: Timestamp = Timestamp(1_700_000_000_000);
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// A database of its own, dropped at the end; `None` without a server (an error where tests are run for good).
struct Server {
    url: String,
    name: String,
}

impl Server {
    async fn new() -> Option<Self> {
        let Ok(url) = std::env::var("PEANUT_TEST_POSTGRES_URL") else {
            assert!(std::env::var_os("CI").is_none(), "PEANUT_TEST_POSTGRES_URL names the server to test against");
            return None;
        };
        let number = DATABASES.fetch_add(1, Ordering::Relaxed);
        let server = Self { url, name: format!("peanut_search_{}_{number}", std::process::id()) };
        server.execute(format!("CREATE DATABASE {}", server.name)).await;
        Some(server)
    }

    async fn execute(&self, sql: String) {
        let mut connection = PgConnection::connect(&self.url).await.expect("connect");
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.expect("execute");
    }

    async fn open(&self) -> PostgresStore {
        let (address, _) = self.url.rsplit_once('/').expect("a database in the address");
        PostgresStore::open(&format!("{address}/{}", self.name), &PostgresOptions::default()).await.expect("open")
    }

    async fn drop(self, store: PostgresStore) {
        store.pool.close().await;
        self.execute(format!("DROP DATABASE {} WITH (FORCE)", self.name)).await;
    }
}

fn document(number: usize, texts: &[String]) -> NewDocument {
    let source_key = format!("file:/{number}.md");
    let chunk = |(ordinal, text): (usize, &String)| NewChunk {
        ordinal: ordinal as u32,
        kind: ChunkKind::Body,
        text: text.clone(),
        overlap_bytes: 0,
        context: format!("title {number}"),
        place: Place::default(),
        token_count: text.split(' ').count() as u32,
        text_sha256: Sha256::digest(format!("title {number}\0{text}")).into(),
        terms: terms::terms(&format!("title {number}\n{text}")),
        vector: None,
    };
    NewDocument {
        id: DocumentId::from_source_key(&source_key),
        source_key,
        source_type: if number % 10 == 0 { SourceType::Pdf } else { SourceType::Markdown },
        source_path: format!("/{number}.md"),
        source_offset: None,
        content_sha256: Sha256::digest(texts.join("\n")).into(),
        title: format!("title {number}"),
        dated_at: Some(NOW),
        tags: Vec::new(),
        concepts: Vec::new(),
        aliases: Vec::new(),
        links: Vec::new(),
        people: Vec::new(),
        message: None,
        chunks: texts.iter().enumerate().map(chunk).collect(),
    }
}

/// Writes a document, or new chunks of a known one, as the adapter's own commit does.
async fn write(connection: &mut PgConnection, document: &NewDocument, vectors: Option<(i64, &[Vec<f32>])>) -> Vec<i64> {
    let seq: i64 = sqlx::query_scalar(
        "INSERT INTO document (id, source_key, source_type, source_path, content_sha256, title, dated_at, ingested_at, changed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $7) ON CONFLICT (id) DO UPDATE SET changed_at = 0 RETURNING seq",
    )
    .bind(document.id.0)
    .bind(&document.source_key)
    .bind(document.source_type.as_str())
    .bind(&document.source_path)
    .bind(document.content_sha256.as_slice())
    .bind(&document.title)
    .bind(NOW.0)
    .fetch_one(&mut *connection)
    .await
    .expect("document");
    let mut ids = Vec::new();
    for chunk in &document.chunks {
        let id: i64 = sqlx::query_scalar(
            "INSERT INTO chunk (document_seq, ordinal, kind, searchable, text, overlap_bytes, context, place, token_count, text_sha256)
             VALUES ($1, $2, 'body', true, $3, 0, $4, '{}', $5, $6) RETURNING id",
        )
        .bind(seq)
        .bind(i64::from(chunk.ordinal))
        .bind(&chunk.text)
        .bind(&chunk.context)
        .bind(i64::from(chunk.token_count))
        .bind(chunk.text_sha256.as_slice())
        .fetch_one(&mut *connection)
        .await
        .expect("chunk");
        ids.push(id);
    }
    if let Some((model, vectors)) = vectors {
        for (id, vector) in ids.iter().zip(vectors) {
            sqlx::query("INSERT INTO embedding (model_seq, chunk_id, vector) VALUES ($1, $2, $3)")
                .bind(model)
                .bind(id)
                .bind(Vector::from(vector.clone()))
                .execute(&mut *connection)
                .await
                .expect("vector");
        }
    }
    let indexed: Vec<IndexedChunk<'_>> = ids
        .iter()
        .zip(&document.chunks)
        .map(|(id, chunk)| IndexedChunk {
            id: *id,
            document_seq: seq,
            document_id: document.id,
            token_count: chunk.token_count,
            terms: &chunk.terms,
        })
        .collect();
    index_chunks(connection, &indexed).await.expect("index");
    ids
}

async fn remove(connection: &mut PgConnection, chunks: &[i64]) {
    let sql = "DELETE FROM chunk WHERE id = ANY($1)";
    sqlx::query(sql).bind(chunks).execute(connection).await.expect("remove");
}

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
    sqlite.commit(CommitBatch { documents, now: NOW, ..CommitBatch::default() }).await.expect("commit");
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
            let wanted = match random.usize(0..6) {
                0 => WordMatch::Prefix(["word1", "word", "run", "caf", "absent"][random.usize(0..5)].to_owned()),
                1 => WordMatch::Phrase(vec![term(random), term(random)]),
                _ => WordMatch::Term(term(random)),
            };
            (occur, wanted)
        })
        .collect();
    WordsQuery { clauses }
}

fn only_pdf(negated: bool) -> Filter {
    Filter { conditions: vec![Condition { negated, any_of: vec![Predicate::Type(SourceType::Pdf)] }] }
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
    let Some(server) = Server::new().await else { return };
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
    assert!(postgres.search.compact().await.expect("compact") > 0);
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
    postgres.search.compact().await.expect("compact");
    assert_same_answers(&postgres, &sqlite, &mut random).await;
    write_both(&postgres, &sqlite, (200..260).map(|number| make(&mut random, number)).collect()).await;
    postgres.search.compact().await.expect("compact");
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
    let Some(server) = Server::new().await else { return };
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
            postgres.search.compact().await.expect("compact");
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
    postgres.search.compact().await.expect("compact");
    pending.commit().await.expect("commit");
    for store in [&postgres, &server.open().await] {
        for _ in 0..2 {
            let query = WordsQuery { clauses: vec![(Occur::Should, WordMatch::Term("common".into()))] };
            let found = store.search_words(&query, &Filter::default(), 1000).await.expect("search");
            let found: HashSet<ChunkId> = found.iter().map(|chunk| chunk.chunk_id).collect();
            assert_eq!(found, kept.iter().copied().filter(|id| id.0 != last).collect());
            postgres.search.compact().await.expect("compact");
        }
    }
    server.drop(postgres).await;
}

fn unit(random: &mut fastrand::Rng, centre: Option<&[f32]>, dimension: usize) -> Vec<f32> {
    let mut vector: Vec<f32> =
        (0..dimension).map(|at| (random.f32() - 0.5) + centre.map_or(0.0, |centre| centre[at] * 4.0)).collect();
    let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    vector.iter_mut().for_each(|x| *x /= norm);
    vector
}

#[tokio::test]
async fn the_graph_finds_what_an_exact_scan_finds() {
    const DIMENSION: usize = 64;
    const DOCUMENTS: usize = 4_000;
    let Some(server) = Server::new().await else { return };
    let postgres = server.open().await;
    let mut random = fastrand::Rng::with_seed(5);
    let centres: Vec<Vec<f32>> = (0..60).map(|_| unit(&mut random, None, DIMENSION)).collect();
    let mut vectors: Vec<(i64, usize, Vec<f32>)> = Vec::new();
    let mut transaction = postgres.pool.begin().await.expect("begin");
    sqlx::raw_sql("INSERT INTO model (name, dimension, registered_at) VALUES ('m', 64, 0), ('old', 8, 0)")
        .execute(&mut *transaction)
        .await
        .expect("model");
    for number in 0..DOCUMENTS {
        let vector = unit(&mut random, Some(&centres[number % 60]), DIMENSION);
        let mut document = document(number, &[format!("text {number}")]);
        // One in a hundred is a PDF, one in twenty of the rest HTML, half of the others mail.
        document.source_type = match number {
            n if n % 100 == 7 => SourceType::Pdf,
            n if n % 20 == 3 => SourceType::Html,
            n if n % 2 == 0 => SourceType::Mail,
            _ => SourceType::Markdown,
        };
        let ids = write(&mut transaction, &document, Some((1, std::slice::from_ref(&vector)))).await;
        vectors.push((ids[0], number, vector));
    }
    transaction.commit().await.expect("commit");
    assert_eq!(postgres.search.build_graphs().await.expect("build"), 1);
    assert_eq!(postgres.search.build_graphs().await.expect("build"), 0);
    sqlx::raw_sql("ANALYZE embedding").execute(&postgres.pool).await.expect("analyze");
    sqlx::raw_sql("UPDATE document SET deleted_at = 1 WHERE seq % 50 = 2")
        .execute(&postgres.pool)
        .await
        .expect("retire");
    let of = |kind: SourceType| Filter {
        conditions: vec![Condition { negated: false, any_of: vec![Predicate::Type(kind)] }],
    };
    for filter in [Filter::default(), of(SourceType::Pdf), of(SourceType::Html), of(SourceType::Mail)] {
        let (mut hits, mut wanted) = (0, 0);
        for _ in 0..40 {
            let centre = random.usize(0..60);
            let vector = unit(&mut random, Some(&centres[centre]), DIMENSION);
            let query = VectorQuery { model: ModelId::from("m"), vector: vector.clone(), scale: 2.0, offset: 0.1 };
            let found = postgres.search_vectors(&[query], &filter, 30).await.expect("search");
            assert_eq!(found.len(), 30);
            let passes = |number: usize| {
                number % 50 != 1
                    && match filter.conditions.first().map(|condition| &condition.any_of[0]) {
                        Some(Predicate::Type(SourceType::Pdf)) => number % 100 == 7,
                        Some(Predicate::Type(SourceType::Html)) => number % 100 != 7 && number % 20 == 3,
                        Some(_) => number % 2 == 0,
                        None => true,
                    }
            };
            let mut exact: Vec<(f32, i64)> = vectors
                .iter()
                .filter(|(_, number, _)| passes(*number))
                .map(|(id, _, other)| (vector.iter().zip(other).map(|(a, b)| a * b).sum::<f32>() * 2.0 + 0.1, *id))
                .collect();
            exact.sort_by(|a, b| b.0.total_cmp(&a.0));
            let best: HashSet<i64> = exact.iter().take(10).map(|(_, id)| *id).collect();
            let by_id: HashMap<i64, f32> = exact.iter().map(|(score, id)| (*id, *score)).collect();
            for chunk in &found {
                assert!((by_id[&chunk.chunk_id.0] - chunk.score).abs() < 1e-4);
            }
            hits += found.iter().take(10).filter(|chunk| best.contains(&chunk.chunk_id.0)).count();
            wanted += 10;
        }
        assert!(hits * 100 >= wanted * 98, "{filter:?}: {hits} of {wanted}");
    }
    // A second model serves the chunks the first has no vector for, and only those.
    let mut connection = postgres.pool.acquire().await.expect("connection");
    sqlx::raw_sql(
        "INSERT INTO embedding (model_seq, chunk_id, vector) SELECT 2, chunk_id, '[1,0,0,0,0,0,0,0]' FROM embedding WHERE chunk_id <= 400;
         DELETE FROM embedding WHERE model_seq = 1 AND chunk_id <= 200",
    )
    .execute(&mut *connection)
    .await
    .expect("second model");
    let first = VectorQuery { model: ModelId::from("m"), vector: vectors[2000].2.clone(), scale: 1.0, offset: 0.0 };
    let mut axis = vec![0.0; 8];
    axis[0] = 1.0;
    let second = VectorQuery { model: ModelId::from("old"), vector: axis, scale: 0.1, offset: 0.05 };
    let queries = [first, second];
    let found = postgres.search_vectors(&queries, &Filter::default(), 3_900).await.expect("search");
    assert!(found.iter().filter(|chunk| chunk.chunk_id.0 <= 200).count() > 150);
    assert!(found.iter().filter(|chunk| chunk.chunk_id.0 <= 200).all(|chunk| (chunk.score - 0.15).abs() < 1e-4));
    let scores = postgres.score_vectors(&queries, &[ChunkId(1), ChunkId(300), ChunkId(99_999)]).await.expect("score");
    assert!((scores[0].expect("second model") - 0.15).abs() < 1e-4);
    assert!((scores[1].expect("first model") - 0.15).abs() > 1e-4 && scores[2].is_none());
    drop(connection);
    server.drop(postgres).await;
}
