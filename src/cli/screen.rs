//! Whether the full-screen app can be shown here; when it cannot, what to do instead. Called before the app starts.

use std::io::{self, IsTerminal as _};

use color_eyre::eyre;

/// What works without a screen.
const INSTEAD: &str = "without one: `peanut search WORDS`, `peanut status`, `peanut --help`";

/// Looks at standard input, standard output and TERM.
///
/// # Errors
/// Says what is missing, and what to type.
pub(super) fn is_possible() -> eyre::Result<()> {
    let term = std::env::var("TERM").ok();
    possible(io::stdin().is_terminal(), io::stdout().is_terminal(), term.as_deref())
        .map_err(|text| eyre::eyre!("{text}"))
}

fn possible(reads_keys: bool, draws: bool, term: Option<&str>) -> Result<(), String> {
    if !draws {
        return Err(format!("the app needs a terminal, and standard output is none; {INSTEAD}"));
    }
    if !reads_keys {
        return Err(format!("the app needs a terminal to read keys from, and standard input is none; {INSTEAD}"));
    }
    let missing = match term {
        None | Some("") => "TERM is not set, so nobody knows what this terminal can do",
        Some("dumb") => "this terminal (TERM=dumb) cannot draw screens",
        Some("unknown") => "nobody knows what this terminal (TERM=unknown) can do",
        Some(_) => return Ok(()),
    };
    Err(format!("{missing}: start with `TERM=xterm-256color peanut` if it can; {INSTEAD}"))
}

#[cfg(test)]
mod tests {
    use super::possible;

    #[test]
    fn what_is_missing_is_said_with_what_works_instead() {
        assert_eq!(possible(true, true, Some("xterm-256color")), Ok(()));
        assert_eq!(possible(true, true, Some("tmux")), Ok(()));
        for (keys, draws, term, word) in [
            (true, false, Some("xterm"), "standard output"),
            (false, true, Some("xterm"), "standard input"),
            (true, true, None, "TERM is not set"),
            (true, true, Some(""), "TERM is not set"),
            (true, true, Some("dumb"), "TERM=dumb"),
        ] {
            let told = possible(keys, draws, term).unwrap_err();
            assert!(told.contains(word) && told.contains("peanut search") && !told.contains('\n'), "{told}");
        }
    }
}
