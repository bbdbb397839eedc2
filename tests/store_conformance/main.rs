//! One promise, every engine: the same cases run against each store, each case under its own test name.
//!
//! A new engine adds one line at the end of this file and an implementation of [`harness::Harness`].
#![expect(clippy::expect_used, reason = "a case that cannot go on has failed")]
#![expect(clippy::disallowed_methods, reason = "the promises of the writing methods themselves are tested here")]

mod build;
mod cases;
mod harness;
mod postgres_given_up;
mod postgres_harness;
mod postgres_only;
#[path = "../support/services.rs"]
#[expect(dead_code, reason = "the graph's cases use the rest")]
mod services;

/// Lists every case once and makes a test of each for one engine.
macro_rules! conformance {
    ($engine:ident, $harness:ty) => {
        conformance!(@module $engine, $harness;
            commit: [
                round_trip,
                mail_round_trips_with_headers_and_people,
                committing_twice_changes_nothing,
                same_content_elsewhere_is_a_duplicate,
                same_content_twice_in_a_batch_is_a_duplicate,
                message_in_another_archive_is_a_duplicate,
                mails_of_one_message_id_stay_apart,
                an_edited_mail_of_its_own_file_stays_its_document,
                mails_of_before_are_known_by_title_and_date,
                mails_of_before_get_their_fingerprint,
                a_crowd_of_one_message_id_stays_apart,
                the_store_says_who_holds_what,
                what_a_file_holds_no_more_retires,
                second_copy_in_an_archive_is_a_duplicate,
                rewritten_archive_keeps_its_messages,
                appended_copy_in_an_archive_is_a_duplicate,
                changed_content_replaces_the_document,
                unchanged_chunks_keep_row_and_vector,
                moved_file_keeps_its_document,
                new_file_at_the_old_path_gets_an_id_of_its_own,
                message_of_a_vanished_archive_moves,
                deleted_by_user_stays_deleted,
                file_that_came_back_is_restored,
                vectors_of_the_wrong_dimension_are_refused,
                unknown_models_are_refused,
                a_failed_commit_leaves_nothing,
                odd_text_survives,
                longest_name_of_a_person_is_shown,
                retire_and_restore,
                retire_file_retires_all_of_it,
                what_the_user_deleted_is_listed,
                files_know_what_they_hold,
                find_by_content_sees_live_documents,
                threads_are_gathered,
                missing_document_is_not_found,
                a_key_writes_once,
                a_key_writes_once_at_once,
                keys_are_forgotten_after_a_week,
                documents_are_listed_in_pages,
                progress_tells_what_is_left,
            ],
            ledger: [
                offers_are_queued_once,
                claims_are_exclusive,
                expired_leases_are_taken_again,
                commits_extend_the_lease,
                counts_add_up,
                repeated_commits_count_once,
                progress_may_lag_behind_the_documents,
                only_duplicate_makes_the_file_a_duplicate,
                changed_while_in_hand_is_queued_again,
                released_files_start_over,
                dead_letters_follow_the_schedule,
                recovered_places_lose_their_dead_letter,
                a_finished_pass_clears_what_it_no_longer_met,
                user_retries_and_discards_dead_letters,
                files_are_paged_in_order,
                paths_below_a_folder,
                any_change_of_a_file_is_noticed,
                duplicates_live_when_their_holder_goes,
                a_copy_keeps_no_document_where_it_was,
                duplicates_of_what_the_user_deleted_stay_away,
                files_of_which_nothing_is_held_are_found,
                duplicates_without_a_holder_are_found,
                what_was_brought_back_of_a_gone_file_is_known,
                what_may_pass_is_tried_until_it_goes_well,
                takings_in_hand_are_counted_until_something_comes_of_them,
                what_is_in_trouble_is_listed,
                folders_are_kept,
            ],
            embedding: [
                jobs_are_made_claimed_and_done,
                known_texts_are_never_handed_out,
                same_text_is_handed_out_once_at_a_time,
                failed_jobs_wait_and_are_given_up,
                expired_jobs_are_taken_again,
                released_jobs_count_no_attempt,
                missing_vectors_are_queued_in_steps,
                dimensions_are_held,
                chunks_deleted_meanwhile_are_passed_over,
                dropped_models_leave_nothing,
            ],
            outbox: [
                every_write_appends_its_event,
                claims_of_events_are_exclusive,
                events_of_an_entity_stay_in_order,
                parked_and_dead_events_hold_back_their_entity,
                outages_cost_no_attempt,
                leases_of_events_expire,
                status_tells_the_truth,
                dead_events_are_retried_or_skipped,
                pruning_keeps_the_total,
                replay_names_every_document,
            ],
            graph: [
                projections_say_what_documents_say,
                links_find_documents_by_path_stem_title_and_alias,
                links_prefer_the_same_folder_then_the_shortest_path,
                late_targets_turn_concepts_into_links,
                late_parents_and_better_parents_are_found,
                deleted_documents_lose_their_edges,
                unknown_documents_are_removed,
                neighbourhood_shows_true_edges_first,
                nodes_are_listed_in_pages,
                nodes_are_found_by_name,
                graph_converges_whatever_happens,
            ],
            search: [
                words_are_scored_by_bm25,
                vectors_are_scored_by_cosine,
                both_legs_at_once_say_what_each_says_alone,
                required_and_forbidden_words_hold_for_both_legs,
                filters_come_before_the_cut,
                phrases_and_prefixes_match_text,
                what_left_is_not_found,
                other_processes_see_every_commit,
                near_words_are_suggested,
                hits_are_told_in_the_order_asked,
                everything_is_found_below_the_texts,
                light_chunks_change_no_score_of_a_text,
                quotes_of_what_is_here_stand_below_it,
                a_query_said_again_finds_the_same_in_the_same_order,
                a_search_over_its_deadline_is_given_up,
                a_joined_name_stands_first_as_it_was_typed,
                one_document_cannot_fill_a_list,
            ],
            query_tree: [
                trees_mean_the_same_as_a_naive_evaluator_says,
                the_laws_of_logic_hold,
                pages_by_date_are_pages_of_one_list,
            ],
            system: [
                settings_are_kept,
                workers_are_kept_for_a_day,
                counts_follow_random_work,
                info_and_ping_answer,
                data_survives_a_reopen,
                optimize_changes_nothing,
                settings_are_replaced_by_one_of_two,
                leases_are_given_back,
                closed_stores_refuse,
                damaged_texts_are_found_and_written_anew,
            ],
            keys: [
                keys_are_kept_and_found_by_hash,
                ids_and_secrets_are_unique,
                revoked_keys_stay_revoked,
                rotated_keys_forget_the_old_secret,
                use_is_written_once_a_minute,
                forgotten_keys_are_gone,
                other_processes_see_a_revocation_at_once,
            ],
            transfer: [
                a_store_moves_out_and_back,
                numbers_are_never_used_again_after_a_move,
                a_dump_shows_one_moment,
                a_store_with_content_is_refused,
                an_interrupted_copy_starts_over,
                a_copy_that_differs_is_not_trusted,
            ],
        );
    };
    (@module $engine:ident, $harness:ty; $($group:ident: [$($case:ident,)*],)*) => {
        mod $engine {
            $(mod $group {
                $(#[tokio::test]
                async fn $case() {
                    crate::cases::$group::$case(<$harness as crate::harness::Harness>::fresh().await).await;
                })*
            })*
        }
    };
}

conformance!(sqlite, crate::harness::SqliteHarness);
conformance!(postgres_16, crate::postgres_harness::PostgresHarness<16>);
conformance!(postgres_18, crate::postgres_harness::PostgresHarness<18>);
