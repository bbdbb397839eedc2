//! Which documents answer a message that is live in the store: what a quote is scored by. Asked only where there are quotes.
//! Called by `refresh`.

use std::sync::Arc;

use sqlx::PgConnection;

use crate::index::numbers::Numbers;
use crate::index::view::View;

/// All that do, with the first quote.
pub(super) async fn all(connection: &mut PgConnection, view: &mut View) -> Result<(), sqlx::Error> {
    let found: Option<Vec<i64>> = sqlx::query_scalar(
        "SELECT array_agg(d.seq) FROM document d WHERE d.in_reply_to IS NOT NULL AND EXISTS \
            (SELECT 1 FROM document p WHERE p.message_id = d.in_reply_to AND p.deleted_at IS NULL)",
    )
    .fetch_one(connection)
    .await?;
    view.answers = Arc::new(Numbers::of(found.unwrap_or_default()));
    Ok(())
}

/// Brought up to date: documents that came, left or came back, and what answers them.
pub(super) async fn follow(
    connection: &mut PgConnection,
    view: &mut View,
    mut documents: Vec<i64>,
) -> Result<(), sqlx::Error> {
    if documents.is_empty() {
        return Ok(());
    }
    documents.sort_unstable();
    documents.dedup();
    let rows: Vec<(i64, bool)> = sqlx::query_as(
        "SELECT d.seq, EXISTS (SELECT 1 FROM document p WHERE p.message_id = d.in_reply_to AND p.deleted_at IS NULL) \
         FROM document d WHERE d.seq IN (SELECT unnest($1::BIGINT[]) UNION SELECT a.seq FROM document a \
            JOIN document m ON m.message_id = a.in_reply_to WHERE m.seq = ANY($1))",
    )
    .bind(documents)
    .fetch_all(connection)
    .await?;
    let answers = Arc::make_mut(&mut view.answers);
    for (document, is_answer) in rows {
        let Ok(document) = usize::try_from(document) else { continue };
        if is_answer { answers.insert(document) } else { answers.remove(document) }
    }
    Ok(())
}
