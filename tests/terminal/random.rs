//! Random keys, pastes, sizes, stops, signals, kills and hang-ups on the real binary over real data. It ends only when told
//! to, never with a crash; what is shown of a note is kept, what was said to be stored is found; the screen is always what
//! a fresh draw shows.
//!
//! `PEANUT_KEYS=10000 PEANUT_KEY_RUNS=20 cargo test --release --test terminal random` is the long version. The seed of
//! every run is printed and can be given as `PEANUT_SEED`; real data is taken from `PEANUT_SHARED_DATA` or beside the
//! project, and from `tests/fixtures` in a clone without it.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use rustix::process::Signal;

use super::support::{Terminal, code, is_stopped};

/// Editor and pager: what they do lies in a file. The last one waits until somebody writes into a pipe.
const PROGRAM: &str = "#!/bin/sh
case $(cat \"$PROGRAMS/behaviour\") in
  cat) cat \"$@\" ;;
  fail) echo broken >&2; exit 1 ;;
  spoil) printf '\\033[?1049h\\033[31;7mJUNK\\033[2;5r\\033[?25l'; stty raw -echo ;;
  wait) echo CHILD-WAITS; read answer < \"$PROGRAMS/pipe\" ;;
esac
";
const WAITS: &str = "CHILD-WAITS";
/// In the report of a process that was killed.
const KILLED: &str = "a process ended without a word";

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn random_keys_end_nothing_lose_nothing_spoil_nothing() {
    let (keys, runs) = (number("PEANUT_KEYS", 300), number("PEANUT_KEY_RUNS", 2));
    let seed = number("PEANUT_SEED", 20_261_130);
    for run in 0..runs {
        eprintln!("run {run}: seed {}, {keys} keys", seed + run);
        let mut session = Session::new(seed + run);
        while session.count < keys {
            session.step();
        }
        session.close();
    }
}

struct Session {
    folder: tempfile::TempDir,
    random: fastrand::Rng,
    terminal: Terminal,
    size: (u16, u16),
    /// Everything written before here is known: a program that waited there waits no more.
    released: usize,
    /// Up to here nobody waited since then.
    quiet: usize,
    /// Keys, pastes, sizes, ends so far.
    count: u64,
    stored: Vec<String>,
    /// What was done, for a failure.
    done: Vec<String>,
}

impl Session {
    fn new(seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let work = folder.path().join("work");
        fs::create_dir_all(work.join("sub")).unwrap();
        fs::write(work.join("one.md"), "# One\n\nharvest of words\n").unwrap();
        fs::write(work.join("sub/two words.txt"), "harvest again\n").unwrap();
        let program = folder.path().join("program");
        fs::File::create(&program).unwrap().write_all(PROGRAM.as_bytes()).unwrap();
        fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
        fs::write(folder.path().join("behaviour"), "true").unwrap();
        assert!(Command::new("mkfifo").arg(folder.path().join("pipe")).status().unwrap().success());
        let source = folder.path().join("source");
        copy_real_data(&source);
        let ingest = peanut(folder.path()).args(["ingest", "--wait"]).arg(&source).output().unwrap();
        assert!(ingest.status.code().is_some_and(|code| code < 2), "{ingest:?}");
        let terminal = start(folder.path(), (80, 24));
        let random = fastrand::Rng::with_seed(seed);
        let (stored, done) = (Vec::new(), Vec::new());
        let mut session =
            Self { folder, random, terminal, size: (80, 24), released: 0, quiet: 0, count: 0, stored, done };
        session.terminal.wait_for("? help");
        session
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Remembers what is done, for the message of a failure.
    fn note(&mut self, what: impl Into<String>) {
        self.count += 1;
        self.done.push(what.into());
    }

    fn fail(&self, what: &str) -> ! {
        panic!("{what}; the screen:\n{}", self.terminal.screen());
    }

    fn send(&mut self, keys: &str) {
        self.note(format!("{keys:?}"));
        self.terminal.send(keys);
    }

    fn step(&mut self) {
        match self.random.u32(0..100) {
            0..60 => self.burst(),
            60..68 => self.paste(),
            68..75 => self.resize(),
            75..83 => self.write_note(),
            83..90 => self.lend(),
            90..92 => self.stop(),
            92..94 => self.palette(),
            _ => self.end(),
        }
    }

    fn burst(&mut self) {
        for _ in 0..self.random.usize(1..12) {
            let key = self.key();
            self.note(format!("{:?}", String::from_utf8_lossy(&key)));
            self.terminal.send_bytes(&key);
        }
        if self.random.bool() {
            self.settle();
        }
    }

    /// Any key but those that end the app, delete documents, or name places outside of the test's folder.
    fn key(&mut self) -> Vec<u8> {
        const LETTERS: &str = "abcefghijklmnoprstuvwxyzFGNPQY0123459 ?[]\"-+*_é日🙂ß";
        const NAMED: [&str; 26] = [
            "\r",
            "\r",
            "\t",
            "\x1b",
            "\x7f",
            "\x1b[A",
            "\x1b[B",
            "\x1b[C",
            "\x1b[D",
            "\x1b[H",
            "\x1b[F",
            "\x1b[5~",
            "\x1b[6~",
            "\x1b[3~",
            "\x1b[Z",
            "\x1bOP",
            "\x1b[15~",
            "\x1b[1;5A",
            "\x1b[1;5D",
            "\x1bb",
            "\x1b\x7f",
            "\x1b[I",
            "\x1b]11;rgb:1e1e/1e1e/2e2e\x07",
            "\x1b[99;99R",
            "\x1b[",
            "\x1b[<0;0;0M",
        ];
        match self.random.u32(0..100) {
            0..55 => {
                let letters: Vec<char> = LETTERS.chars().collect();
                letters[self.random.usize(0..letters.len())].to_string().into_bytes()
            }
            55..85 => NAMED[self.random.usize(0..NAMED.len())].as_bytes().to_vec(),
            85..93 => {
                // Without c (ends), l (what is compared is asked for by it), s (stops a cooked terminal).
                let controls = b"abdefghjknoprtuvwxyz";
                vec![controls[self.random.usize(0..controls.len())] & 0x1f]
            }
            93..98 => {
                let button = [0, 64, 65, 2, 32][self.random.usize(0..5)];
                let (column, row) = (self.random.u16(1..200), self.random.u16(1..60));
                format!("\x1b[<{button};{column};{row}M").into_bytes()
            }
            _ => vec![self.random.u8(0x80..=0xff)],
        }
    }

    fn words(&mut self, most: usize) -> String {
        let words = ["harvest", "日本語", "plan", "été", "of", "🙂", "list", "und", "x"];
        let count = self.random.usize(1..=most);
        let chosen: Vec<&str> = (0..count).map(|_| words[self.random.usize(0..words.len())]).collect();
        chosen.join(" ")
    }

    fn paste(&mut self) {
        let text: Vec<String> = (0..self.random.usize(1..4)).map(|_| self.words(8)).collect();
        let text = text.join("\r");
        self.send(&format!("\x1b[200~{text}\x1b[201~"));
        self.settle();
    }

    fn resize(&mut self) {
        let size = match self.random.u32(0..4) {
            0 => (80, 24),
            1 => (self.random.u16(1..60), self.random.u16(1..20)),
            _ => (self.random.u16(60..200), self.random.u16(16..60)),
        };
        self.resize_to(size);
    }

    fn resize_to(&mut self, size: (u16, u16)) {
        self.settle();
        if size == self.size {
            return;
        }
        self.size = size;
        self.note(format!("{}x{}", size.0, size.1));
        let from = self.terminal.raw().len();
        self.terminal.resize(size.0, size.1);
        // The frame that takes the size up, before anything is compared; what was asked for before may take the terminal
        // first.
        let released = self.released;
        let is_lent = self.terminal.wait("the frame of this size, or another program", |terminal| {
            let raw = terminal.raw();
            let drawn = raw.get(from..)?.contains("\x1b[2J").then_some(false);
            drawn.or_else(|| raw.get(released..)?.contains(WAITS).then_some(true))
        });
        if is_lent {
            self.release();
        }
        // It may be a frame that was asked for while another program had the terminal, and the one of this size comes next.
        self.settle_within(3);
    }

    /// Everything sent so far was taken in, and the screen is what a fresh draw shows.
    fn settle(&mut self) {
        self.settle_within(1);
    }

    fn settle_within(&mut self, mut tries: u32) {
        loop {
            let (start, written) = (self.released.max(self.quiet), self.terminal.written());
            let process = self.terminal.process_id();
            let drawn = self
                .terminal
                .drawn_anew(|raw| find(&raw[start.min(raw.len())..], WAITS.as_bytes()) || is_stopped(process));
            match drawn {
                Some((before, after)) => {
                    // It drew behind all that was written before: nobody else had the terminal then.
                    self.quiet = written.saturating_sub(WAITS.len());
                    if let Some(difference) = before.difference(&after) {
                        tries -= 1;
                        if tries > 0 {
                            continue;
                        }
                        self.fail(&format!("the screen is not what a fresh draw shows: {difference}"));
                    }
                    return;
                }
                None if self.waits() => self.release(),
                // Told to stop while another program came and went: it stands still after we looked.
                None if self.terminal.is_stopped() => self.terminal.signal(Signal::CONT),
                None => self.fail("it ended, and nobody told it to"),
            }
        }
    }

    /// Whether editor or pager waits for us.
    fn waits(&self) -> bool {
        self.terminal.raw()[self.released..].contains(WAITS)
    }

    /// Lets it go: by what it waits for, or by an interrupt that is its own.
    fn release(&mut self) {
        let from = self.terminal.raw()[self.released..].find(WAITS).map_or(0, |at| self.released + at);
        self.released = from + WAITS.len();
        if self.random.bool() {
            // Behind a blank: if Ctrl-V was typed last, a cooked terminal takes the next key as it is written.
            self.send(" \u{3}");
        } else {
            self.note("the program is let go");
            let pipe = self.path("pipe");
            // It says that it waits a moment before it does: nothing is written before somebody reads.
            let mut open = fs::OpenOptions::new();
            open.write(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed());
            self.terminal.wait("somebody who reads", |_| open.open(&pipe).ok()).write_all(b"\n").unwrap();
        }
        // With the frame that is drawn then: what is compared comes behind it.
        self.terminal.wait_until_taken(from);
        fs::write(self.path("behaviour"), "true").unwrap();
    }

    /// Home, nothing over it, nothing being typed, on a terminal that is large enough.
    fn calm(&mut self) {
        if self.size.0 < 60 || self.size.1 < 16 {
            self.resize_to((80, 24));
        }
        for turn in 0..40 {
            self.settle();
            self.wait_for_the_store();
            let screen = self.terminal.screen();
            let keys = screen.lines().last().unwrap_or_default();
            let over = ["▸ Command ", "Add files", "Watch a folder", "Change a setting", "Sure?", "other key leaves"];
            if screen.contains("Note (") && turn < 4 {
                self.store();
            } else if screen.contains("Note (")
                || over.iter().any(|part| screen.contains(part))
                || !keys.contains("q quit")
                || keys.contains("quotes")
                || keys.contains("esc back")
            {
                self.send("\x1b");
            } else {
                self.send("1");
                self.settle();
                return;
            }
        }
        self.fail("there is no way back to Home");
    }

    /// Stores the note that is open; whether it was.
    fn store(&mut self) -> bool {
        let (shown, folder) = (note_lines(&self.terminal), self.path("data/state/drafts"));
        // What is shown of an earlier attempt is no answer: the frame behind the key tells, and the store's own time.
        self.send("\u{13}");
        self.settle();
        self.wait_for_the_store();
        let is_stored = !self.terminal.screen().contains("Note (");
        if is_stored && !shown.is_empty() {
            // Its draft goes a moment after the screen says so.
            let is_kept =
                |kept: &[String]| shown.iter().all(|line| kept.iter().any(|text| text.contains(line.as_str())));
            self.terminal.wait("the draft of a stored note to go", |_| (!is_kept(&kept(&folder))).then_some(()));
        }
        is_stored
    }

    fn write_note(&mut self) {
        // A document that was asked for before may open meanwhile, and then the key is its own.
        self.wait_for_the_store();
        while !self.terminal.screen().contains("Note (") {
            self.calm();
            self.send("n");
            self.settle();
        }
        let is_kept = self.terminal.screen().contains("kept from before");
        if is_kept {
            self.assert_kept();
        }
        let token = format!("tok{:x}en{}", self.random.u32(..), self.stored.len());
        let text = self.words(9);
        // A word of its own, wherever the cursor was in a note that was open before.
        self.send(&format!(" {token} title"));
        self.send("\t");
        self.send(&format!("{text}\r {token}\r{text}"));
        self.settle();
        self.assert_kept();
        if self.random.bool() && self.store() {
            self.done.push(format!("{token} is stored"));
            self.stored.push(token);
        }
    }

    /// A note on its way to the store takes no keys, and goes when it is there.
    fn wait_for_the_store(&mut self) {
        self.terminal
            .wait("no note on its way to the store", |terminal| (!terminal.screen().contains("storing")).then_some(()));
    }

    /// What is shown of a note lies in the state folder. A message may lie over it for a moment.
    fn assert_kept(&mut self) {
        self.wait_for_the_store();
        let folder = self.path("data/state/drafts");
        self.terminal.wait(&format!("every line of the note in {}", folder.display()), |terminal| {
            let kept = kept(&folder);
            let is_kept = |line: &String| kept.iter().any(|text| text.contains(line.as_str()));
            note_lines(terminal).iter().all(is_kept).then_some(())
        });
    }

    fn lend(&mut self) {
        self.calm();
        let behaviour = ["true", "cat", "fail", "spoil", "wait", "wait"][self.random.usize(0..6)];
        self.note(behaviour);
        fs::write(self.path("behaviour"), behaviour).unwrap();
        loop {
            for keys in ["2", "\x1b", "/", "\u{15}harvest"] {
                self.send(keys);
                self.settle();
            }
            let released = self.released;
            let is_answered = self.terminal.wait("an answer, or a document asked for before", |terminal| {
                let screen = terminal.screen();
                let has_answer = screen.contains("› harvest") && screen.contains(" found");
                // On a machine that is busy with others, the store may be given up.
                let is_over = screen.contains("find: harvest") || screen.contains("did not answer");
                // A document that opens meanwhile gets the keys, and one of them adds files.
                let is_reader =
                    screen.lines().last().is_some_and(|keys| keys.contains("quotes") || keys.contains("esc back"));
                let is_lent = || terminal.raw().get(released..).is_some_and(|raw| raw.contains(WAITS));
                let is_over = is_over || is_reader || screen.contains("Add files") || is_lent();
                (has_answer || is_over).then_some(has_answer)
            });
            if is_answered {
                break;
            }
            self.calm();
        }
        self.send("\r");
        self.settle();
        let key = ["e", "o", "\ro", "\re"][self.random.usize(0..4)];
        for one in key.chars() {
            self.send(&one.to_string());
            self.settle();
        }
        if self.random.bool() {
            self.burst();
        }
        self.settle();
    }

    fn palette(&mut self) {
        self.calm();
        self.send(":");
        let name = ["zoom", "pause embed", "next pane", "log", "nothing like this"][self.random.usize(0..5)];
        let end = ["\r", "\x1b"][self.random.usize(0..2)];
        self.send(name);
        self.settle();
        self.send(end);
        self.settle();
    }

    /// Stopped and brought back by its number, as nobody else could.
    fn stop(&mut self) {
        self.settle();
        let from = self.terminal.raw().len();
        self.note("SIGTSTP, SIGCONT");
        self.terminal.signal(Signal::TSTP);
        // Another program that has the terminal already is not stopped; then it is the return that is seen.
        self.terminal.wait("the terminal given away, or taken back", |terminal| {
            let is_given =
                terminal.raw().get(from..).is_some_and(|raw| raw.contains("\x1b[?1049l") || raw.contains(WAITS));
            (is_given || terminal.taken_behind(from).is_some()).then_some(())
        });
        // What was asked for before may give the terminal to another program meanwhile: nothing is stopped then.
        let is_stopped = self.terminal.wait("it standing still, or another program", |terminal| {
            let is_lent = || terminal.raw().get(from..).is_some_and(|raw| raw.contains(WAITS));
            let is_back = || terminal.taken_behind(from).is_some();
            terminal.is_stopped().then_some(true).or_else(|| (is_lent() || is_back()).then_some(false))
        });
        if is_stopped {
            self.terminal.signal(Signal::CONT);
            self.terminal.wait_for_return(from);
        } else {
            // The signal is looked at before the next key is.
            self.settle();
        }
        self.settle();
    }

    /// Told to end in one way or another, at rest or in the middle of something; then it is started again.
    fn end(&mut self) {
        let at_rest = self.random.u32(0..4) > 0;
        if at_rest {
            if self.size.0 < 60 || self.size.1 < 16 {
                // Too small to show a note and its name.
                self.resize_to((80, 24));
            }
            self.settle();
            self.wait_for_the_store();
            if self.terminal.screen().contains("Note (") {
                self.assert_kept();
            }
        } else {
            self.burst();
        }
        let screen = self.terminal.screen();
        let is_open = screen.contains("Note (");
        let before = kept(&self.path("data/state/drafts"));
        let way = self.random.usize(0..6);
        self.note(["q", "ctrl-c", "SIGTERM", "SIGHUP", "hang-up", "kill -9"][way]);
        let is_held = !at_rest && self.waits();
        match way {
            0 => {
                self.calm();
                self.end_by("q");
            }
            // Typed while a program has the terminal it is that program's.
            1 if is_held => self.terminal.signal(Signal::TERM),
            1 => {
                if !at_rest {
                    self.settle();
                }
                self.end_by("\u{3}");
            }
            2 => self.terminal.signal(Signal::TERM),
            3 => self.terminal.signal(Signal::HUP),
            4 => self.terminal.hang_up(),
            _ => self.terminal.signal(Signal::KILL),
        }
        self.again(if way == 5 { 137 } else { 0 });
        if at_rest && way > 0 {
            let after = kept(&self.path("data/state/drafts"));
            // The draft of a note that was stored last goes a moment after the screen says so.
            let is_stored = !is_open && after.iter().all(|line| before.contains(line));
            assert!(before == after || is_stored, "what was being written: {before:?}; what is kept: {after:?}");
        }
    }

    /// A key that ends the app, until it is the app's own: what was asked for before may take the terminal first, and the
    /// key with it.
    fn end_by(&mut self, key: &str) {
        let mut from = self.terminal.raw().len();
        let deadline = Instant::now() + Duration::from_secs(60);
        self.terminal.send(key);
        while !self.terminal.read_for(Duration::from_millis(50)) && Instant::now() < deadline {
            if self.waits() {
                self.terminal.signal(Signal::TERM);
                return;
            }
            if self.terminal.taken_behind(from).is_some() {
                from = self.terminal.raw().len();
                self.terminal.send(key);
            }
        }
    }

    /// It ended as it should; a new one is started.
    fn again(&mut self, wanted: i32) {
        let status = self.terminal.end();
        let crashes = fs::read_dir(self.path("data/state/crashes")).map_or(0, |entries| {
            // What was killed leaves a mark, of which the next one makes a report: that is as it should be.
            let is_crash = |text: &String| text.starts_with("Peanut crash report") && !text.contains(KILLED);
            entries.flatten().filter_map(|entry| fs::read_to_string(entry.path()).ok()).filter(is_crash).count()
        });
        if code(status) != wanted || crashes > 0 {
            self.fail(&format!("exit code {}, {crashes} crash reports", code(status)));
        }
        self.size = (80, 24);
        self.terminal = start(self.folder.path(), self.size);
        (self.released, self.quiet) = (0, 0);
        self.terminal.wait_for("? help");
        self.settle();
    }

    /// The end of a run: everything that was said to be stored is found.
    fn close(mut self) {
        self.calm();
        self.end_by("q");
        assert_eq!(code(self.terminal.end()), 0);
        for token in &self.stored {
            let found =
                peanut(self.folder.path()).args(["search", "--mode", "words", "--json", token]).output().unwrap();
            let text = String::from_utf8_lossy(&found.stdout);
            if !found.status.success() || !text.contains(token.as_str()) {
                let deleted = format!("is:deleted {token}");
                let other = peanut(self.folder.path()).args(["search", "--json", &deleted]).output().unwrap();
                panic!("{token} is not found: {text}\ndeleted: {}", String::from_utf8_lossy(&other.stdout));
            }
        }
        let check = peanut(self.folder.path()).args(["check", "--json"]).output().unwrap();
        assert!(check.status.success(), "{check:?}");
        eprintln!("{} keys, {} notes stored and found", self.count, self.stored.len());
    }
}

/// A failure tells what was done last, and leaves its folder with all that was done.
impl Drop for Session {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let last = &self.done[self.done.len().saturating_sub(60)..];
            let process = self.terminal.process_id();
            eprintln!("after {} keys, process {process}; the last ones: {}", self.count, last.join(", "));
            self.folder.disable_cleanup(true);
            let kept = fs::write(self.path("done"), self.done.join("\n"));
            let kept = kept.and(fs::write(self.path("written"), self.terminal.raw()));
            eprintln!("everything is in {} ({kept:?})", self.folder.path().display());
        }
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

fn peanut(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_peanut"));
    command.arg("--data-dir").arg(folder.join("data")).env("HOME", folder).env("PEANUT_MODEL", "static");
    command.current_dir(folder.join("work"));
    command
}

fn start(folder: &Path, size: (u16, u16)) -> Terminal {
    let program = folder.join("program");
    let mut command = Terminal::program(env!("CARGO_BIN_EXE_peanut"));
    command.arg("--data-dir").arg(folder.join("data")).env("HOME", folder).env("PEANUT_MODEL", "static");
    // Random values in the configuration could open ports and name services that are not there: none can be written.
    command.env("PEANUT_CONFIG", "/dev/null");
    command.env("EDITOR", &program).env("PAGER", &program).env("PROGRAMS", folder);
    command.current_dir(folder.join("work"));
    Terminal::run(command, size.0, size.1)
}

/// Blanks of any kind and number are one: a tab is drawn as blanks, half of a wide character as one.
fn plain_blanks(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Lines of the note on the screen, without frame and message; the title without its name.
fn note_lines(terminal: &Terminal) -> Vec<String> {
    let rows = terminal.framed("Note (");
    let Some((_, lines)) = rows.split_last() else { return Vec::new() };
    let lines = lines.iter().map(|line| plain_blanks(line.trim().trim_start_matches("Title:")));
    lines.filter(|line| !line.is_empty()).collect()
}

/// Titles and texts of the drafts that are kept, line by line.
fn kept(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    let mut lines = Vec::new();
    let mut add = |text: &str| lines.extend(text.lines().map(plain_blanks));
    for path in paths {
        let Ok(text) = fs::read_to_string(path) else { continue };
        let draft: serde_json::Value = serde_json::from_str(&text).unwrap();
        add(draft["title"].as_str().unwrap());
        add(draft["text"].as_str().unwrap());
    }
    lines
}

/// A part of the shared data, or the project's own fixtures.
fn copy_real_data(target: &Path) {
    let root = std::env::var_os("PEANUT_SHARED_DATA").map(PathBuf::from);
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = root.unwrap_or_else(|| project.join("../shared/data"));
    let mut sources = vec![project.join("tests/fixtures")];
    sources.extend(
        ["markdown/vault-foam", "email/eml"].map(|name| root.join(name)).into_iter().filter(|path| path.is_dir()),
    );
    for (number, source) in sources.iter().enumerate() {
        copy(source, &target.join(number.to_string()), &mut 60);
    }
}

/// At most so many files of a tree.
fn copy(source: &Path, target: &Path, left: &mut usize) {
    fs::create_dir_all(target).unwrap();
    let mut entries: Vec<_> = fs::read_dir(source).unwrap().map(Result::unwrap).collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (from, to) = (entry.path(), target.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to, left);
        } else if *left > 0 {
            *left -= 1;
            fs::copy(from, to).unwrap();
        }
    }
}
