//! `peanut export [--to FILE] [--from URL|PATH] [--force]`: a whole store as lines of JSON. A file is written beside its place
//! and put there when it is whole and on disk; one that is there is never touched without `--force`.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use color_eyre::eyre::{self, WrapErr as _};

use crate::config::Config;
use crate::runtime::shutdown::Shutdown;
use crate::store::SharedStore;
use crate::store::transfer::{self, ExportError};
use crate::telemetry::private;

use super::copy::{Shown, from};
use super::{EXIT_NONE, EXIT_OK, output, runtime};

#[derive(Args, Debug)]
pub(super) struct ExportArgs {
    /// Where to write the lines; - is standard output
    #[arg(long, value_name = "FILE", default_value = "-")]
    to: String,
    /// Which store [default: the store of the settings]
    #[arg(long, value_name = "URL|PATH")]
    from: Option<String>,
    /// Put the export in the place of a file that is there
    #[arg(long)]
    force: bool,
}

pub(super) fn run(config: &Config, arguments: &ExportArgs) -> eyre::Result<u8> {
    runtime()?.block_on(async {
        let target = Target::of(&arguments.to, arguments.force)?;
        let store = from(config, arguments.from.as_deref())?.open().await?;
        let shutdown = Shutdown::new();
        shutdown.on_signals()?;
        let soft = shutdown.soft();
        let done = tokio::select! {
            done = export(&store, target) => done.map(Some),
            // What was begun is dropped, and with it the file beside its place.
            () = soft.cancelled() => Ok(None),
        };
        output::progress("");
        store.close().await;
        match done? {
            Some(Some(told)) => output::line(told)?,
            Some(None) => {}
            None => {
                output::note("peanut: interrupted; nothing was exported");
                return Ok(EXIT_NONE);
            }
        }
        Ok(EXIT_OK)
    })
}

/// Writes everything; says what, unless it went to standard output.
async fn export(store: &SharedStore, target: Target) -> eyre::Result<Option<String>> {
    // A limit on the size of files is an error to report, not a reason to be killed in the middle of one.
    let _limit = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::from_raw(SIGXFSZ));
    let mut shown = Shown { terminal: output::is_watched() && !matches!(target, Target::Stream(None)) };
    let (mut out, beside) = target.open()?;
    let told = transfer::export(&**store, &mut *out, &mut shown).await;
    let told = match told {
        // Whoever read it has enough.
        Err(ExportError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(None),
        told => told?,
    };
    let rows: u64 = told.iter().map(|table| table.rows).sum();
    let Some(beside) = beside else { return Ok(None) };
    drop(out);
    let place = beside.put()?;
    Ok(Some(format!("{rows} rows written to {}", place.display())))
}

/// Sent to whoever writes beyond the limit on the size of files; the same number everywhere.
const SIGXFSZ: i32 = 25;

/// Where the lines go.
enum Target {
    /// Standard output, or something with a name that is no file: a pipe, a device.
    Stream(Option<PathBuf>),
    /// A file, new or in the place of another.
    File { path: PathBuf, replace: bool },
}

type Out = Box<dyn Write + Send>;

impl Target {
    fn of(typed: &str, force: bool) -> eyre::Result<Self> {
        if typed == "-" {
            return Ok(Self::Stream(None));
        }
        eyre::ensure!(!typed.is_empty(), "--to is empty: name a file, or - for standard output");
        let path = PathBuf::from(typed);
        match std::fs::symlink_metadata(&path) {
            Ok(_) if path.is_dir() => eyre::bail!("{typed} is a folder: name a file in it"),
            // A link is looked through for pipes and devices (/dev/stdout), not for files: those stay.
            Ok(_) if std::fs::metadata(&path).is_ok_and(|held| !held.is_file()) => Ok(Self::Stream(Some(path))),
            Ok(_) if force => Ok(Self::File { path, replace: true }),
            Ok(_) => Err(exists(&path)),
            Err(_) => Ok(Self::File { path, replace: force }),
        }
    }

    fn open(self) -> eyre::Result<(Out, Option<Beside>)> {
        let boxed = |file: File| Box::new(BufWriter::with_capacity(256 << 10, file));
        match self {
            Self::Stream(None) => Ok((output::json_lines(), None)),
            Self::Stream(Some(path)) => {
                let file = File::options().write(true).open(&path);
                let file = file.wrap_err_with(|| format!("cannot write {}", path.display()))?;
                Ok((boxed(file), None))
            }
            Self::File { path, replace } => {
                let beside = Beside::make(path, replace)?;
                let file = beside.file.try_clone().wrap_err("cannot write the export")?;
                Ok((boxed(file), Some(beside)))
            }
        }
    }
}

fn exists(path: &Path) -> eyre::Report {
    eyre::eyre!("{} exists already: name another file, or write over it with --force", path.display())
}

/// A file beside the one it will be; gone when it is dropped before.
struct Beside {
    file: File,
    at: PathBuf,
    place: PathBuf,
    replace: bool,
}

impl Beside {
    fn make(place: PathBuf, replace: bool) -> eyre::Result<Self> {
        let name = place.file_name().ok_or_else(|| eyre::eyre!("{} names no file", place.display()))?;
        let mut own = std::ffi::OsString::from(".");
        own.push(name);
        own.push(format!(".{}.part", std::process::id()));
        let at = place.with_file_name(own);
        // Left by a process that was killed and had our number.
        let _ = std::fs::remove_file(&at);
        let file = private::create_new(&at);
        let file = file.wrap_err_with(|| format!("cannot write {}", place.display()))?;
        Ok(Self { file, at, place, replace })
    }

    /// On disk, then in its place, at once and whole.
    fn put(self) -> eyre::Result<PathBuf> {
        let failed = || format!("cannot write {}", self.place.display());
        self.file.sync_all().wrap_err_with(failed)?;
        if self.replace {
            std::fs::rename(&self.at, &self.place).wrap_err_with(failed)?;
        } else {
            match std::fs::hard_link(&self.at, &self.place) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(exists(&self.place)),
                // A file system without links: somebody who makes the file at this very moment loses.
                Err(_) if std::fs::symlink_metadata(&self.place).is_ok() => return Err(exists(&self.place)),
                Err(_) => std::fs::rename(&self.at, &self.place).wrap_err_with(failed)?,
            }
        }
        let folder = self.place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // The name is on disk with its folder; where a folder cannot be synchronised, the file is whole all the same.
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
        Ok(self.place.clone())
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // After a rename it is gone already.
        let _ = std::fs::remove_file(&self.at);
    }
}
