//! The mails that answers lead to. Called by `documents::affected` and `project`.

use std::collections::HashSet;

use sqlx::SqliteConnection;

use super::batch::{json_numbers, json_texts};

/// Of the live mails of each of these Message-IDs the first taken in, at most `most`, but for the documents `without`. However
/// many there are: by their index.
pub(super) async fn first_live(
    connection: &mut SqliteConnection,
    message_ids: impl IntoIterator<Item = &str>,
    without: &HashSet<i64>,
    most: i64,
) -> Result<Vec<(String, i64)>, sqlx::Error> {
    sqlx::query_as(
        "SELECT CAST(unhex(wanted.value) AS TEXT), document.seq FROM json_each(?1) AS wanted CROSS JOIN document
         ON document.seq IN (SELECT held.seq FROM document AS held INDEXED BY document_message_id
            WHERE held.message_id = CAST(unhex(wanted.value) AS TEXT) AND held.deleted_at IS NULL
                AND held.seq NOT IN (SELECT value FROM json_each(?2)) ORDER BY held.seq LIMIT ?3)",
    )
    .bind(json_texts(message_ids))
    .bind(json_numbers(without.iter().copied()))
    .bind(most)
    .fetch_all(connection)
    .await
}
