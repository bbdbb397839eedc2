//! Probes and the status picture.
