//! The process itself: is it there, can it serve, what does it count.

use std::sync::OnceLock;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use super::app::App;
use super::problem::{Code, Problem};

/// Upper bounds of the latency histogram, in seconds: from a cached answer to a large upload.
const LATENCY_SECONDS: [f64; 12] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0, 300.0];

pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// Ready means: everything that this node needs is there, and nobody asked the service to stop.
pub(super) async fn readyz(State(app): State<App>) -> Result<&'static str, Problem> {
    if app.stopping().is_cancelled() {
        return Err(Problem::busy(Code::Unavailable, 5, "readiness was asked for while stopping"));
    }
    let lacks = app.lacks().await;
    if lacks.is_empty() {
        return Ok("ready\n");
    }
    Err(Problem::busy(Code::Unavailable, 5, lacks.join("; ")).member("lacks", lacks))
}

pub(super) async fn metrics(State(app): State<App>) -> impl IntoResponse {
    super::bounded::measure(&app).await;
    if let Some(plane) = app.plane() {
        metrics::gauge!("strongroom_log_size").set(*plane.log().grown().borrow() as f64);
    }
    let handle = recorder();
    handle.run_upkeep();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], handle.render())
}

/// The recorder of the process: one, however many services run in it.
pub(super) fn recorder() -> &'static PrometheusHandle {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    RECORDER.get_or_init(|| {
        let builder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &LATENCY_SECONDS)
            .expect("there are buckets");
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        // A program that embeds us may have a recorder of its own; then that one counts, and this page is empty.
        let _ = metrics::set_global_recorder(recorder);
        handle
    })
}
