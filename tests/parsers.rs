//! What hostile content does to the process that parses it, on the real program: the process ends, the file is named,
//! everything else is taken in, and nothing outside is reached.

#![expect(clippy::unwrap_used, reason = "a test: a failed step ends it")]

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use peanut::domain::Timestamp;
use peanut::ingest::chunk::ChunkOptions;
use peanut::ingest::detect::Detected;
use peanut::ingest::parse::ParseError;
use peanut::ingest::parsers::{Answer, Facts, Job, Parsers, Program, What};

fn job(name: &str, text: &str) -> Job {
    let what = What::File { path: format!("/notes/{name}.md"), modified_at: Timestamp(0), kind: Detected::Markdown };
    Job { facts: Facts { what, chunks: ChunkOptions::default() }, bytes: text.as_bytes().to_vec() }
}

struct Tried {
    parsers: Parsers,
    told: Arc<Mutex<Vec<String>>>,
}

fn tried() -> Tried {
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let witness = Arc::clone(&told);
    let arguments = vec!["parser-process".into(), "--planned".into()];
    let program = Program { path: env!("CARGO_BIN_EXE_peanut").into(), arguments };
    let parsers = Parsers::of(
        program,
        Arc::new(move |casualty| witness.lock().unwrap().push(format!("{}: {}", casualty.name, casualty.why))),
    );
    Tried { parsers, told }
}

fn title(answer: &Answer) -> &str {
    match answer {
        Answer::Read { document, .. } => &document.title,
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_that_ends_its_parser_twice_is_refused_and_its_neighbours_are_read() {
    for (act, why) in
        [("overflow", "out of stack"), ("memory", "more memory"), ("abort", "signal 6"), ("hang", "processor time")]
    {
        let tried = tried();
        let jobs = [job("a", "# first"), job("bad", &format!("peanut-planned-{act}")), job("c", "# third")];
        let answers = tried.parsers.parse(&jobs, &|| true);
        assert_eq!((title(&answers[0]), title(&answers[2])), ("first", "third"), "{act}");
        let Answer::Refused(ParseError::EndedParser(told)) = &answers[1] else { panic!("{act}: {:?}", answers[1]) };
        assert!(told.contains(why), "{act}: {told}");
        let witnessed = tried.told.lock().unwrap().clone();
        assert_eq!(witnessed.len(), 1, "{witnessed:?}");
        assert!(witnessed[0].starts_with("/notes/bad.md: "), "{witnessed:?}");
        // And the next ones find a parser.
        assert_eq!(title(&tried.parsers.parse(&[job("d", "# fourth")], &|| true)[0]), "fourth");
    }
}

/// From a hang to its replacement: the time a parser may compute (one second here, 75 s otherwise), and what its end, a new
/// process and that one's first answer take on top. Printed for docs/BENCHMARKS.md.
#[test]
fn a_parser_that_hangs_is_soon_replaced() {
    let tried = tried();
    let timed = |name: &str, text: &str| {
        let began = Instant::now();
        let answer = tried.parsers.parse(&[job(name, text)], &|| true).remove(0);
        (began.elapsed(), answer)
    };
    let (first, _) = timed("a", "# first");
    let (again, _) = timed("b", "# second");
    let (hung, answer) = timed("bad", "peanut-planned-hang");
    assert!(matches!(answer, Answer::Refused(ParseError::EndedParser(_))), "{answer:?}");
    let (replaced, answer) = timed("c", "# third");
    assert_eq!(title(&answer), "third");
    eprintln!(
        "started and first answer {first:?}, next answer {again:?}; two hangs of one second {hung:?}; replaced, with its \
         answer, {replaced:?}"
    );
    // Twice the second it may compute; the rest is a machine with other things to do.
    assert!(hung < Duration::from_secs(60) && replaced < Duration::from_secs(20), "{hung:?} {replaced:?}");
}

#[test]
fn what_nobody_waits_for_is_given_up() {
    let tried = tried();
    let answers = tried.parsers.parse(&[job("sleeper", "peanut-planned-sleep")], &|| false);
    assert!(matches!(answers[..], [Answer::NotTried(_)]), "{answers:?}");
    assert!(tried.told.lock().unwrap().is_empty());
}

#[test]
fn a_parser_reaches_nothing() {
    let answers = tried().parsers.parse(&[job("curious", "# curious\n\npeanut-planned-reach")], &|| true);
    assert_eq!(title(&answers[0]), "curious");
}

#[test]
fn without_a_program_nothing_is_tried_and_nothing_is_blamed() {
    let program = Program { path: "/nowhere/peanut".into(), arguments: Vec::new() };
    let parsers = Parsers::of(program, Arc::new(|casualty| panic!("{casualty:?}")));
    let answers = parsers.parse(&[job("a", "# a")], &|| true);
    assert!(matches!(&answers[..], [Answer::NotTried(why)] if why.contains("no parser can be started")), "{answers:?}");
}

fn peanut(data: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_peanut"));
    command.arg("--data-dir").arg(data).args(arguments).env("HOME", data).env("PEANUT_MODEL", "static");
    command.env("PEANUT_PANIC", "parser").stdin(Stdio::null()).output().unwrap()
}

#[test]
fn the_file_is_named_and_everything_else_is_taken_in() {
    let folder = tempfile::tempdir().unwrap();
    let (data, source) = (folder.path().join("data"), folder.path().join("source"));
    std::fs::create_dir(&source).unwrap();
    std::fs::write(source.join("bad.md"), "peanut-planned-overflow").unwrap();
    std::fs::write(source.join("good.md"), "# Good\n\nalpinegood\n").unwrap();
    let message = |n: u32, text: &str| {
        format!(
            "From a@x.org Thu Jan  1 00:00:00 2024\nFrom: a@x.org\nSubject: s{n}\nMessage-ID: <{n}@x>\n\n{text}\n\n"
        )
    };
    let archive = message(1, "alpineone") + &message(2, "peanut-planned-abort") + &message(3, "alpinethree");
    std::fs::write(source.join("mail.mbox"), archive).unwrap();
    let source = source.to_str().unwrap();
    let output = peanut(&data, &["ingest", "--wait", source]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    for (word, found) in [("alpinegood", 0), ("alpineone", 0), ("alpinethree", 0)] {
        assert_eq!(peanut(&data, &["search", word]).status.code(), Some(found), "{word}");
    }
    let why = peanut(&data, &["why", &format!("{source}/bad.md")]);
    let why = String::from_utf8_lossy(&why.stdout).into_owned();
    assert!(why.contains("ended its parser twice") && why.contains("out of stack"), "{why}");
    let why = peanut(&data, &["why", &format!("{source}/mail.mbox")]);
    let why = String::from_utf8_lossy(&why.stdout).into_owned();
    assert!(why.contains("ended its parser twice") && why.contains("signal 6"), "{why}");
    let mut reports: Vec<String> = std::fs::read_dir(data.join("state/crashes"))
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    reports.sort();
    assert_eq!(reports.len(), 2, "{reports:?}");
    assert!(reports.iter().any(|report| report.contains("bad.md")), "{reports:?}");
    assert!(reports.iter().any(|report| report.contains("mail.mbox, the message at byte")), "{reports:?}");
    let doctor = peanut(&data, &["doctor"]);
    assert!(String::from_utf8_lossy(&doctor.stdout).contains("crash"), "{doctor:?}");
}
