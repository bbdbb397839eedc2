//! The loop: one `select` over keys, answers, pictures and time; draws only when something changed, at most 60 times a
//! second. The only part of `app` that knows a terminal; generic over ratatui's backend, so that tests drive it too.

mod external;
mod input;
mod terminal;

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use crossterm::event::EventStream;
use futures_util::StreamExt;
use ratatui::Terminal;
use ratatui::backend::{Backend, CrosstermBackend};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::domain::Clock;
use crate::domain::status::StatusSnapshot;
use crate::ui::{Colours, ViewCx, view};

use super::drivers::Drivers;
use super::effect::{Effect, Effects};
use super::event::Event;
use super::keymap::Keymap;
use super::ports::Services;
use super::state::{Opening, State, Theme};
use super::update::update;

pub use terminal::restore_terminal;

/// Least time between two frames.
const FRAME: Duration = Duration::from_millis(15);
/// Ages on screen are told in seconds.
const TICK: Duration = Duration::from_secs(1);

/// How the app looks and behaves.
#[derive(Clone, Debug, Default)]
pub struct AppOptions {
    /// Colours.
    pub theme: Theme,
    /// Whether mouse events are taken.
    pub mouse: bool,
    /// Borders of plain ASCII.
    pub ascii: bool,
    /// Keys changed by the user.
    pub keys: BTreeMap<String, String>,
}

/// Why the app ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExitReason {
    /// The user quit.
    Quit,
    /// The process was told to end.
    Shutdown,
    /// The store could not be opened and the user left.
    Failed(String),
}

/// The app over any backend; `run` drives it from a real terminal, tests from a list of events.
pub struct App<B: Backend> {
    terminal: Terminal<B>,
    /// The state; tests look at it.
    pub state: State,
    colours: Colours,
    version: String,
}

impl<B: Backend<Error = io::Error>> App<B> {
    /// An app on `terminal`.
    ///
    /// # Errors
    /// When a key binding is wrong (as `InvalidInput`) or the terminal has no size.
    pub fn new(terminal: Terminal<B>, options: &AppOptions, clock: &dyn Clock, version: &str) -> io::Result<Self> {
        let keymap = Keymap::with_overrides(&options.keys)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let mut state = State::new(keymap, options.theme, options.ascii);
        let size = terminal.size()?;
        state.size = (size.width, size.height);
        state.now = clock.now();
        let colours = Colours::detect(|name| std::env::var(name).ok());
        Ok(Self { terminal, state, colours, version: version.to_owned() })
    }

    /// Draws one frame; what did not change is not sent.
    ///
    /// # Errors
    /// When the terminal cannot be written.
    pub fn draw(&mut self) -> io::Result<()> {
        let context = ViewCx { theme: self.state.theme, colours: self.colours, version: &self.version };
        let state = &self.state;
        self.terminal.draw(|frame| {
            let area = frame.area();
            if let Some(cursor) = view(state, &context, area, frame.buffer_mut()) {
                frame.set_cursor_position(cursor);
            }
        })?;
        Ok(())
    }

    /// Takes an event in.
    pub fn take(&mut self, event: Event) -> Effects {
        update(&mut self.state, event)
    }
}

/// Runs the app on the process's terminal until the user quits or `shutdown` is cancelled. `services` may take their
/// time: the first frame does not wait for them.
///
/// # Errors
/// When there is no terminal, or it cannot be used.
pub async fn run(
    options: AppOptions,
    services: impl Future<Output = Result<Arc<dyn Services>, String>>,
    clock: Arc<dyn Clock>,
    shutdown: CancellationToken,
    version: &str,
) -> io::Result<ExitReason> {
    let mut guard = terminal::Guard::enter(options.mouse)?;
    let backend = CrosstermBackend::new(terminal::output());
    let mut app = App::new(Terminal::new(backend)?, &options, &*clock, version)?;
    let (sender, mut answers) = mpsc::channel::<Event>(256);
    let mut keys = EventStream::new();
    let mut drivers: Option<Drivers> = None;
    let mut pictures: Option<watch::Receiver<Arc<StatusSnapshot>>> = None;
    let mut tick = tokio::time::interval(TICK);
    tokio::pin!(services);
    let mut is_opening = true;
    terminal::synchronized(|| app.draw())?;
    let mut drawn = Instant::now();
    let mut is_dirty = false;
    loop {
        let event = tokio::select! {
            biased;
            () = shutdown.cancelled() => return Ok(ExitReason::Shutdown),
            key = keys.next() => match key {
                Some(Ok(event)) => input::translate(event),
                // The terminal is gone (the SSH connection dropped): nobody is left to show anything to.
                Some(Err(_)) | None => return Ok(ExitReason::Shutdown),
            },
            Some(event) = answers.recv() => Some(event),
            opened = &mut services, if is_opening => {
                is_opening = false;
                match opened {
                    Ok(services) => {
                        pictures = Some(services.status());
                        drivers = Some(Drivers::new(services, sender.clone()));
                        Some(Event::Opened(Ok(())))
                    }
                    Err(error) => Some(Event::Opened(Err(error))),
                }
            }
            picture = next_picture(&mut pictures) => Some(Event::StatusChanged(picture)),
            _ = tick.tick() => Some(Event::Ticked(clock.now())),
            () = tokio::time::sleep_until(drawn + FRAME), if is_dirty => None,
        };
        if let Some(event) = event {
            is_dirty = true;
            crate::app::planned_panic();
            for effect in app.take(event) {
                if let Some(reason) = carry_out(effect, &mut app, drivers.as_ref(), &mut guard, &mut keys).await? {
                    return Ok(reason);
                }
            }
        }
        if is_dirty && drawn.elapsed() >= FRAME {
            terminal::synchronized(|| app.draw())?;
            drawn = Instant::now();
            is_dirty = false;
        }
    }
}

async fn next_picture(pictures: &mut Option<watch::Receiver<Arc<StatusSnapshot>>>) -> Arc<StatusSnapshot> {
    if let Some(receiver) = pictures
        && receiver.changed().await.is_ok()
    {
        return Arc::clone(&receiver.borrow_and_update());
    }
    std::future::pending().await
}

/// What concerns the terminal is done here, the rest by the drivers. Returns why the app ends, if it does.
async fn carry_out<B: Backend<Error = io::Error>>(
    effect: Effect,
    app: &mut App<B>,
    drivers: Option<&Drivers>,
    guard: &mut terminal::Guard,
    keys: &mut EventStream,
) -> io::Result<Option<ExitReason>> {
    match effect {
        Effect::Quit => {
            return Ok(Some(match &app.state.opening {
                Opening::Failed(error) => ExitReason::Failed(error.clone()),
                _ => ExitReason::Quit,
            }));
        }
        Effect::Copy(text) => {
            terminal::copy(&text)?;
            let _ = app.take(Event::Finished(Ok(format!("{} characters copied", text.chars().count()))));
        }
        Effect::Suspend => {
            guard.hand_over(external::suspend)?;
            take_over(app, drivers)?;
        }
        Effect::Edit { .. } | Effect::Page(_) => {
            // Two readers of one terminal would each get half of the keys.
            *keys = EventStream::new();
            let result = guard.hand_over(|| external::run(&effect))?;
            *keys = EventStream::new();
            take_over(app, drivers)?;
            let _ = app.take(Event::Finished(result.map(|()| String::new())));
        }
        effect => {
            if let Some(drivers) = drivers {
                drivers.run(effect);
            } else {
                let _ = app.take(refused(effect));
            }
        }
    }
    Ok(None)
}

/// The terminal is ours again: everything is drawn anew, and its size may be another.
fn take_over<B: Backend<Error = io::Error>>(app: &mut App<B>, drivers: Option<&Drivers>) -> io::Result<()> {
    app.terminal.clear()?;
    let size = app.terminal.size()?;
    for effect in app.take(Event::Resized { width: size.width, height: size.height }) {
        if let Some(drivers) = drivers {
            drivers.run(effect);
        }
    }
    Ok(())
}

/// The answer to what is asked before the store is open; what the user wrote stays with the user.
fn refused(effect: Effect) -> Event {
    let text = "the store is still being opened".to_owned();
    match effect {
        Effect::WriteNote { .. } => Event::NoteWritten(Err(text)),
        Effect::PutSetting { .. } => Event::SettingPut(Err(text)),
        Effect::Restore(ids) => Event::Restored { ids, result: Err(text) },
        Effect::RestoreLast => Event::Restored { ids: Vec::new(), result: Err(text) },
        _ => Event::Finished(Err(text)),
    }
}
