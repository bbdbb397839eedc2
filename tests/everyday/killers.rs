//! Files and texts that ended the program: under `serve`, under the app, over HTTP and as an agent's document; on both
//! engines. The program lives, what kills is named, and everything else is taken in.
//!
//! The two that were found (a PDF that overflows the stack, a note of nested list marks) are read in bounds by now; what
//! they did to their parser is done again by planned ones.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::serving::{Served, until};
use crate::support::Home;
use crate::terminal::Terminal;

/// Makes parsers do what a text asks for.
const PLANNED: (&str, &str) = ("PEANUT_PANIC", "parser");
const NAMED: &str = "ended its parser twice";

fn nested_list() -> String {
    format!("{}a", "* ".repeat(100_000))
}

/// What was found, and what ends its parser as that did. The others lie before, between and behind.
fn killers(home: &Home) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let found = vec![
        home.write("data/drop/b.pdf", include_bytes!("killers/strm50000.pdf")),
        home.write("data/drop/c.pdf", include_bytes!("killers/objstm1m.pdf")),
        home.write("data/drop/d.md", nested_list()),
    ];
    let planned = vec![
        home.write("data/drop/e.md", "peanut-planned-overflow"),
        home.write("data/drop/f.md", "peanut-planned-abort"),
    ];
    for name in ["a", "c", "z"] {
        home.write(&format!("data/drop/{name}-fine.md"), format!("# Fine {name}\n\nalpinefine and {name}word\n"));
    }
    let message = |n: u32, text: &str| {
        format!(
            "From a@x.org Thu Jan  1 00:00:00 2024\nFrom: a@x.org\nSubject: s{n}\nMessage-ID: <{n}@x>\n\n{text}\n\n"
        )
    };
    let archive = message(1, "alpinefine") + &message(2, "peanut-planned-overflow") + &message(3, "alpinefine");
    home.write("data/drop/g.mbox", archive);
    (found, planned)
}

fn why(home: &Home, path: &std::path::Path) -> Value {
    let said = home.say(&["why", "--json", path.to_str().unwrap()]);
    serde_json::from_str(&said.out).unwrap_or(Value::Null)
}

fn is_done(home: &Home, path: &std::path::Path) -> bool {
    matches!(why(home, path)["file"]["state"].as_str(), Some("indexed" | "failed" | "skipped"))
}

/// What must be so when all was read, whoever read it.
fn all_is_told(home: &Home, found: &[PathBuf], planned: &[PathBuf]) {
    let archive = home.path("data/drop/g.mbox");
    for path in found.iter().chain(planned).chain([&archive]) {
        until("an end of each", || is_done(home, path));
    }
    until("everything else", || home.hits("alpinefine").len() == 5);
    for path in planned.iter().chain([&archive]) {
        let told = why(home, path);
        assert!(told["file"]["reason"].as_str().is_some_and(|reason| reason.contains(NAMED)), "{told}");
    }
    let reports: Vec<String> = std::fs::read_dir(home.path("data/state/crashes"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("crash-"))
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    let doctor = home.say(&["doctor"]).out;
    for name in ["e.md", "f.md", "g.mbox"] {
        assert!(reports.iter().any(|report| report.contains(name)), "{name}: {reports:?}");
        assert!(doctor.contains(&format!("drop/{name}")), "{name}: {doctor}");
    }
}

#[test]
fn under_a_server_they_are_named_and_the_rest_is_taken_in() {
    for home in Home::on_both() {
        let (found, planned) = killers(&home);
        let started = format!("export {}={};", PLANNED.0, PLANNED.1);
        let served = Served::start(&home, &started);
        all_is_told(&home, &found, &planned);
        assert_eq!(served.ask("GET", "/livez", "").0, 200);
        assert!(served.end().success());
        // Nor does it begin again at every start: once more at most, when they were so young that they may have changed in
        // the very moment they were read.
        let mut reports = Vec::new();
        for start in 0..3 {
            let word = format!("laterword{start}");
            home.write(&format!("data/drop/later-{start}.md"), format!("# Later\n\n{word}\n"));
            let served = Served::start(&home, &started);
            until("the later one", || home.hits(&word).len() == 1);
            assert!(served.end().success());
            reports.push(std::fs::read_dir(home.path("data/state/crashes")).unwrap().count());
        }
        assert!(reports[1] == reports[2] && reports[2] <= 6, "{reports:?}");
        let check = home.say(&["check", "--drain"]);
        assert_eq!(check.code, Some(0), "{}", check.out);
    }
}

#[test]
fn under_the_app_they_are_named_and_the_rest_is_taken_in() {
    for home in Home::on_both() {
        let (found, planned) = killers(&home);
        let mut environment = vec![("PEANUT_MODEL", "static"), PLANNED];
        environment.extend(home.environment());
        let mut terminal = Terminal::start(&home.data(), 160, 40, &environment);
        terminal.wait_until("a screen", |screen| screen.contains("quit"));
        terminal.send("3");
        terminal.wait_until("its name and its end", |screen| screen.contains("e.md") && screen.contains(NAMED));
        all_is_told(&home, &found, &planned);
        // The screen still answers.
        terminal.send("2");
        terminal.wait_until("the input", |screen| screen.contains("leave"));
        terminal.send("zword");
        terminal.wait_until("the hit", |screen| screen.contains("Fine z"));
        terminal.send("\u{3}");
        assert_eq!(terminal.finish().0.code(), Some(0));
    }
}

#[test]
fn texts_handed_over_are_refused_by_name_and_the_next_is_taken() {
    for home in Home::on_both() {
        let served = Served::start(&home, &format!("export {}={};", PLANNED.0, PLANNED.1));
        let post = |text: &str| served.ask("POST", "/ingest/text", &json!({ "title": "T", "text": text }).to_string());
        let tool = |text: &str| {
            let params = json!({ "name": "add_document", "arguments": { "title": "A", "text": text } });
            let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
            let (status, answer) = served.ask("POST", "/mcp", &call.to_string());
            assert_eq!(status, 200, "{answer}");
            answer
        };
        for killer in ["peanut-planned-overflow", "peanut-planned-abort"] {
            let (status, answer) = post(killer);
            assert!(status == 422 && answer.contains(NAMED), "{status} {answer}");
            let answer = tool(killer);
            assert!(answer.contains(NAMED) && answer.contains(r#""isError":true"#), "{answer}");
        }
        assert_eq!(post(&nested_list()).0, 202, "what was found is read in bounds");
        assert!(tool(&format!("{} b", nested_list())).contains(r#""isError":false"#));
        assert_eq!(post("alpinefine by http").0, 202);
        assert!(tool("alpinefine by an agent").contains(r#""isError":false"#));
        assert_eq!(home.hits("alpinefine").len(), 2);
        let doctor = home.say(&["doctor"]).out;
        assert!(doctor.contains("the text \"T\"") && doctor.contains("the text \"A\""), "{doctor}");
        assert!(served.end().success());
    }
}

#[test]
fn whoever_asks_it_to_end_waits_for_no_file_that_hangs() {
    let home = Home::new();
    let hanging = home.write("data/drop/hangs.md", "peanut-planned-sleep");
    let served = Served::start(&home, &format!("export {}={};", PLANNED.0, PLANNED.1));
    until("it in hand", || why(&home, &hanging)["file"]["state"] == "parsing");
    let asked = std::time::Instant::now();
    assert!(served.end().success());
    assert!(asked.elapsed() < std::time::Duration::from_secs(30), "{:?}", asked.elapsed());
    // It was no fault of the file's: nobody waited for it.
    assert!(!why(&home, &hanging).to_string().contains(NAMED));
}

#[test]
fn what_budgets_cut_of_a_text_is_told_in_the_answer() {
    let home = Home::new();
    let served = Served::start(&home, "");
    let tags: String = (0..1_500).map(|n| format!(" #tag{n}")).collect();
    let body = json!({ "title": "Many", "text": format!("about tags{tags}") }).to_string();
    let (status, answer) = served.ask("POST", "/ingest/text", &body);
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(status, 202, "{answer}");
    let told = answer["left_out"][0].as_str().unwrap();
    assert!(told.contains("of 1500 tags were left out"), "{told}");
    let whole = served.ask("POST", "/ingest/text", r#"{"text":"all of it"}"#).1;
    assert!(whole.contains(r#""left_out":[]"#), "{whole}");
    let params = json!({ "name": "add_document", "arguments": { "text": format!("more tags{tags}") } });
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params }).to_string();
    let told = served.ask("POST", "/mcp", &call).1;
    assert!(told.contains("Not all of it was kept") && told.contains("of 1500 tags"), "{told}");
    assert!(served.end().success());
    // An attachment's is in the reason beside the mail's file.
    let mut document = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    document.start_file("word/document.xml", zip::write::SimpleFileOptions::default()).unwrap();
    let breaks_off = b"<w:document xmlns:w=\"w\"><w:body><w:p><w:r><w:t>alpineread</w:t></w:r></w:p></w:nothing>";
    std::io::Write::write_all(&mut document, breaks_off).unwrap();
    let document = base64(&document.finish().unwrap().into_inner());
    let mail = format!(
        "From: a@x.org\nSubject: s\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=B\n\n--B\n\nbody\n--B\n\
         Content-Type: application/octet-stream; name=half.docx\nContent-Transfer-Encoding: base64\n\
         Content-Disposition: attachment; filename=half.docx\n\n{document}\n--B--\n"
    );
    let mail = home.write("m.eml", mail);
    assert_eq!(home.ingest(&mail).code, Some(0));
    assert_eq!(home.hits("alpineread").len(), 1);
    let told = why(&home, &mail);
    let reason = told["file"]["reason"].as_str().unwrap_or_default();
    assert!(reason.starts_with("half.docx: the text breaks off"), "{told}");
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let number =
            three.iter().fold(0_usize, |number, byte| number << 8 | usize::from(*byte)) << (8 * (3 - three.len()));
        for digit in 0..4 {
            let is_there = digit <= three.len();
            text.push(if is_there { char::from(DIGITS[number >> (18 - 6 * digit) & 63]) } else { '=' });
        }
    }
    text
}
