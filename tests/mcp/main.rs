//! Keys, limits and the Model Context Protocol as their users meet them: the real binary as an agent's child at its standard
//! streams, and as a server on loopback; and nothing it ever writes holds a secret.
#![expect(clippy::expect_used, reason = "a test that cannot go on has failed")]

mod http;
mod keys;
mod killers;
mod secrets;
mod stdio;
mod support;
