//! `/graph/nodes`: people, documents and concepts, and what they are connected with.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::Api;
use crate::api::documents::{LimitParameter, page_size};
use crate::api::error::{Code, Problem};
use crate::api::extract::{Parameters, PathId, id as read_id};
use crate::domain::graph::{Edge, Node, NodeLabel};

/// Which nodes to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct NodeParameters {
    /// Only these.
    #[param(inline)]
    label: Option<NodeLabel>,
    /// Nodes on a page.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[param(format = "uuid", value_type = Option<String>)]
    cursor: Option<String>,
}

/// A page of nodes.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NodeList {
    /// By id. Those that nothing is connected with any more are left out.
    nodes: Vec<Node>,
    /// Begins the next page; missing on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// A node with its surroundings.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Surroundings {
    /// The node itself first, then its neighbours.
    nodes: Vec<Node>,
    /// Edges between them, those that are true now first.
    edges: Vec<Edge>,
}

/// Lists nodes of the graph.
#[utoipa::path(
    get, path = "/graph/nodes", tag = "graph", operation_id = "list_nodes", params(NodeParameters),
    responses((status = 200, description = "A page of nodes", body = NodeList))
)]
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    Parameters(asked): Parameters<NodeParameters>,
) -> Result<Json<NodeList>, Problem> {
    let limit = page_size(asked.limit, 50)?;
    let after = asked.cursor.as_deref().map(read_id).transpose();
    let after = after.map_err(|_| Problem::invalid("cursor", "send next_cursor of the page before, as it came"))?;
    let nodes = api.graph.nodes(asked.label, after, limit).await?;
    let is_full = u32::try_from(nodes.len()).is_ok_and(|count| count == limit);
    let next_cursor = nodes.last().filter(|_| is_full).map(|node| node.id().to_string());
    Ok(Json(NodeList { nodes, next_cursor }))
}

/// A node of the graph and its neighbours.
#[utoipa::path(
    get, path = "/graph/nodes/{id}", tag = "graph", operation_id = "get_node",
    params(("id" = String, Path, format = "uuid", description = "The node"), LimitParameter),
    responses((status = 200, description = "The node, its neighbours, and the edges between them", body = Surroundings))
)]
pub(super) async fn one(
    State(api): State<Arc<Api>>,
    id: PathId,
    Parameters(asked): Parameters<LimitParameter>,
) -> Result<Json<Surroundings>, Problem> {
    let around = api.graph.neighbourhood(id.0, page_size(asked.limit, 10)?).await?;
    if around.nodes.is_empty() {
        return Err(Problem::new(Code::NotFound, format!("there is no node {}", id.0)));
    }
    Ok(Json(Surroundings { nodes: around.nodes, edges: around.edges }))
}
