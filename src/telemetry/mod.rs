//! Log file and crash report. Set up once by `cli`, before anything else can fail.

pub mod crash;
pub mod log;
mod redact;

pub use redact::redact;
