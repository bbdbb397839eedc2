//! What is missing, cut off or damaged: on this host it is fetched again, on the server it is found by `check` and mended.

use std::path::PathBuf;
use std::task::Poll;

use sqlx::{AssertSqlSafe, PgConnection};

use super::super::local::Local;
use super::super::pieces::{self, Failed, PIECE_BYTES, Stored};
use super::{NOW, Server, document, pack, write};
use crate::domain::ModelId;
use crate::domain::search::{Filter, Occur, VectorQuery, WordMatch, WordsQuery};
use crate::index::files::name_of;
use crate::index::tiers::LEAST_FILE_BYTES;
use crate::store::postgres::PostgresStore;
use crate::store::{EmbeddingStore as _, SearchStore as _, StoreErrorKind, SystemStore as _};

async fn run(store: &PostgresStore, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&store.pool).await.expect("execute");
}

/// How many chunks hold a word.
async fn found(store: &PostgresStore, word: &str) -> usize {
    let words = WordsQuery { clauses: vec![(Occur::Should, WordMatch::Term(word.to_owned()))] };
    store.search_words(&words, &Filter::default(), 1_000).await.expect("search").len()
}

/// What `check` finds of the index: the documents here are written by hand.
async fn problems(store: &PostgresStore) -> Vec<String> {
    let problems = store.verify().await.expect("verify").problems;
    problems.into_iter().filter(|problem| problem.contains("search index")).collect()
}

/// Every file of words in a folder.
fn copies(folder: &std::path::Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder.join("index")).into_iter().flatten();
    entries.map(|entry| entry.expect("entry").path()).collect()
}

/// A document whose segment is large enough for a file.
async fn write_much(connection: &mut PgConnection, number: usize) {
    let mut random = fastrand::Rng::with_seed(number as u64);
    let text = |_| -> String { (0..3_000).map(|_| format!("{:x} ", random.u64(..))).collect::<String>() + "common" };
    let texts: Vec<String> = (0..30).map(text).collect();
    write(connection, &document(number, &texts), None).await;
}

#[tokio::test]
async fn a_copy_that_is_missing_or_cut_off_is_made_again_and_damage_is_no_copy() {
    let server = Server::new().await;
    let store = server.open().await;
    let mut connection = store.pool.acquire().await.expect("connection");
    let mut random = fastrand::Rng::with_seed(3);
    let folder = tempfile::tempdir().expect("folder");
    let local = Local::at(Some(folder.path().join("index")));
    for (id, length) in [(1, 10), (2, LEAST_FILE_BYTES), (3, 2 * PIECE_BYTES), (4, 2 * PIECE_BYTES + 5)] {
        let bytes: Vec<u8> = (0..length).map(|_| random.u8(..)).collect();
        let stored = Stored { id, name: name_of(&bytes, "words"), size_bytes: length as i64 };
        pieces::write(&mut connection, id, &bytes).await.expect("write");
        assert!(pieces::is_sound(&mut connection, &stored).await.expect("check"));
        let path = local.folder().expect("folder").file(&stored.name);
        for round in 0..3 {
            let read = pieces::read(&mut connection, &stored, &local).await.expect("read");
            assert!(read[..] == bytes[..], "{length}");
            assert_eq!(path.exists(), length >= LEAST_FILE_BYTES);
            match round {
                0 if path.exists() => std::fs::write(&path, &bytes[..length / 2]).expect("cut off"),
                1 if path.exists() => std::fs::remove_file(&path).expect("remove"),
                _ => {}
            }
        }
        let before = copies(folder.path()).len();
        let damage = format!(
            "UPDATE index_piece SET bytes = set_byte(bytes, 3, 255 - get_byte(bytes, 3)) \
            WHERE segment_id = {id} AND piece = (SELECT max(piece) FROM index_piece WHERE segment_id = {id})"
        );
        run(&store, &damage).await;
        assert!(!pieces::is_sound(&mut connection, &stored).await.expect("check"));
        let _ = std::fs::remove_file(&path);
        let error = pieces::read(&mut connection, &stored, &local).await.expect_err("damaged");
        assert!(matches!(error, Failed::Damaged(name) if name == stored.name));
        assert!(copies(folder.path()).len() <= before && !path.exists());
        let lost = format!("DELETE FROM index_piece WHERE segment_id = {id} AND piece = 0");
        run(&store, &lost).await;
        let error = pieces::read(&mut connection, &stored, &local).await.expect_err("lost");
        assert!(matches!(error, Failed::Damaged(_)));
    }
    // Where no file can be written it is held in memory.
    let bytes = vec![7; LEAST_FILE_BYTES];
    let stored = Stored { id: 9, name: name_of(&bytes, "words"), size_bytes: bytes.len() as i64 };
    pieces::write(&mut connection, 9, &bytes).await.expect("write");
    let nowhere = folder.path().join("file");
    std::fs::write(&nowhere, "no folder").expect("write");
    let read = pieces::read(&mut connection, &stored, &Local::at(Some(nowhere))).await.expect("read");
    assert!(read[..] == bytes[..]);
    drop(connection);
    server.drop(store).await;
}

#[tokio::test]
async fn processes_of_a_host_share_copies_and_check_drops_what_is_damaged() {
    let server = Server::new().await;
    let folder = tempfile::tempdir().expect("folder");
    let [first, second] = [server.open_in(folder.path()).await, server.open_in(folder.path()).await];
    let mut transaction = first.pool.begin().await.expect("begin");
    write_much(&mut transaction, 1).await;
    transaction.commit().await.expect("commit");
    assert_eq!((found(&first, "common").await, found(&second, "common").await), (30, 30));
    let [copy] = &copies(folder.path())[..] else { panic!("one copy: {:?}", copies(folder.path())) };
    let sound = std::fs::read(copy).expect("read");
    assert!(sound.len() > LEAST_FILE_BYTES);
    // Another file in its place: whoever has mapped the first keeps it.
    let mut damaged = sound.clone();
    damaged[60..90].fill(0xff);
    std::fs::remove_file(copy).expect("remove");
    std::fs::write(copy, damaged).expect("write");
    assert_eq!(problems(&second).await, Vec::<String>::new(), "the store itself is sound");
    assert_eq!(found(&second, "common").await, 30);
    assert!(std::fs::read(copy).expect("read") == sound, "fetched again");
    // What is merged goes on to be found, by both, and is held by the folder under its own name.
    let mut transaction = second.pool.begin().await.expect("begin");
    write_much(&mut transaction, 2).await;
    transaction.commit().await.expect("commit");
    assert_eq!(found(&first, "common").await, 60);
    first.search.merge_all_in_a_file().await.expect("merge");
    assert_eq!((found(&first, "common").await, found(&second, "common").await), (60, 60));
    let segments: Vec<String> =
        sqlx::query_scalar("SELECT name FROM word_segment").fetch_all(&first.pool).await.expect("names");
    assert!(segments.len() == 1 && folder.path().join("index").join(&segments[0]).exists());
    // What it was made of went at once, what a process that was killed left behind goes when it is old.
    assert_eq!(copies(folder.path()).len(), 1);
    let stray = folder.path().join("index").join("making-1-0");
    std::fs::write(&stray, "some").expect("write");
    second.optimize().await.expect("optimize");
    assert!(stray.exists(), "it may be about to be named");
    let file = std::fs::File::options().append(true).open(&stray).expect("open");
    file.set_modified(std::time::UNIX_EPOCH).expect("make old");
    second.optimize().await.expect("optimize");
    assert_eq!(copies(folder.path()), [folder.path().join("index").join(&segments[0])]);
    assert_eq!((found(&first, "common").await, found(&second, "common").await), (60, 60));
    assert_eq!(problems(&first).await, Vec::<String>::new());
    second.pool.close().await;
    server.drop(first).await;
}

#[tokio::test]
async fn a_copy_that_was_begun_is_finished_though_its_search_is_given_up() {
    let server = Server::new().await;
    let folder = tempfile::tempdir().expect("folder");
    let store = server.open_in(folder.path()).await;
    let mut connection = store.pool.acquire().await.expect("connection");
    write_much(&mut connection, 1).await;
    drop(connection);
    {
        let mut searching = std::pin::pin!(found(&store, "common"));
        while store.search.local.copying.try_lock().is_ok() {
            let polled = std::future::poll_fn(|context| Poll::Ready(searching.as_mut().poll(context)));
            if polled.await.is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    drop(store.search.local.copying.lock().await);
    assert_eq!(copies(folder.path()).len(), 1);
    assert_eq!(found(&store, "common").await, 30);
    server.drop(store).await;
}

#[tokio::test]
async fn a_segment_that_is_damaged_or_lost_on_the_server_is_named_and_made_anew() {
    let server = Server::new().await;
    let store = server.open().await;
    for number in 0..3 {
        let mut transaction = store.pool.begin().await.expect("begin");
        write(&mut transaction, &document(number, &["common one".into(), "common two".into()]), None).await;
        transaction.commit().await.expect("commit");
    }
    assert_eq!(problems(&store).await, Vec::<String>::new());
    assert!(!store.repair_index().await.expect("repair"), "sound");
    let damage = "UPDATE index_piece SET bytes = set_byte(bytes, 40, 255 - get_byte(bytes, 40)) \
        WHERE segment_id = (SELECT max(id) FROM word_segment)";
    run(&store, damage).await;
    let name: String = sqlx::query_scalar("SELECT name FROM word_segment ORDER BY id DESC LIMIT 1")
        .fetch_one(&store.pool)
        .await
        .expect("name");
    let named = problems(&store).await;
    assert!(named.len() == 1 && named[0].contains(&name), "{named:?}");
    // It opens all the same; a search says what to do.
    let other = server.open().await;
    let words = WordsQuery { clauses: vec![(Occur::Should, WordMatch::Term("common".to_owned()))] };
    let error = other.search_words(&words, &Filter::default(), 9).await.expect_err("damaged");
    assert!(error.kind == StoreErrorKind::Invariant && error.to_string().contains("check --repair"), "{error}");
    assert!(store.repair_index().await.expect("repair"));
    assert_eq!(problems(&store).await, Vec::<String>::new());
    assert_eq!((found(&store, "common").await, found(&other, "common").await), (6, 6));
    assert!(!store.repair_index().await.expect("repair"), "sound by now");
    // A chunk that no segment holds.
    let lost = "DELETE FROM word_segment WHERE id = (SELECT max(id) FROM word_segment)";
    run(&store, lost).await;
    assert!(problems(&store).await.iter().any(|problem| problem.contains("is not in the word index")));
    assert!(store.repair_index().await.expect("repair"));
    // A segment without its bytes is made anew by whoever opens the store.
    run(&store, "DELETE FROM index_piece").await;
    other.pool.close().await;
    let other = server.open().await;
    assert_eq!((found(&store, "common").await, found(&other, "common").await), (6, 6));
    assert_eq!(problems(&store).await, Vec::<String>::new());
    other.pool.close().await;
    server.drop(store).await;
}

#[tokio::test]
async fn a_damaged_block_of_vectors_costs_nothing_but_time() {
    let server = Server::new().await;
    let store = server.open().await;
    let model = ModelId::from("m");
    store.register_model(&model, 4, NOW).await.expect("model");
    let mut random = fastrand::Rng::with_seed(8);
    for number in 0..9 {
        let vectors: Vec<Vec<f32>> = (0..4).map(|_| (0..4).map(|_| random.f32() - 0.5).collect()).collect();
        let texts: Vec<String> = (0..4).map(|n| format!("text {n}")).collect();
        let mut transaction = store.pool.begin().await.expect("begin");
        write(&mut transaction, &document(number, &texts), Some((1, &vectors))).await;
        transaction.commit().await.expect("commit");
        if number < 8 {
            assert_eq!(pack(&store, 1).await, 4);
        }
    }
    let near = [VectorQuery { model, vector: vec![1.0, 0.0, 0.0, 0.0], scale: 1.0, offset: 0.0 }];
    let expected = store.search_vectors(&near, &Filter::default(), 40).await.expect("search");
    assert_eq!((expected.len(), store.search.vectors_held(1)), (36, (36, 32)));
    let damage = "UPDATE index_piece SET bytes = set_byte(bytes, 9, 255 - get_byte(bytes, 9)) WHERE segment_id = \
        (SELECT id FROM vector_segment ORDER BY last_xact OFFSET 3 LIMIT 1)";
    run(&store, damage).await;
    let other = server.open().await;
    for _ in 0..2 {
        assert_eq!(other.search_vectors(&near, &Filter::default(), 40).await.expect("search"), expected);
        assert_eq!(other.search.vectors_held(1), (36, 12));
    }
    let named = problems(&other).await;
    assert!(named.len() == 1 && named[0].contains(".vectors"), "{named:?}");
    assert!(other.repair_index().await.expect("repair"));
    assert_eq!(problems(&other).await, Vec::<String>::new());
    assert_eq!(pack(&other, 1).await, 36);
    for store in [&store, &other] {
        assert_eq!(store.search_vectors(&near, &Filter::default(), 40).await.expect("search"), expected);
        assert_eq!(store.search.vectors_held(1), (36, 36));
    }
    // Blocks of a size become one; without its bytes it is forgotten by whoever opens the store.
    run(&store, "DELETE FROM index_piece WHERE segment_id IN (SELECT id FROM vector_segment)").await;
    other.pool.close().await;
    let other = server.open().await;
    assert_eq!(other.search_vectors(&near, &Filter::default(), 40).await.expect("search"), expected);
    assert_eq!(other.search.vectors_held(1), (36, 0));
    other.pool.close().await;
    server.drop(store).await;
}
