//! The one reader of the terminal: a thread that waits for bytes and hands over what they mean, parked while another
//! program has the terminal. Made once by the loop, for as long as it runs.

use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read as _, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::mpsc as blocking;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::sync::mpsc;

use crate::app::event::Event;

use super::decode::Decoder;

/// An escape with nothing behind it for so long is the key of that name. Lines over SSH cut sequences in two.
const ESCAPE_WAIT: Timespec = Timespec { tv_sec: 0, tv_nsec: 30_000_000 };
/// The reader answers at once; a machine that is very busy takes longer.
const PARKING: Duration = Duration::from_secs(2);
/// What a terminal hands over in one piece, at most.
const PIECE: usize = 4096;

const PARK: u8 = b'p';
const GO_ON: u8 = b'g';

/// What the terminal did.
#[derive(Debug)]
pub(super) enum Arrived {
    /// Something was typed, pasted, clicked.
    Input(Event),
    /// There is no terminal any more.
    Gone,
}

/// The reading thread, seen from the loop; dropping it ends the thread.
pub(super) struct Keys {
    orders: PipeWriter,
    done: blocking::Receiver<()>,
    arrived: mpsc::UnboundedReceiver<Arrived>,
}

impl Keys {
    /// Starts reading.
    ///
    /// # Errors
    /// When the process has no terminal, or no thread can be started.
    pub(super) fn start() -> io::Result<Self> {
        let terminal = terminal()?;
        let (commands, orders) = io::pipe()?;
        let (sender, arrived) = mpsc::unbounded_channel();
        let (answer, done) = blocking::channel();
        let reader = Reader { terminal, commands, answer, sender, decoder: Decoder::default() };
        std::thread::Builder::new().name("peanut-keys".to_owned()).spawn(move || reader.run())?;
        Ok(Self { orders, done, arrived })
    }

    /// The next thing that arrives.
    pub(super) async fn next(&mut self) -> Arrived {
        self.arrived.recv().await.unwrap_or(Arrived::Gone)
    }

    /// Returns when nobody reads from here any more: what is typed from now on is somebody else's.
    pub(super) fn park(&mut self) {
        self.order(PARK);
    }

    /// Reads again.
    pub(super) fn go_on(&mut self) {
        self.order(GO_ON);
    }

    fn order(&mut self, order: u8) {
        // A reader that has ended reads nothing: just what is wanted.
        if self.orders.write_all(&[order]).is_ok() {
            let _ = self.done.recv_timeout(PARKING);
        }
    }
}

/// The terminal that raw mode is set on: standard input, or the controlling terminal when that is something else.
fn terminal() -> io::Result<OwnedFd> {
    let input = io::stdin();
    if rustix::termios::isatty(&input) {
        return input.as_fd().try_clone_to_owned();
    }
    Ok(File::open("/dev/tty")?.into())
}

struct Reader {
    terminal: OwnedFd,
    commands: PipeReader,
    answer: blocking::Sender<()>,
    sender: mpsc::UnboundedSender<Arrived>,
    decoder: Decoder,
}

impl Reader {
    fn run(mut self) {
        let mut is_parked = false;
        loop {
            let Ok((has_order, has_input)) = self.wait(is_parked) else {
                let _ = self.sender.send(Arrived::Gone);
                return;
            };
            if has_order {
                let mut order = [0];
                match self.commands.read(&mut order) {
                    Ok(1) => is_parked = order[0] == PARK,
                    // The loop is gone.
                    _ => return,
                }
                self.decoder.forget();
                let _ = self.answer.send(());
            } else if !has_input || is_parked {
                let mut events = Vec::new();
                self.decoder.settle(&mut events);
                if !self.send(events) {
                    return;
                }
            } else if !self.read() {
                let _ = self.sender.send(Arrived::Gone);
                return;
            }
        }
    }

    /// Waits for an order, for input (unless parked), or for the end of an escape; says which of the first two came.
    fn wait(&self, is_parked: bool) -> io::Result<(bool, bool)> {
        let mut all = [PollFd::new(&self.commands, PollFlags::IN), PollFd::new(&self.terminal, PollFlags::IN)];
        let fds = if is_parked { &mut all[..1] } else { &mut all[..] };
        let timeout = (!is_parked && self.decoder.is_waiting()).then_some(&ESCAPE_WAIT);
        match poll(fds, timeout) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => return self.wait(is_parked),
            Err(error) => return Err(error.into()),
        }
        // A terminal that hung up is readable: reading says so.
        Ok((!all[0].revents().is_empty(), !is_parked && !all[1].revents().is_empty()))
    }

    /// Reads what is there; false when the terminal is gone.
    fn read(&mut self) -> bool {
        let mut piece = [0; PIECE];
        let count = match rustix::io::read(&self.terminal, &mut piece) {
            Ok(0) => return false,
            Ok(count) => count,
            // Another program may have left it in a mode where nothing there is an error.
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => return true,
            Err(_) => return false,
        };
        let mut events = Vec::new();
        self.decoder.feed(&piece[..count], &mut events);
        self.send(events)
    }

    fn send(&self, events: Vec<Event>) -> bool {
        events.into_iter().all(|event| self.sender.send(Arrived::Input(event)).is_ok())
    }
}
