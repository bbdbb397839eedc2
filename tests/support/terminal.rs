//! A pseudo-terminal that runs the real binary: send keys, wait for text, read the screen. Waits on output, never on time.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};

/// Longest wait for a text to appear; only a failure takes this long.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program on a terminal of its own.
pub struct Terminal {
    parser: vt100::Parser,
    raw: Vec<u8>,
    output: Receiver<Vec<u8>>,
    input: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    _master: Box<dyn MasterPty + Send>,
}

impl Terminal {
    /// Starts the binary in `data_dir` on a terminal of `columns` × `rows`.
    pub fn start(data_dir: &Path, columns: u16, rows: u16, environment: &[(&str, &str)]) -> Self {
        Self::run(data_dir, columns, rows, environment, &[])
    }

    /// Starts one of its commands there.
    pub fn run(data_dir: &Path, columns: u16, rows: u16, environment: &[(&str, &str)], arguments: &[&str]) -> Self {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_peanut"));
        command.arg("--data-dir");
        command.arg(data_dir);
        command.args(arguments);
        command.cwd(data_dir.parent().unwrap_or(data_dir));
        command.env("TERM", "xterm-256color");
        command.env("HOME", data_dir);
        for (name, value) in environment {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let input = pair.master.take_writer().unwrap();
        let (sender, output) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0_u8; 16 * 1024];
            while let Ok(count) = reader.read(&mut buffer) {
                if count == 0 || sender.send(buffer[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        let parser = vt100::Parser::new(rows.try_into().unwrap(), columns.try_into().unwrap(), 0);
        Self { parser, raw: Vec::new(), output, input, child, _master: pair.master }
    }

    /// The screen as text.
    pub fn screen(&self) -> String {
        self.parser.screen().contents()
    }

    /// Everything the program ever wrote, escape sequences included.
    pub fn raw(&self) -> String {
        String::from_utf8_lossy(&self.raw).into_owned()
    }

    /// Types.
    pub fn send(&mut self, keys: &str) {
        self.input.write_all(keys.as_bytes()).unwrap();
        self.input.flush().unwrap();
    }

    /// Waits until the screen shows `text`; panics with the screen when it never does.
    pub fn wait_for(&mut self, text: &str) {
        self.wait_until(&format!("{text:?}"), |screen| screen.contains(text));
    }

    /// Waits until the screen passes a test.
    pub fn wait_until(&mut self, what: &str, test: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if test(&self.screen()) {
                return;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left) {
                Ok(bytes) => self.take(&bytes),
                Err(RecvTimeoutError::Timeout) => panic!("never saw {what}; the screen:\n{}", self.screen()),
                Err(RecvTimeoutError::Disconnected) if test(&self.screen()) => return,
                Err(RecvTimeoutError::Disconnected) => panic!("ended before {what}; the screen:\n{}", self.screen()),
            }
        }
    }

    /// Reads what is written within `time`; whether the program ended meanwhile.
    pub fn read_for(&mut self, time: Duration) -> bool {
        let deadline = Instant::now() + time;
        loop {
            match self.output.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.take(&bytes),
                Err(RecvTimeoutError::Disconnected) => return true,
                Err(RecvTimeoutError::Timeout) => return false,
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.raw.extend_from_slice(bytes);
        self.parser.process(bytes);
    }

    /// Process id of the program.
    pub fn process_id(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    /// Reads what is left and waits for the end.
    pub fn finish(mut self) -> (ExitStatus, String, String) {
        assert!(self.read_for(PATIENCE), "did not end; the screen:\n{}", self.screen());
        let status = self.child.wait().unwrap();
        (status, self.screen(), self.raw())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}
