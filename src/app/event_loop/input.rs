//! From the terminal's events to ours. Called by the loop.

use crossterm::event::{Event as TerminalEvent, KeyEventKind, MouseButton, MouseEventKind};
use tui_textarea::Input;

use crate::app::event::Event;

/// Our event, or `None` for what nobody needs (key releases, mouse moves).
pub(super) fn translate(event: TerminalEvent) -> Option<Event> {
    match event {
        TerminalEvent::Key(key) if key.kind == KeyEventKind::Release => None,
        TerminalEvent::Key(key) => {
            let shifted_tab = key.code == crossterm::event::KeyCode::BackTab;
            let mut input = Input::from(key);
            if shifted_tab {
                input.key = tui_textarea::Key::Tab;
                input.shift = true;
            }
            Some(Event::Key(input))
        }
        TerminalEvent::Paste(text) => Some(Event::Pasted(text)),
        TerminalEvent::Resize(width, height) => Some(Event::Resized { width, height }),
        TerminalEvent::Mouse(mouse) => match mouse.kind {
            MouseEventKind::ScrollDown => Some(Event::Scrolled(3)),
            MouseEventKind::ScrollUp => Some(Event::Scrolled(-3)),
            MouseEventKind::Down(MouseButton::Left) => Some(Event::Clicked { column: mouse.column, row: mouse.row }),
            _ => None,
        },
        _ => None,
    }
}
