//! The application without a screen: state, messages, pure `update`, and the drivers that do its IO.
//!
//! `event_loop` is the only caller of `ui::view`; everything else here knows no terminal. Services come in
//! through [`ports::Services`], implemented by `runtime`.

pub mod ports;
