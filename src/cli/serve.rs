//! `peanut serve`: the workers and the HTTP door without a screen, for systemd, containers and scripts.
//!
//! The log goes to standard error as JSON lines (and to the log file). The first SIGTERM, SIGINT or SIGHUP drains: nothing
//! new is taken, what is in hand is finished, the log says what is waited for, and the process ends within 30 s with 0.
//! The second leaves at once with 143, and so does a drain that is not done in time.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use color_eyre::eyre::{self, WrapErr};
use sd_notify::NotifyState;

use crate::config::Config;
use crate::config::serve::listen_address;
use crate::health::StatusWorker;
use crate::runtime::door::Door;
use crate::runtime::shutdown::{DRAIN_DEADLINE, EXIT_FORCED, Shutdown};
use crate::runtime::wiring::{House, RunningWorkers, WorkerSet};
use crate::store::StoreError;

use super::EXIT_OK;

/// The first picture of the services takes this long at most; the door opens with what is known then.
const FIRST_LOOK: Duration = Duration::from_secs(5);
/// Between tries to open a store that does not answer yet.
const STORE_PERIOD: Duration = Duration::from_secs(2);
/// Between tries to take over the workers of a process that ended.
const TAKE_OVER_PERIOD: Duration = Duration::from_secs(5);
/// Connections need files; a thousand clients need more than the usual limit.
const OPEN_FILES: u64 = 65_536;

#[derive(Args, Debug)]
pub(super) struct ServeArgs {
    /// Address to listen on, or a port of 127.0.0.1 [default: 127.0.0.1:8000]
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    listen: Option<SocketAddr>,
    /// Listen on a Unix-domain socket too (alone, with --no-tcp)
    #[arg(long, value_name = "PATH")]
    unix_socket: Option<PathBuf>,
    /// Do not listen on TCP
    #[arg(long, requires = "unix_socket", conflicts_with = "listen")]
    no_tcp: bool,
    /// Address of its own for /metrics, without keys
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    metrics_listen: Option<SocketAddr>,
}

fn address(text: &str) -> Result<SocketAddr, String> {
    listen_address("address", text).map_err(|error| error.to_string())
}

pub(super) fn run(mut config: Config, arguments: ServeArgs) -> eyre::Result<u8> {
    config.serve.listen = if arguments.no_tcp { None } else { arguments.listen.or(config.serve.listen) };
    config.serve.unix_socket = arguments.unix_socket.or(config.serve.unix_socket);
    config.serve.metrics_listen = arguments.metrics_listen.or(config.serve.metrics_listen);
    raise_file_limit();
    let runtime = super::runtime()?;
    let shutdown = Shutdown::new();
    let code = runtime.block_on(async {
        shutdown.on_signals()?;
        let hard = shutdown.hard();
        tokio::select! {
            biased;
            () = hard.cancelled() => Ok(leave_at_once("second_signal")),
            done = serve(config, &shutdown) => done,
        }
    });
    // A blocking task that is still at work must not hold up the end.
    runtime.shutdown_background();
    code
}

fn leave_at_once(reason: &str) -> u8 {
    tracing::warn!(reason, "left_without_draining");
    u8::try_from(EXIT_FORCED).unwrap_or(u8::MAX)
}

async fn serve(config: Config, shutdown: &Shutdown) -> eyre::Result<u8> {
    let soft = shutdown.soft();
    let house = Arc::new(tokio::select! {
        opened = opened(config) => opened?,
        () = soft.cancelled() => return Ok(EXIT_OK),
    });
    house.search.warm_up_when_used();
    let running = house.try_start_workers(shutdown, WorkerSet::All).await?;
    let status = house.watch_status(shutdown);
    first_look(&status).await;
    let door = match Door::open(&house, &status, shutdown).await {
        Ok(door) => door,
        Err(error) => {
            soft.cancel();
            end(running, shutdown).await;
            house.close().await;
            return Err(error);
        }
    };
    tell_manager(&[NotifyState::Ready, NotifyState::Status(&format!("listening on {}", door.addresses().join(", ")))]);
    let watchdog = tokio::spawn(watchdog());
    let running = match running {
        Some(running) => {
            soft.cancelled().await;
            Some(running)
        }
        None => take_over(&house, shutdown).await?,
    };
    tell_manager(&[NotifyState::Stopping, NotifyState::Status("draining")]);
    let draining = async {
        tokio::join!(door.drain(shutdown), end(running, shutdown));
        house.close().await;
    };
    let drained = tokio::time::timeout(DRAIN_DEADLINE, draining).await;
    watchdog.abort();
    if drained.is_err() {
        return Ok(leave_at_once("drain_deadline_missed"));
    }
    tracing::info!("ended");
    Ok(EXIT_OK)
}

/// Opens the house. Under a service manager a store that does not answer yet is waited for: the manager would only start
/// this process again and again, and could not tell that from one that cannot start.
async fn opened(config: Config) -> eyre::Result<House> {
    let is_managed = std::env::var_os("NOTIFY_SOCKET").is_some();
    let mut was_said = false;
    loop {
        let error = match House::open(config.clone()).await {
            Err(error) if is_managed && error.downcast_ref().is_some_and(StoreError::is_retryable) => error,
            done => return done,
        };
        if !std::mem::replace(&mut was_said, true) {
            tracing::warn!(error = format!("{error:#}"), "store_waited_for");
            tell_manager(&[NotifyState::Status("waiting for the store")]);
        }
        tokio::time::sleep(STORE_PERIOD).await;
    }
}

/// Waits for the workers.
async fn end(running: Option<RunningWorkers>, shutdown: &Shutdown) {
    if let Some(running) = running {
        running.join(shutdown).await;
        tracing::info!("workers_ended");
    }
}

/// Another process runs the workers of this folder; when it ends, this one does. Returns when the process should end.
async fn take_over(house: &Arc<House>, shutdown: &Shutdown) -> eyre::Result<Option<RunningWorkers>> {
    let soft = shutdown.soft();
    loop {
        tokio::select! {
            () = soft.cancelled() => return Ok(None),
            () = tokio::time::sleep(TAKE_OVER_PERIOD) => {}
        }
        if let Some(running) = house.try_start_workers(shutdown, WorkerSet::All).await? {
            tracing::info!("workers_taken_over");
            soft.cancelled().await;
            return Ok(Some(running));
        }
    }
}

/// Waits until the services were looked at once.
async fn first_look(status: &StatusWorker) {
    let mut pictures = status.picture();
    let looked = pictures.wait_for(|picture| !picture.services.is_empty());
    if tokio::time::timeout(FIRST_LOOK, looked).await.is_err() {
        tracing::warn!(seconds = FIRST_LOOK.as_secs(), "services_not_looked_at");
    }
}

/// Tells systemd, when it is there.
fn tell_manager(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "service_manager_not_told");
    }
}

/// Keeps systemd's watchdog quiet for as long as this runtime runs tasks.
async fn watchdog() {
    let Some(limit) = sd_notify::watchdog_enabled() else { return };
    let mut due = tokio::time::interval(limit / 3);
    loop {
        due.tick().await;
        tell_manager(&[NotifyState::Watchdog]);
    }
}

/// Takes as many files as the system lets us have without asking for rights.
fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let held = getrlimit(Resource::Nofile);
    let wanted = held.maximum.map_or(OPEN_FILES, |most| most.min(OPEN_FILES));
    if held.current.is_some_and(|current| current < wanted) {
        let raised = Rlimit { current: Some(wanted), maximum: held.maximum };
        if let Err(error) = setrlimit(Resource::Nofile, raised).wrap_err("cannot raise the limit of open files") {
            tracing::warn!(error = format!("{error:#}"), "file_limit_not_raised");
        }
    }
}
