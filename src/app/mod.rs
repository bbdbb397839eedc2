//! The application without a screen: state, messages, pure `update`, and the drivers that do its IO.
//!
//! A key becomes a [`command::Command`] through the keymap; commands and [`event::Event`]s change the [`state::State`]
//! and yield [`effect::Effect`]s; `drivers` carry those out and answer with events. `event_loop` is the only part that
//! knows a terminal and the only caller of `ui::view`.

pub mod command;
pub mod drivers;
pub mod effect;
pub mod event;
pub mod event_loop;
pub mod keymap;
pub mod ports;
pub mod state;
pub mod update;

pub use event_loop::{AppOptions, ExitReason, Surroundings, let_go_of_a_dead_terminal, restore_terminal, run};
pub use state::Theme;

/// Panics on the screen's thread when `PEANUT_PANIC=screen` says so, for the test that looks at what a crash leaves.
fn planned_panic() {
    assert!(std::env::var("PEANUT_PANIC").as_deref() != Ok("screen"), "PEANUT_PANIC=screen asked for this");
}
