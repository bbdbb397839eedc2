//! One region each: what it shows of the state, in every size it may get.

mod intake;
mod log;
mod outbox;
mod overlays;
mod reader;
mod search;
mod services;
mod settings;
mod welcome;

pub(super) use intake::intake;
pub(super) use log::log;
pub(super) use outbox::outbox;
pub(super) use overlays::{overlay, toasts};
pub(super) use reader::reader;
pub(super) use search::{preview, search};
pub(super) use services::services;
pub(super) use settings::settings;
pub(super) use welcome::{failed, welcome};
