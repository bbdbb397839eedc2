//! Search: metrics.
