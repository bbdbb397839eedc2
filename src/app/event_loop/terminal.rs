//! The terminal's modes: entered, left, given away for a while, always given back. Called by the loop and the panic hook.
//!
//! Nothing is ever asked of the terminal: an answer may come late, go to somebody else, or not come at all.

use std::io::{self, BufWriter, Stdout, Write};
use std::os::fd::AsFd;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture};
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode,
};
use crossterm::{cursor, execute, queue};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

/// Bytes gathered before they go to the terminal: a frame in one write.
const BUFFER_BYTES: usize = 64 * 1024;

/// What another program may have left behind: colours, another alphabet, a part of the screen that scrolls, keys in
/// their application mode, lines that do not wrap.
const PLAIN: &[u8] = b"\x1b[0m\x1b(B\x0f\x1b[?6l\x1b[r\x1b[4l\x1b[?1l\x1b>\x1b[?7h";

/// The mode the terminal was found in: what it gets back at the end, whatever a program left it in meanwhile.
static FOUND: OnceLock<Termios> = OnceLock::new();

/// Whether the terminal is ours to draw on.
static IS_OURS: AtomicBool = AtomicBool::new(false);

/// Where frames go: nowhere while the terminal is not ours. So nothing that is still to be said when it is given away
/// or gone (showing the cursor, say) can disturb anybody or fail.
pub(super) struct Frames(Stdout);

impl Write for Frames {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !IS_OURS.load(Ordering::Relaxed) {
            return Ok(bytes.len());
        }
        patiently(|| self.0.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        if IS_OURS.load(Ordering::Relaxed) { patiently(|| self.0.flush()) } else { Ok(()) }
    }
}

/// A program that had the terminal may have left it in a mode in which a full line is an error.
fn patiently<T>(mut work: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match work() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let out = io::stdout();
                match poll(&mut [PollFd::new(&out, PollFlags::OUT)], None) {
                    Ok(_) | Err(Errno::INTR) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            other => return other,
        }
    }
}

/// Where frames go.
pub(super) fn output() -> BufWriter<Frames> {
    BufWriter::with_capacity(BUFFER_BYTES, Frames(io::stdout()))
}

/// Gives the terminal back on drop, however the app ends.
pub(super) struct Guard {
    mouse: bool,
}

impl Guard {
    /// Takes the terminal.
    pub(super) fn enter(mouse: bool) -> io::Result<Self> {
        let guard = Self { mouse };
        guard.take()?;
        Ok(guard)
    }

    /// Gives the terminal to somebody else.
    #[expect(clippy::unused_self, reason = "only who holds the terminal can give it away")]
    pub(super) fn give(&self) {
        restore_terminal();
    }

    /// Takes the terminal, back or anew: whoever had it may have left it in any mode.
    pub(super) fn take(&self) -> io::Result<()> {
        blocking(&io::stdin());
        blocking(&io::stdout());
        if let Ok(found) = tcgetattr(io::stdin()) {
            let _ = FOUND.set(found);
        }
        // What raw mode keeps as the mode before is the one that was found, not the one a program left.
        cooked();
        enable_raw_mode()?;
        IS_OURS.store(true, Ordering::Relaxed);
        let mut out = io::stdout();
        out.write_all(PLAIN)?;
        queue!(out, EnterAlternateScreen, EnableBracketedPaste, cursor::Hide)?;
        if self.mouse {
            queue!(out, EnableMouseCapture)?;
        }
        out.flush()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        restore_terminal();
    }
}

/// Takes the mode away in which nothing to read, or a full line, is an error: it belongs to whoever shares the terminal.
fn blocking(file: &impl AsFd) {
    if let Ok(flags) = rustix::fs::fcntl_getfl(file)
        && flags.contains(OFlags::NONBLOCK)
    {
        let _ = rustix::fs::fcntl_setfl(file, flags.difference(OFlags::NONBLOCK));
    }
}

/// Puts the terminal back as it was: harmless when it already is. The first thing a panic does.
pub fn restore_terminal() {
    if !IS_OURS.swap(false, Ordering::Relaxed) {
        return;
    }
    // Nothing can be done about a terminal that is gone.
    let _ = execute!(io::stdout(), DisableMouseCapture, DisableBracketedPaste, LeaveAlternateScreen, cursor::Show);
    cooked();
}

/// Back to the mode the terminal was found in.
fn cooked() {
    let _ = disable_raw_mode();
    if let Some(found) = FOUND.get() {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, found);
    }
}

/// Sends what is still to be said nowhere when the terminal it would go to hung up: to write there is an error, and
/// whoever prints without looking would take it for a crash.
pub fn let_go_of_a_dead_terminal() {
    let is_dead = |file: &dyn AsFd| matches!(tcgetattr(file.as_fd()), Err(Errno::IO));
    let (out, err) = (is_dead(&io::stdout()), is_dead(&io::stderr()));
    if !(out || err) {
        return;
    }
    let Ok(nowhere) = std::fs::File::options().write(true).open("/dev/null") else { return };
    if out {
        let _ = rustix::stdio::dup2_stdout(&nowhere);
    }
    if err {
        let _ = rustix::stdio::dup2_stderr(&nowhere);
    }
}

/// Lets the terminal show a frame at once instead of as it arrives.
pub(super) fn synchronized(draw: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let mut out = Frames(io::stdout());
    queue!(out, BeginSynchronizedUpdate)?;
    let result = draw();
    queue!(out, EndSynchronizedUpdate)?;
    out.flush()?;
    result
}

/// Sends the terminal a request that draws nothing.
pub(super) fn send(request: &[u8]) -> io::Result<()> {
    let mut out = Frames(io::stdout());
    out.write_all(request)?;
    out.flush()
}
