//! Where things stand, as far as both `update` (clicks, room for a preview) and `ui` must know. Pure.

use crate::domain::health::{ServiceRole, ServiceState};

use super::wrap::width;
use super::{Opening, Pane, Screen, State};

/// Hits have a preview beside them from this width of the terminal on.
const PREVIEW_COLUMNS: u16 = 100;
/// On Home they have one from this size on: it stands above Intake, which is nearly empty there.
const HOME_PREVIEW: (u16, u16) = (140, 32);
/// Rows that Intake keeps below a preview.
const INTAKE_ROWS: u16 = 10;
/// Below this, Home shows the pane that has the keys alone.
const FOUR_PANES: (u16, u16) = (76, 18);
/// Stands at the left of the top bar.
pub const NAME: &str = " Peanut";

/// A part of the terminal, in cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// First column.
    pub column: u16,
    /// First row.
    pub row: u16,
    /// Columns.
    pub columns: u16,
    /// Rows.
    pub rows: u16,
}

impl Place {
    fn holds(self, column: u16, row: u16) -> bool {
        let columns = self.column..self.column.saturating_add(self.columns);
        let rows = self.row..self.row.saturating_add(self.rows);
        columns.contains(&column) && rows.contains(&row)
    }

    /// The upper part with so many rows, and what is left below it.
    fn above(self, rows: u16) -> (Self, Self) {
        let rows = rows.min(self.rows);
        let lower = Self { row: self.row.saturating_add(rows), rows: self.rows - rows, ..self };
        (Self { rows, ..self }, lower)
    }

    /// The left part, of so many hundredths, and what is left beside it.
    fn beside(self, hundredths: u16) -> (Self, Self) {
        let columns = u16::try_from(u32::from(self.columns) * u32::from(hundredths) / 100).unwrap_or(self.columns);
        let right = Self { column: self.column.saturating_add(columns), columns: self.columns - columns, ..self };
        (Self { columns, ..self }, right)
    }
}

/// Where Home's panes stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HomePlaces {
    /// Every pane that is shown, with its place.
    pub panes: Vec<(Pane, Place)>,
    /// The selected document beside the hits, where there is room for it.
    pub preview: Option<Place>,
}

impl HomePlaces {
    /// The pane of a cell; a preview belongs to the search.
    #[must_use]
    pub fn pane_at(&self, column: u16, row: u16) -> Option<Pane> {
        if self.preview.is_some_and(|place| place.holds(column, row)) {
            return Some(Pane::Search);
        }
        self.panes.iter().find(|(_, place)| place.holds(column, row)).map(|(pane, _)| *pane)
    }
}

/// Home's panes in an area: all four, or the one that has the keys where there is no room.
#[must_use]
pub fn home(state: &State, area: Place) -> HomePlaces {
    if area.columns < FOUR_PANES.0 || area.rows < FOUR_PANES.1 {
        return HomePlaces { panes: vec![(state.focus, area)], preview: None };
    }
    let below = (area.rows / 3).clamp(6, 12);
    let (upper, lower) = area.above(area.rows - below);
    let ((search, right), (outbox, services)) = (upper.beside(55), lower.beside(55));
    let shows_preview = has_preview(state) && state.search.hit().is_some();
    let (preview, intake) = if shows_preview {
        let (preview, intake) = right.above(right.rows.saturating_sub(INTAKE_ROWS));
        (Some(preview), intake)
    } else {
        (None, right)
    };
    let panes =
        vec![(Pane::Search, search), (Pane::Intake, intake), (Pane::Outbox, outbox), (Pane::Services, services)];
    HomePlaces { panes, preview }
}

/// Whether the selected hit's document is shown beside the list on the present screen.
#[must_use]
pub fn has_preview(state: &State) -> bool {
    match state.screen {
        Screen::Search => state.size.0 >= PREVIEW_COLUMNS,
        Screen::Home => state.size.0 >= HOME_PREVIEW.0 && state.size.1 >= HOME_PREVIEW.1,
        _ => false,
    }
}

/// Between top bar and footer; without the row that tells of a note which was not stored.
#[must_use]
pub fn middle(state: &State) -> Place {
    let told = u16::from(tells_of_draft(state));
    let (columns, rows) = state.size;
    Place { column: 0, row: 1, columns, rows: rows.saturating_sub(2 + told) }
}

/// Whether a row below Home tells of a note that was not stored.
#[must_use]
pub fn tells_of_draft(state: &State) -> bool {
    !state.drafts.is_empty() && state.screen == Screen::Home && state.reader.is_none()
}

/// A screen's name in the top bar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tab {
    /// The screen.
    pub screen: Screen,
    /// First column.
    pub start: u16,
    /// What is written there.
    pub text: String,
}

/// A service in the top bar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    /// How it is.
    pub state: ServiceState,
    /// A sign for how it is, with its blank.
    pub sign: &'static str,
    /// Its name and, when it is not well, a word for it; empty where there is no room and nothing is wrong.
    pub label: String,
}

impl Marker {
    fn is_well(&self) -> bool {
        self.state == ServiceState::Ok
    }

    fn columns(&self) -> usize {
        width(self.sign) + width(&self.label)
    }
}

/// The top bar at one width.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopBar {
    /// Screens, from the left.
    pub tabs: Vec<Tab>,
    /// Services, to be written at the right.
    pub markers: Vec<Marker>,
    /// First column of the services.
    pub markers_start: u16,
}

impl TopBar {
    /// The screen whose name stands in a column.
    #[must_use]
    pub fn tab_at(&self, column: u16) -> Option<Screen> {
        let holds = |tab: &&Tab| {
            let end = tab.start.saturating_add(u16::try_from(width(&tab.text)).unwrap_or(u16::MAX));
            (tab.start..end).contains(&column)
        };
        self.tabs.iter().find(holds).map(|tab| tab.screen)
    }
}

/// The top bar in `columns`. What gives way, in this order: names of services that are well, names of screens that are
/// not open, services that are well. A service that is not well keeps its word as long as anything is shown.
#[must_use]
pub fn top_bar(state: &State, columns: u16) -> TopBar {
    let room = usize::from(columns);
    let full = markers(state);
    let signs: Vec<Marker> = full.iter().cloned().map(bare_if_well).collect();
    let unwell: Vec<Marker> = full.iter().filter(|marker| !marker.is_well()).cloned().collect();
    let (long, short) = (tabs(state.screen, true), tabs(state.screen, false));
    let candidates = [(&long, &full), (&long, &signs), (&short, &full), (&short, &signs), (&short, &unwell)];
    let fits = |(tabs, markers): &(&Vec<Tab>, &Vec<Marker>)| {
        let end = tabs.last().map_or(0, |tab| usize::from(tab.start) + width(&tab.text));
        // A column apart, so that the two do not read as one.
        end + 1 + markers.iter().map(Marker::columns).sum::<usize>() <= room
    };
    let (tabs, markers) = candidates
        .into_iter()
        .find(fits)
        .map_or_else(|| (short.clone(), Vec::new()), |(tabs, markers)| (tabs.clone(), markers.clone()));
    let wide: usize = markers.iter().map(Marker::columns).sum();
    TopBar { tabs, markers, markers_start: u16::try_from(room.saturating_sub(wide)).unwrap_or(0) }
}

fn tabs(open: Screen, all_names: bool) -> Vec<Tab> {
    let mut start = u16::try_from(width(NAME)).unwrap_or(0);
    let tab = |(screen, number, name): (Screen, char, &str)| {
        let text = if all_names || screen == open { format!(" {number} {name}") } else { format!(" {number}") };
        let tab = Tab { screen, start, text };
        start += u16::try_from(width(&tab.text)).unwrap_or(0);
        tab
    };
    Screen::ALL.into_iter().map(tab).collect()
}

fn markers(state: &State) -> Vec<Marker> {
    if state.status.services.is_empty() {
        let label = if state.opening == Opening::Waiting { "opening… " } else { "" };
        return vec![Marker { state: ServiceState::Unknown, sign: "", label: label.to_owned() }];
    }
    let marker = |service: &crate::domain::health::ServiceHealth| {
        let is_disk = service.role == ServiceRole::Disk;
        let (sign, plain, word) = match service.state {
            ServiceState::Ok => ("● ", "+ ", ""),
            ServiceState::Degraded if is_disk => ("◐ ", "! ", " low"),
            ServiceState::Degraded if service.role == ServiceRole::Replica => ("◐ ", "! ", " behind"),
            ServiceState::Degraded => ("◐ ", "! ", " slow"),
            ServiceState::Down if is_disk => ("○ ", "! ", " FULL"),
            ServiceState::Down => ("○ ", "! ", " DOWN"),
            ServiceState::Unknown => ("· ", ". ", ""),
        };
        let name = if service.role == ServiceRole::Embedder { "embed" } else { service.role.as_str() };
        let sign = if state.ascii { plain } else { sign };
        Marker { state: service.state, sign, label: format!("{name}{word} ") }
    };
    // Disk and replica have a place there only while something is wrong with them.
    let is_shown = |service: &&crate::domain::health::ServiceHealth| {
        let always = matches!(service.role, ServiceRole::Store | ServiceRole::Graph | ServiceRole::Embedder);
        always || matches!(service.state, ServiceState::Degraded | ServiceState::Down)
    };
    state.status.services.iter().filter(is_shown).map(marker).collect()
}

fn bare_if_well(marker: Marker) -> Marker {
    if marker.is_well() { Marker { label: String::new(), ..marker } } else { marker }
}
