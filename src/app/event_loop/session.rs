//! The loop: one `select` over keys, signals, answers, pictures and time; draws only when something changed, at most 60
//! times a second. While another program has the terminal everything but keys and frames goes on.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use ratatui::backend::Backend;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, Interval, interval, sleep_until, timeout};

use crate::app::drivers::Drivers;
use crate::app::effect::{Effect, Effects};
use crate::app::event::Event;
use crate::app::ports::Services;
use crate::app::state::Opening;
use crate::domain::status::StatusSnapshot;

use super::clipboard;
use super::external::Running;
use super::keeper::Keeper;
use super::keys::{Arrived, Keys};
use super::signals::{self, Asked, Signals, Who};
use super::terminal::{self, Guard};
use super::{App, ExitReason, Surroundings};

/// Least time between two frames.
const FRAME: Duration = Duration::from_millis(15);
/// Ages on screen are told in seconds.
const TICK: Duration = Duration::from_secs(1);
/// What was asked for before leaving may take this long.
const LAST_CHANGES: Duration = Duration::from_secs(5);

/// What the loop woke for.
enum Turn {
    Told(Event),
    Opened(Result<Arc<dyn Services>, String>),
    /// A signal of the shell.
    Asked(Asked),
    /// Editor or pager ended.
    Returned(Result<(), String>),
    /// A frame is due.
    Draw,
    End,
}

/// Everything the loop holds. The terminal is given back before `app` is dropped: see `terminal::Frames`.
pub(super) struct Session<B: Backend<Error = io::Error>> {
    guard: Guard,
    app: App<B>,
    surroundings: Surroundings,
    keys: Keys,
    signals: Signals,
    keeper: Keeper,
    sender: mpsc::Sender<Event>,
    answers: mpsc::Receiver<Event>,
    drivers: Option<Drivers>,
    pictures: Option<watch::Receiver<Arc<StatusSnapshot>>>,
    /// Who has the terminal, when we have not.
    running: Option<Running>,
    /// What needs the terminal and waits until it is back.
    waiting: VecDeque<Effect>,
    tick: Interval,
    drawn: Instant,
    is_dirty: bool,
}

impl<B: Backend<Error = io::Error>> Session<B> {
    pub(super) fn new(guard: Guard, app: App<B>, signals: Signals, surroundings: Surroundings) -> io::Result<Self> {
        let (sender, answers) = mpsc::channel(256);
        Ok(Self {
            keys: Keys::start()?,
            keeper: Keeper::start(
                Arc::clone(&surroundings.drafts),
                Arc::clone(&surroundings.searches),
                sender.clone(),
            )?,
            guard,
            app,
            surroundings,
            signals,
            sender,
            answers,
            drivers: None,
            pictures: None,
            running: None,
            waiting: VecDeque::new(),
            tick: interval(TICK),
            drawn: Instant::now(),
            is_dirty: true,
        })
    }

    /// Runs until the user leaves or the process must end. A terminal that is gone is no mistake: nobody is left to show
    /// anything to, so the app ends as if it were told to.
    pub(super) async fn run(
        mut self,
        services: impl Future<Output = Result<Arc<dyn Services>, String>>,
    ) -> io::Result<ExitReason> {
        tokio::pin!(services);
        let reason = self.go(services).await.unwrap_or_else(|error| {
            tracing::info!(error = error.to_string(), "terminal_gone");
            ExitReason::Shutdown
        });
        self.end().await;
        Ok(reason)
    }

    async fn go(
        &mut self,
        mut services: Pin<&mut impl Future<Output = Result<Arc<dyn Services>, String>>>,
    ) -> io::Result<ExitReason> {
        self.draw()?;
        let mut is_opening = true;
        loop {
            let effects = match self.turn(services.as_mut(), is_opening).await {
                Turn::End => return Ok(ExitReason::Shutdown),
                Turn::Told(event) => self.take(event),
                Turn::Opened(Ok(services)) => {
                    is_opening = false;
                    self.pictures = Some(services.status());
                    self.drivers = Some(Drivers::new(services, self.sender.clone()));
                    self.take(Event::Opened(Ok(())))
                }
                Turn::Opened(Err(error)) => {
                    is_opening = false;
                    self.take(Event::Opened(Err(error)))
                }
                Turn::Asked(asked) => {
                    self.asked(asked).await?;
                    Effects::new()
                }
                Turn::Returned(result) => self.returned(result)?,
                Turn::Draw => Effects::new(),
            };
            for effect in effects {
                if let Some(reason) = self.carry_out(effect).await? {
                    return Ok(reason);
                }
            }
            if self.is_dirty && self.running.is_none() && self.drawn.elapsed() >= FRAME {
                self.draw()?;
            }
        }
    }

    async fn turn(
        &mut self,
        services: Pin<&mut impl Future<Output = Result<Arc<dyn Services>, String>>>,
        is_opening: bool,
    ) -> Turn {
        let is_ours = self.running.is_none();
        tokio::select! {
            biased;
            () = self.surroundings.shutdown.cancelled() => Turn::End,
            asked = self.signals.next() => Turn::Asked(asked),
            arrived = self.keys.next(), if is_ours => match arrived {
                Arrived::Input(event) => Turn::Told(event),
                Arrived::Gone => Turn::End,
            },
            result = ended(self.running.as_mut()) => Turn::Returned(result),
            Some(event) = self.answers.recv() => Turn::Told(event),
            opened = services, if is_opening => Turn::Opened(opened),
            picture = next_picture(self.pictures.as_mut()) => Turn::Told(Event::StatusChanged(picture)),
            _ = self.tick.tick() => Turn::Told(Event::Ticked(self.surroundings.clock.now())),
            () = sleep_until(self.drawn + FRAME), if self.is_dirty && is_ours => Turn::Draw,
        }
    }

    fn take(&mut self, event: Event) -> Effects {
        self.is_dirty = true;
        crate::app::planned_panic();
        self.app.take(event)
    }

    fn draw(&mut self) -> io::Result<()> {
        terminal::synchronized(|| self.app.draw())?;
        self.drawn = Instant::now();
        self.is_dirty = false;
        Ok(())
    }

    /// What concerns the terminal is done here, the rest by the drivers. Returns why the app ends, if it does.
    async fn carry_out(&mut self, effect: Effect) -> io::Result<Option<ExitReason>> {
        match effect {
            Effect::Quit => {
                return Ok(Some(match &self.app.state.opening {
                    Opening::Failed(error) => ExitReason::Failed(error.clone()),
                    _ => ExitReason::Quit,
                }));
            }
            Effect::Copy(_) | Effect::Edit { .. } | Effect::Page(_) | Effect::Redraw | Effect::Suspend
                if self.running.is_some() =>
            {
                self.waiting.push_back(effect);
            }
            Effect::Copy(text) => {
                let went = if let Some(went) = clipboard::to_tmux(&text).await {
                    went
                } else {
                    terminal::send(&clipboard::to_terminal(&text)?)?;
                    clipboard::Went::Terminal
                };
                let told = clipboard::told(&text, went);
                self.run_effects(|app| app.take(Event::Finished(Ok(told))));
            }
            Effect::Redraw => {
                // What it shows is brought up to date first: whoever compares sees one state twice.
                self.draw()?;
                self.draw_anew()?;
            }
            Effect::Suspend if signals::has_shell() => self.suspend(Who::Group).await?,
            Effect::Suspend => {
                let told = "nothing to suspend to: no shell waits for this program".to_owned();
                self.run_effects(|app| app.take(Event::Finished(Ok(told))));
            }
            Effect::Edit { .. } | Effect::Page(_) => {
                self.lend();
                match Running::start(effect) {
                    Ok(running) => self.running = Some(running),
                    Err(error) => {
                        self.take_back()?;
                        self.run_effects(|app| app.take(Event::Finished(Err(error))));
                    }
                }
            }
            Effect::KeepDraft(draft) => self.keeper.keep(draft),
            Effect::RememberSearch(query) => self.keeper.remember(query),
            Effect::DiscardDraft(number) => self.keeper.discard(number),
            effect => match &self.drivers {
                Some(drivers) => drivers.run(effect),
                None => self.run_effects(|app| app.take(refused(effect))),
            },
        }
        Ok(None)
    }

    /// Takes something in whose effects need no terminal.
    fn run_effects(&mut self, take: impl FnOnce(&mut App<B>) -> Effects) {
        self.is_dirty = true;
        for effect in take(&mut self.app) {
            match (effect, &self.drivers) {
                (Effect::KeepDraft(draft), _) => self.keeper.keep(draft),
                (Effect::RememberSearch(query), _) => self.keeper.remember(query),
                (Effect::DiscardDraft(number), _) => self.keeper.discard(number),
                (effect, Some(drivers)) => drivers.run(effect),
                (_, None) => {}
            }
        }
    }

    /// From here on the terminal is somebody else's: nobody of us reads it, and it is as it was before us.
    fn lend(&mut self) {
        self.surroundings.lent.lend();
        self.keys.park();
        self.guard.give();
    }

    /// The terminal is ours again.
    fn take_back(&mut self) -> io::Result<()> {
        self.guard.take()?;
        self.keys.go_on();
        self.surroundings.lent.take_back();
        self.draw_anew()
    }

    /// The terminal may show anything, and its size may be another.
    fn draw_anew(&mut self) -> io::Result<()> {
        self.measure()?;
        terminal::synchronized(|| self.app.draw_anew())?;
        self.drawn = Instant::now();
        self.is_dirty = false;
        Ok(())
    }

    fn measure(&mut self) -> io::Result<()> {
        let size = self.app.surface.size()?;
        self.run_effects(|app| app.take(Event::Resized { width: size.width, height: size.height }));
        Ok(())
    }

    async fn suspend(&mut self, who: Who) -> io::Result<()> {
        self.keys.park();
        self.guard.give();
        self.signals.stop(who).await;
        self.guard.take()?;
        self.keys.go_on();
        self.draw_anew()
    }

    async fn asked(&mut self, asked: Asked) -> io::Result<()> {
        match (asked, self.running.is_some()) {
            (Asked::Resize, false) => self.measure(),
            (Asked::Stop, false) => self.suspend(Who::Us).await,
            // Its key went to the other program and to us: the shell waits for us.
            (Asked::Stop, true) if signals::has_shell() => {
                self.signals.stop(Who::Us).await;
                Ok(())
            }
            // Stopped in a way that left no time to give the terminal back.
            (Asked::GoOn, false) => {
                self.keys.park();
                self.guard.take()?;
                self.keys.go_on();
                self.draw_anew()
            }
            // The size is asked for when the terminal is ours again.
            _ => Ok(()),
        }
    }

    fn returned(&mut self, result: Result<(), String>) -> io::Result<Effects> {
        self.running = None;
        self.take_back()?;
        let mut effects = self.take(Event::Finished(result.map(|()| String::new())));
        effects.extend(self.waiting.drain(..));
        Ok(effects)
    }

    /// Gives the terminal back, then sees to it that nothing in hand is lost.
    async fn end(mut self) {
        if let Some(mut running) = self.running.take() {
            running.end().await;
        }
        // An interrupt typed from here on is ours again: the second one leaves at once.
        self.surroundings.lent.take_back();
        self.keys.park();
        self.guard.give();
        terminal::let_go_of_a_dead_terminal();
        let Some(drivers) = self.drivers.take() else { return };
        let app = &mut self.app;
        let mut told = Effects::new();
        let settled = timeout(LAST_CHANGES, async {
            let settled = drivers.settled();
            tokio::pin!(settled);
            loop {
                tokio::select! {
                    () = &mut settled => break,
                    Some(event) = self.answers.recv() => told.extend(app.take(event)),
                }
            }
            while let Ok(event) = self.answers.try_recv() {
                told.extend(app.take(event));
            }
        });
        if settled.await.is_err() {
            tracing::warn!(seconds = LAST_CHANGES.as_secs(), "left_before_all_was_done");
        }
        for effect in told {
            if let Effect::DiscardDraft(number) = effect {
                self.keeper.discard(number);
            }
        }
    }
}

async fn ended(running: Option<&mut Running>) -> Result<(), String> {
    match running {
        Some(running) => running.ended().await,
        None => std::future::pending().await,
    }
}

async fn next_picture(pictures: Option<&mut watch::Receiver<Arc<StatusSnapshot>>>) -> Arc<StatusSnapshot> {
    if let Some(receiver) = pictures
        && receiver.changed().await.is_ok()
    {
        return Arc::clone(&receiver.borrow_and_update());
    }
    std::future::pending().await
}

/// The answer to what is asked before the store is open; what the user wrote stays with the user.
fn refused(effect: Effect) -> Event {
    let text = "the store is still being opened".to_owned();
    match effect {
        Effect::WriteNote { .. } => Event::NoteWritten(Err(text)),
        Effect::PutSetting { key, value } => Event::SettingPut { name: key, value, result: Err(text) },
        Effect::Restore(ids) => Event::Restored { ids, result: Err(text) },
        Effect::RestoreLast => Event::Restored { ids: Vec::new(), result: Err(text) },
        _ => Event::Finished(Err(text)),
    }
}
