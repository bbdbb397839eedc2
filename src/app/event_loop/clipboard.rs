//! To the clipboard of whoever looks at this terminal. Called by the session, which tells what came of it.
//!
//! Outside of tmux the terminal is asked to (OSC 52) and answers nothing. tmux drops what is meant for the terminal around it
//! unless it is told to let it through (`allow-passthrough`, off by default since 3.3), so there it is given the text itself:
//! it keeps it in a buffer and hands it on to the terminal.

use std::process::Stdio;
use std::time::Duration;

use crossterm::clipboard::CopyToClipboard;
use crossterm::queue;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// tmux answers within a few milliseconds; a screen must not wait for one that hangs.
const PATIENCE: Duration = Duration::from_secs(1);
/// What terminals take at least: xterm's limit on a string, as base64.
const MOST_BYTES: usize = 74_994 / 4 * 3;

/// Where a text went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Went {
    /// Into a buffer of tmux, and from there to the terminal around it.
    Tmux,
    /// Into a buffer of a tmux that hands nothing on.
    TmuxAlone,
    /// To the terminal, which does not tell whether it took it.
    Terminal,
}

/// Gives a text to tmux; `None` when there is none around us, or it does not take it.
pub(super) async fn to_tmux(text: &str) -> Option<Went> {
    std::env::var_os("TMUX")?;
    if load_buffer(&["load-buffer", "-w", "-"], text).await {
        return Some(Went::Tmux);
    }
    // Before 3.2 it knew no `-w`.
    load_buffer(&["load-buffer", "-"], text).await.then_some(Went::TmuxAlone)
}

async fn load_buffer(arguments: &[&str], text: &str) -> bool {
    let started = Command::new("tmux")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    let Ok(mut tmux) = started else { return false };
    let given = async {
        if let Some(mut input) = tmux.stdin.take() {
            input.write_all(text.as_bytes()).await.ok()?;
        }
        tmux.wait().await.ok()
    };
    matches!(tokio::time::timeout(PATIENCE, given).await, Ok(Some(status)) if status.success())
}

/// The request to the terminal; inside tmux wrapped so that one which lets it through does, and plainly as well.
pub(super) fn to_terminal(text: &str) -> std::io::Result<Vec<u8>> {
    let mut sequence = Vec::new();
    queue!(sequence, CopyToClipboard::to_clipboard_from(text))?;
    if std::env::var_os("TMUX").is_some() {
        let doubled = String::from_utf8_lossy(&sequence).replace('\u{1b}', "\u{1b}\u{1b}");
        sequence.extend_from_slice(format!("\u{1b}Ptmux;{doubled}\u{1b}\\").as_bytes());
    }
    Ok(sequence)
}

/// What is told of it: no more than is known.
pub(super) fn told(text: &str, went: Went) -> String {
    let count = text.chars().count();
    match went {
        Went::Tmux => format!("{count} characters copied"),
        Went::TmuxAlone => format!("{count} characters copied into tmux's buffer (prefix ] pastes them)"),
        Went::Terminal if text.len() > MOST_BYTES => {
            format!("{count} characters sent to the terminal's clipboard; many take no more than {MOST_BYTES} bytes")
        }
        Went::Terminal if std::env::var_os("TMUX").is_some() => {
            format!("{count} characters sent through tmux; it takes them with `set -s set-clipboard on`")
        }
        Went::Terminal => format!("{count} characters copied"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_a_terminal_takes_is_not_told_as_copied() {
        assert_eq!(told("été", Went::Tmux), "3 characters copied");
        let large = "x".repeat(MOST_BYTES + 1);
        assert!(told(&large, Went::Terminal).contains("sent"));
        assert!(told(&large, Went::Tmux).ends_with("copied"), "tmux takes any length");
    }
}
