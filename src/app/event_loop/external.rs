//! Other programs on our terminal: editor, pager, the shell. Called by the loop while the terminal is handed over.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::app::effect::Effect;

/// Stops this process group as Ctrl-Z does for any program; returns when the shell brings it back.
pub(super) fn suspend() {
    // Refused only when there is no such process, which cannot be.
    let _ = rustix::process::kill_current_process_group(rustix::process::Signal::TSTP);
}

/// Runs editor or pager and waits for it.
pub(super) fn run(effect: &Effect) -> Result<(), String> {
    match effect {
        Effect::Edit { path, line } => {
            let editor = variable(&["VISUAL", "EDITOR"], "vi");
            let mut command = program(&editor)?;
            // The form vi, emacs, nano and most others read.
            if let Some(line) = line {
                command.arg(format!("+{line}"));
            }
            let status = command.arg(path).status().map_err(|error| format!("cannot run {editor}: {error}"))?;
            if status.success() { Ok(()) } else { Err(format!("{editor} ended with {status}")) }
        }
        Effect::Page(text) => {
            let pager = variable(&["PAGER"], "less");
            let mut child = program(&pager)?
                .stdin(Stdio::piped())
                .spawn()
                .map_err(|error| format!("cannot run {pager}: {error} (set PAGER)"))?;
            if let Some(mut input) = child.stdin.take() {
                // A pager that is left early closes its input: no error.
                let _ = input.write_all(text.as_bytes());
            }
            child.wait().map(|_| ()).map_err(|error| format!("{pager}: {error}"))
        }
        _ => Ok(()),
    }
}

fn variable(names: &[&str], default: &str) -> String {
    let set = names.iter().find_map(|name| std::env::var(name).ok().filter(|value| !value.trim().is_empty()));
    set.unwrap_or_else(|| default.to_owned())
}

/// The program with the arguments the variable carries.
fn program(text: &str) -> Result<Command, String> {
    let parts = shlex::split(text)
        .filter(|parts| !parts.is_empty())
        .ok_or_else(|| format!("cannot read {text:?} as a command"))?;
    let mut command = Command::new(&parts[0]);
    command.args(&parts[1..]);
    Ok(command)
}
