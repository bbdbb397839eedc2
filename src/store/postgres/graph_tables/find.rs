//! Finds nodes by name. The database narrows down to what holds a run of ASCII; how well a name fits is told in the program,
//! where letters of every language have their lower case, whatever the database's own locale is.

use std::cmp::Reverse;
use std::collections::HashMap;

use futures_util::TryStreamExt as _;
use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use crate::domain::graph::{Node, NodeLabel};
use crate::domain::names::NameQuery;

use super::read::{NODE, node_at, stored_label};

/// See [`crate::store::GraphStore::graph_table_find`].
pub(super) async fn find(
    connection: &mut PgConnection,
    query: &NameQuery,
    labels: &[NodeLabel],
    limit: u32,
) -> Result<Vec<Node>, sqlx::Error> {
    let pattern = query.ascii_run().map(|run| format!("%{run}%"));
    let all = [NodeLabel::Person, NodeLabel::Document, NodeLabel::Concept];
    let labels: Vec<&str> =
        if labels.is_empty() { &all } else { labels }.iter().map(|label| stored_label(*label)).collect();
    let mut fitting = Vec::new();
    {
        let mut rows = sqlx::query(
            "SELECT seq, name, email, degree::bigint FROM graph_node
             WHERE (degree > 0 OR (label = 'document' AND NOT deleted))
               AND ($1::text IS NULL OR name ILIKE $1 OR email ILIKE $1) AND label = ANY($2)",
        )
        .bind(pattern)
        .bind(labels)
        .fetch(&mut *connection);
        while let Some(row) = rows.try_next().await? {
            let number: i64 = row.try_get(0)?;
            let degree: i64 = row.try_get(3)?;
            if let Some(fit) = query.fit(row.try_get(1)?, row.try_get(2)?) {
                fitting.push((fit, Reverse(degree), number));
            }
        }
    }
    fitting.sort_unstable();
    fitting.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let numbers: Vec<i64> = fitting.iter().map(|(_, _, number)| *number).collect();
    let rows = sqlx::query(AssertSqlSafe(format!("SELECT {NODE} FROM graph_node WHERE seq = ANY($1)")))
        .bind(numbers.as_slice())
        .fetch_all(connection)
        .await?;
    let mut by_number = HashMap::new();
    for row in &rows {
        by_number.insert(row.try_get::<i64, _>(0)?, node_at(row)?);
    }
    Ok(numbers.iter().filter_map(|number| by_number.remove(number)).collect())
}
