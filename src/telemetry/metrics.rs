//! The numbers of this process for Prometheus: counted where things happen, read when somebody scrapes.
//!
//! Owns the histograms and counters (one set per process, like the log) and the text format; the only room that names
//! the prometheus library. What the store knows is asked at scrape time by `api::metrics` and written here as gauges.

use std::fmt::Write as _;
use std::sync::LazyLock;

use prometheus::core::Collector as _;
use prometheus::proto::MetricFamily;
use prometheus::{GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, TextEncoder};

/// Searches take a millisecond on a small store and seconds on one that hangs.
const QUERY_BUCKETS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// From offered to searchable: a text that is posted takes milliseconds, the last file of a large archive an hour.
const INGEST_BUCKETS: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0];
const REQUEST_BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0, 30.0];

struct Counted {
    queries: Histogram,
    ingests: Histogram,
    requests: IntCounterVec,
    request_seconds: HistogramVec,
    in_flight: IntGauge,
}

impl Counted {
    fn new() -> prometheus::Result<Self> {
        let histogram =
            |name: &str, help: &str, buckets: &[f64]| HistogramOpts::new(name, help).buckets(buckets.to_vec());
        Ok(Self {
            queries: Histogram::with_opts(histogram(
                "pkg_query_latency_seconds",
                "Duration of searches of this process.",
                &QUERY_BUCKETS,
            ))?,
            ingests: Histogram::with_opts(histogram(
                "pkg_ingest_latency_seconds",
                "Time from a file or text being offered to it being searchable.",
                &INGEST_BUCKETS,
            ))?,
            requests: IntCounterVec::new(
                Opts::new("pkg_http_requests_total", "HTTP requests answered."),
                &["method", "route", "status"],
            )?,
            request_seconds: HistogramVec::new(
                histogram("pkg_http_request_duration_seconds", "Duration of HTTP requests.", &REQUEST_BUCKETS),
                &["route"],
            )?,
            in_flight: IntGauge::new("pkg_http_requests_in_flight", "HTTP requests being answered now.")?,
        })
    }
}

/// Names and buckets are constants of this file: it fails never or always, and a test sees that.
static COUNTED: LazyLock<Option<Counted>> = LazyLock::new(|| match Counted::new() {
    Ok(counted) => Some(counted),
    Err(error) => {
        tracing::error!(%error, "metrics_not_made");
        None
    }
});

/// A search took this long.
pub fn observe_query(seconds: f64) {
    if let Some(counted) = &*COUNTED {
        counted.queries.observe(seconds);
    }
}

/// A file or text became searchable this long after it was offered.
pub fn observe_ingest(seconds: f64) {
    if let Some(counted) = &*COUNTED {
        counted.ingests.observe(seconds);
    }
}

/// An HTTP request was answered. `method` and `route` come from closed sets: the router's own names.
pub fn observe_request(method: &str, route: &str, status: u16, seconds: f64) {
    if let Some(counted) = &*COUNTED {
        counted.requests.with_label_values(&[method, route, &status.to_string()]).inc();
        counted.request_seconds.with_label_values(&[route]).observe(seconds);
    }
}

/// HTTP requests being answered now.
#[must_use]
pub fn requests_in_flight() -> u64 {
    COUNTED.as_ref().map_or(0, |counted| u64::try_from(counted.in_flight.get()).unwrap_or(0))
}

/// Counts a request as in flight until dropped, however it ends.
#[must_use]
pub fn request_in_flight() -> InFlight {
    if let Some(counted) = &*COUNTED {
        counted.in_flight.inc();
    }
    InFlight(())
}

/// See [`request_in_flight`].
#[derive(Debug)]
pub struct InFlight(());

impl Drop for InFlight {
    fn drop(&mut self) {
        if let Some(counted) = &*COUNTED {
            counted.in_flight.dec();
        }
    }
}

/// One page of numbers: what this process counted, and gauges added for the occasion.
#[derive(Default)]
pub struct Exposition {
    families: Vec<MetricFamily>,
    untyped: Vec<&'static str>,
}

/// `Content-Type` of [`Exposition::text`].
pub const TEXT_FORMAT: &str = prometheus::TEXT_FORMAT;

impl Exposition {
    /// What this process counted so far.
    #[must_use]
    pub fn of_process() -> Self {
        let mut families = Vec::new();
        if let Some(counted) = &*COUNTED {
            families.extend(counted.queries.collect());
            families.extend(counted.ingests.collect());
            families.extend(counted.requests.collect());
            families.extend(counted.request_seconds.collect());
            families.extend(counted.in_flight.collect());
        }
        // A family nobody has counted in yet has nothing to say.
        families.retain(|family| !family.get_metric().is_empty());
        Self { families, untyped: Vec::new() }
    }

    /// Adds a gauge with one sample per set of label values; without samples the family is left out.
    pub fn gauge(&mut self, name: &'static str, help: &str, labels: &[&str], samples: &[(&[&str], f64)]) {
        if samples.is_empty() {
            return;
        }
        match GaugeVec::new(Opts::new(name, help), labels) {
            Ok(gauge) => {
                for (values, sample) in samples {
                    gauge.with_label_values(values).set(*sample);
                }
                self.families.extend(gauge.collect());
            }
            Err(error) => tracing::error!(name, %error, "metrics_not_made"),
        }
    }

    /// As `gauge`, for a name that ends in `_total` by contract though its value may fall: it is exposed without a type.
    pub fn untyped(&mut self, name: &'static str, help: &str, labels: &[&str], samples: &[(&[&str], f64)]) {
        self.gauge(name, help, labels, samples);
        self.untyped.push(name);
    }

    /// The page in Prometheus's text format, families by name.
    #[must_use]
    pub fn text(mut self) -> String {
        self.families.sort_by(|a, b| a.name().cmp(b.name()));
        let mut text = match TextEncoder::new().encode_to_string(&self.families) {
            Ok(text) => text,
            Err(error) => {
                tracing::error!(%error, "metrics_not_written");
                return String::new();
            }
        };
        for name in self.untyped {
            let mut line = String::new();
            let _ = write!(line, "# TYPE {name} ");
            text = text.replace(&format!("{line}gauge\n"), &format!("{line}untyped\n"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_counted_is_written() {
        observe_query(0.003);
        observe_ingest(2.0);
        observe_request("GET", "/search", 200, 0.01);
        let mut page = Exposition::of_process();
        page.untyped("pkg_test_total", "A test.", &["status"], &[(&["done"], 3.0)]);
        page.gauge("pkg_test_empty", "Nothing.", &[], &[]);
        let text = page.text();
        for line in [
            "# TYPE pkg_query_latency_seconds histogram",
            "pkg_query_latency_seconds_bucket{le=\"0.005\"} ",
            "pkg_ingest_latency_seconds_bucket{le=\"5\"} ",
            "pkg_http_requests_total{method=\"GET\",route=\"/search\",status=\"200\"} ",
            "# TYPE pkg_test_total untyped\npkg_test_total{status=\"done\"} 3",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
        assert!(!text.contains("pkg_test_empty"));
    }

    #[test]
    fn requests_in_flight_come_and_go() {
        let before = requests_in_flight();
        let one = request_in_flight();
        assert!(requests_in_flight() > 0);
        drop(one);
        assert!(requests_in_flight() <= before + 1);
    }
}
