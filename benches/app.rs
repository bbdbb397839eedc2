//! What a user feels: first frame, memory, idle processor time, search and key latency, on the real binary.
//!
//! `cargo bench --bench app -- [messages]` builds an archive (100,000 messages unless told), takes it in through the
//! binary, and prints one line per measurement. Everything happens below a temporary folder.

#![expect(clippy::print_stdout, clippy::unwrap_used, unreachable_pub, reason = "a program of measurements")]

#[path = "support/corpus.rs"]
mod corpus;
#[path = "../tests/support/terminal.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod terminal;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use terminal::Terminal;

fn main() {
    let messages = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(100_000);
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty");
    first_frames("empty store", &empty, 10);

    let data = folder.path().join("full");
    let archive = folder.path().join("load.mbox");
    corpus::write_archive(&archive, messages, 300, 7).unwrap();
    let started = Instant::now();
    let status = peanut(&data).args(["ingest", "--wait"]).arg(&archive).env("PEANUT_MODEL", "static").status().unwrap();
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "ingest: {messages} messages in {seconds:.1} s = {:.0}/s, graph drained ({status})",
        messages as f64 / seconds
    );

    first_frames("full store", &data, 10);
    bytes_over_a_line(&data);
    idle(&data);
    searches(&data);
    keys_while_ingesting(folder.path());
}

fn peanut(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_peanut"));
    command.arg("--data-dir").arg(data).env("HOME", data);
    command
}

fn first_frames(name: &str, data: &Path, times: usize) {
    let mut millis: Vec<f64> = (0..times)
        .map(|_| {
            let started = Instant::now();
            let mut terminal = Terminal::start(data, 100, 30, &[("PEANUT_MODEL", "static")]);
            terminal.wait_for("Outbox");
            let elapsed = started.elapsed().as_secs_f64() * 1000.0;
            terminal.send("\u{3}");
            terminal.finish();
            elapsed
        })
        .collect();
    print_distribution(&format!("first frame, {name}, ms"), &mut millis);
}

/// What a terminal at the other end of a slow line is sent, at 80x24: only what changed should cross it.
fn bytes_over_a_line(data: &Path) {
    let mut terminal = Terminal::start(data, 80, 24, &[("PEANUT_MODEL", "static")]);
    terminal.wait_for("chunks");
    quiet(&mut terminal);
    println!("bytes at 80x24: {} until the first screen stands", terminal.raw().len());
    let mut per_second = Vec::new();
    for _ in 0..20 {
        per_second.push(sent(&mut terminal, "", Duration::from_secs(1)));
    }
    print_distribution("bytes a second, idle Home", &mut per_second);
    terminal.send("2/");
    quiet(&mut terminal);
    // Each key is given time for its answer, the search's results included.
    let mut per_key: Vec<f64> = "the first words"
        .chars()
        .map(|key| sent(&mut terminal, &key.to_string(), Duration::from_millis(400)))
        .collect();
    print_distribution("bytes for a key typed into the search and its results", &mut per_key);
    terminal.send("\u{1b}");
    quiet(&mut terminal);
    let mut per_step: Vec<f64> = (0..20).map(|_| sent(&mut terminal, "j", Duration::from_millis(200))).collect();
    print_distribution("bytes for a step down the results", &mut per_step);
    let mut per_screen: Vec<f64> =
        (0..20).map(|n| sent(&mut terminal, if n % 2 == 0 { "1" } else { "2" }, Duration::from_millis(200))).collect();
    print_distribution("bytes for another screen", &mut per_screen);
    terminal.send("\u{3}");
    terminal.finish();
}

/// Bytes written within `time` after `keys`.
fn sent(terminal: &mut Terminal, keys: &str, time: Duration) -> f64 {
    let before = terminal.raw().len();
    terminal.send(keys);
    terminal.read_for(time);
    (terminal.raw().len() - before) as f64
}

fn quiet(terminal: &mut Terminal) {
    terminal.read_for(Duration::from_secs(2));
}

fn idle(data: &Path) {
    let mut terminal = Terminal::start(data, 100, 30, &[("PEANUT_MODEL", "static")]);
    terminal.wait_for("chunks");
    terminal.send("/the first words");
    terminal.wait_for("words");
    std::thread::sleep(Duration::from_secs(10));
    let process = terminal.process_id();
    let before = cpu_ticks(process);
    std::thread::sleep(Duration::from_secs(30));
    let ticks = cpu_ticks(process) - before;
    println!("idle: {:.2} % of one core over 30 s", f64::from(u32::try_from(ticks).unwrap_or(u32::MAX)) / 30.0);
    println!("resident memory after a search, idle: {} MB", resident_megabytes(process));
    terminal.send("\u{3}");
    terminal.finish();
}

/// Types two-word queries and waits until each answer is on the screen: what search-as-you-type feels like.
fn searches(data: &Path) {
    let zipf = corpus::Zipf::new(7);
    let mut millis = Vec::new();
    for round in 0..20 {
        let query = format!("{} {}", zipf.ranked(20 + round * 37), zipf.ranked(200 + round * 91));
        let output =
            peanut(data).args(["search", "--json", "-n", "10", &query]).env("PEANUT_MODEL", "static").output().unwrap();
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        millis.push(answer["elapsed_ms"].as_f64().unwrap());
    }
    print_distribution("one-shot `peanut search` (index cold), ms in process", &mut millis);
}

fn keys_while_ingesting(folder: &Path) {
    let archive = folder.join("busy.mbox");
    corpus::write_archive(&archive, 30_000, 300, 11).unwrap();
    let mut terminal = Terminal::start(&folder.join("busy"), 100, 30, &[("PEANUT_MODEL", "static")]);
    terminal.wait_for("Welcome");
    terminal.send("a");
    terminal.wait_for("Add");
    terminal.send(archive.to_str().unwrap());
    terminal.send("\r");
    terminal.wait_until("ingest under way", |screen| screen.contains("busy.mbox") && !screen.contains("Welcome"));
    terminal.send("2/");
    let mut millis = Vec::new();
    let mut typed = String::new();
    for n in 0..300_u32 {
        let letter = char::from(b'a' + u8::try_from((n * 7) % 26).unwrap_or(0));
        typed.push(letter);
        let started = Instant::now();
        terminal.send(&letter.to_string());
        let wanted = typed.clone();
        terminal.wait_until("the letter", |screen| screen.contains(&wanted));
        millis.push(started.elapsed().as_secs_f64() * 1000.0);
        if typed.len() == 12 {
            // Twelve backspaces empty the input again.
            terminal.send(&"\u{7f}".repeat(12));
            let wanted = typed.clone();
            terminal.wait_until("an empty input", |screen| !screen.contains(&wanted[..6]));
            typed.clear();
        }
        std::thread::sleep(Duration::from_millis(15));
    }
    print_distribution("key to screen while ingest runs flat out, ms", &mut millis);
    println!("resident memory while ingesting: {} MB", resident_megabytes(terminal.process_id()));
    terminal.send("\u{3}");
    terminal.finish();
}

fn print_distribution(name: &str, values: &mut [f64]) {
    values.sort_by(f64::total_cmp);
    let at = |fraction: f64| values[((values.len() - 1) as f64 * fraction).round() as usize];
    println!(
        "{name}: p50 {:.1}  p95 {:.1}  p99 {:.1}  max {:.1}  (n={})",
        at(0.5),
        at(0.95),
        at(0.99),
        at(1.0),
        values.len()
    );
}

fn cpu_ticks(process: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

fn resident_megabytes(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}
