//! The mails that answers lead to. Called by `documents::affected` and `project`.

use std::collections::HashSet;

use sqlx::PgConnection;

/// Of the live mails of each of these Message-IDs the first taken in, at most `most`, but for the documents `without`. However
/// many there are: by their index (an expression that is no column keeps the server from that of all of them).
pub(super) async fn first_live(
    connection: &mut PgConnection,
    message_ids: Vec<&str>,
    without: &HashSet<i64>,
    most: i64,
) -> Result<Vec<(String, i64)>, sqlx::Error> {
    sqlx::query_as(
        "SELECT wanted, held.seq FROM unnest($1::TEXT[]) AS wanted CROSS JOIN LATERAL (
            SELECT seq FROM document WHERE message_id IS NOT NULL AND deleted_at IS NULL
                AND hashtextextended(message_id, 0) = hashtextextended(wanted, 0) AND message_id || '' = wanted
                AND seq <> ALL($2) ORDER BY seq LIMIT $3) AS held",
    )
    .bind(message_ids)
    .bind(without.iter().copied().collect::<Vec<_>>())
    .bind(most)
    .fetch_all(connection)
    .await
}
