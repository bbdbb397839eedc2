//! Descriptors used up (`ulimit -n`), little address space (`ulimit -v`): one file waits or fails, the rest goes on, and
//! nothing is lost.

use rustix::process::{Pid, Resource, Rlimit, prlimit};

use crate::serving::{Served, until};
use crate::support::{Home, Said, said};

const NOTES: usize = 30;

fn notes(home: &Home, folder: &str, word: &str) {
    for n in 0..NOTES {
        home.write(&format!("{folder}/{word}{n}.md"), format!("# Note {n}\n\n{word} {n}\n"));
    }
}

/// Takes the notes in under a limit.
fn limited(home: &Home, limit: &str) -> Said {
    let program = home.peanut(&["ingest", "--wait", home.path("s").to_str().unwrap()]);
    let mut command = std::process::Command::new("sh");
    command.args(["-c", &format!("{limit}; exec \"$0\" \"$@\"")]).arg(program.get_program());
    command.args(program.get_args()).current_dir(home.path("")).env_remove("POSTGRES_URL");
    said(command.env("HOME", home.path("")).env("PEANUT_MODEL", "static"))
}

#[test]
fn six_hundred_megabytes_of_address_space_are_enough_for_the_rest() {
    let home = Home::new();
    notes(&home, "s", "aardvark");
    // It takes what it can get.
    let greedy = home.write("s/greedy.md", "peanut-planned-memory");
    let taken = limited(&home, "export PEANUT_PANIC=parser; ulimit -v 614400");
    assert_eq!(taken.code, Some(1), "{}{}", taken.out, taken.err);
    let why = home.say(&["why", greedy.to_str().unwrap()]).out;
    assert!(why.contains("ended its parser twice") && why.contains("more memory"), "{why}");
    let status: serde_json::Value = serde_json::from_str(&home.say(&["status", "--json"]).out).unwrap();
    assert_eq!(status["store"]["documents"], NOTES, "{}", taken.err);
    assert_eq!(home.say(&["check", "--drain"]).code, Some(0));
}

/// Takes a folder in under every limit from one that opens nothing to one that lets it work.
#[test]
fn whatever_the_limit_it_ends_in_words_and_without_it_all_is_there() {
    let home = Home::new();
    notes(&home, "s", "aardvark");
    let mut ended = Vec::new();
    for limit in [8, 16, 24, 31, 32, 36, 40, 64] {
        let tried = limited(&home, &format!("ulimit -n {limit}"));
        // By itself, by no signal and no panic; what it could not do it says.
        assert!(matches!(tried.code, Some(0..=2)), "{limit}: {:?} {}", tried.code, tried.err);
        assert_eq!(tried.err.contains(&format!("only {limit} files")), limit < 32, "{limit}: {}", tried.err);
        assert!(!tried.err.contains("panicked"), "{limit}: {}", tried.err);
        assert!(tried.code == Some(0) || !tried.err.trim().is_empty(), "{limit}");
        ended.push((limit, tried.code));
    }
    assert!(ended.iter().any(|(_, code)| *code != Some(0)), "no limit was felt: {ended:?}");
    let taken = home.ingest(&home.path("s"));
    assert_eq!(taken.code, Some(0), "{ended:?} {}{}", taken.out, taken.err);
    let status: serde_json::Value = serde_json::from_str(&home.say(&["status", "--json"]).out).unwrap();
    assert_eq!(status["store"]["documents"], NOTES, "{ended:?}");
    assert_eq!(home.say(&["check", "--drain"]).code, Some(0));
}

#[test]
fn a_server_without_descriptors_waits_and_goes_on() {
    let home = Home::new();
    home.write("data/drop/first.md", "# First\n\nfirstword\n");
    let served = Served::start(&home, "");
    until("the first one", || home.hits("firstword").len() == 1);
    let pid = Pid::from_raw(served.process().cast_signed()).unwrap();
    let open = || std::fs::read_dir(format!("/proc/{}/fd", served.process())).unwrap();
    let highest = open().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse::<u64>().ok()).max().unwrap();
    let allowed = std::fs::read_to_string(format!("/proc/{}/limits", served.process())).unwrap();
    let allowed = allowed.lines().find(|line| line.starts_with("Max open files")).unwrap().to_owned();
    let maximum: u64 = allowed.split_whitespace().nth(4).unwrap().parse().unwrap();
    let set = |most: u64| {
        prlimit(Some(pid), Resource::Nofile, Rlimit { current: Some(most), maximum: Some(maximum) }).unwrap()
    };
    // What is open stays open; nothing more can be opened.
    set(highest + 1);
    notes(&home, "data/drop", "badger");
    let documents = || {
        let status = home.say(&["status", "--json"]).out;
        let status: serde_json::Value = serde_json::from_str(&status).unwrap();
        status["store"]["documents"].as_u64().unwrap()
    };
    until("offered or held up", || {
        let log = std::fs::read_dir(home.path("data/state/logs")).unwrap();
        let text: String = log.filter_map(|entry| std::fs::read_to_string(entry.unwrap().path()).ok()).collect();
        text.contains("Too many open files") || documents() == NOTES as u64 + 1
    });
    set(maximum);
    until("all of them", || home.hits("badger").len() >= 10 && documents() == NOTES as u64 + 1);
    assert_eq!(served.ask("GET", "/livez", "").0, 200);
    assert!(served.end().success());
    assert_eq!(home.say(&["check", "--drain"]).code, Some(0));
}
