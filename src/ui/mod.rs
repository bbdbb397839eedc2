//! The screens: pure functions from state to buffer. No clock, no lock, no channel, no await.
//!
//! ```text
//!  Peanut  1 Home  2 Search  3 Intake …                    ● store ● graph ● embed
//! ┌ pane ─────────────────────────────┐┌ pane ─────────────────────────────────────┐
//! │                                   ││                                           │
//! └───────────────────────────────────┘└───────────────────────────────────────────┘
//!  / search  a add  n note  ? help                     18.2k chunks · 41 pending
//! ```
//!
//! `view` lays out, `panes` draw one region each, `widgets` are what they share. Called by `app::event_loop` and tests.

mod panes;
mod theme;
mod view;
mod widgets;

pub use theme::Colours;
pub use view::{ViewCx, view};
