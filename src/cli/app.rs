//! `peanut` without a command: the full-screen app on this thread, everything else on its own runtime.

use std::sync::Arc;

use color_eyre::eyre::{self, WrapErr, eyre};

use crate::app::ports::Services;
use crate::app::{AppOptions, ExitReason, Surroundings};
use crate::config::{Config, ThemeChoice};
use crate::domain::SystemClock;
use crate::runtime::door::Door;
use crate::runtime::drafts::FileDrafts;
use crate::runtime::searches::FileSearches;
use crate::runtime::services::HouseServices;
use crate::runtime::shutdown::{DRAIN_DEADLINE, EXIT_FORCED, Shutdown};
use crate::runtime::wiring::{House, RunningWorkers, WorkerSet};

use super::{EXIT_OK, background_runtime, output};

/// Opens the app; `program` is how a shell calls it for the same store. The first frame is drawn before the store is opened; the store opens on the other runtime.
pub(super) fn run(config: Config, program: String) -> eyre::Result<u8> {
    let background = background_runtime()?;
    let shutdown = Shutdown::new();
    {
        let _entered = background.enter();
        shutdown.on_signals_of_a_terminal()?;
    }
    let options = options(&config, program);
    let clock = Arc::new(SystemClock);
    let drafts = Arc::new(FileDrafts::new(&config.state_dir, &*clock));
    let searches = Arc::new(FileSearches::new(&config.state_dir));
    let (opened, services) = tokio::sync::oneshot::channel();
    let opening = shutdown.clone();
    let house = background.spawn(async move {
        let result = open(config, &opening).await;
        let (house, running, door, answer) = match result {
            Ok(Opened { house, running, door, services }) => (Some(house), running, door, Ok(services)),
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "store_not_opened");
                (None, None, None, Err(format!("{error:#}")))
            }
        };
        let _ = opened.send(answer);
        // Another process may run the workers of this folder, an agent's, say: when it ends, this one does.
        let running = match (&house, running) {
            (Some(house), None) => house.workers_when_free(&opening).await.unwrap_or_else(|error| {
                tracing::warn!(error = format!("{error:#}"), "workers_not_taken_over");
                None
            }),
            (_, running) => running,
        };
        (house, running, door)
    });
    let services = async move { services.await.unwrap_or_else(|_| Err("the store was not opened".to_owned())) };
    let screen =
        tokio::runtime::Builder::new_current_thread().enable_all().build().wrap_err("cannot start the screen")?;
    let surroundings = Surroundings {
        drafts: Arc::<FileDrafts>::clone(&drafts),
        searches,
        clock,
        shutdown: shutdown.soft(),
        lent: shutdown.lent(),
        version: env!("CARGO_PKG_VERSION"),
    };
    let reason = screen.block_on(crate::app::run(options, services, surroundings));
    // The terminal is ours no longer; what follows may take a moment.
    if drafts.has_any() {
        output::note("peanut: the note you were writing is kept; n takes it up at the next start");
    }
    shutdown.soft().cancel();
    let finished = background.block_on(async {
        let (house, running, door) = house.await.map_err(|error| eyre!("opening the store failed: {error}"))?;
        if let Some(door) = door {
            door.drain(&shutdown).await;
        }
        if let Some(running) = running {
            running.join(&shutdown).await;
        }
        if let Some(house) = house {
            house.close().await;
        }
        Ok::<(), eyre::Report>(())
    });
    if shutdown.hard().is_cancelled() {
        crate::telemetry::unclean::ended();
        std::process::exit(EXIT_FORCED);
    }
    background.shutdown_timeout(DRAIN_DEADLINE);
    // It may have gone while work was drained; whatever is printed from here on must not fail by it.
    crate::app::let_go_of_a_dead_terminal();
    finished?;
    match reason.wrap_err("the screen failed")? {
        ExitReason::Failed(message) => Err(eyre!("{message}")),
        ExitReason::Quit | ExitReason::Shutdown => {
            if let Some(report) = crate::telemetry::crash::last_report() {
                output::note(format!("peanut: a worker crashed; report in {}", report.display()));
            }
            Ok(EXIT_OK)
        }
    }
}

struct Opened {
    house: Arc<House>,
    running: Option<RunningWorkers>,
    door: Option<Door>,
    services: Arc<dyn Services>,
}

async fn open(config: Config, shutdown: &Shutdown) -> eyre::Result<Opened> {
    let house = Arc::new(House::open(config).await?);
    house.search.warm_up_when_used();
    let running = house.try_start_workers(shutdown, WorkerSet::All).await?;
    let status = house.watch_status(shutdown);
    let door = if house.config.serve.in_app { Some(Door::open(&house, &status, shutdown).await?) } else { None };
    let services = HouseServices::start(&house, &status);
    Ok(Opened { house, running, door, services })
}

fn options(config: &Config, program: String) -> AppOptions {
    AppOptions {
        theme: match config.theme {
            ThemeChoice::Dark => crate::app::Theme::Dark,
            ThemeChoice::Light => crate::app::Theme::Light,
            ThemeChoice::Terminal => crate::app::Theme::Terminal,
        },
        mouse: config.mouse,
        ascii: config.ascii,
        keys: config.keys.clone(),
        program,
    }
}
