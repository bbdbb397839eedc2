//! `peanut get ID[:line[:count]]`: prints a document, or some lines of its text.

use clap::Args;
use color_eyre::eyre::{self, WrapErr, eyre};

use crate::config::Config;
use crate::domain::{DocumentId, DocumentView};
use crate::runtime::wiring::House;
use crate::store::StoreErrorKind;

use super::{EXIT_NONE, EXIT_OK, output, runtime};

#[derive(Args, Debug)]
pub(super) struct GetArgs {
    /// Document id as `search --json` prints it, optionally with a first line and a number of lines
    #[arg(value_name = "ID[:LINE[:COUNT]]")]
    target: String,
    /// Everything known of the document, as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(config: Config, arguments: &GetArgs) -> eyre::Result<u8> {
    let mut parts = arguments.target.split(':');
    let id = parts.next().unwrap_or_default();
    let id =
        DocumentId(id.parse().wrap_err_with(|| format!("{id:?} is not a document id (search --json prints them)"))?);
    let first = number(parts.next())?.unwrap_or(1).max(1);
    let count = number(parts.next())?.unwrap_or(usize::MAX);
    let found = runtime()?.block_on(async {
        let house = House::open(config).await?;
        let found = house.store.document(id).await;
        house.leave().await;
        Ok::<_, eyre::Report>(found)
    })?;
    match found {
        Ok(view) => print(&view, arguments.json, first, count).map(|()| EXIT_OK),
        Err(error) if error.kind == StoreErrorKind::NotFound => {
            output::note(format!("peanut: no document {id}"));
            Ok(EXIT_NONE)
        }
        Err(error) => Err(error.into()),
    }
}

fn number(text: Option<&str>) -> eyre::Result<Option<usize>> {
    text.map(|text| text.parse().map_err(|_| eyre!("{text:?} is not a number of lines"))).transpose()
}

fn print(view: &DocumentView, json: bool, first: usize, count: usize) -> eyre::Result<()> {
    if json {
        return output::json(view);
    }
    for line in view.body().lines().skip(first - 1).take(count) {
        output::text_line(line)?;
    }
    Ok(())
}
