//! Every route on one screen: method, path, handler, and who may call. The OpenAPI document and the authorization tests
//! are made from this table, so a route that is not in it does not exist.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter};
use hyper::body::Incoming;
use tower::{Layer as _, Service, ServiceExt as _};

use super::app::App;
use super::{
    blobs, bytes, holds, keys, locks, log, manifests, openapi, orders, pins, plans, policies, problem,
    process, reads, receipts,
};
use super::{
    caller, collection, deletions, envelope, erasures, exchange, publications, repositories, retention,
    slices, status, tags, tiers, together, tokens, tus, uploads,
};

/// Who may call an operation. What depends on more than the token is decided by the use case behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Whoever reaches the port.
    Anyone,
    /// Whoever has a valid token; the use case decides what it may.
    Token,
    /// Whoever may pull from the repository; everyone, if it is public.
    Reader,
    /// Whoever may push to the repository.
    Depositor,
    /// Whoever may delete in the repository.
    Remover,
    /// Whoever may administer.
    Admin,
    /// Whoever may read the log; for one repository's events, whoever may pull from it.
    LogReader,
    /// Whoever holds a grant of the control plane for these bytes.
    Granted,
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation {
    /// The HTTP method.
    pub method: &'static str,
    /// The path; a repository name may hold slashes.
    pub path: &'static str,
    /// The handler, which names the operation.
    pub name: &'static str,
    /// Who may call it.
    pub who: Who,
}

macro_rules! operations {
    ($($who:ident $method:ident $path:literal $handler:path;)*) => {
        /// The whole table.
        pub const OPERATIONS: &[Operation] = &[
            $(Operation { method: stringify!($method), path: $path, name: stringify!($handler), who: Who::$who },)*
        ];

        fn table(app: &App) -> Router<App> {
            let admitted = |who, path, route: MethodRouter<App>| {
                route.route_layer(from_fn_with_state((app.clone(), who, path), caller::admit))
            };
            Router::new()
                $(.route($path, admitted(Who::$who, $path, MethodRouter::new().on(MethodFilter::$method, $handler))))*
        }
    };
}

operations! {
    Reader    GET     "/v1/repositories"                                         repositories::list;
    Token     POST    "/v1/repositories"                                         repositories::create;
    Reader    GET     "/v1/repositories/{repository}"                            repositories::get;
    Token     PUT     "/v1/repositories/{repository}"                            repositories::set;
    Depositor POST    "/v1/repositories/{repository}/-/uploads"                  uploads::open;
    Depositor POST    "/v1/repositories/{repository}/-/receipts"                 receipts::deliver;
    Reader    GET     "/v1/repositories/{repository}/-/manifests"                manifests::list;
    Reader    GET     "/v1/repositories/{repository}/-/manifests/{reference}"    manifests::get;
    Depositor PUT     "/v1/repositories/{repository}/-/manifests/{reference}"    manifests::accept;
    Depositor POST    "/v1/repositories/{repository}/-/publications"             publications::publish;
    Remover   POST    "/v1/repositories/{repository}/-/manifests/{reference}/deletion" deletions::delete;
    Reader    GET     "/v1/repositories/{repository}/-/manifests/{reference}/why" deletions::why;
    Reader    POST    "/v1/repositories/{repository}/-/manifests/{reference}/erasure" erasures::package;
    Reader    PUT     "/v1/repositories/{repository}/-/manifests/{reference}/lock" locks::extend;
    Reader    POST    "/v1/repositories/{repository}/-/manifests/{reference}/lock/bypass" locks::bypass;
    Reader    POST    "/v1/repositories/{repository}/-/reads"                    reads::grant;
    Reader    GET     "/v1/repositories/{repository}/-/blobs/{digest}"           blobs::get;
    Reader    GET     "/v1/repositories/{repository}/-/blobs/{digest}/content"   blobs::content;
    Reader    GET     "/v1/repositories/{repository}/-/damaged-blobs"            blobs::damaged;
    Reader    GET     "/v1/repositories/{repository}/-/tags"                     tags::list;
    Reader    GET     "/v1/repositories/{repository}/-/tags/{tag}"               tags::get;
    Depositor PUT     "/v1/repositories/{repository}/-/tags/{tag}"               tags::set;
    Remover   DELETE  "/v1/repositories/{repository}/-/tags/{tag}"               tags::remove;
    Reader    GET     "/v1/repositories/{repository}/-/pins"                     pins::list;
    Reader    GET     "/v1/repositories/{repository}/-/pins/{pin}"               pins::get;
    Depositor PUT     "/v1/repositories/{repository}/-/pins/{pin}"               pins::set;
    Remover   POST    "/v1/repositories/{repository}/-/pins/{pin}/release"       pins::release;
    Reader    GET     "/v1/repositories/{repository}/-/pins/{pin}/history"       pins::history;
    Reader    GET     "/v1/repositories/{repository}/-/retrievals"               tiers::retrievals;
    Admin     GET     "/v1/tokens"                                               tokens::list;
    Admin     POST    "/v1/tokens"                                               tokens::mint;
    Anyone    POST    "/v1/tokens/exchange"                                      exchange::exchange;
    Token     GET     "/v1/holds"                                                holds::list;
    Token     POST    "/v1/holds"                                                holds::place;
    Token     GET     "/v1/holds/{hold}"                                         holds::get;
    Token     POST    "/v1/holds/{hold}/release"                                 holds::release;
    Token     POST    "/v1/documents/{digest}/erasure"                          erasures::document;
    Token     GET     "/v1/tiers"                                                tiers::status;
    Token     POST    "/v1/tiers"                                                tiers::step;
    Token     POST    "/v1/retrievals"                                           tiers::retrieve;
    Token     GET     "/v1/retrievals/{retrieval}"                               tiers::retrieval;
    Token     GET     "/v1/collection"                                           collection::status;
    Token     POST    "/v1/collection"                                           collection::step;
    Token     POST    "/v1/receipts"                                             receipts::take;
    Admin     POST    "/v1/orders"                                               orders::relay;
    Token     POST    "/v1/orders/next"                                          orders::take;
    Token     POST    "/v1/reports"                                              orders::report;
    Token     POST    "/v1/objects/judgements"                                   orders::judge;
    Token     POST    "/v1/objects/discards"                                     orders::give_up;
    Token     GET     "/v1/policies"                                             policies::list;
    Token     GET     "/v1/policies/{policy}"                                    policies::get;
    Admin     PUT     "/v1/policies/{policy}"                                    policies::set;
    Admin     DELETE  "/v1/policies/{policy}"                                    policies::remove;
    Token     GET     "/v1/policies/{policy}/versions"                           policies::history;
    Token     POST    "/v1/retention/plan"                                       retention::plan;
    Token     POST    "/v1/retention/test"                                       retention::test;
    Token     POST    "/v1/plans"                                                plans::submit;
    Token     GET     "/v1/plans"                                                plans::list;
    Token     GET     "/v1/plans/{plan}"                                         plans::get;
    Token     GET     "/v1/plans/{plan}/documents"                               plans::documents;
    Token     POST    "/v1/plans/{plan}/approval"                                plans::approve;
    Token     POST    "/v1/plans/{plan}/application"                             plans::apply;
    Token     DELETE  "/v1/tokens/{token}"                                       tokens::revoke;
    Token     GET     "/v1/whoami"                                               tokens::whoami;
    Token     GET     "/v1/status"                                               status::status;
    Anyone    GET     "/v1/keys"                                                 keys::list;
    Token     POST    "/v1/keys"                                                 keys::add;
    Admin     DELETE  "/v1/keys/{key}"                                           keys::retire;
    Anyone    GET     "/.well-known/jwks.json"                                   keys::jwks;

    Anyone    GET     "/data/status"                                             status::data;
    Anyone    OPTIONS "/data/uploads"                                            tus::discover;
    Granted   POST    "/data/uploads"                                            tus::create;
    Anyone    OPTIONS "/data/uploads/{session}"                                  tus::discover;
    Granted   HEAD    "/data/uploads/{session}"                                  tus::status;
    Granted   PATCH   "/data/uploads/{session}"                                  tus::append;
    Granted   DELETE  "/data/uploads/{session}"                                  tus::terminate;
    Granted   PUT     "/data/blobs"                                              bytes::put;
    Granted   POST    "/data/blobs"                                              together::put;
    Granted   GET     "/data/blobs/{digest}"                                     bytes::get;
    Granted   GET     "/data/blobs/{digest}/slices"                              slices::get;

    LogReader GET     "/log/events"                                              log::events;
    LogReader GET     "/log/checkpoint"                                          log::checkpoint;
    LogReader GET     "/log/entries/{position}"                                  log::entry;

    Anyone    GET     "/healthz"                                                 process::healthz;
    Anyone    GET     "/readyz"                                                  process::readyz;
    Anyone    GET     "/metrics"                                                 process::metrics;
    Anyone    GET     "/openapi.json"                                            openapi::document;
}

/// The table as a service: what does not match is a problem, and every request goes through the envelope first.
pub(super) fn service(
    app: App,
) -> impl Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send> + Clone + Send {
    let idle = Duration::from_secs(app.limits().body_idle_seconds);
    let router = table(&app)
        .fallback(problem::unknown_route)
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(from_fn(tus::speak))
        .with_state(app);
    from_fn_with_state(idle, envelope::envelope)
        .layer(router)
        .map_request(|request: Request<Incoming>| request.map(Body::new))
}
