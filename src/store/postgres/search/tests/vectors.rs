//! Blocks of codes and the rows behind them find what an exact scan finds, with filters that keep much and little, and see
//! everything that any process did, in whatever order it ended.

use std::collections::{HashMap, HashSet};

use pgvector::Vector;

use super::{NOW, Server, document, pack, remove, write};
use crate::domain::search::{Condition, Filter, Occur, Predicate, VectorQuery, WordMatch, WordsQuery};
use crate::domain::{ChunkId, ModelId, SourceType};
use crate::store::postgres::PostgresStore;
use crate::store::{EmbeddingStore as _, SearchStore as _};

fn unit(random: &mut fastrand::Rng, centre: Option<&[f32]>, dimension: usize) -> Vec<f32> {
    let mut vector: Vec<f32> =
        (0..dimension).map(|at| (random.f32() - 0.5) + centre.map_or(0.0, |centre| centre[at] * 4.0)).collect();
    let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    for x in &mut vector {
        *x /= norm;
    }
    vector
}

#[tokio::test]
async fn blocks_and_rows_find_what_an_exact_scan_finds() {
    const DIMENSION: usize = 64;
    const DOCUMENTS: usize = 4_000;
    let server = Server::new().await;
    let postgres = server.open().await;
    let mut random = fastrand::Rng::with_seed(5);
    let centres: Vec<Vec<f32>> = (0..60).map(|_| unit(&mut random, None, DIMENSION)).collect();
    let mut vectors: Vec<(i64, usize, Vec<f32>)> = Vec::new();
    sqlx::raw_sql("INSERT INTO model (name, dimension, registered_at) VALUES ('m', 64, 0), ('old', 8, 0)")
        .execute(&postgres.pool)
        .await
        .expect("model");
    // The first has no vector of the first documents; of the rest the last lie in no block.
    for (from, to) in [(0, 200), (200, 1_800), (1_800, 3_500), (3_500, DOCUMENTS)] {
        let mut transaction = postgres.pool.begin().await.expect("begin");
        for number in from..to {
            let vector = unit(&mut random, Some(&centres[number % 60]), DIMENSION);
            let mut document = document(number, &[format!("text {number}")]);
            // One in a hundred is a PDF, one in twenty of the rest HTML, half of the others mail.
            document.source_type = match number {
                n if n % 100 == 7 => SourceType::Pdf,
                n if n % 20 == 3 => SourceType::Html,
                n if n % 2 == 0 => SourceType::Mail,
                _ => SourceType::Markdown,
            };
            let with = (from > 0).then_some((1, std::slice::from_ref(&vector)));
            let ids = write(&mut transaction, &document, with).await;
            vectors.push((ids[0], number, vector));
        }
        transaction.commit().await.expect("commit");
        if to < DOCUMENTS {
            pack(&postgres, 1_000).await;
        }
    }
    sqlx::raw_sql("UPDATE document SET deleted_at = 1 WHERE seq % 50 = 2")
        .execute(&postgres.pool)
        .await
        .expect("retire");
    let of = |kind: SourceType| Filter {
        conditions: vec![Condition { negated: false, any_of: vec![Predicate::Type(kind)] }],
        ..Filter::default()
    };
    for filter in [Filter::default(), of(SourceType::Pdf), of(SourceType::Html), of(SourceType::Mail)] {
        for _ in 0..40 {
            let centre = random.usize(0..60);
            let vector = unit(&mut random, Some(&centres[centre]), DIMENSION);
            let query = VectorQuery { model: ModelId::from("m"), vector: vector.clone(), scale: 2.0, offset: 0.1 };
            let found = postgres.search_vectors(&[query], &filter, 30).await.expect("search");
            assert_eq!(found.len(), 30);
            let passes = |number: usize| {
                number >= 200
                    && number % 50 != 1
                    && match filter.conditions.first().map(|condition| &condition.any_of[0]) {
                        Some(Predicate::Type(SourceType::Pdf)) => number % 100 == 7,
                        Some(Predicate::Type(SourceType::Html)) => number % 100 != 7 && number % 20 == 3,
                        Some(_) => number.is_multiple_of(2),
                        None => true,
                    }
            };
            let mut exact: Vec<(f32, i64)> = vectors
                .iter()
                .filter(|(_, number, _)| passes(*number))
                .map(|(id, _, other)| (vector.iter().zip(other).map(|(a, b)| a * b).sum::<f32>() * 2.0 + 0.1, *id))
                .collect();
            exact.sort_by(|a, b| b.0.total_cmp(&a.0));
            // Neighbours that differ by less than the codes say may change places.
            let least = exact[29].0 - 1e-4;
            let by_id: HashMap<i64, f32> = exact.iter().map(|(score, id)| (*id, *score)).collect();
            for chunk in &found {
                let score = by_id[&chunk.chunk_id.0];
                assert!((score - chunk.score).abs() < 1e-4 && score >= least, "{filter:?}");
            }
        }
    }
    assert_eq!(postgres.search.vectors_held(1), (3_800, 3_300));
    // A second model serves the chunks the first has no vector for, and only those.
    let second = "INSERT INTO embedding (model_seq, chunk_id, vector) SELECT 2, id, '[1,0,0,0,0,0,0,0]' \
        FROM chunk WHERE id <= 400";
    sqlx::raw_sql(second).execute(&postgres.pool).await.expect("second model");
    let first = VectorQuery { model: ModelId::from("m"), vector: vectors[2000].2.clone(), scale: 1.0, offset: 0.0 };
    let mut axis = vec![0.0; 8];
    axis[0] = 1.0;
    let second = VectorQuery { model: ModelId::from("old"), vector: axis, scale: 0.1, offset: 0.05 };
    let queries = [first, second];
    let other = server.open().await;
    for store in [&postgres, &other] {
        let found = store.search_vectors(&queries, &Filter::default(), 3_900).await.expect("search");
        assert!(found.iter().filter(|chunk| chunk.chunk_id.0 <= 200).count() > 150);
        assert!(found.iter().filter(|chunk| chunk.chunk_id.0 <= 200).all(|chunk| (chunk.score - 0.15).abs() < 1e-4));
        let scores = store.score_vectors(&queries, &[ChunkId(1), ChunkId(300), ChunkId(99_999)]).await.expect("score");
        assert!((scores[0].expect("second model") - 0.15).abs() < 1e-4);
        assert!((scores[1].expect("first model") - 0.15).abs() > 1e-4 && scores[2].is_none());
    }
    other.pool.close().await;
    server.drop(postgres).await;
}

/// What an exact scan of the table finds, straight from SQL.
async fn exactly(store: &PostgresStore, vector: &[f32], limit: i64) -> Vec<i64> {
    sqlx::query_scalar(
        "SELECT e.chunk_id FROM embedding e JOIN chunk c ON c.id = e.chunk_id JOIN document d ON d.seq = c.document_seq \
         JOIN model m ON m.seq = e.model_seq WHERE m.name = 'm' AND d.deleted_at IS NULL AND e.vector IS NOT NULL \
         ORDER BY e.vector <#> $1, e.chunk_id LIMIT $2",
    )
    .bind(Vector::from(vector.to_vec()))
    .bind(limit)
    .fetch_all(&store.pool)
    .await
    .expect("exact scan")
}

/// Every way in which vectors come and go, by two processes in turn; both find after each what the table holds.
#[tokio::test]
async fn vectors_follow_whatever_any_process_does() {
    const DIMENSION: usize = 24;
    let model = ModelId::from("m");
    let server = Server::new().await;
    let stores = [server.open().await, server.open().await];
    stores[0].register_model(&model, DIMENSION, NOW).await.expect("model");
    let mut random = fastrand::Rng::with_seed(9);
    let mut chunks: Vec<i64> = Vec::new();
    for round in 0..60_usize {
        let store = &stores[round % 2];
        let mut transaction = store.pool.begin().await.expect("begin");
        match random.usize(0..6) {
            // Documents with vectors and without.
            kind @ 0..3 => {
                let texts: Vec<String> = (0..random.usize(1..40)).map(|n| format!("text {round} {n}")).collect();
                let vectors: Vec<Vec<f32>> = texts.iter().map(|_| unit(&mut random, None, DIMENSION)).collect();
                let with = (kind > 0).then_some((1, &vectors[..]));
                chunks.extend(write(&mut transaction, &document(round, &texts), with).await);
            }
            3 => {
                let gone: Vec<i64> = (0..5).filter_map(|_| random.choice(&chunks).copied()).collect();
                remove(&mut transaction, &gone).await;
                chunks.retain(|id| !gone.contains(id));
            }
            4 => {
                sqlx::query("UPDATE document SET deleted_at = CASE WHEN deleted_at IS NULL THEN 1 END WHERE seq = $1")
                    .bind(random.i64(1..20))
                    .execute(&mut *transaction)
                    .await
                    .expect("turn");
            }
            _ => {}
        }
        transaction.commit().await.expect("commit");
        if round % 3 == 0 {
            // A worker's batch: of any chunks, and some texts have no vector.
            let batch: Vec<(ChunkId, Option<Vec<f32>>)> = (0..10)
                .filter_map(|n| {
                    let id = ChunkId(*random.choice(&chunks)?);
                    Some((id, (n != 4).then(|| unit(&mut random, None, DIMENSION))))
                })
                .collect();
            let batch: HashMap<ChunkId, Option<Vec<f32>>> = batch.into_iter().collect();
            let batch: Vec<_> = batch.into_iter().collect();
            store.complete_embeddings(&model, &batch, NOW).await.expect("complete");
        }
        if round % 7 == 0 {
            store.search.tidy().await.expect("tidy");
            store.search.pack_vectors(1, DIMENSION, 20).await.expect("pack");
        }
        for reader in &stores {
            let vector = unit(&mut random, None, DIMENSION);
            let query = VectorQuery { model: model.clone(), vector: vector.clone(), scale: 1.0, offset: 0.0 };
            let found = reader.search_vectors(&[query], &Filter::default(), 10).await.expect("search");
            let found: Vec<i64> = found.iter().map(|chunk| chunk.chunk_id.0).collect();
            assert_eq!(found, exactly(reader, &vector, 10).await, "round {round}");
        }
    }
    pack(&stores[0], 1).await;
    for store in &stores {
        let vector = unit(&mut random, None, DIMENSION);
        let query = VectorQuery { model: model.clone(), vector: vector.clone(), scale: 1.0, offset: 0.0 };
        let found = store.search_vectors(&[query], &Filter::default(), 10).await.expect("search");
        assert_eq!(found.iter().map(|chunk| chunk.chunk_id.0).collect::<Vec<_>>(), exactly(store, &vector, 10).await);
        let (vectors, in_blocks) = store.search.vectors_held(1);
        assert!(in_blocks > 100 && vectors >= in_blocks, "{in_blocks} of {vectors}");
    }
    // A model that is dropped and comes back with other vectors is another model.
    stores[0].drop_model(&model).await.expect("drop");
    stores[1].register_model(&model, 3, NOW).await.expect("model");
    stores[1].complete_embeddings(&model, &[(ChunkId(chunks[0]), Some(vec![0.0, 0.6, 0.8]))], NOW).await.expect("one");
    for store in &stores {
        let query = VectorQuery { model: model.clone(), vector: vec![0.0, 0.6, 0.8], scale: 1.0, offset: 0.0 };
        let found = store.search_vectors(&[query], &Filter::default(), 10).await.expect("search");
        let live = exactly(store, &[0.0, 0.6, 0.8], 10).await;
        assert_eq!(found.iter().map(|chunk| chunk.chunk_id.0).collect::<Vec<_>>(), live);
    }
    let [first, second] = stores;
    second.pool.close().await;
    server.drop(first).await;
}

/// What one process commits another finds with its next search, while a third removes, retires and merges.
#[tokio::test]
async fn searches_see_every_commit_while_others_write() {
    const DIMENSION: usize = 16;
    let model = ModelId::from("m");
    let server = Server::new().await;
    let [writer, reader, other] = [server.open().await, server.open().await, server.open().await];
    writer.register_model(&model, DIMENSION, NOW).await.expect("model");
    let query =
        |vector: &[f32]| [VectorQuery { model: ModelId::from("m"), vector: vector.to_vec(), scale: 1.0, offset: 0.0 }];
    let finding = async {
        let mut random = fastrand::Rng::with_seed(21);
        for number in 0..80 {
            let vectors: Vec<Vec<f32>> = (0..3).map(|_| unit(&mut random, None, DIMENSION)).collect();
            let texts: Vec<String> = (0..3).map(|n| format!("found {number} {n}")).collect();
            let mut transaction = writer.begin_writing("write", "").await.expect("begin");
            let ids = write(&mut transaction, &document(number, &texts), Some((1, &vectors))).await;
            transaction.commit().await.expect("commit");
            for (id, vector) in ids.iter().zip(&vectors) {
                let found = reader.search_vectors(&query(vector), &Filter::default(), 1).await.expect("search");
                assert_eq!(found.first().map(|chunk| chunk.chunk_id.0), Some(*id), "document {number}");
            }
        }
    };
    let disturbing = async {
        let mut random = fastrand::Rng::with_seed(22);
        for number in 1_000..1_060 {
            let vectors = [unit(&mut random, None, DIMENSION)];
            let mut transaction = other.begin_writing("write", "").await.expect("begin");
            let texts = [format!("passing {number}")];
            let ids = write(&mut transaction, &document(number, &texts), Some((1, &vectors))).await;
            transaction.commit().await.expect("commit");
            let mut connection = other.pool.acquire().await.expect("connection");
            remove(&mut connection, &ids).await;
            drop(connection);
            other.search.tidy().await.expect("tidy");
            other.search.pack_vectors(1, DIMENSION, 10).await.expect("pack");
            other.search_vectors(&query(&vectors[0]), &Filter::default(), 5).await.expect("search");
        }
    };
    tokio::join!(finding, disturbing);
    reader.pool.close().await;
    other.pool.close().await;
    server.drop(writer).await;
}

/// What is written by transactions that end in another order than they began is seen when they have ended, is not packed
/// before, and is packed then.
#[tokio::test]
async fn commits_that_end_out_of_order_are_all_seen() {
    const DIMENSION: usize = 8;
    let server = Server::new().await;
    let stores = [server.open().await, server.open().await];
    stores[0].register_model(&ModelId::from("m"), DIMENSION, NOW).await.expect("model");
    let mut random = fastrand::Rng::with_seed(4);
    let vectors: Vec<Vec<f32>> = (0..6).map(|_| unit(&mut random, None, DIMENSION)).collect();
    let write_one = async |connection: &mut sqlx::PgConnection, number: usize| {
        let one = std::slice::from_ref(&vectors[number]);
        write(connection, &document(number, &[format!("common only{number}")]), Some((1, one))).await[0]
    };
    let found = async |store: &PostgresStore| {
        let words = WordsQuery { clauses: vec![(Occur::Should, WordMatch::Term("common".to_owned()))] };
        let by_words = store.search_words(&words, &Filter::default(), 10).await.expect("words");
        let query = VectorQuery { model: ModelId::from("m"), vector: vectors[0].clone(), scale: 1.0, offset: 0.0 };
        let by_vectors = store.search_vectors(&[query], &Filter::default(), 10).await.expect("vectors");
        let ids = |found: Vec<crate::domain::search::ScoredChunk>| {
            found.into_iter().map(|chunk| chunk.chunk_id.0).collect::<HashSet<i64>>()
        };
        let (by_words, by_vectors) = (ids(by_words), ids(by_vectors));
        assert_eq!(by_words, by_vectors);
        by_words
    };
    let begin = || async { stores[0].pool.begin().await.expect("begin") };
    let mut all = HashSet::new();
    let mut late = begin().await;
    let first = write_one(&mut late, 0).await;
    for number in 1..4 {
        let mut quick = begin().await;
        all.insert(write_one(&mut quick, number).await);
        quick.commit().await.expect("commit");
        for store in &stores {
            assert_eq!(found(store).await, all);
        }
        // Nothing of what was written since the late one began may lie in a block before it has ended.
        assert_eq!(stores[1].search.pack_vectors(1, DIMENSION, 1).await.expect("pack"), 0);
    }
    assert_eq!(stores[0].search.vectors_held(1), (3, 0));
    late.commit().await.expect("commit");
    all.insert(first);
    for store in &stores {
        assert_eq!(found(store).await, all);
    }
    // Removed by one that ends late, while others come and go and what they left is merged.
    let mut late = begin().await;
    remove(&mut late, &[first]).await;
    let mut quick = begin().await;
    let passing = write_one(&mut quick, 4).await;
    quick.commit().await.expect("commit");
    all.insert(passing);
    stores[1].search.merge_all_in_a_file().await.expect("merge");
    for store in &stores {
        assert_eq!(found(store).await, all);
    }
    let mut connection = stores[1].pool.acquire().await.expect("connection");
    remove(&mut connection, &[passing]).await;
    all.remove(&passing);
    for store in &stores {
        assert_eq!(found(store).await, all);
    }
    late.commit().await.expect("commit");
    all.remove(&first);
    stores[0].search.merge_all_in_a_file().await.expect("merge");
    for store in &stores {
        assert_eq!(found(store).await, all);
    }
    pack(&stores[1], 1).await;
    for store in [&stores[0], &stores[1], &server.open().await] {
        assert_eq!(found(store).await, all);
        assert_eq!(store.search.vectors_held(1), (3, 3));
    }
    drop(connection);
    let [first, second] = stores;
    second.pool.close().await;
    server.drop(first).await;
}
