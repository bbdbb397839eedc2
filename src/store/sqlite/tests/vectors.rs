//! Vectors in blocks and in memory: each once, none lost, whatever is packed, removed, damaged and committed meanwhile.

use super::super::SqliteStore;
use super::{commit, execute, store_with};
use crate::domain::ModelId;
use crate::domain::search::{Filter, VectorQuery};
use crate::store::{SearchStore, SystemStore};

/// What a process that has just started finds nearest.
async fn nearest_at_first(path: &std::path::Path) -> Vec<(i64, f32)> {
    let store = SqliteStore::open(path).await.expect("open");
    let query = VectorQuery { model: ModelId::from("small"), vector: vec![0.6, 0.8], scale: 1.0, offset: 0.0 };
    let found = store.search_vectors(&[query], &Filter::default(), 50).await.expect("search");
    store.close().await;
    found.iter().map(|chunk| (chunk.chunk_id.0, chunk.score)).collect()
}

#[tokio::test]
async fn packed_vectors_are_found_as_the_vectors_themselves() {
    let paths: Vec<String> = (0..10).map(|number| format!("/{number}.md")).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let (folder, store) = store_with(&paths).await;
    let path = folder.path().join("peanut.sqlite");
    let blocks = async || -> (i64, i64) {
        let sql = "SELECT count(*), coalesce(sum(vectors), 0) FROM vector_segment";
        sqlx::query_as(sql).fetch_one(&store.reader).await.expect("blocks")
    };
    // Two processes may do it at once.
    let other = SqliteStore::open(&path).await.expect("open");
    let (first, second) = tokio::join!(store.pack_vectors_by(3), other.pack_vectors_by(3));
    first.and(second).expect("pack");
    assert_eq!(blocks().await.1, 10);
    commit(&store, &["/later.md"]).await.expect("commit");
    store.pack_vectors_by(3).await.expect("pack");
    assert_eq!(blocks().await.1, 10, "what does not fill a block waits");
    execute(&store, "DELETE FROM chunk WHERE document_seq IN (2, 7)").await;
    let packed = nearest_at_first(&path).await;
    let newest = "WHERE last_seq = (SELECT max(last_seq) FROM vector_segment)";
    let sql = format!("SELECT file FROM vector_segment {newest}");
    let file: String = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&store.reader).await.expect("file");
    let file = store.index.folder().file(&file);
    let whole = std::fs::read(&file).expect("read");
    let zeros = vec![0_u8; 4 * 2];
    let mut wrong = whole.clone();
    wrong[8 * 10..8 * 10 + zeros.len()].copy_from_slice(&zeros);
    std::fs::write(&file, &wrong).expect("write");
    assert_ne!(nearest_at_first(&path).await, packed, "blocks are what is read");
    let problems = store.verify().await.expect("verify").problems;
    assert!(problems.iter().any(|problem| problem.contains("does not hold what it is named by")), "{problems:?}");
    // Cut off, and gone: packed anew from the vectors when the store is opened.
    std::fs::write(&file, &whole[..whole.len() - 1]).expect("write");
    let cut = nearest_at_first(&path).await;
    assert_eq!(blocks().await.1, 0);
    store.pack_vectors_by(3).await.expect("pack");
    assert_eq!(blocks().await.1, 9);
    std::fs::remove_dir_all(store.index.folder().file("")).expect("remove");
    let lost = nearest_at_first(&path).await;
    execute(&store, "DELETE FROM vector_segment").await;
    let plain = nearest_at_first(&path).await;
    assert_eq!(plain.len(), 9);
    assert_eq!([&packed, &cut, &lost], [&plain; 3]);
}

#[tokio::test]
async fn the_better_model_scores_what_both_know_and_the_other_alone_is_whole() {
    let (folder, store) = store_with(&["/a.md", "/b.md", "/c.md", "/d.md"]).await;
    execute(
        &store,
        "DELETE FROM embedding_job; INSERT INTO embedding (model_seq, chunk_id, vector)
         SELECT 2, chunk_id, x'0000803f0000000000000000' FROM embedding WHERE chunk_id < 6 AND vector IS NOT NULL;
         UPDATE embedding_total SET done = (SELECT count(*) FROM embedding WHERE model_seq = 2) WHERE model_seq = 2",
    )
    .await;
    let query = |model: &str, vector: &[f32]| VectorQuery {
        model: ModelId::from(model),
        vector: vector.to_vec(),
        scale: 1.0,
        offset: 0.0,
    };
    let (big, small) = (query("big", &[0.6, 0.8, 0.0]), query("small", &[0.6, 0.8]));
    let ask = async |store: &SqliteStore, queries: &[VectorQuery]| {
        let found = store.search_vectors(queries, &Filter::default(), 10).await.expect("search");
        found.iter().map(|chunk| (chunk.chunk_id.0, chunk.score)).collect::<Vec<_>>()
    };
    let both = ask(&store, &[big.clone(), small.clone()]).await;
    let by_big = both.iter().filter(|(_, score)| (score - 0.6).abs() < 1e-4).count();
    assert_eq!((both.len(), by_big), (4, 2));
    let alone = ask(&store, std::slice::from_ref(&small)).await;
    let fresh = SqliteStore::open(&folder.path().join("peanut.sqlite")).await.expect("open");
    assert_eq!(alone, ask(&fresh, std::slice::from_ref(&small)).await);
    assert_eq!(alone.len(), 4);
    store.pack_vectors_by(1).await.expect("pack");
    assert_eq!(ask(&store, &[big.clone(), small.clone()]).await, both);
    assert_eq!(ask(&fresh, &[big, small]).await, both);
}

#[tokio::test]
async fn vectors_come_once_whatever_is_packed_and_committed_meanwhile() {
    let (folder, store) = store_with(&["/a.md", "/b.md", "/c.md", "/d.md"]).await;
    let query = VectorQuery { model: ModelId::from("small"), vector: vec![0.6, 0.8], scale: 1.0, offset: 0.0 };
    let ask =
        async || store.search_vectors(std::slice::from_ref(&query), &Filter::default(), 50).await.expect("search");
    assert_eq!((ask().await.len(), store.index.vectors_held("small")), (4, (4, 0)));
    // A block that holds some of what is here and some of what is not.
    commit(&store, &["/e.md", "/f.md"]).await.expect("commit");
    store.pack_vectors_by(6).await.expect("pack");
    assert_eq!((ask().await.len(), store.index.vectors_held("small")), (6, (6, 6)));
    // What comes after a search looked which chunks there are is the next one's, packed or not.
    let present = store.catch_up().await.expect("look");
    let paths: Vec<String> = (0..6).map(|number| format!("/late{number}.md")).collect();
    commit(&store, &paths.iter().map(String::as_str).collect::<Vec<_>>()).await.expect("commit");
    store.models_of(&present, std::slice::from_ref(&query)).await.expect("read");
    assert_eq!(store.index.vectors_held("small"), (6, 6));
    store.pack_vectors_by(6).await.expect("pack");
    let found = ask().await;
    assert_eq!((found.len(), store.index.vectors_held("small")), (12, (12, 12)));
    let found: Vec<(i64, f32)> = found.iter().map(|chunk| (chunk.chunk_id.0, chunk.score)).collect();
    assert_eq!(found, nearest_at_first(&folder.path().join("peanut.sqlite")).await);
}
