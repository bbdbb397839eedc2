//! What PostgreSQL works on for somebody who waits no more.

use std::time::{Duration, Instant};

use peanut::domain::search::{Filter, Occur, WordMatch, WordsQuery};
use peanut::store::{DocumentStore as _, SearchStore as _, SystemStore as _};
use sqlx::{Connection as _, PgConnection};

use crate::build::{batch, file};
use crate::harness::Harness as _;
use crate::postgres_harness::{Newest, address_of};

/// Well below the thirty seconds after which the server gives any statement up.
const AT_MOST: Duration = Duration::from_secs(15);

/// Statements of others in this database that wait for a lock.
async fn waiting(watcher: &mut PgConnection) -> i64 {
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' \
               AND wait_event_type = 'Lock'";
    sqlx::query_scalar(sql).fetch_one(watcher).await.expect("ask")
}

#[tokio::test]
async fn a_search_that_was_given_up_ends_on_the_server() {
    let harness = Newest::fresh().await;
    let store = harness.another().await;
    store.commit(&batch(vec![file("/a.md", "some words")])).await.expect("commit");
    let mut holder = PgConnection::connect(&address_of(&harness.database)).await.expect("connect");
    let mut watcher = PgConnection::connect(&address_of(&harness.database)).await.expect("connect");
    // Whoever holds the tables keeps a search at work for as long as it lasts.
    let mut held = holder.begin().await.expect("begin");
    sqlx::raw_sql("LOCK TABLE chunk, document, word_segment, index_piece, word_gone IN ACCESS EXCLUSIVE MODE")
        .execute(&mut *held)
        .await
        .expect("lock");
    let words = WordsQuery { clauses: vec![(Occur::Should, WordMatch::Term("words".to_owned()))] };
    let filter = Filter::default();
    {
        let mut searching = std::pin::pin!(store.search_words(&words, &filter, 10));
        while waiting(&mut watcher).await == 0 {
            let answer = tokio::time::timeout(Duration::from_millis(20), &mut searching).await;
            assert!(answer.is_err(), "it was to wait: {answer:?}");
        }
    }
    let given_up = Instant::now();
    while waiting(&mut watcher).await > 0 {
        assert!(given_up.elapsed() < AT_MOST, "the server still works on it");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    held.rollback().await.expect("rollback");
    assert_eq!(store.search_words(&words, &filter, 10).await.expect("search").len(), 1, "the next one is answered");
    store.close().await;
}
