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
    Link,
    Code,
    Selected,
    Good,
    Warning,
    Bad,
    Border,
    FocusedBorder,
}

/// How many colours the terminal has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colours {
    /// None, or the user wants none (`NO_COLOR`).
    None,
    /// The sixteen every terminal has.
    #[default]
    Sixteen,
    /// Any.
    Full,
}

impl Colours {
    /// What the environment says: `NO_COLOR` (not empty) first, then `COLORTERM` as terminals with all colours set it.
    #[must_use]
    pub fn detect(variable: impl Fn(&str) -> Option<String>) -> Self {
        if variable("NO_COLOR").is_some_and(|value| !value.is_empty()) {
            return Self::None;
        }
        let says_full = variable("COLORTERM").is_some_and(|value| matches!(value.as_str(), "truecolor" | "24bit"));
        let is_direct = variable("TERM").is_some_and(|value| value.ends_with("-direct"));
        if says_full || is_direct { Self::Full } else { Self::Sixteen }
    }
}

/// Styles of one frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Palette {
    theme: Theme,
    colours: Colours,
}

impl Palette {
    pub(crate) fn new(theme: Theme, colours: Colours) -> Self {
        Self { theme, colours }
    }

    pub(crate) fn style(self, role: Role) -> Style {
        let plain = Style::new();
        let modified = match role {
            Role::Title => plain.add_modifier(Modifier::BOLD),
            Role::Match => plain.add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
            Role::Link => plain.add_modifier(Modifier::UNDERLINED),
            Role::Selected => plain.add_modifier(Modifier::REVERSED),
            Role::Faint | Role::Border => plain.add_modifier(Modifier::DIM),
            Role::Bad | Role::FocusedBorder => plain.add_modifier(Modifier::BOLD),
            _ => plain,
        };
        let colour = match self.colours {
            Colours::None => None,
            Colours::Sixteen => sixteen(self.theme, role),
            Colours::Full => full(self.theme, role),
        };
        // A coloured faint text need not be dimmed as well: some terminals make it unreadable.
        let modified = if colour.is_some() { modified.remove_modifier(Modifier::DIM) } else { modified };
        colour.map_or(modified, |colour| modified.fg(colour))
    }
}

/// Colours every terminal has; bright yellow and cyan cannot be read on a light ground.
fn sixteen(theme: Theme, role: Role) -> Option<Color> {
    match (theme, role) {
        (_, Role::Text | Role::Title | Role::Selected) | (Theme::Terminal, Role::Faint | Role::Border) => None,
        (_, Role::Faint | Role::Border) => Some(Color::DarkGray),
        (Theme::Light, Role::Accent | Role::FocusedBorder | Role::Link) => Some(Color::Blue),
        (_, Role::Accent | Role::FocusedBorder | Role::Link) => Some(Color::Cyan),
        (_, Role::Code) => Some(Color::Green),
        (Theme::Light, Role::Match | Role::Warning) => Some(Color::Magenta),
        (_, Role::Match | Role::Warning) => Some(Color::Yellow),
        (_, Role::Good) => Some(Color::Green),
        (_, Role::Bad) => Some(Color::Red),
    }
}

fn full(theme: Theme, role: Role) -> Option<Color> {
    match (theme, role) {
        (_, Role::Text | Role::Title | Role::Selected) => None,
        (Theme::Dark, Role::Faint | Role::Border) => Some(Color::Rgb(0x80, 0x86, 0x92)),
        (Theme::Light, Role::Faint | Role::Border) => Some(Color::Rgb(0x6a, 0x70, 0x7a)),
        (Theme::Terminal, Role::Faint | Role::Border) => None,
        (Theme::Dark, Role::Accent | Role::FocusedBorder) => Some(Color::Rgb(0xe0, 0xb0, 0x6a)),
        (Theme::Light, Role::Accent | Role::FocusedBorder) => Some(Color::Rgb(0x8a, 0x55, 0x00)),
        (Theme::Terminal, Role::Accent | Role::FocusedBorder) => Some(Color::Cyan),
        (Theme::Dark, Role::Link) => Some(Color::Rgb(0x7f, 0xb4, 0xe8)),
        (Theme::Light, Role::Link) => Some(Color::Rgb(0x1f, 0x5f, 0xa8)),
        (Theme::Terminal, Role::Link) => Some(Color::Cyan),
        (Theme::Dark, Role::Code) => Some(Color::Rgb(0xa9, 0xc7, 0x8c)),
        (Theme::Light, Role::Code) => Some(Color::Rgb(0x3a, 0x66, 0x22)),
        (Theme::Terminal, Role::Code) => Some(Color::Green),
        (Theme::Dark, Role::Match) => Some(Color::Rgb(0xf5, 0xd0, 0x6f)),
        (Theme::Light, Role::Match) => Some(Color::Rgb(0x9a, 0x3d, 0x00)),
        (Theme::Terminal, Role::Match) => Some(Color::Yellow),
        (Theme::Light, Role::Good) => Some(Color::Rgb(0x1b, 0x6e, 0x2c)),
        (_, Role::Good) => Some(Color::Green),
        (Theme::Light, Role::Warning) => Some(Color::Rgb(0x9a, 0x67, 0x00)),
        (_, Role::Warning) => Some(Color::Yellow),
        (_, Role::Bad) => Some(Color::Red),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_says_how_many_colours_there_are() {
        let of = |set: &[(&str, &str)]| {
            Colours::detect(|name| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
        };
        assert_eq!(of(&[("TERM", "xterm-256color")]), Colours::Sixteen);
        assert_eq!(of(&[("COLORTERM", "truecolor")]), Colours::Full);
        assert_eq!(of(&[("COLORTERM", "truecolor"), ("NO_COLOR", "1")]), Colours::None);
        assert_eq!(of(&[("NO_COLOR", "")]), Colours::Sixteen);
    }

    #[test]
    fn sixteen_colours_need_no_others() {
        let roles = [
            Role::Faint,
            Role::Accent,
            Role::Match,
            Role::Link,
            Role::Code,
            Role::Good,
            Role::Warning,
            Role::Bad,
            Role::FocusedBorder,
        ];
        for theme in [Theme::Dark, Theme::Light, Theme::Terminal] {
            for role in roles {
                let colour = Palette::new(theme, Colours::Sixteen).style(role).fg;
                assert!(!matches!(colour, Some(Color::Rgb(..) | Color::Indexed(_))), "{theme:?} {role:?}");
            }
        }
    }
}
