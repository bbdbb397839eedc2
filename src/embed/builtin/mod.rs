//! The two models inside the binary.
