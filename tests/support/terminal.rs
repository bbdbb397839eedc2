//! A pseudo-terminal that runs the real binary: send keys, wait for text, read the screen, resize it, hang it up. Waits
//! on output, never on time; answers nothing that is asked of it.

use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// Longest wait for a text to appear; only a failure takes this long.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often somebody looks who waits for more than output.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// Begins a frame that is drawn whole.
const CLEAR: &[u8] = b"\x1b[2J";
/// Around every frame.
const FRAME_BEGINS: &[u8] = b"\x1b[?2026h";
const FRAME_ENDS: &[u8] = b"\x1b[?2026l";

/// To the other screen and back.
const ENTER: &[u8] = b"\x1b[?1049h";
const LEAVE: &[u8] = b"\x1b[?1049l";

/// What a terminal shows: text with its attributes, and the cursor.
#[derive(Clone, Debug)]
pub struct Picture {
    text: String,
    cells: Vec<Look>,
    cursor: Option<(u16, u16)>,
}

/// How one cell looks; nothing there looks like a blank.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Look {
    text: String,
    colours: (vt100::Color, vt100::Color),
    attributes: [bool; 4],
}

impl Look {
    fn of(cell: &vt100::Cell) -> Self {
        let text = if cell.contents().is_empty() { " " } else { cell.contents() };
        // Of bold and dim at once the emulator keeps what was said last, a terminal both.
        let mut attributes = [cell.bold() || cell.dim(), cell.italic(), cell.underline(), cell.inverse()];
        let mut colours = (cell.fgcolor(), cell.bgcolor());
        if text == " " && !cell.inverse() {
            // A blank shows no ink, but its line.
            attributes = [false, false, cell.underline(), false];
            colours.0 = vt100::Color::Default;
        }
        Self { text: text.to_owned(), colours, attributes }
    }
}

impl Picture {
    /// How two pictures differ, for a message; nothing when they do not.
    pub fn difference(&self, other: &Self) -> Option<String> {
        let cells = self.cells.iter().zip(&other.cells).enumerate().filter(|(_, (one, two))| one != two);
        let first: Vec<String> = cells.take(3).map(|(at, (one, two))| format!("cell {at}: {one:?}, {two:?}")).collect();
        // The text alone tells blanks from nothing, which look the same.
        ((&self.cells, self.cursor) != (&other.cells, other.cursor)).then(|| {
            let cursors = (self.cursor, other.cursor);
            format!("{cursors:?} {}\n{}\nand\n{}", first.join("\n"), self.text, other.text)
        })
    }
}

/// The program on a terminal of its own.
pub struct Terminal {
    parser: vt100::Parser,
    raw: Vec<u8>,
    /// Bytes of `raw` that the screen shows.
    shown: usize,
    /// Where in `raw` the program went to its own screen: a long run is not searched for it again and again.
    entries: Vec<usize>,
    master: Option<OwnedFd>,
    has_ended: bool,
    child: Child,
}

impl Terminal {
    /// Starts the binary in `data_dir` on a terminal of `columns` × `rows`.
    pub fn start(data_dir: &Path, columns: u16, rows: u16, environment: &[(&str, &str)]) -> Self {
        Self::with_arguments(data_dir, columns, rows, environment, &[])
    }

    /// Starts one of its commands there.
    pub fn with_arguments(
        data_dir: &Path,
        columns: u16,
        rows: u16,
        environment: &[(&str, &str)],
        arguments: &[&str],
    ) -> Self {
        let mut command = Self::program(env!("CARGO_BIN_EXE_peanut"));
        command.arg("--data-dir").arg(data_dir).args(arguments).env("HOME", data_dir);
        command.current_dir(data_dir.parent().unwrap_or(data_dir));
        command.envs(environment.iter().copied());
        Self::run(command, columns, rows)
    }

    /// A program that will have a terminal of its own: `setsid` makes it the leader there, without a fork.
    pub fn program(name: &str) -> Command {
        let mut command = Command::new("setsid");
        command.arg("-c").arg(name).env("TERM", "xterm-256color").env_remove("TMUX");
        for variable in
            ["VISUAL", "EDITOR", "PAGER", "LESS", "XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "PEANUT_CONFIG"]
        {
            command.env_remove(variable);
        }
        command
    }

    /// Runs what `program` made.
    pub fn run(mut command: Command, columns: u16, rows: u16) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        // Neither side ever waits for the other.
        rustix::fs::fcntl_setfl(&master, OFlags::RDWR | OFlags::NONBLOCK).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        tcsetwinsize(&master, size(columns, rows)).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let slave = std::fs::File::options().read(true).write(true).open(name).unwrap();
        let child = command
            .stdin(slave.try_clone().unwrap())
            .stdout(slave.try_clone().unwrap())
            .stderr(slave)
            .spawn()
            .unwrap_or_else(|error| panic!("setsid (util-linux) runs the program: {error}"));
        let parser = vt100::Parser::new(rows.try_into().unwrap(), columns.try_into().unwrap(), 0);
        Self { parser, raw: Vec::new(), shown: 0, entries: Vec::new(), master: Some(master), has_ended: false, child }
    }

    /// The screen as text.
    pub fn screen(&self) -> String {
        self.parser.screen().contents()
    }

    /// What stands inside the frame whose title begins with `title`, row by row; nothing when there is no such frame.
    pub fn framed(&self, title: &str) -> Vec<String> {
        let screen = self.parser.screen();
        let (rows, columns) = screen.size();
        let text = |row: u16, column: u16| screen.cell(row, column).map_or("", vt100::Cell::contents);
        let mut places = (0..rows.get()).flat_map(|row| (0..columns.get()).map(move |column| (row, column)));
        let begins = |(row, left): &(u16, u16)| {
            let here: String = (0..40).map(|by| text(*row, left.saturating_add(by))).collect();
            text(*row, *left) == "┌"
                && here.contains(title)
                && here.find('┐').is_none_or(|end| here.find(title) < Some(end))
        };
        let Some((top, left)) = places.rfind(begins) else { return Vec::new() };
        let right = (left..columns.get()).find(|column| text(top, *column) == "┐").unwrap_or(left);
        let inside = right.saturating_sub(left + 1);
        let below = usize::from(top) + 1;
        let to_the_end = below..usize::from(u16::MAX);
        let framed = to_the_end.take_while(|row| u16::try_from(*row).is_ok_and(|row| text(row, left) == "│")).count();
        screen.rows(left + 1, inside).skip(below).take(framed).collect()
    }

    /// The screen with its attributes and its cursor.
    pub fn picture(&self) -> Picture {
        let screen = self.parser.screen();
        let cursor = (!screen.hide_cursor()).then(|| screen.cursor_position());
        let (rows, columns) = screen.size();
        let places = (0..rows.get()).flat_map(|row| (0..columns.get()).map(move |column| (row, column)));
        let cells = places.filter_map(|(row, column)| screen.cell(row, column)).map(Look::of).collect();
        Picture { text: screen.contents(), cells, cursor }
    }

    /// Everything the program ever wrote, escape sequences included.
    pub fn raw(&self) -> String {
        String::from_utf8_lossy(&self.raw).into_owned()
    }

    /// How many bytes it wrote.
    pub fn written(&self) -> usize {
        self.raw.len()
    }

    /// Types.
    pub fn send(&mut self, keys: &str) {
        self.send_bytes(keys.as_bytes());
    }

    /// Types bytes that need not be text; reads meanwhile, so that neither side waits for the other.
    pub fn send_bytes(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && !self.has_ended {
            let Some(master) = &self.master else { return };
            let mut wanted = [PollFd::new(master, PollFlags::OUT | PollFlags::IN)];
            poll(&mut wanted, None).unwrap();
            let ready = wanted[0].revents();
            if ready.contains(PollFlags::OUT) {
                let count = rustix::io::write(master, bytes).unwrap_or(0);
                bytes = &bytes[count..];
            }
            if ready.intersects(PollFlags::IN | PollFlags::HUP) {
                self.read_unseen(Duration::ZERO);
            }
        }
    }

    /// Waits until the screen shows `text`; panics with the screen when it never does.
    pub fn wait_for(&mut self, text: &str) {
        self.wait_until(&format!("{text:?}"), |screen| screen.contains(text));
    }

    /// Waits until the screen passes a test.
    pub fn wait_until(&mut self, what: &str, test: impl Fn(&str) -> bool) {
        self.wait(what, |terminal| test(&terminal.screen()).then_some(()));
    }

    /// Waits until the program wrote `text` behind the first `from` bytes of everything it wrote.
    pub fn wait_for_bytes(&mut self, text: &str, from: usize) {
        self.wait(&format!("{text:?}"), |terminal| terminal.raw().get(from..)?.contains(text).then_some(()));
    }

    /// Waits until the program, that gave the terminal away behind the first `from` bytes, has taken it back and has drawn
    /// everything.
    pub fn wait_for_return(&mut self, from: usize) {
        self.wait("its return", |terminal| {
            let raw = terminal.raw.get(from..)?;
            let left = raw.windows(LEAVE.len()).position(|window| window == LEAVE)?;
            terminal.taken_behind(from + left)
        });
    }

    /// The same when it gave the terminal away before.
    pub fn wait_until_taken(&mut self, from: usize) {
        self.wait("its return", |terminal| terminal.taken_behind(from));
    }

    /// Whether it took the terminal back behind the first `from` bytes, and has drawn everything.
    pub fn taken_behind(&self, from: usize) -> Option<()> {
        let entered = self.entries.last().copied().filter(|entry| *entry >= from)?;
        whole_frame(&self.raw, entered).map(|_| ())
    }

    /// Waits until a look at the terminal finds something.
    pub fn wait<T>(&mut self, what: &str, look: impl Fn(&Self) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        self.show(self.raw.len());
        loop {
            if let Some(found) = look(self) {
                return found;
            }
            assert!(!self.has_ended, "ended before {what}; the screen:\n{}", self.screen());
            assert!(Instant::now() < deadline, "never saw {what}; the screen:\n{}", self.screen());
            // What is looked for may be elsewhere than on the screen.
            self.read(deadline.saturating_duration_since(Instant::now()).min(LOOK_AGAIN));
        }
    }

    /// Has the whole screen drawn anew (Ctrl-L), and returns what it showed just before and just behind: both are of one
    /// state. `None` when the program ended instead, or `is_held_up` says that the key does not reach it.
    pub fn drawn_anew(&mut self, is_held_up: impl Fn(&[u8]) -> bool) -> Option<(Picture, Picture)> {
        let from = self.raw.len();
        self.show(from);
        self.send("\u{c}");
        let deadline = Instant::now() + PATIENCE;
        // The frame of a return may be still to come: it is not the one that is asked for either. (The first of all
        // frames clears nothing.)
        let mut at = match self.entries[..] {
            [_, .., last] if whole_frame(&self.raw, last).is_none() => last,
            _ => from,
        };
        let (begin, end) = loop {
            if let Some((begin, end)) = whole_frame(&self.raw, at) {
                if !self.raw[at..begin].windows(ENTER.len()).any(|window| window == ENTER) {
                    break (begin, end);
                }
                // That one was drawn because the terminal was taken back meanwhile; the key comes behind it.
                at = end;
                continue;
            }
            if self.has_ended || is_held_up(&self.raw) {
                self.show(self.raw.len());
                return None;
            }
            assert!(Instant::now() < deadline, "nothing was drawn anew; the screen:\n{}", self.screen());
            self.read_unseen(deadline.saturating_duration_since(Instant::now()).min(LOOK_AGAIN));
        };
        self.show(begin);
        let before = self.picture();
        self.show(end);
        let after = self.picture();
        self.show(self.raw.len());
        Some((before, after))
    }

    /// Reads what is written within `time`; whether the program ended meanwhile.
    pub fn read_for(&mut self, time: Duration) -> bool {
        let deadline = Instant::now() + time;
        while !self.has_ended && Instant::now() < deadline {
            self.read(deadline.saturating_duration_since(Instant::now()));
        }
        self.has_ended
    }

    fn read(&mut self, wait: Duration) {
        self.read_unseen(wait);
        self.show(self.raw.len());
    }

    fn read_unseen(&mut self, wait: Duration) {
        let Some(master) = &self.master else { return };
        let timeout = Timespec { tv_sec: wait.as_secs().cast_signed(), tv_nsec: wait.subsec_nanos().into() };
        let mut wanted = [PollFd::new(master, PollFlags::IN)];
        if poll(&mut wanted, Some(&timeout)).unwrap_or(0) == 0 {
            return;
        }
        let mut piece = [0; 16 * 1024];
        match rustix::io::read(master, &mut piece) {
            Ok(count) if count > 0 => {
                // The mark may be cut in two.
                let start = self.raw.len().saturating_sub(ENTER.len() - 1);
                self.raw.extend_from_slice(&piece[..count]);
                let found = self.raw[start..].windows(ENTER.len()).enumerate();
                self.entries.extend(found.filter(|(_, window)| *window == ENTER).map(|(at, _)| start + at));
            }
            Err(rustix::io::Errno::AGAIN) => {}
            // Nobody has the other side open any more.
            _ => self.has_ended = true,
        }
    }

    fn show(&mut self, end: usize) {
        if end > self.shown {
            self.parser.process(&self.raw[self.shown..end]);
            self.shown = end;
        }
    }

    /// Gives the terminal another size.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        if let Some(master) = &self.master {
            tcsetwinsize(master, size(columns, rows)).unwrap();
            self.parser.screen_mut().set_size(rows.try_into().unwrap(), columns.try_into().unwrap());
        }
    }

    /// Closes the window, or drops the connection: there is no terminal any more.
    pub fn hang_up(&mut self) {
        self.master = None;
        self.has_ended = true;
    }

    /// Process id of the program.
    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the program stands still: stopped, and not yet told to go on.
    pub fn wait_until_stopped(&mut self) {
        self.wait("it standing still", |terminal| terminal.is_stopped().then_some(()));
    }

    /// Whether the program stands still.
    pub fn is_stopped(&self) -> bool {
        is_stopped(self.process_id())
    }

    /// Sends the program a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Reads what is left and waits for the end.
    pub fn finish(mut self) -> (ExitStatus, String, String) {
        let status = self.end();
        (status, self.screen(), self.raw())
    }

    /// Whether what is typed is shown and waits for the end of a line: the mode of a shell.
    pub fn is_cooked(&self) -> bool {
        use rustix::termios::{LocalModes, tcgetattr};
        let mode = tcgetattr(self.master.as_ref().unwrap()).unwrap().local_modes;
        mode.contains(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG)
    }

    /// Reads what is left and waits for the end; the terminal may be gone already.
    pub fn end(&mut self) -> ExitStatus {
        assert!(self.read_for(PATIENCE), "did not end; the screen:\n{}", self.screen());
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "did not end; the screen:\n{}", self.screen());
            // With a limit, a process is waited for in no other way.
            let _ = poll(&mut [], Some(&Timespec { tv_sec: 0, tv_nsec: 5_000_000 }));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether a process stands still.
pub fn is_stopped(process: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"));
    stat.is_ok_and(|text| text.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with('T')))
}

/// The exit code, or the signal as shells tell it.
pub fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}

fn size(columns: u16, rows: u16) -> Winsize {
    Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}

/// The first frame behind `from` that is drawn whole: where it begins and where it ends.
fn whole_frame(raw: &[u8], from: usize) -> Option<(usize, usize)> {
    let find = |wanted: &[u8], from: usize| {
        raw.get(from..)?.windows(wanted.len()).position(|window| window == wanted).map(|at| from + at)
    };
    let clear = find(CLEAR, from)?;
    let end = find(FRAME_ENDS, clear)? + FRAME_ENDS.len();
    match raw[from..clear].windows(FRAME_BEGINS.len()).rposition(|window| window == FRAME_BEGINS) {
        Some(begin) => Some((from + begin, end)),
        // Half of an earlier one.
        None => whole_frame(raw, end),
    }
}
