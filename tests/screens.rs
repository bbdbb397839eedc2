//! What the screens show: a snapshot per screen and state at three sizes, and sizes and states at random that must not
//! panic. Snapshots carry text; the few colours that carry meaning are asserted beside them.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use peanut::app::event::Event;
use peanut::app::keymap::Keymap;
use peanut::app::state::{State, Theme};
use peanut::app::update::update;
use peanut::domain::health::{ServiceHealth, ServiceRole, ServiceState, WorkerRecord, WorkerState};
use peanut::domain::intake::{DeadLetter, FileRecord, FileState, ItemCounts, Origin};
use peanut::domain::search::{Hit, LegScore, Scores, SearchResponse, Snippet};
use peanut::domain::settings::{self, SETTINGS, Setting, SettingNow};
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

fn service(role: ServiceRole, state: ServiceState) -> ServiceHealth {
    ServiceHealth {
        role,
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
        attempts: 0,
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
        service(ServiceRole::Store, ServiceState::Ok),
        service(ServiceRole::Graph, ServiceState::Down),
        service(ServiceRole::Embedder, ServiceState::Ok),
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
    let mut disk = service(ServiceRole::Disk, ServiceState::Degraded);
    disk.error = Some("1.3 GiB free for /data: make room soon, or move the data folder to a larger disk".into());
    let mut replica = service(ServiceRole::Replica, ServiceState::Degraded);
    replica.error = Some("31 s behind the primary: searches go to the primary until it has caught up".into());
    picture.services.extend([replica, disk]);
}

/// Archives that failed, were left out and are in but in part, the oldest first, behind files that are whole.
fn troubles(picture: &mut StatusSnapshot) {
    let mut failed = file(
        "/mail/backup/2019/outlook-export.mbox",
        FileState::Failed,
        Some(
            "damaged: the archive does not begin with a separator line, and no message was found in its first 64 KiB; export \
             it again as mbox",
        ),
    );
    failed.items = ItemCounts { seen: 1, dead_letters: 1, ..ItemCounts::default() };
    failed.updated_at = Timestamp(NOW.0 - 60_000);
    let mut skipped =
        file("/mail/backup/calendar.pst", FileState::Skipped, Some("Outlook data file: export it as mbox or eml"));
    skipped.items = ItemCounts { seen: 1, skipped: 1, ..ItemCounts::default() };
    skipped.source_type = None;
    skipped.updated_at = Timestamp(NOW.0 - 50_000);
    let mut partly = file("/mail/archive.mbox", FileState::Indexed, None);
    partly.items = ItemCounts { seen: 849, unchanged: 847, dead_letters: 2, ..ItemCounts::default() };
    partly.updated_at = Timestamp(NOW.0 - 40_000);
    let letter = |id, offset, error: &str| DeadLetter {
        id,
        path: partly.path.clone(),
        offset: Some(offset),
        error: error.into(),
        attempts: 4,
        next_retry_at: None,
        first_failed_at: NOW,
        last_failed_at: NOW,
    };
    picture.dead_letters =
        vec![letter(2, 120_400, "damaged: half a message at the end of the file"), letter(3, 77, "no text in it")];
    picture.documents_held = [(partly.path.clone(), 847)].into();
    let whole = |n: i64| FileRecord {
        updated_at: Timestamp(NOW.0 - n * 100),
        ..file(&format!("/notes/note-{n}.md"), FileState::Indexed, None)
    };
    picture.files = (1..30).map(whole).chain([skipped, partly, failed]).collect();
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
            window: None,
            feedback: None,
            rerank: None,
        },
        alike: Vec::new(),
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
    if name.starts_with("intake_trouble") {
        troubles(&mut picture);
    }
    let _ = update(&mut state, Event::StatusChanged(Arc::new(picture)));
    if name == "outbox_store_down" {
        // The store went away; the picture stays as it was, only the probes are new.
        let mut picture = status();
        picture.services[0] = service(ServiceRole::Store, ServiceState::Down);
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
        "intake" | "intake_trouble" => Some("3"),
        "intake_trouble_selected" => Some("3j"),
        "intake_trouble_full" => Some("3w"),
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
    if name == "settings" {
        let _ = update(&mut state, Event::SettingsLoaded(Ok(settings_now())));
    }
    state
}

/// Every setting at its default, but for one of the store, one of the file and one of the environment.
fn settings_now() -> Vec<SettingNow> {
    let now = |setting: &'static Setting| {
        let (value, origin) = match setting.name {
            "search.vector_weight" => ("0.35", settings::Origin::Store),
            "chunks.tokens" => ("256", settings::Origin::File),
            "log_level" => ("debug", settings::Origin::Environment("PEANUT_LOG".into())),
            _ => (setting.default, settings::Origin::Default),
        };
        let next = (setting.name == "chunks.tokens").then(|| "512".to_owned());
        let file = "/home/u/.config/peanut/config.toml".to_owned();
        SettingNow { setting, value: value.to_owned(), next, is_writable: true, origin, file }
    };
    SETTINGS.iter().map(now).collect()
}

const STATES: [&str; 24] = [
    "opening",
    "failed",
    "welcome",
    "home",
    "search",
    "search_why",
    "search_degraded",
    "search_error",
    "intake",
    "intake_trouble_home",
    "intake_trouble",
    "intake_trouble_selected",
    "intake_trouble_full",
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

/// The text of a pane with its breaks undone.
fn unwrapped(shown: &str) -> String {
    let inside = shown.lines().map(|line| line.rsplit('│').nth(1).unwrap_or(line).trim());
    inside.collect::<Vec<_>>().join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_reason_is_read_to_its_end_and_the_newest_trouble_stands_first() {
    let mut picture = status();
    troubles(&mut picture);
    let letters: Vec<&str> = picture.dead_letters.iter().map(|letter| letter.error.as_str()).collect();
    let reasons: Vec<&str> = picture.files.iter().filter_map(|file| file.reason.as_deref()).chain(letters).collect();
    assert_eq!(reasons.len(), 4);
    for name in ["intake_trouble", "intake_trouble_home"] {
        let shown = text(&draw(&state_of((80, 24), name), 80, 24));
        let read = unwrapped(&shown);
        for reason in reasons.iter().filter(|_| name == "intake_trouble") {
            assert!(read.contains(reason), "{name}: {reason} is not whole in:\n{shown}");
        }
        let at = |name: &str| shown.find(name).expect("the file is shown");
        assert!(at("archive.mbox") < at("calendar.pst") && at("calendar.pst") < at("export.mbox"), "{shown}");
        assert!(shown.find("note-1.md").is_none_or(|whole| at("export.mbox") < whole), "{shown}");
        assert!(shown.contains(" 847 "), "what it holds, not what the last pass brought: {shown}");
    }
    // Where there is not room for all of them, the one that is selected is whole.
    for (name, size) in [("intake_trouble", (60, 15)), ("intake_trouble_home", (80, 24))] {
        let mut state = state_of(size, name);
        if name.ends_with("home") {
            let _ = update(&mut state, Event::Key(Input { key: Key::Tab, ctrl: false, alt: false, shift: false }));
        }
        for reason in [&reasons[2], &reasons[0], &reasons[1]] {
            let shown = text(&draw(&state, size.0, size.1));
            assert!(unwrapped(&shown).contains(reason), "{reason} is not whole in:\n{shown}");
            press(&mut state, 'j');
        }
    }
}

#[test]
fn what_would_steer_the_terminal_is_shown_and_reaches_no_cell() {
    let evil = "evil\u{1b}]0;PWNED\u{7}\u{9b}2J\u{202e}\n\u{200b}\tx";
    for name in STATES {
        let mut state = state_of((160, 50), name);
        let mut picture = (*state.status).clone();
        for file in &mut picture.files {
            file.path = format!("/{evil}/{evil}.md");
            file.reason = Some(evil.to_owned());
        }
        for letter in &mut picture.dead_letters {
            (letter.path, letter.error) = (format!("/{evil}"), evil.to_owned());
        }
        for service in &mut picture.services {
            (service.detail, service.error) = (evil.to_owned(), Some(evil.to_owned()));
        }
        for worker in &mut picture.workers {
            worker.detail = evil.to_owned();
        }
        picture.drop_zone = Some(evil.to_owned());
        let _ = update(&mut state, Event::StatusChanged(Arc::new(picture)));
        if name.starts_with("search") {
            let mut response = SearchResponse { hits: vec![hit(1, evil)], ..SearchResponse::default() };
            response.hits[0].snippet = Snippet { text: evil.into(), marks: vec![(0, 4)] };
            response.hits[0].source_path = format!("/{evil}");
            let generation = state.search.generation;
            let _ = update(&mut state, Event::Searched { generation, result: Ok(response) });
        }
        let _ = update(&mut state, Event::Finished(Err(evil.to_owned())));
        let buffer = draw(&state, 160, 50);
        for cell in &buffer.content {
            let steers = |c: char| c.is_control() || matches!(c, '\u{200b}' | '\u{202a}'..='\u{202e}');
            assert!(!cell.symbol().contains(steers), "{name}: {:?}", cell.symbol());
        }
        if ["home", "search", "intake", "dead_letters"].contains(&name) {
            assert!(text(&buffer).contains("␛]0;PWNED␇"), "{name}: {}", text(&buffer));
        }
    }
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
