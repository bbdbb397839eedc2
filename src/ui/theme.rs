//! Colours by meaning. Colour never carries meaning alone: a word or a mark always stands beside it.

use ratatui::style::{Color, Modifier, Style};

use crate::app::state::Theme;

/// What a piece of the screen means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Text,
    Faint,
    Title,
    Accent,
    Match,
    Selected,
    Good,
    Warning,
    Bad,
    Border,
    FocusedBorder,
}

/// Styles of one frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Palette {
    theme: Theme,
    no_colour: bool,
}

impl Palette {
    pub(crate) fn new(theme: Theme, no_colour: bool) -> Self {
        Self { theme, no_colour }
    }

    pub(crate) fn style(self, role: Role) -> Style {
        let plain = Style::new();
        let modified = match role {
            Role::Title => plain.add_modifier(Modifier::BOLD),
            Role::Match => plain.add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
            Role::Selected => plain.add_modifier(Modifier::REVERSED),
            Role::Faint | Role::Border => plain.add_modifier(Modifier::DIM),
            Role::Bad | Role::FocusedBorder => plain.add_modifier(Modifier::BOLD),
            _ => plain,
        };
        if self.no_colour {
            return modified;
        }
        let colour = match (self.theme, role) {
            (_, Role::Text | Role::Title | Role::Selected) => None,
            (Theme::Dark, Role::Faint | Role::Border) => Some(Color::Rgb(0x80, 0x86, 0x92)),
            (Theme::Light, Role::Faint | Role::Border) => Some(Color::Rgb(0x6a, 0x70, 0x7a)),
            (Theme::Terminal, Role::Faint | Role::Border) => None,
            (Theme::Dark, Role::Accent | Role::FocusedBorder) => Some(Color::Rgb(0xe0, 0xb0, 0x6a)),
            (Theme::Light, Role::Accent | Role::FocusedBorder) => Some(Color::Rgb(0x8a, 0x55, 0x00)),
            (Theme::Terminal, Role::Accent | Role::FocusedBorder) => Some(Color::Cyan),
            (Theme::Dark, Role::Match) => Some(Color::Rgb(0xf5, 0xd0, 0x6f)),
            (Theme::Light, Role::Match) => Some(Color::Rgb(0x9a, 0x3d, 0x00)),
            (Theme::Terminal, Role::Match) => Some(Color::Yellow),
            (Theme::Light, Role::Good) => Some(Color::Rgb(0x1b, 0x6e, 0x2c)),
            (_, Role::Good) => Some(Color::Green),
            (Theme::Light, Role::Warning) => Some(Color::Rgb(0x9a, 0x67, 0x00)),
            (_, Role::Warning) => Some(Color::Yellow),
            (_, Role::Bad) => Some(Color::Red),
        };
        // A coloured faint text need not be dimmed as well: some terminals make it unreadable.
        let modified = if colour.is_some() { modified.remove_modifier(Modifier::DIM) } else { modified };
        colour.map_or(modified, |colour| modified.fg(colour))
    }
}
