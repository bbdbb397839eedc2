//! The HTTP door: the same services as the screens, for scripts, agents and Prometheus.

pub mod auth;
