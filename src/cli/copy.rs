//! `peanut copy --to URL|PATH [--from URL|PATH]`: moves a whole store into another engine (or another place) and proves
//! it by counts and checksums. `peanut export` writes one as lines of JSON.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal as _, Write};

use clap::Args;
use color_eyre::eyre::{self, WrapErr as _};

use crate::config::Config;
use crate::domain::{Clock as _, SystemClock};
use crate::runtime::transfer::StoreAddress;
use crate::store::StoreErrorKind;
use crate::store::transfer::{self, Moved, Progress, Stage};

use super::{EXIT_NONE, EXIT_OK, output, runtime};

/// Cells of the bar on a terminal.
const BAR_CELLS: u64 = 20;

#[derive(Args, Debug)]
pub(super) struct CopyArgs {
    /// Where to: postgres://user:password@host/database, a file, or a data folder; must be empty
    #[arg(long, value_name = "URL|PATH")]
    to: String,
    /// Where from [default: the store of the settings]
    #[arg(long, value_name = "URL|PATH")]
    from: Option<String>,
}

#[derive(Args, Debug)]
pub(super) struct ExportArgs {
    /// Where to write the lines; - is standard output
    #[arg(long, value_name = "FILE", default_value = "-")]
    to: String,
    /// Which store [default: the store of the settings]
    #[arg(long, value_name = "URL|PATH")]
    from: Option<String>,
}

fn from(config: &Config, typed: Option<&str>) -> StoreAddress {
    typed.map_or_else(|| StoreAddress::of(config), StoreAddress::parse)
}

/// A bar on a terminal, a line per table elsewhere.
struct Shown {
    terminal: bool,
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
        let (source, target) = (from(config, arguments.from.as_deref()), StoreAddress::parse(&arguments.to));
        let source_store = source.open().await?;
        let target_store = target.open_or_make().await?;
        let (origin, place) = (source_store.info().await?.location, target_store.info().await?.location);
        eyre::ensure!(origin != place, "{place} is the store itself: name another place with --to");
        let _locks = (source.alone(&source_store).await?, target.alone(&target_store).await?);
        if let Some(earlier) = source_store.setting(transfer::UNFINISHED).await? {
            eyre::bail!("{origin} is itself an unfinished copy of {earlier}: finish that one first");
        }
        let mut shown = Shown { terminal: io::stderr().is_terminal() };
        let copied = transfer::copy(&*source_store, &*target_store, &origin, SystemClock.now(), &mut shown).await;
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
        source_store.close().await;
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
    })
}

pub(super) fn export(config: &Config, arguments: &ExportArgs) -> eyre::Result<u8> {
    runtime()?.block_on(async {
        let store = from(config, arguments.from.as_deref()).open().await?;
        let to_stdout = arguments.to == "-";
        let mut out: Box<dyn Write + Send> = if to_stdout {
            Box::new(BufWriter::new(io::stdout()))
        } else {
            let file = File::create(&arguments.to).wrap_err_with(|| format!("cannot write {}", arguments.to))?;
            Box::new(BufWriter::new(file))
        };
        let mut shown = Shown { terminal: io::stderr().is_terminal() && !to_stdout };
        let told = transfer::export(&*store, &mut *out, &mut shown).await;
        output::progress("");
        store.close().await;
        match told {
            Err(transfer::ExportError::Write(error)) if to_stdout && error.kind() == io::ErrorKind::BrokenPipe => {}
            told => {
                let rows: u64 = told?.iter().map(|table| table.rows).sum();
                if !to_stdout {
                    output::line(format!("{rows} rows written to {}", arguments.to))?;
                }
            }
        }
        Ok(EXIT_OK)
    })
}
