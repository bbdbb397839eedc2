//! Log file, crash report and metrics. Set up once by `cli`, before anything else can fail.

pub mod crash;
pub mod log;
pub mod metrics;
pub mod private;
mod redact;
mod rolling;
pub mod unclean;

pub use redact::redact;
