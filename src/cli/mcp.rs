//! `peanut mcp`: serves one agent over standard input and output. Logs go to the log file, never to standard output.
//!
//! Works beside a running app or `peanut serve`, whose workers then do the work; without one it runs the workers itself, and
//! takes them over from a process that ends meanwhile.

use std::sync::Arc;

use clap::Args;
use color_eyre::eyre::{self, eyre};

use crate::api::mcp::{Asker, Mcp, stdio};
use crate::config::Config;
use crate::domain::Scope;
use crate::runtime::shutdown::Shutdown;
use crate::runtime::wiring::House;

use super::{EXIT_OK, runtime};

#[derive(Args, Debug)]
pub(super) struct McpArgs {
    /// Let the agent read and search, not add documents
    #[arg(long)]
    read_only: bool,
    /// Taken for the sake of those who set it: nothing marks people as personal data yet
    #[arg(long, hide = true)]
    personal_data: bool,
}

pub(super) fn run(config: Config, arguments: &McpArgs) -> eyre::Result<u8> {
    let runtime = runtime()?;
    let done = runtime.block_on(serve(config, arguments));
    // A read of standard input that still waits must not hold up the end.
    runtime.shutdown_background();
    done.map(|()| EXIT_OK)
}

async fn serve(config: Config, arguments: &McpArgs) -> eyre::Result<()> {
    let shutdown = Shutdown::new();
    shutdown.on_signals()?;
    let personal_data = arguments.personal_data || config.access.mcp_personal_data;
    let scope = if arguments.read_only { Scope::Read } else { Scope::Admin };
    let house = Arc::new(House::open(config).await?);
    house.search.warm_up_when_used();
    let mcp = Mcp::new(
        Arc::clone(&house.store),
        Arc::clone(&house.search),
        Arc::clone(&house.intake),
        Arc::clone(&house.graph_reader),
        Asker::Fixed(scope),
        personal_data,
    );
    let workers = tokio::spawn({
        let (house, shutdown) = (Arc::clone(&house), shutdown.clone());
        async move { house.workers_when_free(&shutdown).await }
    });
    tracing::info!(scope = scope.as_str(), "mcp_serving");
    let hard = shutdown.hard();
    let served = tokio::select! {
        served = stdio::serve(mcp, shutdown.soft()) => served.map_err(|message| eyre!("{message}")),
        () = hard.cancelled() => Ok(()),
    };
    shutdown.soft().cancel();
    match workers.await {
        Ok(Ok(Some(running))) => running.join(&shutdown).await,
        Ok(Ok(None)) => {}
        Ok(Err(error)) => tracing::warn!(error = format!("{error:#}"), "workers_not_started"),
        Err(error) => tracing::warn!(%error, "workers_not_started"),
    }
    house.close().await;
    served
}
