//! `peanut copy --to URL|PATH [--from URL|PATH]`: moves a whole store, or the export of one, into another engine (or another
//! place) and proves it by counts and checksums.

use clap::Args;
use color_eyre::eyre::{self, WrapErr as _};

use crate::config::Config;
use crate::domain::{Clock as _, SystemClock};
use crate::runtime::transfer::StoreAddress;
use crate::store::transfer::{self, Moved, Progress, Stage};
use crate::store::{SharedStore, StoreErrorKind, StoreResult};

use super::{EXIT_NONE, EXIT_OK, output, runtime};

/// Cells of the bar on a terminal.
const BAR_CELLS: u64 = 20;

#[derive(Args, Debug)]
pub(super) struct CopyArgs {
    /// Where to: postgres://user:password@host/database, a file, or a data folder; must be empty
    #[arg(long, value_name = "URL|PATH")]
    to: String,
    /// Where from: a store, or a file that `peanut export` wrote [default: the store of the settings]
    #[arg(long, value_name = "URL|PATH")]
    from: Option<String>,
}

/// The store that is read: the one named, or that of the settings.
pub(super) fn from(config: &Config, typed: Option<&str>) -> eyre::Result<StoreAddress> {
    match typed {
        Some(typed) => StoreAddress::parse(typed).wrap_err("--from"),
        None => Ok(StoreAddress::of(config)),
    }
}

/// A bar on a terminal, a line per table elsewhere.
pub(super) struct Shown {
    /// Whether the bar is drawn.
    pub(super) terminal: bool,
}

impl Progress for Shown {
    fn rows(&mut self, stage: Stage, table: &'static str, rows: u64, of: u64) {
        if self.terminal {
            let filled = (rows * BAR_CELLS).checked_div(of).unwrap_or(0).min(BAR_CELLS);
            let bar: String = (0..BAR_CELLS).map(|cell| if cell < filled { '█' } else { '░' }).collect();
            output::progress(&format!("{:<9} {table:<18} {bar} {rows} of {of}", doing(stage)));
        }
    }

    fn done(&mut self, stage: Stage, moved: &Moved) {
        if !self.terminal && stage != Stage::Reading {
            output::note(format!("{} {}: {} rows", doing(stage), moved.table, moved.rows));
        }
    }
}

fn doing(stage: Stage) -> &'static str {
    match stage {
        Stage::Reading => "reading",
        Stage::Copying => "copying",
        Stage::Verifying => "verifying",
    }
}

pub(super) fn copy(config: &Config, arguments: &CopyArgs) -> eyre::Result<u8> {
    runtime()?.block_on(async {
        let source = from(config, arguments.from.as_deref())?;
        let target = StoreAddress::parse(&arguments.to).wrap_err("--to")?;
        let mut shown = Shown { terminal: output::is_watched() };
        if let Some((origin, export)) = source.export()? {
            let target_store = target.open_or_make().await?;
            let _lock = target.alone(&target_store).await?;
            let dump = export.dump().wrap_err_with(|| format!("cannot read {origin}"))?;
            let filled = transfer::fill(dump, &*target_store, &origin, SystemClock.now(), &mut shown).await;
            return told(&origin, &target, &target_store, filled).await;
        }
        let source_store = source.open().await?;
        let target_store = target.open_or_make().await?;
        let (origin, place) = (source_store.info().await?.location, target_store.info().await?.location);
        eyre::ensure!(origin != place, "{place} is the store itself: name another place with --to");
        let _locks = (source.alone(&source_store).await?, target.alone(&target_store).await?);
        if let Some(earlier) = source_store.setting(transfer::UNFINISHED).await? {
            eyre::bail!("{origin} is itself an unfinished copy of {earlier}: finish that one first");
        }
        let copied = transfer::copy(&*source_store, &*target_store, &origin, SystemClock.now(), &mut shown).await;
        source_store.close().await;
        told(&origin, &target, &target_store, copied).await
    })
}

/// Says what was copied and how it is used, or why it was not.
async fn told(
    origin: &str,
    target: &StoreAddress,
    target_store: &SharedStore,
    copied: StoreResult<Vec<Moved>>,
) -> eyre::Result<u8> {
    output::progress("");
    let copied = match copied {
        Ok(copied) => copied,
        Err(error) if error.kind == StoreErrorKind::Invariant && error.operation == "copy into" => {
            output::error(&error.into());
            return Ok(EXIT_NONE);
        }
        Err(error) => {
            let again = "the target stays marked as unfinished; run the same command again to start over";
            return Err(error).wrap_err(again);
        }
    };
    let place = target_store.info().await?.location;
    target_store.close().await;
    let rows: u64 = copied.iter().map(|table| table.rows).sum();
    output::line(format!("{origin} → {place}: {rows} rows in {} tables, verified", copied.len()))?;
    output::line(match target {
        StoreAddress::Postgres(_) => {
            "to use it: set POSTGRES_URL (or `postgres_url` in [store]) to its address".to_owned()
        }
        StoreAddress::Sqlite(path) => {
            let folder = path.parent().map(|folder| folder.display().to_string()).unwrap_or_default();
            format!("to use it: `--data-dir {folder}` without POSTGRES_URL")
        }
    })?;
    Ok(EXIT_OK)
}
