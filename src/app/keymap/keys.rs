//! Names of keys as people write them in the configuration. Called by [`super::Keymap::with_overrides`].

/// Keys with a name.
const NAMED: [&str; 15] = [
    "enter",
    "esc",
    "space",
    "tab",
    "backtab",
    "up",
    "down",
    "left",
    "right",
    "home",
    "end",
    "pageup",
    "pagedown",
    "delete",
    "backspace",
];
/// Those that terminals tell apart when Ctrl is held.
const WITH_CONTROL: [&str; 10] =
    ["space", "up", "down", "left", "right", "home", "end", "pageup", "pagedown", "delete"];
const EXPECTED: &str = "write a character, ctrl-x, alt-x, enter, space, f1 and the like";

/// The key as [`super::key_name`] names it.
///
/// # Errors
/// Says what would do: there is no such key, or no terminal sends it.
pub(super) fn parse(typed: &str) -> Result<String, String> {
    let mut rest = typed;
    let (mut control, mut alt) = (false, false);
    while let Some((held, further)) = rest.split_once('-').filter(|(_, further)| !further.is_empty()) {
        let flag = match held.to_ascii_lowercase().as_str() {
            "ctrl" => &mut control,
            "alt" => &mut alt,
            _ => break,
        };
        if std::mem::replace(flag, true) {
            return Err(format!("{typed:?} is no key; {EXPECTED}"));
        }
        rest = further;
    }
    let one = rest.chars().count() == 1;
    let named = rest.to_ascii_lowercase();
    let bare = if one { rest.to_owned() } else { named };
    if !one && !NAMED.contains(&bare.as_str()) && !is_function(&bare) {
        return Err(format!("{typed:?} is no key; {EXPECTED}"));
    }
    // Held with Ctrl a letter has one form.
    let bare = if control && one { bare.to_ascii_lowercase() } else { bare };
    if control && !is_sent_with_control(&bare) {
        return Err(format!("{typed:?} is sent by no terminal, or as another key; choose another"));
    }
    Ok(format!("{}{}{bare}", if control { "ctrl-" } else { "" }, if alt { "alt-" } else { "" }))
}

fn is_function(bare: &str) -> bool {
    bare.strip_prefix('f').is_some_and(|number| number.parse::<u8>().is_ok_and(|n| (1..=12).contains(&n)))
}

/// Ctrl-I is Tab and Ctrl-M is Enter; of digits and signs only some have a code.
fn is_sent_with_control(bare: &str) -> bool {
    let one = bare.chars().next().filter(|_| bare.chars().count() == 1);
    match one {
        Some(letter @ 'a'..='z') => !matches!(letter, 'i' | 'm'),
        Some(digit) => matches!(digit, '4'..='7'),
        None => WITH_CONTROL.contains(&bare) || is_function(bare),
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn keys_are_read_as_people_write_them() {
        for (typed, key) in [
            ("q", "q"),
            ("Q", "Q"),
            ("-", "-"),
            ("ctrl-Q", "ctrl-q"),
            ("Ctrl-q", "ctrl-q"),
            ("alt-x", "alt-x"),
            ("Alt-X", "alt-X"),
            ("alt-ctrl-x", "ctrl-alt-x"),
            ("alt--", "alt--"),
            ("Enter", "enter"),
            ("F10", "f10"),
            ("ctrl-Space", "ctrl-space"),
            ("é", "é"),
        ] {
            assert_eq!(parse(typed), Ok(key.to_owned()), "{typed}");
        }
        for wrong in ["banana", "f13", "ctrl-", "shift-x", "ctrl+q", "ctrl-ctrl-q", "f", "ctrl-é", ""] {
            assert_eq!(parse(wrong).is_err(), wrong != "f", "{wrong}");
        }
        for never in ["ctrl-i", "ctrl-m", "ctrl-enter", "ctrl-tab", "ctrl-1", "ctrl-,"] {
            assert!(parse(never).unwrap_err().contains("choose another"), "{never}");
        }
    }
}
