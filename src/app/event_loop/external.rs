//! Editor and pager on our terminal. Started by the loop once the terminal is handed over; waited for beside everything
//! else, so that answers and pictures come in meanwhile.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::app::effect::Effect;

/// How long a program may take to end when we must.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// A program that has the terminal.
pub(super) struct Running {
    id: Option<Pid>,
    ended: JoinHandle<Result<(), String>>,
}

impl Running {
    /// Starts the program an effect asks for.
    ///
    /// # Errors
    /// In words, when it cannot be started.
    pub(super) fn start(effect: Effect) -> Result<Self, String> {
        match effect {
            Effect::Edit { path, line } => {
                let editor = variable(&["VISUAL", "EDITOR"], "vi");
                let mut command = program(&editor)?;
                // The form vi, emacs, nano and most others read.
                if let Some(line) = line {
                    command.arg(format!("+{line}"));
                }
                let child = command.arg(path).spawn();
                let child = child.map_err(|error| format!("cannot run {editor} (set EDITOR): {error}"))?;
                Ok(Self::of(child, String::new(), move |status| {
                    if status.success() { Ok(()) } else { Err(format!("{editor} ended with {status}")) }
                }))
            }
            Effect::Page(text) => {
                let pager = variable(&["PAGER"], "less");
                let child = program(&pager)?.stdin(Stdio::piped()).spawn();
                let child = child.map_err(|error| format!("cannot run {pager} (set PAGER): {error}"))?;
                Ok(Self::of(child, without_controls(&text), |_| Ok(())))
            }
            other => Err(format!("{other:?} needs no program")),
        }
    }

    fn of(
        mut child: Child,
        text: String,
        judge: impl FnOnce(ExitStatus) -> Result<(), String> + Send + 'static,
    ) -> Self {
        let id = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let ended = tokio::spawn(async move {
            let input = child.stdin.take();
            let feeding = async move {
                if let Some(mut input) = input {
                    // A pager that is left early closes its input: no error.
                    let _ = input.write_all(text.as_bytes()).await;
                }
            };
            tokio::pin!(feeding);
            let mut is_fed = false;
            let status = loop {
                tokio::select! {
                    () = &mut feeding, if !is_fed => is_fed = true,
                    status = child.wait() => break status,
                }
            };
            status.map_err(|error| error.to_string()).and_then(judge)
        });
        Self { id, ended }
    }

    /// Waits for its end; what went wrong, in words.
    pub(super) async fn ended(&mut self) -> Result<(), String> {
        (&mut self.ended).await.unwrap_or_else(|error| Err(error.to_string()))
    }

    /// Tells it to end, because we must, and gives it a moment.
    pub(super) async fn end(&mut self) {
        if self.ended.is_finished() {
            return;
        }
        if let Some(id) = self.id {
            // One that is gone already needs no telling.
            let _ = kill_process(id, Signal::TERM);
            // One that was stopped must run to hear it.
            let _ = kill_process(id, Signal::CONT);
        }
        let _ = tokio::time::timeout(LAST_WORDS, &mut self.ended).await;
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

/// A document must not command the terminal through a pager that passes everything on.
fn without_controls(text: &str) -> String {
    text.chars().filter(|character| matches!(character, '\n' | '\t') || !character.is_control()).collect()
}
