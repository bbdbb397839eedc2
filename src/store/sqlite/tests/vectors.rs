//! Vectors in memory: each once, none lost, whatever is packed, removed and committed meanwhile.

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
        let sql = "SELECT count(*), coalesce(sum(vectors), 0) FROM vector_block";
        sqlx::query_as(sql).fetch_one(&store.reader).await.expect("blocks")
    };
    // Two processes may do it at once.
    let other = SqliteStore::open(&path).await.expect("open");
    let (first, second) = tokio::join!(store.pack_vectors_by(3), other.pack_vectors_by(3));
    first.and(second).expect("pack");
    assert_eq!(blocks().await, (3, 9), "what does not fill a block waits");
    commit(&store, &["/later.md"]).await.expect("commit");
    execute(&store, "DELETE FROM chunk WHERE document_seq IN (2, 7)").await;
    let packed = nearest_at_first(&path).await;
    let newest = "WHERE last_seq = (SELECT max(last_seq) FROM vector_block)";
    execute(&store, &format!("UPDATE vector_block SET codes = zeroblob(length(codes)) {newest}")).await;
    assert_ne!(nearest_at_first(&path).await, packed, "blocks are what is read");
    execute(&store, &format!("UPDATE vector_block SET codes = x'00' {newest}")).await;
    let damaged = nearest_at_first(&path).await;
    execute(&store, "DELETE FROM vector_block WHERE last_seq = (SELECT min(last_seq) FROM vector_block)").await;
    let with_a_gap = nearest_at_first(&path).await;
    execute(&store, "DELETE FROM vector_block").await;
    let plain = nearest_at_first(&path).await;
    assert_eq!(plain.len(), 9);
    assert_eq!([&packed, &damaged, &with_a_gap], [&plain; 3]);
    // Of what is gone nothing is kept for ever.
    store.pack_vectors_by(3).await.expect("pack");
    execute(&store, "DELETE FROM chunk WHERE document_seq > 3").await;
    assert_eq!(blocks().await, (3, 9));
    store.pack_vectors_by(3).await.expect("pack");
    assert_eq!(blocks().await, (0, 0));
    assert_eq!(nearest_at_first(&path).await.len(), 2);
}

#[tokio::test]
async fn what_a_better_model_knows_is_not_held_twice_and_found_without_it() {
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
    assert_eq!((both.len(), store.index.vectors_held("big"), store.index.vectors_held("small")), (4, 2, 2));
    // The better one does not answer: what it knew must be known without it.
    let alone = ask(&store, std::slice::from_ref(&small)).await;
    let fresh = SqliteStore::open(&folder.path().join("peanut.sqlite")).await.expect("open");
    assert_eq!(alone, ask(&fresh, std::slice::from_ref(&small)).await);
    assert_eq!((alone.len(), store.index.vectors_held("small")), (4, 4));
    assert_eq!(ask(&store, &[big, small]).await, both);
}

#[tokio::test]
async fn vectors_come_once_whatever_is_packed_and_committed_meanwhile() {
    let (folder, store) = store_with(&["/a.md", "/b.md", "/c.md", "/d.md"]).await;
    let query = VectorQuery { model: ModelId::from("small"), vector: vec![0.6, 0.8], scale: 1.0, offset: 0.0 };
    let ask =
        async || store.search_vectors(std::slice::from_ref(&query), &Filter::default(), 50).await.expect("search");
    assert_eq!((ask().await.len(), store.index.vectors_held("small")), (4, 4));
    // A block that holds some of what is here and some of what is not.
    commit(&store, &["/e.md", "/f.md"]).await.expect("commit");
    store.pack_vectors_by(6).await.expect("pack");
    assert_eq!((ask().await.len(), store.index.vectors_held("small")), (6, 6));
    // What comes after a search looked which chunks there are is the next one's, packed or not.
    let present = store.catch_up_slots().await.expect("look");
    let paths: Vec<String> = (0..6).map(|number| format!("/late{number}.md")).collect();
    commit(&store, &paths.iter().map(String::as_str).collect::<Vec<_>>()).await.expect("commit");
    store.pack_vectors_by(6).await.expect("pack");
    store.catch_up_vectors_of(&present, std::slice::from_ref(&query)).await.expect("read");
    assert_eq!(store.index.vectors_held("small"), 6);
    let found = ask().await;
    assert_eq!((found.len(), store.index.vectors_held("small")), (12, 12));
    let found: Vec<(i64, f32)> = found.iter().map(|chunk| (chunk.chunk_id.0, chunk.score)).collect();
    assert_eq!(found, nearest_at_first(&folder.path().join("peanut.sqlite")).await);
}
