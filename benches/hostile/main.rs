//! What hostile files cost: every case at n, 2n and 4n, each read in a process of its own, with its processor time and its
//! highest memory. Linear means that a row doubles from one number to the next, or grows less.
//!
//! `cargo bench --bench hostile` runs all cases, `-- mail` those whose name has the word; `-- --list` names them.

#![expect(clippy::expect_used, clippy::print_stdout, clippy::format_collect, reason = "a program of measurements")]

mod mail;
mod markup;
mod notes;
mod packed;
mod reading;

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// One kind of hostile file: its name, the name of a file of it, how large the first one is, and how to make one.
pub(crate) struct Case {
    name: &'static str,
    file: &'static str,
    n: usize,
    make: fn(usize) -> Vec<u8>,
}

/// A process that takes longer is ended.
const LONGEST: Duration = Duration::from_secs(60);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let cases: Vec<Case> =
        [notes::CASES, markup::CASES, mail::CASES, packed::CASES].into_iter().flat_map(|cases| cases()).collect();
    match arguments.first().map(String::as_str) {
        Some("--list") => cases.iter().for_each(|case| println!("{}", case.name)),
        Some("--one") => {
            let case = cases.iter().find(|case| case.name == arguments[1]).expect("a case of that name");
            let bytes = (case.make)(arguments[2].parse().expect("a number"));
            println!("{}", reading::measure(case.file, &bytes));
        }
        word => {
            println!("| case | bytes | n | 2n | 4n |\n|---|---|---|---|---|");
            for case in cases.iter().filter(|case| word.is_none_or(|word| case.name.contains(word))) {
                let mut row: Vec<String> = Vec::new();
                for times in [1, 2, 4] {
                    // What was ended once would be ended again.
                    let is_lost = row.last().is_some_and(|last| last.starts_with("**"));
                    row.push(if is_lost { "-".to_owned() } else { one(case, case.n * times) });
                }
                println!("| {} | {} | {} |", case.name, (case.make)(case.n).len(), row.join(" | "));
                std::io::stdout().flush().expect("standard output");
            }
        }
    }
}

/// One reading in a process of its own.
fn one(case: &Case, n: usize) -> String {
    let mut child = Command::new(std::env::current_exe().expect("own path"))
        .args(["--one", case.name, &n.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .expect("own program");
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("child") {
            let mut said = String::new();
            child.stdout.take().expect("piped").read_to_string(&mut said).expect("text");
            return if status.success() { said.trim().to_owned() } else { format!("**{status}**") };
        }
        if started.elapsed() > LONGEST {
            child.kill().expect("child");
            child.wait().expect("child");
            return format!("**over {} s**", LONGEST.as_secs());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
