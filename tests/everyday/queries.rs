//! The query language as people type it: exclusions alone, OR between anything, words with a minus on the command line,
//! people as programs show them, and nothing where nothing is like it.

use crate::support::{Home, said};

/// What a search answers.
struct Answer {
    code: Option<i32>,
    /// Names of the files, best first.
    files: Vec<String>,
    hints: Vec<String>,
}

fn search(home: &Home, arguments: &[&str]) -> Answer {
    let said = home.say(&[&["search", "--json"], arguments].concat());
    let answer: serde_json::Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{}", said.err));
    let file = |hit: &serde_json::Value| hit["source_path"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    Answer {
        code: said.code,
        files: answer["hits"].as_array().unwrap().iter().map(file).collect(),
        hints: answer["hints"].as_array().unwrap().iter().map(|hint| hint.as_str().unwrap().to_owned()).collect(),
    }
}

fn sorted(mut files: Vec<String>) -> Vec<String> {
    files.sort();
    files
}

fn home(files: &[(&str, &str)]) -> Home {
    let home = Home::new();
    for (name, text) in files {
        home.write(&format!("s/{name}"), text);
    }
    assert_eq!(home.ingest(&home.path("s")).code, Some(0));
    home
}

#[test]
fn exclusions_alone_leave_the_rest() {
    let home = home(&[("a.md", "weekly spamword digest\n"), ("b.md", "how to repair\n")]);
    for query in ["-spamword", "type:markdown -spamword", "in:s -\"weekly spamword\"", "NOT spamword"] {
        let found = search(&home, &[query]);
        assert_eq!((found.files, found.hints), (vec!["b.md".to_owned()], Vec::new()), "{query}");
    }
}

#[test]
fn operators_join_phrases_filters_and_words() {
    let home = home(&[
        ("a.md", "we hire a software engineer\n"),
        ("b.md", "we hire a javascript coder\n"),
        ("c.md", "final budget\n"),
        ("d.md", "draft draft budget\n"),
    ]);
    for (query, files) in [
        ("\"software engineer\" OR \"javascript coder\"", &["a.md", "b.md"][..]),
        ("(\"software engineer\") OR (\"javascript coder\")", &["a.md", "b.md"]),
        ("in:a.md OR in:b.md", &["a.md", "b.md"]),
        ("budget NOT draft", &["c.md"]),
        ("budget -(draft old)", &["c.md"]),
        ("hire AND coder", &["b.md"]),
        ("coder OR in:c.md", &["b.md", "c.md"]),
        ("(budget OR hire) AND NOT (draft OR coder)", &["a.md", "c.md"]),
        ("budget AND -(-draft)", &["d.md"]),
    ] {
        let found = search(&home, &[query]);
        assert_eq!(sorted(found.files), files, "{query}");
        assert!(found.hints.is_empty(), "{query}: {:?}", found.hints);
    }
    let found = search(&home, &["budget OR"]);
    assert!(found.hints.iter().any(|hint| hint.contains("OR needs")), "{:?}", found.hints);
    // Pages by date: no document twice, none left out.
    let pages =
        ["0", "2"].map(|offset| search(&home, &["--limit", "2", "--offset", offset, "type:md", "sort:date"]).files);
    assert_eq!(sorted(pages.concat()), ["a.md", "b.md", "c.md", "d.md"]);
    let forward = search(&home, &["hire", "sort:date"]).files;
    let mut backward = search(&home, &["hire", "sort:-date"]).files;
    backward.reverse();
    assert_eq!(forward, backward);
    assert_eq!(sorted(forward), ["a.md", "b.md"]);
}

#[test]
fn words_with_a_minus_are_query_on_the_command_line() {
    let home = home(&[("a.md", "final budget\n")]);
    for words in ["budget -draft", "-draft", "budget -note", "budget -html", "budget -version", "-type:html budget"] {
        let words: Vec<&str> = words.split(' ').collect();
        let found = search(&home, &words);
        assert_eq!((found.code, found.files), (Some(0), vec!["a.md".to_owned()]), "{words:?}");
    }
    let said = home.say(&["search", "budget", "--jsno"]);
    assert_eq!(said.code, Some(2), "options are options: {}", said.err);
    assert!(home.say(&["search", "-h"]).out.contains("Usage"));
    assert!(home.say(&["search", "budget", "-n", "1", "--why"]).out.contains("fused"));
}

#[test]
fn people_are_found_by_what_programs_show() {
    let mail = |from: &str, id: &str| {
        format!(
            "From: {from}\nTo: bob@x.example\nCc: Carol <carol@x.example>\nSubject: \u{dc}bersicht\nMessage-ID: <{id}@x>\n\
             Date: Mon, 2 Sep 2024 10:00:00 +0000\n\nhello\n"
        )
    };
    let home = home(&[
        ("a.eml", &mail("\"Bruhn, Stefan\" <stefan.bruhn@dolby.example>", "1")),
        ("b.eml", &mail("Stefan Other <so@x.example>", "2")),
    ]);
    for (query, files) in [
        ("stefan.bruhn@dolby.example", &["a.eml"][..]),
        ("from:\"Bruhn, Stefan\"", &["a.eml"]),
        ("from:\"Stefan Other <so@x.example>\"", &["b.eml"]),
        ("from:'Stefan Other'", &["b.eml"]),
        ("from:bruh*", &["a.eml"]),
        ("cc:carol", &["a.eml", "b.eml"]),
        ("cc:bob", &[]),
        ("mid:<2@x>", &["b.eml"]),
        ("subject:\u{fc}ber", &["a.eml", "b.eml"]),
        ("ext:eml file:b", &["b.eml"]),
    ] {
        let found = search(&home, &[query]);
        assert_eq!(sorted(found.files), files, "{query}: {:?}", found.hints);
    }
    // Whose store it is must be known.
    assert!(search(&home, &["to:me"]).hints[0].contains("me = [\"you@example.org\"]"));
    let mine = |query: &str| {
        let answer = said(home.peanut(&["search", "--jsonl", query]).env("PEANUT_ME", "bob@x.example"));
        answer.out.lines().count()
    };
    assert_eq!((mine("to:me"), mine("from:me")), (2, 0));
}

#[test]
fn nothing_relevant_is_nothing() {
    let notes: Vec<(String, String)> =
        (1..=12).map(|n| (format!("n{n}.md"), format!("note {n} about gardens\n"))).collect();
    let home = home(&notes.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect::<Vec<_>>());
    for query in ["xyzzyplugh", "???"] {
        let found = search(&home, &[query]);
        assert_eq!((found.code, found.files.len()), (Some(1), 0), "{query}");
        assert!(!found.hints.is_empty());
    }
    // By meaning alone, and told so.
    let found = search(&home, &["flowers and plants"]);
    assert_eq!(found.code, Some(0), "{:?}", found.hints);
    assert!(found.hints.iter().any(|hint| hint.contains("closest in meaning")), "{:?}", found.hints);
}
