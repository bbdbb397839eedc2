//! What the screens show: a snapshot per screen and state at three sizes, and sizes and states at random that must not
//! panic. Snapshots carry text; the few colours that carry meaning are asserted beside them.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use peanut::app::event::Event;
use peanut::app::keymap::Keymap;
use peanut::app::state::{State, Theme};
use peanut::app::update::update;
use peanut::domain::health::{ServiceHealth, ServiceState, WorkerRecord, WorkerState};
use peanut::domain::intake::{DeadLetter, FileRecord, FileState, ItemCounts, Origin};
use peanut::domain::search::{Hit, LegScore, Scores, SearchResponse, Snippet};
use peanut::domain::status::{EmbeddingProgress, StatusSnapshot};
use peanut::domain::{ChunkId, DocumentId, ModelId, SourceType, Timestamp};
use peanut::ui::{Colours, ViewCx, view};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use tui_textarea::{Input, Key};
use unicode_width::UnicodeWidthStr;

const SIZES: [(u16, u16); 3] = [(60, 15), (80, 24), (160, 50)];
const NOW: Timestamp = Timestamp(1_726_142_400_000);

fn context() -> ViewCx<'static> {
    ViewCx { theme: Theme::Dark, colours: Colours::Full, version: "0.0.0" }
}

fn draw(state: &State, width: u16, height: u16) -> Buffer {
    let area = Rect::new(0, 0, width, height);
    let mut buffer = Buffer::empty(area);
    view(state, &context(), area, &mut buffer);
    buffer
}

fn text(buffer: &Buffer) -> String {
    let area = buffer.area;
    let rows = (0..area.height).map(|y| {
        let mut row = String::new();
        let mut x = 0;
        while x < area.width {
            // The cell behind a wide character is covered by it.
            let symbol = buffer[(x, y)].symbol();
            row.push_str(symbol);
            x += u16::try_from(symbol.width().max(1)).unwrap();
        }
        row.trim_end().to_owned()
    });
    rows.collect::<Vec<_>>().join("\n")
}

fn service(role: &str, state: ServiceState) -> ServiceHealth {
    ServiceHealth {
        role: role.into(),
        name: format!("{role} engine"),
        state,
        detail: "version 1".into(),
        error: (state == ServiceState::Down).then(|| "no answer within 2 s: is it running?".into()),
        latency_ms: Some(0.4),
        latency_history_ms: vec![0.2, 0.4, 0.3],
        probed_at: Some(NOW),
    }
}

fn file(path: &str, state: FileState, reason: Option<&str>) -> FileRecord {
    FileRecord {
        path: path.into(),
        origin: Origin::Explicit,
        source_type: Some(SourceType::Mail),
        state,
        reason: reason.map(str::to_owned),
        size_bytes: 2_000_000,
        modified_at: NOW,
        bytes_done: 1_220_000,
        head_sha256: None,
        items: ItemCounts { seen: 412, documents: 400, duplicates: 12, ..ItemCounts::default() },
        offered_at: NOW,
        updated_at: Timestamp(NOW.0 - 2_000),
    }
}

fn status() -> StatusSnapshot {
    let mut status = StatusSnapshot { at: NOW, ..StatusSnapshot::default() };
    status.store.documents = 1_234;
    status.store.chunks = 20_000;
    status.store.searchable_chunks = 18_240;
    status.store.bytes_on_disk = 45 << 20;
    status.intake.files_by_state = vec![(FileState::Queued, 3), (FileState::Indexed, 120), (FileState::Failed, 1)];
    status.intake.items =
        ItemCounts { seen: 1_247, documents: 1_234, duplicates: 12, dead_letters: 1, ..ItemCounts::default() };
    status.files = vec![
        file("/mail/export.mbox", FileState::Parsing, None),
        file("/notes/日本語のとても長い名前のノート.md", FileState::Indexed, None),
        file("/mail/corrupt.pdf", FileState::Failed, Some("encrypted: the file needs a password")),
    ];
    status.dead_letters = vec![DeadLetter {
        id: 1,
        path: "/mail/corrupt.pdf".into(),
        offset: None,
        error: "encrypted: the file needs a password; save a copy without one".into(),
        attempts: 2,
        next_retry_at: Some(Timestamp(NOW.0 + 8_000)),
        first_failed_at: NOW,
        last_failed_at: NOW,
    }];
    let progress = |model: &str, done, pending| EmbeddingProgress {
        model: ModelId::from(model),
        done,
        pending,
        processing: 0,
        failed: 0,
    };
    status.embeddings = vec![progress("static-256", 18_240, 0), progress("minilm-l6-w8", 11_309, 6_931)];
    status.outbox.pending = 141;
    status.outbox.oldest_pending_seconds = Some(3.0);
    status.services = vec![
        service("store", ServiceState::Ok),
        service("graph", ServiceState::Down),
        service("embedder", ServiceState::Ok),
    ];
    status.workers = ["watcher", "ingest", "embedder", "relay", "probe"]
        .map(|name| WorkerRecord {
            name: name.into(),
            host: "host".into(),
            pid: 7,
            state: if name == "relay" { WorkerState::Restarting } else { WorkerState::Idle },
            detail: String::new(),
            restarts: u32::from(name == "relay"),
            heartbeat_at: NOW,
        })
        .to_vec();
    status.runs_workers = true;
    status
}

/// Another host works on the same store; of a third process nothing was heard for a while.
fn many_processes(picture: &mut StatusSnapshot) {
    let other = |host: &str, pid, silent_seconds: i64, state| WorkerRecord {
        name: "ingest".into(),
        host: host.into(),
        pid,
        state,
        detail: "/mail/export.mbox".into(),
        restarts: 0,
        heartbeat_at: Timestamp(NOW.0 - silent_seconds * 1_000),
    };
    picture.workers.push(other("rack-2", 4_100, 2, WorkerState::Busy));
    picture.workers.push(other("rack-3", 881, 190, WorkerState::Busy));
    picture.workers.push(other("rack-3", 17, 7_200, WorkerState::Stopped));
    let mut disk = service("disk", ServiceState::Degraded);
    disk.error = Some("1.3 GiB free for /data: make room soon, or move the data folder to a larger disk".into());
    let mut replica = service("replica", ServiceState::Degraded);
    replica.error = Some("31 s behind the primary: searches go to the primary until it has caught up".into());
    picture.services.extend([replica, disk]);
}

fn hit(rank: u32, title: &str) -> Hit {
    Hit {
        rank,
        document_id: DocumentId::from_source_key(title),
        chunk_id: ChunkId(i64::from(rank)),
        title: title.into(),
        source_type: SourceType::Mail,
        source_path: "/mail/export.mbox".into(),
        line: None,
        place: "p. 3".into(),
        dated_at: Some(NOW),
        from: Some("Alice Example".into()),
        tags: vec![],
        deleted_at: None,
        snippet: Snippet { text: "…the budget for Q3 needs a second look…".into(), marks: vec![(7, 13)] },
        scores: Scores {
            fused: 0.94 / rank as f32,
            lexical: Some(LegScore { rank: Some(rank), score: 8.1 }),
            vector: Some(LegScore { rank: None, score: 0.71 }),
            rerank: None,
        },
        other_places: vec![],
    }
}

fn press(state: &mut State, character: char) {
    let _ = update(state, Event::Key(Input { key: Key::Char(character), ctrl: false, alt: false, shift: false }));
}

fn state_of(size: (u16, u16), name: &str) -> State {
    let mut state = State::new(Keymap::default(), Theme::Dark, false);
    let _ = update(&mut state, Event::Resized { width: size.0, height: size.1 });
    let _ = update(&mut state, Event::Ticked(NOW));
    if name == "opening" {
        return state;
    }
    if name == "failed" {
        let error = "open store /data/peanut.db: the disk is full: make room, then retry".to_owned();
        let _ = update(&mut state, Event::Opened(Err(error)));
        return state;
    }
    let _ = update(&mut state, Event::Opened(Ok(())));
    let mut picture = if name == "welcome" {
        StatusSnapshot {
            at: NOW,
            drop_zone: Some("/home/u/.local/share/peanut/drop".into()),
            runs_workers: true,
            ..StatusSnapshot::default()
        }
    } else {
        status()
    };
    if name == "services_of_many" {
        many_processes(&mut picture);
    }
    let _ = update(&mut state, Event::StatusChanged(Arc::new(picture)));
    if name == "outbox_store_down" {
        // The store went away; the picture stays as it was, only the probes are new.
        let mut picture = status();
        picture.services[0] = service("store", ServiceState::Down);
        let _ = update(&mut state, Event::StatusChanged(Arc::new(picture)));
        let _ = update(&mut state, Event::Ticked(Timestamp(NOW.0 + 95_000)));
    }
    if name.starts_with("search") {
        press(&mut state, '2');
        "budget".chars().for_each(|character| press(&mut state, character));
        let generation = state.search.generation;
        let mut response = SearchResponse {
            hits: vec![hit(1, "Re: Q3 budget review"), hit(2, "予算の見直し")],
            ..SearchResponse::default()
        };
        if name == "search_degraded" {
            response.degraded = true;
            response.degraded_reason = Some("the embedder did not answer within 1.5 s".into());
            response.did_you_mean = Some("budgets".into());
        }
        let result =
            if name == "search_error" { Err("search failed: the disk reported an error".into()) } else { Ok(response) };
        let _ = update(&mut state, Event::Searched { generation, result });
        let _ = update(&mut state, Event::Key(Input { key: Key::Esc, ctrl: false, alt: false, shift: false }));
        if name == "search_why" {
            press(&mut state, 'w');
        }
    }
    let key = match name {
        "intake" => Some("3"),
        "dead_letters" => Some("3t"),
        "outbox" | "outbox_store_down" => Some("4"),
        "services" | "services_of_many" => Some("5"),
        "settings" => Some("9"),
        "log" => Some("0"),
        "help" => Some("?"),
        "palette" => Some(":"),
        "prompt" => Some("a"),
        "note" => Some("n"),
        _ => None,
    };
    key.into_iter().flat_map(str::chars).for_each(|character| press(&mut state, character));
    state
}

const STATES: [&str; 20] = [
    "opening",
    "failed",
    "welcome",
    "home",
    "search",
    "search_why",
    "search_degraded",
    "search_error",
    "intake",
    "dead_letters",
    "outbox",
    "outbox_store_down",
    "services",
    "services_of_many",
    "settings",
    "log",
    "help",
    "palette",
    "prompt",
    "note",
];

#[test]
fn screens_look_as_they_did() {
    for name in STATES {
        for (width, height) in SIZES {
            let state = state_of((width, height), name);
            insta::assert_snapshot!(format!("{name}_{width}x{height}"), text(&draw(&state, width, height)));
        }
    }
}

#[test]
fn what_is_wrong_is_said_in_words_and_marked() {
    let buffer = draw(&state_of((160, 50), "home"), 160, 50);
    let shown = text(&buffer);
    assert!(shown.contains("graph DOWN") && shown.contains("behind"), "{shown}");
    let (x, y) = find(&buffer, "DOWN").expect("the word is on screen");
    assert_eq!(buffer[(x, y)].fg, ratatui::style::Color::Red);
}

#[test]
fn matches_are_marked_without_colour_too() {
    let state = state_of((80, 24), "search");
    let area = Rect::new(0, 0, 80, 24);
    let mut buffer = Buffer::empty(area);
    view(&state, &ViewCx { colours: Colours::None, ..context() }, area, &mut buffer);
    let row = (0..24).find(|y| (0..80).any(|x| buffer[(x, *y)].symbol() == "…")).expect("a snippet is on screen");
    let marked: String = (0..80)
        .filter(|x| buffer[(*x, row)].modifier.contains(Modifier::UNDERLINED))
        .map(|x| buffer[(x, row)].symbol())
        .collect();
    assert_eq!(marked, "budget");
    assert!(buffer.content.iter().all(|cell| cell.fg == ratatui::style::Color::Reset));
}

fn find(buffer: &Buffer, wanted: &str) -> Option<(u16, u16)> {
    let area = buffer.area;
    (0..area.height).find_map(|y| {
        let row: Vec<&str> = (0..area.width).map(|x| buffer[(x, y)].symbol()).collect();
        (0..row.len()).find(|x| row[*x..].concat().starts_with(wanted)).map(|x| (u16::try_from(x).unwrap(), y))
    })
}

/// What is wrong is in sight at every width, and so is the way out.
#[test]
fn narrow_screens_still_say_what_is_wrong_and_how_to_leave() {
    for (width, height) in [(60, 15), (80, 24), (100, 30), (160, 50)] {
        let shown = text(&draw(&state_of((width, height), "home"), width, height));
        let (first, last) = (shown.lines().next().unwrap(), shown.lines().last().unwrap());
        assert!(first.contains("graph DOWN"), "{width}: {first}");
        assert!(last.contains("? help") && last.contains("q quit"), "{width}: {last}");
        assert!(first.width() <= usize::from(width) && last.width() <= usize::from(width));
    }
}

#[test]
fn the_sum_of_items_is_whole_at_80_columns() {
    let shown = text(&draw(&state_of((80, 24), "intake"), 80, 24));
    assert!(shown.contains("1247 items = 1234 documents + 12 duplicates + 1 dead letter"), "{shown}");
}

#[test]
fn a_long_query_shows_the_end_that_is_typed() {
    let mut state = state_of((80, 24), "home");
    press(&mut state, '/');
    "word ".repeat(40).chars().chain("last".chars()).for_each(|character| press(&mut state, character));
    let area = Rect::new(0, 0, 80, 24);
    let mut buffer = Buffer::empty(area);
    let cursor = view(&state, &context(), area, &mut buffer).expect("a cursor while typing");
    let before: String = (cursor.x - 4..cursor.x).map(|x| buffer[(x, cursor.y)].symbol()).collect();
    assert_eq!(before, "last");
}

#[test]
fn no_size_makes_it_panic() {
    for name in STATES {
        for width in (0..=200).step_by(7) {
            for height in (0..=60).step_by(5) {
                draw(&state_of((width, height), name), width, height);
            }
        }
    }
}

/// Only what changed goes over the wire: a second tick costs a few bytes, not a screen.
#[test]
fn a_tick_changes_little() {
    let mut state = state_of((80, 24), "home");
    let before = draw(&state, 80, 24);
    let _ = update(&mut state, Event::Ticked(Timestamp(NOW.0 + 1_000)));
    let changed = before.diff(&draw(&state, 80, 24)).len();
    assert!(changed < 80, "{changed} cells");
}
