//! What of a command line is query: `peanut search budget -draft -type:html`. Words with one `-` before them that are no
//! option belong to the query; they are put behind a `--`, where the parser of options leaves them alone.

use std::ffi::{OsStr, OsString};

use clap::{Arg, Command};

/// The command whose words are a query.
const SEARCH: &str = "search";

/// The same command line, the words of a search behind all options.
pub(super) fn arranged(line: Vec<OsString>, program: &Command) -> Vec<OsString> {
    let Some(search) = program.find_subcommand(SEARCH) else { return line };
    let globals: Vec<&Arg> = program.get_arguments().collect();
    let mut rest = line.iter();
    let mut before: Vec<OsString> = rest.next().cloned().into_iter().collect();
    // Options of the whole program come before the command.
    loop {
        let Some(word) = rest.next() else { return line };
        before.push(word.clone());
        if is_option(word) {
            if takes_next(word, &globals) {
                before.extend(rest.next().cloned());
            }
        } else if word == SEARCH {
            break;
        } else {
            return line;
        }
    }
    let known: Vec<&Arg> = search.get_arguments().chain(globals).collect();
    let (mut options, mut words) = (Vec::new(), Vec::new());
    while let Some(word) = rest.next() {
        if word == "--" {
            words.extend(rest.by_ref().cloned());
        } else if is_option(word) && !is_query(word, &known) {
            options.push(word.clone());
            if takes_next(word, &known) {
                options.extend(rest.next().cloned());
            }
        } else {
            words.push(word.clone());
        }
    }
    if !words.is_empty() {
        words.insert(0, "--".into());
    }
    [before, options, words].concat()
}

fn is_option(word: &OsStr) -> bool {
    word.as_encoded_bytes().starts_with(b"-") && word != "-"
}

/// Whether what looks like an option is a word of the query. `-n5` is an option, `-note` is not; `-h` and `-V` are only
/// when they stand alone.
fn is_query(word: &OsStr, known: &[&Arg]) -> bool {
    let Some(short) = word.to_str().and_then(|word| word.strip_prefix('-')) else { return false };
    if short.starts_with('-') {
        return false;
    }
    let mut letters = short.chars();
    let first = letters.next();
    let value = letters.as_str();
    if value.is_empty() && (first == Some('h') || first == Some('V')) {
        return false;
    }
    let Some(option) = known.iter().find(|option| option.get_short() == first && first.is_some()) else { return true };
    let is_value = value.trim_start_matches('=').bytes().all(|byte| byte.is_ascii_digit());
    if option.get_action().takes_values() { !is_value } else { !value.is_empty() }
}

/// Whether the next word is the value of this option.
fn takes_next(word: &OsStr, known: &[&Arg]) -> bool {
    let Some(word) = word.to_str() else { return false };
    let option = match word.strip_prefix("--") {
        Some(name) => known.iter().find(|option| option.get_long() == Some(name)),
        None => known.iter().find(|option| {
            option.get_short().is_some_and(|short| word.strip_prefix('-') == Some(short.encode_utf8(&mut [0; 4])))
        }),
    };
    option.is_some_and(|option| option.get_action().takes_values())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::Cli;

    fn of(line: &str) -> String {
        let words = line.split(' ').map(OsString::from).collect();
        let arranged = arranged(words, &Cli::command());
        arranged.iter().map(|word| word.to_str().unwrap()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn words_are_told_from_options() {
        for (line, expected) in [
            ("peanut search budget -draft", "peanut search -- budget -draft"),
            ("peanut search -draft", "peanut search -- -draft"),
            ("peanut search budget -note --json", "peanut search --json -- budget -note"),
            ("peanut search budget -html -version -h", "peanut search -h -- budget -html -version"),
            ("peanut search -type:html budget -n 5", "peanut search -n 5 -- -type:html budget"),
            ("peanut search -n5 a -n=3 -limit", "peanut search -n5 -n=3 -- a -limit"),
            ("peanut --data-dir search search x -y", "peanut --data-dir search search -- x -y"),
            ("peanut search x --data-dir -y", "peanut search --data-dir -y -- x"),
            ("peanut search x --mode=words -- --json -y", "peanut search --mode=words -- x --json -y"),
            ("peanut search - x", "peanut search -- - x"),
            ("peanut search --jsno x", "peanut search --jsno -- x"),
            ("peanut search", "peanut search"),
            ("peanut get search -x", "peanut get search -x"),
            ("peanut", "peanut"),
        ] {
            assert_eq!(of(line), expected);
        }
    }
}
