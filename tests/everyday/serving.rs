//! `peanut serve` over a home, and questions over HTTP.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::support::Home;

/// Nothing here takes that long; a test that waits longer has failed.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A running server; killed when it is dropped.
pub struct Served {
    child: Child,
    host: String,
}

impl Served {
    /// Starts one and waits until it listens. `before` are words before the program: `umask 0;`.
    pub fn start(home: &Home, before: &str) -> Self {
        let program = home.peanut(&["serve", "--listen", "127.0.0.1:0"]);
        let mut command = std::process::Command::new("sh");
        command
            .args(["-c", &format!("{before} exec \"$0\" \"$@\"")])
            .arg(program.get_program())
            .args(program.get_args());
        command.current_dir(home.path("")).env("PEANUT_LIMIT_PER_ADDRESS", "0").stdin(Stdio::null());
        for (name, value) in program.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let addresses = log
            .find_map(|line| {
                let line: serde_json::Value = serde_json::from_str(&line).ok()?;
                (line["event"] == "listening").then(|| line["addresses"].as_str().unwrap().to_owned())
            })
            .unwrap();
        // Whoever does not read it holds it up.
        std::thread::spawn(move || log.for_each(drop));
        let host = addresses.split(',').next().unwrap().trim_start_matches("http://").to_owned();
        Self { child, host }
    }

    /// Its process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Status and body of an answer.
    pub fn ask(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.host).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
             Accept: application/json, text/event-stream\r\nConnection: close\r\n\r\n{body}",
            self.host
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    /// Asks to end, and waits for it.
    pub fn end(mut self) -> ExitStatus {
        let asked = std::process::Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(asked.success());
        self.child.wait().unwrap()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Looks until it is so.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "never {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
