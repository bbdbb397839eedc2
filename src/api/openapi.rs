//! The document at `/openapi.json`: what `utoipa` made of the handlers, and the answers that every route may give.

use serde_json::{Map, Value, json};
use utoipa::OpenApi;

use crate::api::auth::Scope;
use crate::api::error::ProblemBody;

/// The parts that no handler says.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Peanut",
        description = "A self-hosted personal knowledge graph: search, ingest, documents, graph and operations.\n\n\
            Errors are application/problem+json with a stable `code`. Times are milliseconds since 1970-01-01T00:00:00Z. \
            Keys go into X-API-Key (or Authorization: Bearer); a listener on loopback of a store without keys needs none."
    ),
    components(schemas(ProblemBody)),
    tags(
        (name = "search", description = "Find"),
        (name = "documents", description = "Read"),
        (name = "ingest", description = "Take in"),
        (name = "graph", description = "Who and what is connected"),
        (name = "config", description = "Change what can be changed while running"),
        (name = "operations", description = "How the machine is"),
    )
)]
pub(super) struct Frame;

/// What a scope is called in the document.
const SCOPE: &str = "x-scope";

/// Notes on every route of a group which scope it needs; [`finished`] turns the note into answers.
pub(super) fn note_scope(document: &mut utoipa::openapi::OpenApi, scope: Scope) {
    for path in document.paths.paths.values_mut() {
        for operation in [&mut path.get, &mut path.post].into_iter().flatten() {
            let extensions = utoipa::openapi::extensions::ExtensionsBuilder::new().add(SCOPE, scope.as_str()).build();
            operation.extensions = Some(extensions);
        }
    }
}

/// The document as it is served: with the problems each route may answer, its keys, and `HEAD` beside every `GET`.
pub(super) fn finished(document: &utoipa::openapi::OpenApi) -> Value {
    let mut document = serde_json::to_value(document).unwrap_or_else(|error| json!({ "error": error.to_string() }));
    document["components"]["securitySchemes"] = json!({
        "key": { "type": "apiKey", "in": "header", "name": "X-API-Key" },
        "bearer": { "type": "http", "scheme": "bearer" },
    });
    let paths = document["paths"].as_object_mut();
    for operation in paths.into_iter().flat_map(|paths| paths.values_mut()).filter_map(Value::as_object_mut) {
        for operation in operation.values_mut().filter_map(Value::as_object_mut) {
            complete(operation);
        }
    }
    document
}

/// Adds what a route may answer besides what its handler says.
fn complete(operation: &mut Map<String, Value>) {
    let has_body = operation.contains_key("requestBody");
    let parameters = operation.get("parameters").and_then(Value::as_array).cloned().unwrap_or_default();
    let names_one = parameters.iter().any(|parameter| parameter["in"] == "path");
    let scope = operation.get(SCOPE).and_then(Value::as_str).map(str::to_owned);
    let id = operation.get("operationId").and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut problems = vec![("500", "A mistake inside Peanut")];
    if has_body {
        problems.push(("400", "The body is not JSON, or ended early"));
        problems.push(("408", "The body did not come in time"));
        problems.push(("413", "The body is over its limit"));
        problems.push(("415", "The body is not application/json by its type"));
    }
    if has_body || !parameters.is_empty() {
        problems.push(("422", "A field, parameter or header is not possible; `errors` names it"));
    }
    if parameters.iter().any(|parameter| parameter["name"] == "Idempotency-Key") {
        problems.push(("409", "The Idempotency-Key was used for another request"));
    }
    if names_one {
        problems.push(("404", "There is no such thing"));
    }
    if let Some(scope) = scope {
        problems.push(("401", "A key is needed, or this one is not known"));
        problems.push(("403", "The key may not do this, or the host name is not served"));
        problems.push(("429", "Over the limit of this key or address"));
        operation.insert("security".to_owned(), json!([{ "key": [scope] }, { "bearer": [scope] }, {}]));
    }
    if id != "livez" && id != "health" {
        problems.push(("503", "The store, the graph or a place in time is missing; try again after Retry-After"));
    }
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    for (status, description) in problems {
        responses.entry(status).or_insert_with(|| problem(status, description));
    }
    for (_, answer) in responses.iter_mut() {
        answer["headers"]["X-Request-Id"] =
            json!({ "description": "The request, as the log names it", "schema": { "type": "string" } });
    }
}

fn problem(status: &str, description: &str) -> Value {
    let schema = json!({ "$ref": "#/components/schemas/Problem" });
    let mut problem = json!({
        "description": description,
        "content": { "application/problem+json": { "schema": schema } },
    });
    if matches!(status, "429" | "503") {
        problem["headers"]["Retry-After"] =
            json!({ "description": "Seconds to wait", "schema": { "type": "integer", "minimum": 1 } });
    }
    problem
}
