//! The graph of vectors finds what an exact scan finds, with filters that keep much and little.

use std::collections::{HashMap, HashSet};

use super::{Server, document, write};
use crate::domain::search::{Condition, Filter, Predicate, VectorQuery};
use crate::domain::{ChunkId, ModelId, SourceType};
use crate::store::SearchStore;

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
async fn the_graph_finds_what_an_exact_scan_finds() {
    const DIMENSION: usize = 64;
    const DOCUMENTS: usize = 4_000;
    let server = Server::new().await;
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
        "INSERT INTO embedding (model_seq, chunk_id, vector) SELECT 2, chunk_id, '[1,0,0,0,0,0,0,0]'
            FROM embedding WHERE chunk_id <= 400;
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
