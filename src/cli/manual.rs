//! What the program says of itself: completions, manual page, settings.

use clap::{Args, CommandFactory};
use clap_complete::Shell;
use color_eyre::eyre;

use crate::config::{Config, EXAMPLE};

use super::{Cli, EXIT_OK, output};

#[derive(Args, Debug)]
pub(super) struct CompletionArgs {
    /// The shell to complete for
    shell: Shell,
}

#[derive(Args, Debug)]
pub(super) struct ConfigArgs {
    /// Print a file with every setting at its default
    #[arg(long)]
    pub(super) example: bool,
}

pub(super) fn completions(arguments: &CompletionArgs) -> eyre::Result<u8> {
    clap_complete::generate(arguments.shell, &mut Cli::command(), "peanut", &mut output::data());
    Ok(EXIT_OK)
}

pub(super) fn page() -> eyre::Result<u8> {
    clap_mangen::Man::new(Cli::command()).render(&mut output::data())?;
    Ok(EXIT_OK)
}

pub(super) fn example() -> eyre::Result<u8> {
    for line in EXAMPLE.lines() {
        output::text_line(line)?;
    }
    Ok(EXIT_OK)
}

pub(super) fn show(config: &Config) -> eyre::Result<u8> {
    let file = config.file.as_ref().map_or("none".to_owned(), |file| file.display().to_string());
    let store = match &config.services.postgres_url {
        Some(_) => "PostgreSQL (POSTGRES_URL)".to_owned(),
        None => config.store_path.display().to_string(),
    };
    let rows = [
        ("file", file),
        ("data_dir", config.data_dir.display().to_string()),
        ("store", store),
        ("drop_zone", config.drop_zone.display().to_string()),
        ("logs", config.log_dir().display().to_string()),
        ("crashes", config.crash_dir().display().to_string()),
        ("log_level", config.log_level.clone()),
        ("model", format!("{:?}", config.background_model).to_lowercase()),
        ("chunk tokens", format!("{} with {} shared", config.chunk_tokens, config.chunk_overlap_tokens)),
        ("theme", format!("{:?}", config.theme).to_lowercase()),
    ];
    for (name, value) in rows {
        output::line(format!("{name:<13} {value}"))?;
    }
    Ok(EXIT_OK)
}

#[cfg(test)]
mod tests {
    use super::EXAMPLE;

    #[test]
    fn the_example_names_every_action() {
        let keys = EXAMPLE.split("[keys]").nth(1).unwrap();
        let words: Vec<&str> = keys.split_whitespace().collect();
        for entry in crate::app::command::COMMANDS {
            assert!(words.contains(&entry.name), "{} is missing", entry.name);
        }
    }
}
