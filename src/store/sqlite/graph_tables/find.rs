//! Finds nodes by name. The database narrows down to what holds a run of ASCII; how well a name fits is told in the program,
//! where letters of every language have their lower case.

use std::cmp::Reverse;
use std::collections::HashMap;

use futures_util::TryStreamExt as _;
use sqlx::{AssertSqlSafe, Row as _, SqlitePool};

use crate::domain::graph::{Node, NodeLabel};
use crate::domain::names::NameQuery;

use super::super::batch::json_numbers;
use super::read::{NODE, node_at, stored_label};

/// See [`crate::store::GraphStore::graph_table_find`].
pub(super) async fn find(
    reader: &SqlitePool,
    query: &NameQuery,
    labels: &[NodeLabel],
    limit: u32,
) -> Result<Vec<Node>, sqlx::Error> {
    let pattern = query.ascii_run().map(|run| format!("%{run}%"));
    let wanted = |label| labels.is_empty() || labels.contains(&label);
    let mut transaction = reader.begin().await?;
    let mut fitting = Vec::new();
    {
        let mut rows = sqlx::query(
            "SELECT seq, name, email, degree FROM graph_node
             WHERE (degree > 0 OR (label = 'document' AND deleted = 0))
               AND (?1 IS NULL OR name LIKE ?1 OR email LIKE ?1)
               AND ((?2 AND label = ?3) OR (?4 AND label = ?5) OR (?6 AND label = ?7))",
        )
        .bind(pattern)
        .bind(wanted(NodeLabel::Person))
        .bind(stored_label(NodeLabel::Person))
        .bind(wanted(NodeLabel::Document))
        .bind(stored_label(NodeLabel::Document))
        .bind(wanted(NodeLabel::Concept))
        .bind(stored_label(NodeLabel::Concept))
        .fetch(&mut *transaction);
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
    let rows = sqlx::query(AssertSqlSafe(format!(
        "SELECT {NODE} FROM graph_node WHERE seq IN (SELECT value FROM json_each(?1))"
    )))
    .bind(json_numbers(fitting.iter().map(|(_, _, number)| *number)))
    .fetch_all(&mut *transaction)
    .await?;
    let mut by_number = HashMap::new();
    for row in &rows {
        by_number.insert(row.try_get::<i64, _>(0)?, node_at(row)?);
    }
    Ok(fitting.iter().filter_map(|(_, _, number)| by_number.remove(number)).collect())
}
