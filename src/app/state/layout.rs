//! Where things stand, as far as both `update` (clicks, room for a preview) and `ui` must know. Pure.

use crate::domain::health::{ServiceRole, ServiceState};

use super::wrap::width;
use super::{Opening, Screen, State};

/// Hits have a preview beside them from this width of the terminal on.
pub const PREVIEW_COLUMNS: u16 = 100;
/// Stands at the left of the top bar.
pub const NAME: &str = " Peanut";

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
