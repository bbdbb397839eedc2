//! What hostile files do to a parser, done on demand: for the tests that look at what becomes of the process, of the file,
//! and of all others. A parser does this only when it was started for it. Called by `child`.

use std::hint::black_box;

/// Begins a word in a job's bytes that says what to do.
const MARK: &str = "peanut-planned-";

/// Does what the bytes ask for; returns what should not have been possible.
pub(super) fn act(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let Some(at) = text.find(MARK) else { return Vec::new() };
    let word = text[at + MARK.len()..].split(|c: char| !c.is_ascii_lowercase()).next().unwrap_or_default();
    match word {
        "overflow" => {
            black_box(deep(black_box(1)));
        }
        "memory" => {
            let mut held: Vec<Vec<u8>> = Vec::new();
            loop {
                held.push(vec![1; 64 << 20]);
                black_box(&held);
            }
        }
        "hang" => loop {
            black_box(0);
        },
        "sleep" => loop {
            std::thread::park();
        },
        "abort" => std::process::abort(),
        "reach" => return reached(),
        _ => {}
    }
    Vec::new()
}

/// Calls itself until there is no stack, or for so long that nobody waits.
fn deep(depth: u64) -> u64 {
    let here = [black_box(depth); 64];
    if depth == u64::MAX { 0 } else { deep(depth + 1).wrapping_add(black_box(here)[7]) }
}

/// What of the outside world could be reached.
fn reached() -> Vec<String> {
    let mut reached = Vec::new();
    let mut note = |what: &str, done: bool| {
        if done {
            reached.push(what.to_owned());
        }
    };
    note("a file could be read", std::fs::read("/etc/hostname").is_ok() || std::fs::read("/proc/self/environ").is_ok());
    note("a folder could be listed", std::fs::read_dir("/").is_ok());
    note("a file could be written", std::fs::write("/tmp/peanut-reached", "x").is_ok());
    note("a connection could be tried", std::net::UdpSocket::bind("127.0.0.1:0").is_ok());
    note("a program could be started", std::process::Command::new("true").spawn().is_ok());
    note("the environment holds settings", std::env::vars().any(|(name, _)| name != "MIMALLOC_ARENA_RESERVE"));
    reached
}
