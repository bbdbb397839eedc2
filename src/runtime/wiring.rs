//! Runtime: wiring.
