//! Search: evaluation.
