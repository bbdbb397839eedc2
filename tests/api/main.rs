//! The HTTP door as its clients see it: a real listener on loopback, real requests, on both stores where the store matters;
//! and the real binary where signals, sockets and crashes matter.
#![expect(clippy::expect_used, reason = "a test that cannot go on has failed")]

mod connections;
mod displaced;
mod errors;
mod harness;
mod health;
mod ingest;
mod process;
#[path = "../support/proxy.rs"]
#[expect(dead_code, reason = "the graph's cases use the rest")]
mod proxy;
mod routes;
mod second;
#[path = "../support/services.rs"]
#[expect(dead_code, reason = "the graph's cases use the rest")]
mod services;
#[path = "../support/terminal.rs"]
#[expect(clippy::unwrap_used, unreachable_pub, dead_code, reason = "shared with the tests of the screen")]
mod terminal;
mod watch;

/// Makes a test of each case for each store.
macro_rules! on_both_stores {
    ($($group:ident: [$($case:ident,)*],)*) => {
        mod sqlite {
            $(mod $group {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    crate::$group::$case(crate::harness::Served::start().await).await;
                })*
            })*
        }
        mod postgres {
            $(mod $group {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    crate::$group::$case(crate::harness::Served::on_postgres().await).await;
                })*
            })*
        }
    };
}

on_both_stores! {
    routes: [
        a_text_is_found_read_and_followed,
        documents_are_paged_to_the_end,
        nodes_are_paged_to_the_end,
        mail_has_its_thread,
        settings_change_what_searches_do,
        status_is_the_picture_of_the_screens,
        metrics_tell_what_the_store_holds,
    ],
    ingest: [
        the_same_key_takes_in_once,
        the_same_key_at_once_takes_in_once,
        another_text_under_a_known_key_is_refused,
        the_same_text_is_a_duplicate,
        odd_texts_are_kept,
    ],
    errors: [
        bodies_that_are_not_as_documented_are_named,
        parameters_that_are_not_as_documented_are_named,
        what_is_not_there_is_not_found,
    ],
}
