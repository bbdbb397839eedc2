//! Notices a graph that is not the one this store wrote, and has it written anew from the store.
//!
//! Every graph outside the store carries a mark, and the store remembers the mark it writes to. A service restarted
//! without its data, an emptied graph, or a switch of engines shows as another mark or none. Called by the relay and
//! `peanut check --rebuild-graph`.

use uuid::Uuid;

use crate::domain::Timestamp;
use crate::store::{SharedStore, StoreError};

use super::{GraphError, GraphErrorKind, GraphSink, GraphState};

/// Setting of the store that holds the mark: `<engine>/<store>/<generation>`.
const MARK: &str = "graph.mark";
/// The engine's part of the mark while the graph lives in the store's own tables.
const EMBEDDED: &str = "embedded";
/// The engine's part of the mark of a graph outside the store.
const OUTSIDE: &str = "service";

fn store_failed(operation: &'static str) -> impl FnOnce(StoreError) -> GraphError {
    move |error| GraphError {
        kind: GraphErrorKind::Unavailable,
        operation,
        key: String::new(),
        message: error.to_string(),
    }
}

/// Makes sure that the graph is the one the store wrote; otherwise empties it and queues every document. Returns how
/// many events were queued; `None` when all was well.
///
/// # Errors
/// When the graph does not answer or the store cannot be read or written.
pub async fn ensure(store: &SharedStore, graph: &dyn GraphSink, now: Timestamp) -> Result<Option<u64>, GraphError> {
    let held = graph.state().await?;
    let known = store.setting(MARK).await.map_err(store_failed("read the graph's mark"))?;
    let is_ours = match (&held, &known) {
        (GraphState::Embedded, None) => true,
        (GraphState::Embedded, Some(known)) => known.starts_with(EMBEDDED),
        (GraphState::Marked(held), Some(known)) => held == known,
        (GraphState::Marked(_) | GraphState::Blank, _) => false,
    };
    if is_ours {
        if let Some(known) = known {
            graph.expect(&known);
        }
        return Ok(None);
    }
    tracing::warn!(?held, ?known, "graph_rebuild");
    rebuild(store, graph, now).await.map(Some)
}

/// Empties the graph and queues every document for delivery. Returns how many events wait now.
///
/// # Errors
/// When the graph cannot be emptied or the store cannot be written.
pub async fn rebuild(store: &SharedStore, graph: &dyn GraphSink, now: Timestamp) -> Result<u64, GraphError> {
    let known = store.setting(MARK).await.map_err(store_failed("read the graph's mark"))?;
    let engine = if graph.state().await? == GraphState::Embedded { EMBEDDED } else { OUTSIDE };
    let mark = next_mark(known.as_deref(), engine, &location(store).await?, now);
    graph.begin(&mark).await?;
    let queued = store.replay_documents(now).await.map_err(store_failed("queue documents for the graph"))?;
    // Last: a crash before this line leaves a mark the store does not know, and all is done again.
    store.put_setting(MARK, &mark, now).await.map_err(store_failed("remember the graph's mark"))?;
    tracing::info!(queued, mark, "graph_begun");
    Ok(queued)
}

async fn location(store: &SharedStore) -> Result<String, GraphError> {
    store.info().await.map(|info| info.location).map_err(store_failed("read store info"))
}

/// The mark after `known`: the same store, one generation on, so that two processes that find the same loss at the same
/// time agree on what they write.
fn next_mark(known: Option<&str>, engine: &str, location: &str, now: Timestamp) -> String {
    let parts: Option<(&str, u64)> = known.and_then(|known| {
        let (rest, generation) = known.rsplit_once('/')?;
        Some((rest.split_once('/')?.1, generation.parse().ok()?))
    });
    let (store, generation) = parts.map_or_else(
        || {
            let name = format!("{location} {}", now.0);
            (Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes()).to_string(), 0)
        },
        |(store, generation)| (store.to_owned(), generation),
    );
    format!("{engine}/{store}/{}", generation.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_keep_the_store_and_count_on() {
        let first = next_mark(None, OUTSIDE, "/data/peanut.db", Timestamp(7));
        assert!(first.starts_with("service/") && first.ends_with("/1"), "{first}");
        let second = next_mark(Some(&first), EMBEDDED, "/elsewhere", Timestamp(8));
        assert_eq!(second, first.replace("service/", "embedded/").replace("/1", "/2"));
        assert_ne!(next_mark(Some("nonsense"), OUTSIDE, "", Timestamp(0)), "nonsense");
    }
}
