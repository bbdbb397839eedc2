//! The app on a terminal: `run` opens it, `session` is its loop. The only part of `app` that knows a terminal; `App` is
//! generic over ratatui's backend, so that tests drive it too.

mod clipboard;
mod decode;
mod external;
mod keeper;
mod keys;
mod session;
mod signals;
mod surface;
mod terminal;

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::sync::Arc;

use ratatui::backend::{Backend, CrosstermBackend};
use tokio_util::sync::CancellationToken;

use crate::domain::Clock;
use crate::ui::{Colours, ViewCx, view};

use super::effect::Effects;
use super::event::Event;
use super::keymap::Keymap;
use super::ports::{Drafts, Searches, Services, TerminalLent};
use super::state::{State, Theme};
use super::update::update;

use surface::Surface;

pub use terminal::{let_go_of_a_dead_terminal, restore_terminal};

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
    /// How this program is called, with the options that lead to the same store; `peanut` when it is empty.
    pub program: String,
}

/// Why the app ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExitReason {
    /// The user quit.
    Quit,
    /// The process was told to end, or its terminal is gone.
    Shutdown,
    /// The store could not be opened and the user left.
    Failed(String),
}

/// The app over any backend; `run` drives it from a real terminal, tests from a list of events.
pub struct App<B: Backend> {
    surface: Surface<B>,
    /// The state; tests look at it.
    pub state: State,
    colours: Colours,
    version: String,
}

impl<B: Backend<Error = io::Error>> App<B> {
    /// An app on the terminal behind `backend`.
    ///
    /// # Errors
    /// When a key binding is wrong (as `InvalidInput`) or the terminal has no size.
    pub fn new(backend: B, options: &AppOptions, clock: &dyn Clock, version: &str) -> io::Result<Self> {
        let keymap = Keymap::with_overrides(&options.keys)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let mut state = State::new(keymap, options.theme, options.ascii);
        if !options.program.is_empty() {
            state.program.clone_from(&options.program);
        }
        let surface = Surface::new(backend)?;
        let size = surface.size()?;
        state.size = (size.width, size.height);
        state.now = clock.now();
        let colours = Colours::detect(|name| std::env::var(name).ok());
        Ok(Self { surface, state, colours, version: version.to_owned() })
    }

    /// Draws one frame; what did not change is not sent.
    ///
    /// # Errors
    /// When the terminal cannot be written.
    pub fn draw(&mut self) -> io::Result<()> {
        let context = ViewCx { theme: self.state.theme, colours: self.colours, version: &self.version };
        let state = &self.state;
        self.surface.draw(|area, buffer| view(state, &context, area, buffer))
    }

    /// Forgets what the terminal shows: the next frame is drawn whole. Nothing is asked of the terminal.
    ///
    /// # Errors
    /// When the terminal cannot be written.
    pub fn draw_anew(&mut self) -> io::Result<()> {
        self.surface.forget()?;
        self.draw()
    }

    /// Takes an event in.
    pub fn take(&mut self, event: Event) -> Effects {
        update(&mut self.state, event)
    }
}

/// What the app is given besides its services.
pub struct Surroundings {
    /// Keeps what is being written.
    pub drafts: Arc<dyn Drafts>,
    /// Remembers what was searched for.
    pub searches: Arc<dyn Searches>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Cancelled when the process should end.
    pub shutdown: CancellationToken,
    /// Told when another program has the terminal, and when not.
    pub lent: TerminalLent,
    /// Shown in the welcome.
    pub version: &'static str,
}

/// Runs the app on the process's terminal until the user quits, `shutdown` is cancelled, or the terminal is gone.
/// `services` may take their time: the first frame does not wait for them.
///
/// # Errors
/// When there is no terminal, or it cannot be used.
pub async fn run(
    options: AppOptions,
    services: impl Future<Output = Result<Arc<dyn Services>, String>>,
    surroundings: Surroundings,
) -> io::Result<ExitReason> {
    let signals = signals::Signals::listen()?;
    let guard = terminal::Guard::enter(options.mouse)?;
    let backend = CrosstermBackend::new(terminal::output());
    let app = App::new(backend, &options, &*surroundings.clock, surroundings.version)?;
    let session = session::Session::new(guard, app, signals, surroundings)?;
    session.run(services).await
}
