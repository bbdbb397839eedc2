//! One promise, every graph: the same cases run against the embedded graph and FalkorDB (a real one), each case under its
//! own test name. What only a service can do (stop, stall, lose its data) is in `service`.
#![expect(clippy::expect_used, reason = "a case that cannot go on has failed")]
#![expect(clippy::disallowed_methods, reason = "the outbox is filled without waking anybody")]

#[path = "../store_conformance/build.rs"]
#[expect(dead_code, reason = "the store's cases use the rest")]
mod build;
mod cases;
mod harness;
#[path = "../support/proxy.rs"]
mod proxy;
mod service;
#[path = "../support/services.rs"]
#[expect(dead_code, reason = "the stores' cases use the rest")]
mod services;

/// Makes a test of each case for one engine.
macro_rules! conformance {
    ($engine:ident) => {
        conformance!(@cases $engine:
            says_what_documents_say,
            replays_change_nothing,
            stale_deliveries_converge,
            later_projections_of_a_batch_win,
            deleted_documents_keep_their_history,
            documents_gone_for_good_leave_nothing,
            neighbours_over_true_edges_come_first,
            odd_text_survives,
            random_work_converges,
            an_emptied_graph_is_written_anew,
            counts_are_those_of_the_whole,
            nodes_are_found_by_name,
            nodes_are_those_of_the_whole,
        );
    };
    (@cases $engine:ident: $($case:ident,)*) => {
        mod $engine {
            $(#[tokio::test]
            async fn $case() {
                crate::cases::$case(crate::harness::World::$engine(stringify!($case)).await).await;
            })*
        }
    };
}

conformance!(embedded);
conformance!(falkordb);
