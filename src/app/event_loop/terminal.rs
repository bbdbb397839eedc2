//! The terminal's modes: entered, left, given away for a while, always given back. Called by the loop and the panic hook.

use std::io::{self, BufWriter, Stdout, Write};

use crossterm::clipboard::CopyToClipboard;
use crossterm::event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture};
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode,
};
use crossterm::{cursor, execute, queue};

/// Bytes gathered before they go to the terminal: a frame in one write.
const BUFFER_BYTES: usize = 64 * 1024;

/// Where frames go.
pub(super) fn output() -> BufWriter<Stdout> {
    BufWriter::with_capacity(BUFFER_BYTES, io::stdout())
}

/// Gives the terminal back on drop, however the app ends.
pub(super) struct Guard {
    mouse: bool,
}

impl Guard {
    pub(super) fn enter(mouse: bool) -> io::Result<Self> {
        enter(mouse)?;
        Ok(Self { mouse })
    }

    /// Gives the terminal to something else and takes it back.
    pub(super) fn hand_over<T>(&mut self, work: impl FnOnce() -> T) -> io::Result<T> {
        restore_terminal();
        let result = work();
        enter(self.mouse)?;
        Ok(result)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        restore_terminal();
    }
}

fn enter(mouse: bool) -> io::Result<()> {
    enable_raw_mode()?;
    let mut out = io::stdout();
    queue!(out, EnterAlternateScreen, EnableBracketedPaste, cursor::Hide)?;
    if mouse {
        queue!(out, EnableMouseCapture)?;
    }
    out.flush()
}

/// Puts the terminal back as it was: harmless when it already is. The first thing a panic does.
pub fn restore_terminal() {
    // Nothing can be done about a terminal that is gone.
    let _ = execute!(io::stdout(), DisableMouseCapture, DisableBracketedPaste, LeaveAlternateScreen, cursor::Show);
    let _ = disable_raw_mode();
}

/// Lets the terminal show a frame at once instead of as it arrives.
pub(super) fn synchronized(draw: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let mut out = io::stdout();
    queue!(out, BeginSynchronizedUpdate)?;
    let result = draw();
    queue!(out, EndSynchronizedUpdate)?;
    out.flush()?;
    result
}

/// To the clipboard of whoever looks at this terminal (OSC 52), through tmux as well.
pub(super) fn copy(text: &str) -> io::Result<()> {
    let mut out = io::stdout();
    if std::env::var_os("TMUX").is_some() {
        let mut sequence = Vec::new();
        queue!(sequence, CopyToClipboard::to_clipboard_from(text))?;
        let doubled = String::from_utf8_lossy(&sequence).replace('\u{1b}', "\u{1b}\u{1b}");
        write!(out, "\u{1b}Ptmux;{doubled}\u{1b}\\")?;
        return out.flush();
    }
    execute!(out, CopyToClipboard::to_clipboard_from(text))
}
