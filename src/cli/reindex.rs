//! `peanut reindex`: builds the vectors of another model while the present one goes on serving, switches when all are
//! there, and keeps the old ones until `--confirm` (or `--back`).

use std::time::Duration;

use clap::Args;
use color_eyre::eyre;
use tokio::time::Instant;

use crate::config::Config;
use crate::domain::ModelId;
use crate::domain::status::EmbeddingProgress;
use crate::embed::roles;
use crate::runtime::shutdown::Shutdown;
use crate::runtime::wiring::{House, RunningWorkers, WorkerSet};
use crate::store::StoreErrorKind;

use super::looks::Looks;
use super::{EXIT_NONE, EXIT_OK, output, runtime};

/// Between attempts to do the work here, while another process does it.
const TRY_PERIOD: Duration = Duration::from_secs(2);
/// Every so many per cent is a line when nobody watches.
const STEP_PERCENT: u64 = 10;

#[derive(Args, Debug)]
pub(super) struct ReindexArgs {
    /// The model to build: minilm, or one of the service that the settings name [default: the one being built, else the
    /// model of the settings]
    #[arg(long, value_name = "NAME", conflicts_with_all = ["confirm", "back", "cancel"])]
    model: Option<String>,
    /// Drop the vectors of the model before
    #[arg(long, conflicts_with_all = ["back", "cancel"])]
    confirm: bool,
    /// Return to the model before
    #[arg(long, conflicts_with = "cancel")]
    back: bool,
    /// Give up the model that is being built, and drop its vectors
    #[arg(long)]
    cancel: bool,
    /// Do not wait: an open app or `peanut serve` builds in the background
    #[arg(long, conflicts_with_all = ["confirm", "back", "cancel"])]
    no_wait: bool,
}

pub(super) fn run(config: Config, arguments: &ReindexArgs) -> eyre::Result<u8> {
    runtime()?.block_on(async {
        let shutdown = Shutdown::new();
        shutdown.on_signals()?;
        let house = House::open(config).await?;
        let done = if arguments.confirm || arguments.cancel {
            drop_vectors(&house, arguments.cancel).await
        } else if arguments.back {
            back(&house).await
        } else {
            build(&house, &shutdown, arguments).await
        };
        house.close().await;
        done
    })
}

/// Says why not; the check that failed is no error.
fn refused(why: &str) -> u8 {
    output::note(format!("peanut: {why}"));
    EXIT_NONE
}

async fn drop_vectors(house: &House, of_building: bool) -> eyre::Result<u8> {
    let roles = roles::read(&house.store).await?;
    let model = if of_building { roles.building } else { roles.previous };
    let Some(model) = model else {
        return Ok(refused(if of_building {
            "no model is being built"
        } else {
            "no vectors are kept: nothing to confirm"
        }));
    };
    if of_building {
        // Its worker stops when it sees that.
        let _ = roles::forget(&house.store, &model, house.clock.now()).await?;
    }
    match house.store.drop_model(&model).await {
        Ok(()) => {}
        // Interrupted after the vectors and before the role.
        Err(error) if error.kind == StoreErrorKind::NotFound => {}
        Err(error) => return Err(error.into()),
    }
    let _ = roles::forget(&house.store, &model, house.clock.now()).await?;
    output::line(format!("the vectors of {model} are dropped"))?;
    Ok(EXIT_OK)
}

async fn back(house: &House) -> eyre::Result<u8> {
    match roles::back(&house.store, house.clock.now()).await? {
        Ok(roles) => {
            let name = |model: Option<ModelId>| model.map_or_else(String::new, |model| model.0);
            let (serving, kept) = (name(roles.serving), name(roles.previous));
            output::line(format!("{serving} serves again; the vectors of {kept} are kept (--confirm drops them)"))?;
            Ok(EXIT_OK)
        }
        Err(why) => Ok(refused(&why)),
    }
}

async fn build(house: &House, shutdown: &Shutdown, arguments: &ReindexArgs) -> eyre::Result<u8> {
    let Some(configured) = house.configured_model() else {
        return Ok(refused(
            "the settings want no background model (PEANUT_MODEL, or `model` in [embedding]): name one there",
        ));
    };
    let held = roles::read(&house.store).await?;
    let wanted = match (&arguments.model, &held.building) {
        (Some(name), _) => house.model_named(name).map_err(|why| eyre::eyre!("{why}"))?,
        (None, Some(building)) => building.clone(),
        (None, None) => configured,
    };
    if held.serving.as_ref() == Some(&wanted) && held.building.is_none() {
        output::line(format!("{wanted} serves already; nothing to build"))?;
        return Ok(EXIT_OK);
    }
    let embedder = house.embedder(&wanted).map_err(|why| eyre::eyre!("{why}"))?;
    // Asked before anything is promised: a model that is not there says how to get it.
    let dimension = embedder.prepare().await?;
    if let Err(why) = roles::begin(&house.store, &wanted, house.clock.now()).await? {
        return Ok(refused(&why));
    }
    house.store.register_model(&wanted, dimension, house.clock.now()).await?;
    house.store.retry_failed_embeddings(&wanted).await?;
    if arguments.no_wait {
        output::line(format!(
            "{wanted} is to be built: whatever process works does it; `peanut status` tells how far it is"
        ))?;
        return Ok(EXIT_OK);
    }
    let mut running = house.try_start_workers(shutdown, WorkerSet::Models).await?;
    if running.is_none() {
        output::note("peanut: another process works; it builds, and this one watches");
    }
    let outcome = follow(house, &mut running, shutdown, &wanted).await;
    output::progress("");
    shutdown.soft().cancel();
    if let Some(running) = running {
        running.join(shutdown).await;
    }
    outcome
}

/// Waits until the model serves, tells how far it is.
async fn follow(
    house: &House,
    running: &mut Option<RunningWorkers>,
    shutdown: &Shutdown,
    wanted: &ModelId,
) -> eyre::Result<u8> {
    let soft = shutdown.soft();
    let mut told = 0;
    let mut said = None;
    let mut tried = Instant::now();
    let looks = Looks::begin();
    loop {
        // The process that worked may have ended meanwhile.
        if running.is_none() && !soft.is_cancelled() && tried.elapsed() > TRY_PERIOD {
            tried = Instant::now();
            *running = house.try_start_workers(shutdown, WorkerSet::Models).await?;
        }
        let trouble = running.as_ref().and_then(RunningWorkers::trouble);
        if let Some(trouble) = trouble.as_ref().filter(|trouble| said.as_ref() != Some(*trouble)) {
            output::progress("");
            output::note(format!("peanut: {trouble}"));
        }
        said = trouble.or(said);
        let roles = roles::read(&house.store).await?;
        let progress = house.store.embedding_progress().await?.into_iter().find(|held| &held.model == wanted);
        if roles.serving.as_ref() == Some(wanted) {
            let failed = progress.map_or(0, |held| held.failed);
            output::progress("");
            let kept = roles.previous.map_or_else(String::new, |previous| {
                format!("; the vectors of {previous} are kept until `peanut reindex --confirm` (or `--back`)")
            });
            let refused = if failed > 0 { format!(" ({failed} texts refused)") } else { String::new() };
            output::line(format!("{wanted} serves{refused}{kept}"))?;
            return Ok(EXIT_OK);
        }
        if roles.building.as_ref() != Some(wanted) {
            return Ok(refused(&format!("{wanted} was given up by somebody else")));
        }
        if let Some(progress) = &progress {
            tell(progress, &mut told);
            if progress.failed > 0
                && progress.pending + progress.processing == 0
                && progress.failed * 100 > total(progress)
            {
                return Ok(refused(&format!(
                    "{} of {} texts were refused by {wanted}, and searches stay with the model before: \
                     see the log for the reason, then run `peanut reindex` again, or `peanut reindex --cancel`",
                    progress.failed,
                    total(progress)
                )));
            }
        }
        tokio::select! {
            () = soft.cancelled() => {
                output::note("peanut: interrupted; `peanut reindex` (or any process that works) goes on where it stopped");
                return Ok(EXIT_NONE);
            }
            () = looks.next() => {}
        }
    }
}

fn total(progress: &EmbeddingProgress) -> u64 {
    progress.done + progress.pending + progress.processing + progress.failed
}

fn tell(progress: &EmbeddingProgress, told: &mut u64) {
    let (done, all) = (progress.done, total(progress));
    let percent = (done * 100).checked_div(all).unwrap_or(0);
    let line = format!("building {}: {percent} % ({done} of {all})", progress.model);
    if output::is_watched() {
        output::progress(&line);
    } else if percent >= *told + STEP_PERCENT {
        *told = percent - percent % STEP_PERCENT;
        output::note(line);
    }
}
