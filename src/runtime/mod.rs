//! Puts the house together and runs it.
