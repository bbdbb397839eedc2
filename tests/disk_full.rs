//! A disk without room, on the real binary: the work stops with the reason said, nothing is lost, and it goes on by itself
//! once there is room.
//!
//! The disk is the process's own limit on the size of files (`setrlimit`): the same error at the same calls, without a
//! file system of its own, and it can be lifted while the process runs.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test: a failed step ends it")]

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Resource, Rlimit, prlimit};

const MESSAGES: usize = 3000;
/// Room for the schema and some of the messages.
const ROOM_BYTES: u64 = 2 << 20;

fn peanut(data: &Path) -> Command {
    // The signal of the limit is ignored, so that a write beyond it fails as one to a full disk does.
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_peanut"), "--data-dir"]);
    command.arg(data).env("HOME", data).env("PEANUT_MODEL", "static").stdin(Stdio::null());
    command
}

fn archive(path: &Path) {
    let mut text = String::new();
    for n in 0..MESSAGES {
        let body: String = (0..60).fold(String::new(), |mut body, k| {
            let _ = write!(body, "word{} ", (n * 31 + k * 7) % 9973);
            body
        });
        let _ = write!(
            text,
            "From a@x.org Thu Jan  1 00:00:00 2024\nFrom: A <a@x.org>\nTo: b@x.org\nSubject: Topic {n}\n\
             Date: Thu, 1 Feb 2024 10:00:00 +0000\nMessage-ID: <m{n}@x.org>\n\n{body}\n\n"
        );
    }
    std::fs::write(path, text).unwrap();
}

#[test]
fn a_full_disk_is_said_and_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let (data, mail) = (folder.path().join("data"), folder.path().join("mail.mbox"));
    archive(&mail);
    // The store is made while there is room.
    assert!(peanut(&data).arg("status").stdout(Stdio::null()).status().unwrap().success());

    let mut command = peanut(&data);
    command.arg("ingest").arg("--wait").arg(&mail).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let pid = Pid::from_child(&child);
    let limit = |bytes| Rlimit { current: Some(bytes), maximum: None };
    prlimit(Some(pid), Resource::Fsize, limit(ROOM_BYTES)).unwrap();

    let mut said = String::new();
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    while errors.read_line(&mut said).unwrap() > 0 {
        if said.contains("waiting:") {
            break;
        }
    }
    assert!(said.contains("disk"), "{said}");
    assert!(child.try_wait().unwrap().is_none(), "it waits");
    prlimit(Some(pid), Resource::Fsize, Rlimit { current: None, maximum: None }).unwrap();

    let mut rest = String::new();
    errors.read_to_string(&mut rest).unwrap();
    assert!(child.wait().unwrap().success(), "{said}{rest}");
    let status = peanut(&data).args(["status", "--json"]).output().unwrap();
    let status: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(status["store"]["documents"], MESSAGES, "{said}{rest}");
    let check = peanut(&data).arg("check").output().unwrap();
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
}

/// One request on a connection of its own.
fn ask(address: &str, request: &str) -> String {
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_full_disk_is_told_over_http_and_is_not_ready() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut command = peanut(&data);
    command.args(["serve", "--listen", "127.0.0.1:0"]).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    let address = log
        .find_map(|line| {
            let line: serde_json::Value = serde_json::from_str(&line.unwrap()).ok()?;
            (line["event"] == "listening").then(|| line["addresses"].as_str().unwrap().replace("http://", ""))
        })
        .unwrap();
    // Whatever is written there is read, so that the process is never held up.
    let reading = std::thread::spawn(move || log.for_each(drop));
    let get =
        |path: &str| ask(&address, &format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"));
    let post = |text: &str| {
        let body = serde_json::json!({ "text": text }).to_string();
        let head = format!(
            "POST /ingest/text HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n",
            body.len()
        );
        ask(&address, &format!("{head}{body}"))
    };
    assert!(post("a first text").starts_with("HTTP/1.1 202"));
    assert!(get("/readyz").starts_with("HTTP/1.1 200"));

    let pid = Pid::from_child(&child);
    prlimit(Some(pid), Resource::Fsize, Rlimit { current: Some(4096), maximum: None }).unwrap();
    let refused = post("a text without room");
    assert!(refused.starts_with("HTTP/1.1 507") && refused.contains("\"disk_full\""), "{refused}");
    let not_ready = get("/readyz");
    assert!(not_ready.starts_with("HTTP/1.1 503") && not_ready.contains("disk"), "{not_ready}");
    assert!(get("/livez").starts_with("HTTP/1.1 200"));

    prlimit(Some(pid), Resource::Fsize, Rlimit { current: None, maximum: None }).unwrap();
    assert!(post("a text with room again").starts_with("HTTP/1.1 202"));
    assert!(get("/readyz").starts_with("HTTP/1.1 200"));
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
    reading.join().unwrap();
}
