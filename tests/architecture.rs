//! Holds the walls of `docs/ARCHITECTURE.md`: reads every `use crate::…` (and inline `crate::…`) of `src` and
//! checks it against the table of who may import whom; checks which external crates stay in which room.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};

/// `(files below this, rooms they may import)`; the longest matching prefix counts.
const WALLS: &[(&str, &[&str])] = &[
    ("domain", &["domain"]),
    ("config", &["config", "domain"]),
    ("telemetry", &["telemetry", "domain"]),
    ("index", &["index", "domain"]),
    ("store", &["store", "domain"]),
    ("store/shared/legs", &["store", "domain", "index"]),
    ("store/sqlite", &["store", "domain", "index"]),
    ("store/postgres", &["store", "domain", "index"]),
    ("embed", &["embed", "domain"]),
    ("embed/reindex", &["embed", "domain", "store"]),
    ("embed/roles", &["embed", "domain", "store"]),
    ("embed/worker", &["embed", "domain", "store", "outbox::backoff"]),
    ("graph", &["graph", "domain", "store"]),
    ("ingest", &["ingest", "domain", "store", "embed", "outbox::recorder", "telemetry::metrics"]),
    ("ingest/parse", &["ingest::parse", "domain"]),
    (
        "ingest/parsers",
        &[
            "ingest::parsers",
            "ingest::parse",
            "ingest::detect",
            "ingest::chunk",
            "ingest::concepts",
            "ingest::intake::paths",
            "domain",
            "embed",
        ],
    ),
    ("ingest/detect", &["ingest::detect", "ingest::parse::mail", "ingest::parse::text", "domain"]),
    ("ingest/chunk", &["ingest::chunk", "ingest::parse", "domain"]),
    ("ingest/concepts", &["ingest::concepts", "ingest::parse", "domain"]),
    ("outbox", &["outbox", "domain", "store", "graph"]),
    ("outbox/backoff", &["outbox::backoff", "domain"]),
    ("search", &["search", "domain", "store", "embed", "telemetry::metrics"]),
    ("search/query", &["search::query", "domain"]),
    ("search/fuse", &["search::fuse", "domain"]),
    ("search/per_query", &["search::per_query", "search::fuse", "domain"]),
    ("search/window", &["search::window", "domain"]),
    ("search/snippet", &["search::snippet", "domain"]),
    ("search/metrics", &["search::metrics", "domain"]),
    ("health", &["health", "domain", "store", "graph", "embed"]),
    ("api", &["api", "domain", "store", "embed", "graph", "search", "ingest", "outbox", "health", "telemetry"]),
    ("app", &["app", "domain"]),
    ("app/event_loop", &["app", "domain", "ui"]),
    ("ui", &["ui", "domain", "app::state", "app::keymap", "app::command"]),
    ("runtime", &["*"]),
    ("cli", &["*"]),
];

/// No service names a concrete adapter: these paths are for the composition roots (and the adapters themselves).
const ADAPTERS: &[&str] = &[
    "store::postgres",
    "store::sqlite",
    "graph::embedded",
    "graph::falkor",
    "embed::builtin",
    "embed::ollama",
    "embed::openai",
];

/// External crates and the only places that may name them.
const GUARDED: &[(&str, &[&str])] = &[
    ("sqlx", &["store/postgres", "store/sqlite"]),
    ("pgvector", &["store/postgres"]),
    ("redis", &["graph/falkor"]),
    ("falkordb", &["graph/falkor"]),
    ("reqwest", &["embed/http"]),
    ("rustls", &["embed/http", "api/listen"]),
    ("rten", &["embed/builtin"]),
    ("ratatui", &["ui", "app/event_loop"]),
    ("crossterm", &["app/event_loop", "ui"]),
    ("color_eyre", &["cli", "runtime"]),
    ("clap", &["cli"]),
    ("nix", &["app/event_loop"]),
    ("seccompiler", &["ingest/parsers/confine"]),
    ("memmap2", &["index/bytes"]),
    ("libc", &["ingest/parsers/confine"]),
    ("postcard", &["ingest/parsers/wire"]),
    ("mail_parser", &["ingest/parse"]),
    ("hayro_cmap", &["ingest/parse/pdf"]),
    ("hayro_font", &["ingest/parse/pdf"]),
    ("hayro_syntax", &["ingest/parse/pdf"]),
    ("skrifa", &["ingest/parse/pdf"]),
    ("notify", &["ingest/watch"]),
    ("axum", &["api"]),
    ("axum_server", &["api"]),
    ("tower_http", &["api"]),
    ("rmcp", &["api/mcp"]),
    ("governor", &["api/limits"]),
    ("getrandom", &["api/keys"]),
    ("utoipa", &["api", "domain", "health"]),
    ("prometheus", &["telemetry/metrics"]),
];

fn sources() -> Vec<(String, String)> {
    fn walk(folder: &Path, root: &Path, found: &mut Vec<(String, String)>) {
        let mut entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                walk(&path, root, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).unwrap().to_string_lossy().replace(".rs", "");
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    walk(&root, &root, &mut found);
    found
}

/// Paths named after `crate::` in code (comments left out), groups like `crate::{a, b::c}` taken apart.
fn imports(text: &str) -> Vec<String> {
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut paths = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0_i32;
            let mut item = String::new();
            for character in group.chars() {
                match character {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => paths.push(std::mem::take(&mut item)),
                    _ if depth == 0 && !character.is_whitespace() => item.push(character),
                    _ => {}
                }
            }
            paths.push(item);
        } else {
            paths.push(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_' || *c == ':').collect());
        }
    }
    paths.retain(|path| !path.is_empty());
    paths
}

fn is_within(path: &str, room: &str, separator: &str) -> bool {
    path == room || path.strip_prefix(room).is_some_and(|rest| rest.starts_with(separator))
}

fn violations(file: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let wall = WALLS.iter().filter(|(room, _)| is_within(file, room, "/")).max_by_key(|(room, _)| room.len());
    let Some((room, allowed)) = wall else { return found };
    for path in imports(text) {
        if allowed.contains(&"*") {
            continue;
        }
        if !allowed.iter().any(|allowed| is_within(&path, allowed, "::")) {
            found.push(format!("src/{file}.rs ({room}) imports crate::{path}; it may import only {allowed:?}"));
        }
        let named = ADAPTERS.iter().find(|adapter| is_within(&path, adapter, "::"));
        if let Some(adapter) = named.filter(|adapter| !is_within(file, &adapter.replace("::", "/"), "/")) {
            found.push(format!("src/{file}.rs names the adapter crate::{adapter}; only runtime and cli may"));
        }
    }
    found
}

fn guarded(file: &str, text: &str) -> Vec<String> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let mut found = Vec::new();
    for line in code {
        for (name, rooms) in GUARDED {
            let named = line
                .match_indices(&format!("{name}::"))
                .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':'));
            if named && !rooms.iter().any(|room| is_within(file, room, "/")) {
                found.push(format!("src/{file}.rs names {name}, which stays in {rooms:?}: {}", line.trim()));
            }
        }
    }
    found
}

/// Files that only start the program or list the rooms.
fn is_map(file: &str) -> bool {
    matches!(file, "lib" | "main")
}

/// Test modules of a room's own; one engine may be held against the other there.
fn is_test(file: &str) -> bool {
    file.ends_with("tests") || file.contains("/tests/")
}

#[test]
fn every_import_respects_the_walls() {
    let found: Vec<String> = sources()
        .iter()
        .filter(|(file, _)| !is_map(file) && !is_test(file))
        .flat_map(|(file, text)| violations(file, text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text)))
        .collect();
    assert!(found.is_empty(), "{} walls broken:\n{}", found.len(), found.join("\n"));
}

#[test]
fn guarded_crates_stay_in_their_rooms() {
    let found: Vec<String> = sources()
        .iter()
        .filter(|(file, _)| !is_map(file) && !is_test(file))
        .flat_map(|(file, text)| guarded(file, text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text)))
        .collect();
    assert!(found.is_empty(), "{} crates out of their room:\n{}", found.len(), found.join("\n"));
}

/// The only files that take the streams: what is printed goes through a door that makes control characters visible.
const STREAMS: &[&str] = &["cli/output", "app/event_loop", "telemetry/log", "telemetry/crash", "api/mcp"];

fn takes_a_stream(file: &str, text: &str) -> Vec<String> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let names = ["stdout()", "stderr()", "/dev/tty", "print!(", "println!(", "eprint!(", "eprintln!("];
    let is_asked_only = |line: &str| line.contains("().is_terminal()");
    let is_named = |line: &str, name: &str| {
        line.match_indices(name).any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
    };
    let found = code.filter(|line| names.iter().any(|name| is_named(line, name)) && !is_asked_only(line));
    found
        .filter(|_| !STREAMS.iter().any(|room| is_within(file, room, "/")))
        .map(|line| format!("src/{file}.rs takes a stream; print through cli::output: {}", line.trim()))
        .collect()
}

#[test]
fn nobody_prints_past_the_door() {
    let found: Vec<String> = sources()
        .iter()
        .filter(|(file, _)| !is_map(file) && !is_test(file))
        .flat_map(|(file, text)| takes_a_stream(file, text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text)))
        .collect();
    assert!(found.is_empty(), "{} print past it:\n{}", found.len(), found.join("\n"));
}

#[test]
fn every_module_says_what_it_is_for() {
    let silent: Vec<String> = sources()
        .into_iter()
        .filter(|(file, text)| !is_test(file) && !text.trim_start().starts_with("//!"))
        .map(|(file, _)| file)
        .collect();
    assert!(silent.is_empty(), "no //! in: {silent:?}");
}

#[test]
fn every_room_has_a_wall() {
    let open: Vec<String> = sources()
        .into_iter()
        .map(|(file, _)| file)
        .filter(|file| !is_map(file) && !WALLS.iter().any(|(room, _)| is_within(file, room, "/")))
        .collect();
    assert!(open.is_empty(), "no wall for: {open:?}");
}

#[test]
fn the_test_itself_sees_a_broken_wall() {
    assert_eq!(violations("ui/panes/home", "use crate::store::Store;").len(), 1);
    assert_eq!(violations("ui/panes/home", "use crate::{domain::Clock, app::drivers::Drivers};").len(), 1);
    assert_eq!(violations("search/service", "let s = crate::store::sqlite::SqliteStore;").len(), 1);
    assert_eq!(violations("store/postgres/rows", "use crate::store::sqlite::SqliteStore;").len(), 1);
    assert_eq!(violations("domain/ids", "use crate::config::Config;").len(), 1);
    assert_eq!(guarded("search/service", "use sqlx::SqlitePool;").len(), 1);
    assert!(violations("ui/panes/home", "use crate::app::state::State;\n// crate::store is not for us").is_empty());
    assert_eq!(takes_a_stream("cli/search", "writeln!(io::stdout(), \"x\");\nprintln!(\"y\");").len(), 2);
    assert!(takes_a_stream("cli/output", "io::stdout()").is_empty());
}

/// The file that maps what the search index holds. Everything else of ours is safe code.
const UNSAFE: &str = "index/bytes";

#[test]
fn one_file_holds_all_that_is_unsafe() {
    let needle = concat!("un", "safe");
    let holding: Vec<String> = sources()
        .into_iter()
        .filter(|(_, text)| {
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            code.clone().any(|line| line.contains(&format!("{needle} {{")) || line.contains(&format!("({needle}_code")))
        })
        .map(|(name, _)| name)
        .collect();
    assert_eq!(holding, [UNSAFE]);
}
