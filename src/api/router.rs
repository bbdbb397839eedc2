//! Which route is answered by whom, behind which scope, and what lies around all of them.

use std::any::Any;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::auth::Scope;
use crate::api::error::{Code, Problem};
use crate::api::gate::{self, Gate};
use crate::api::mcp::{self, Asker, Mcp};
use crate::api::openapi::{Frame, finished, note_scope};
use crate::api::{Api, config, documents, events, graph, health, ingest, metrics, observe, search, status};

type Routes = OpenApiRouter<Arc<Api>>;

/// Every route, ready to be served.
pub fn router(api: &Arc<Api>) -> Router {
    let open = Routes::with_openapi(Frame::openapi())
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(health::health));
    let read = Routes::new()
        .routes(routes!(search::search))
        .routes(routes!(documents::list))
        .routes(routes!(documents::one))
        .routes(routes!(documents::text))
        .routes(routes!(documents::thread))
        .routes(routes!(documents::similar))
        .routes(routes!(documents::status))
        .routes(routes!(graph::list))
        .routes(routes!(graph::one))
        .routes(routes!(status::get))
        .routes(routes!(events::get))
        .routes(routes!(metrics::get))
        .routes(routes!(config::get));
    let write = Routes::new().routes(routes!(ingest::text));
    let admin = Routes::new().routes(routes!(config::change));
    let routes = open.merge(behind(api, Scope::Read, read)).merge(behind(api, Scope::Write, write)).merge(behind(
        api,
        Scope::Admin,
        admin,
    ));
    let (router, document) = routes.split_for_parts();
    let document = Arc::new(finished(&document));
    let document = move || {
        let document = Arc::clone(&document);
        async move { Json((*document).clone()) }
    };
    let router = router.route("/openapi.json", get(document)).with_state(Arc::clone(api)).merge(agents(api));
    around(api, router)
}

/// The Model Context Protocol. Whoever may read may ask; what needs more is told apart by the tool.
fn agents(api: &Arc<Api>) -> Router {
    let tools = Mcp::new(
        Arc::clone(&api.store),
        Arc::clone(&api.search),
        Arc::clone(&api.intake),
        Arc::clone(&api.graph),
        Asker::OfRequest,
        api.options.mcp_personal_data,
    );
    let service = mcp::http::service(tools, &api.options.allowed_origins);
    let gate = from_fn_with_state(Gate { api: Arc::clone(api), needed: Scope::Read }, gate::pass);
    Router::new().route_service("/mcp", service).route_layer(from_fn(mcp::http::as_problems)).route_layer(gate)
}

/// What a scraper on an address of its own may ask.
pub fn metrics_router(api: &Arc<Api>) -> Router {
    let router = Router::new()
        .route("/metrics", get(metrics::get))
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/health", get(health::health))
        .with_state(Arc::clone(api));
    around(api, router)
}

/// A group of routes that needs a scope.
fn behind(api: &Arc<Api>, needed: Scope, mut routes: Routes) -> Routes {
    note_scope(routes.get_openapi_mut(), needed);
    routes.route_layer(from_fn_with_state(Gate { api: Arc::clone(api), needed }, gate::pass))
}

/// The layers around everything, the outermost last.
fn around(api: &Arc<Api>, router: Router) -> Router {
    let mut router = router
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .layer(from_fn_with_state(Arc::clone(api), in_time))
        .layer(CatchPanicLayer::custom(panicked));
    if !api.options.allowed_origins.is_empty() {
        router = router.layer(cors(&api.options.allowed_origins));
    }
    router.layer(from_fn_with_state(Arc::clone(api), observe::around)).layer(CompressionLayer::new())
}

/// Pages of other origins may read answers only where the settings name them.
fn cors(origins: &[String]) -> CorsLayer {
    let origins: Vec<HeaderValue> = origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect();
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([
            header::CONTENT_TYPE,
            header::AUTHORIZATION,
            HeaderName::from_static("x-api-key"),
            HeaderName::from_static("idempotency-key"),
        ])
        .expose_headers([observe::REQUEST_ID, header::LOCATION, header::RETRY_AFTER])
}

async fn in_time(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let limit = api.options.request_timeout;
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::new(Code::TooSlow, format!("no answer within {} s; try again", limit.as_secs()))
            .retry_after(1)
            .into_response(),
    }
}

async fn no_route(request: Request) -> Problem {
    Problem::new(Code::NotFound, format!("there is no {}; /openapi.json lists what there is", request.uri().path()))
}

async fn no_method(request: Request) -> Problem {
    Problem::new(Code::MethodNotAllowed, format!("{} does not take {}", request.uri().path(), request.method()))
}

/// The panic itself is in the log and the crash report by now.
fn panicked(_: Box<dyn Any + Send>) -> Response {
    Problem::new(Code::Internal, "Peanut made a mistake; the crash report tells more").into_response()
}
