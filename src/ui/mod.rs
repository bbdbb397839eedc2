//! The screens: pure functions from state to buffer.
