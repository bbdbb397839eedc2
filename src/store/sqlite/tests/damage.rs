//! A file that is no store, is damaged, or is not where it was any more.

use std::path::PathBuf;

use super::super::SqliteStore;
use super::{NOW, commit, folder, store_with};
use crate::domain::ModelId;
use crate::domain::search::{Filter, Occur, WordMatch, WordsQuery};
use crate::store::{EmbeddingStore, SearchStore, StoreErrorKind, SystemStore};

#[tokio::test]
async fn a_file_of_another_program_is_refused_and_not_touched() {
    use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
    for (sql, what) in [
        ("CREATE TABLE bookmark (url TEXT); INSERT INTO bookmark VALUES ('x')", "tables of another program"),
        ("PRAGMA application_id = 252006675; CREATE TABLE document (id TEXT)", "the number of another program"),
        (
            "CREATE TABLE _sqlx_migrations (version INTEGER); CREATE TABLE document (id TEXT)",
            "another program of this kind",
        ),
    ] {
        let (_folder, path) = folder();
        let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
        let mut connection = SqliteConnection::connect_with(&options).await.expect("create");
        sqlx::raw_sql(sql).execute(&mut connection).await.expect(sql);
        connection.close().await.expect("close");
        let before = std::fs::read(&path).expect("read");
        let error = SqliteStore::open(&path).await.expect_err(what);
        assert_eq!(error.kind, StoreErrorKind::Permanent, "{what}");
        let told = error.to_string();
        assert!(
            told.contains("another program") && told.contains("--data-dir") && told.contains("peanut.sqlite"),
            "{told}"
        );
        assert_eq!(std::fs::read(&path).expect("read"), before, "{what}: it is as it was");
    }
}

#[tokio::test]
async fn an_empty_file_where_a_store_was_is_no_new_store() {
    let (folder, path) = folder();
    std::fs::write(&path, "").expect("write");
    SqliteStore::open(&path).await.expect("nothing was here: a new store").close().await;
    std::fs::write(&path, "").expect("cut off");
    std::fs::write(folder.path().join("workers.lock"), "0123456789abcdef").expect("write");
    let error = SqliteStore::open(&path).await.expect_err("cut off");
    assert!(error.kind == StoreErrorKind::Permanent && error.to_string().contains("0 bytes"), "{error}");
    assert!(error.to_string().contains("restore a backup"), "{error}");
    assert_eq!(std::fs::metadata(&path).expect("there").len(), 0);
    std::fs::remove_file(folder.path().join("workers.lock")).expect("remove");
    SqliteStore::open(&path).await.expect("begun anew, as it was told");
}

#[tokio::test]
async fn flipped_bytes_are_found_by_check() {
    let (_folder, store) = store_with(&["/a.md", "/b.md"]).await;
    let path = PathBuf::from(store.location());
    store.close().await;
    let mut bytes = std::fs::read(&path).expect("read");
    // Only in the row itself: the text stands nowhere else.
    let needle = b"text 1 of /b.md";
    let places: Vec<usize> = (0..bytes.len() - needle.len()).filter(|at| bytes[*at..].starts_with(needle)).collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at + 5] ^= 4;
    }
    std::fs::write(&path, &bytes).expect("write");
    let store = SqliteStore::open(&path).await.expect("open");
    let problems = store.verify().await.expect("verify").problems;
    assert!(
        problems.iter().any(|problem| problem.contains("texts are as") && problem.contains("/b.md")),
        "{problems:?}"
    );
    assert!(problems.iter().all(|problem| !problem.contains("/a.md")), "{problems:?}");
    store.close().await;
    // A page that is no page any more: told as a finding, whatever else cannot be asked then.
    let page = 8192;
    for at in (page..bytes.len()).step_by(page * 7) {
        bytes[at..at + 64].fill(0xff);
    }
    std::fs::write(&path, &bytes).expect("write");
    match SqliteStore::open(&path).await {
        Ok(store) => assert!(!store.verify().await.expect("a report").problems.is_empty()),
        Err(error) => assert!(error.to_string().contains("damaged"), "{error}"),
    }
}

#[tokio::test]
async fn a_flipped_bit_in_a_title_is_found_by_check() {
    let (_folder, store) = store_with(&["/a.md", "/b.md"]).await;
    let change = |sql: &'static str| sqlx::query(sql).execute(&store.writer);
    // Of documents of before there is nothing to compare with.
    change("UPDATE document SET title_sha256 = NULL, title = 'x' WHERE title = '/a.md'").await.expect("old");
    change("UPDATE document SET title = '/c.md' WHERE title = '/b.md'").await.expect("flip");
    let damaged = store.damaged_texts().await.expect("compare");
    assert!(matches!(&damaged[..], [one] if one.path == "/b.md" && one.is_title), "{damaged:?}");
    let problems = store.verify().await.expect("verify").problems;
    assert!(problems.iter().any(|problem| problem.ends_with("of /b.md (its title)")), "{problems:?}");
    // Not trusted any more, it is written anew with its file.
    store.distrust_texts(&[damaged[0].chunk]).await.expect("distrust");
    commit(&store, &["/b.md"]).await.expect("commit");
    assert_eq!(store.damaged_texts().await.expect("compare"), []);
}

#[tokio::test]
async fn a_store_that_was_removed_or_replaced_takes_nothing_more() {
    for replace in [false, true] {
        let (folder, store) = store_with(&["/a.md"]).await;
        let path = PathBuf::from(store.location());
        store.ping().await.expect("ping");
        for name in ["peanut.sqlite", "peanut.sqlite-wal", "peanut.sqlite-shm"] {
            std::fs::rename(folder.path().join(name), folder.path().join(format!("{name}.away"))).expect(name);
        }
        let other = if replace { Some(SqliteStore::open(&path).await.expect("another store")) } else { None };
        let error = commit(&store, &["/b.md"]).await.expect_err("nothing is acknowledged");
        let told = error.to_string();
        assert!(error.kind == StoreErrorKind::Permanent && told.contains("start Peanut again"), "{told}");
        assert!(error.is_displaced() && !error.is_full());
        assert!(store.put_setting("a", "1", NOW).await.is_err());
        assert!(store.ping().await.expect_err("down").to_string().contains("removed or replaced"));
        // Nor does its end take anything from the store that lies there now.
        store.close().await;
        drop(store);
        if let Some(other) = other {
            other.register_model(&ModelId::from("small"), 2, NOW).await.expect("register");
            other.register_model(&ModelId::from("big"), 3, NOW).await.expect("register");
            commit(&other, &["/c.md"]).await.expect("commit");
            other.ping().await.expect("ping");
            assert!(folder.path().join("peanut.sqlite-wal").exists());
        } else {
            assert!(!path.exists());
        }
    }
}

/// Words found by a store that was just opened.
async fn found(path: &std::path::Path, word: &str) -> usize {
    let store = SqliteStore::open(path).await.expect("open");
    let words = WordsQuery { clauses: vec![(Occur::Should, WordMatch::Term(word.to_owned()))] };
    let found = store.search_words(&words, &Filter::default(), 100).await.expect("search").len();
    store.close().await;
    found
}

#[tokio::test]
async fn a_search_index_that_is_lost_cut_off_or_damaged_is_made_anew() {
    let (folder, store) = store_with(&["/a.md"]).await;
    let path = folder.path().join("peanut.sqlite");
    // Every commit is a segment; merged into files whatever their size.
    for number in 0..9 {
        commit(&store, &[&format!("/more{number}.md")]).await.expect("commit");
    }
    store.merge_into_files().await.expect("merge");
    let files = || -> Vec<PathBuf> {
        let folder = std::fs::read_dir(store.index.folder().file("")).expect("folder");
        let files = folder.map(|entry| entry.expect("entry").path());
        files.filter(|path| path.extension().is_some_and(|ending| ending == "words")).collect()
    };
    let whole = found(&path, "text").await;
    assert!(whole >= 10 && files().len() == 1, "{whole} {:?}", files());
    std::fs::remove_file(&files()[0]).expect("remove");
    assert_eq!(found(&path, "text").await, whole, "lost");
    store.merge_into_files().await.expect("merge");
    let file = files().remove(0);
    let bytes = std::fs::read(&file).expect("read");
    std::fs::write(&file, &bytes[..bytes.len() / 2]).expect("write");
    assert_eq!(found(&path, "text").await, whole, "cut off");
    store.merge_into_files().await.expect("merge");
    let file = files().remove(0);
    let mut bytes = std::fs::read(&file).expect("read");
    bytes[700..900].fill(0xff);
    std::fs::write(&file, &bytes).expect("write");
    let problems = store.verify().await.expect("verify").problems;
    assert!(problems.iter().any(|problem| problem.contains("does not hold what it is named by")), "{problems:?}");
    assert!(store.repair_index().await.expect("repair"));
    assert_eq!(store.verify().await.expect("verify").problems, Vec::<String>::new());
    assert_eq!(found(&path, "text").await, whole, "damaged");
    assert!(!store.repair_index().await.expect("repair"), "sound by now");
}
