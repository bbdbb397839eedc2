//! What the program says of itself: completions, manual page, settings.

use clap::{Args, CommandFactory};
use clap_complete::Shell;
use color_eyre::eyre;

use crate::app::command::COMMANDS;
use crate::config::{self, Config};

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
    for line in example_file().lines() {
        output::text_line(line)?;
    }
    Ok(EXIT_OK)
}

fn example_file() -> String {
    let actions: Vec<&str> = COMMANDS.iter().map(|entry| entry.name).collect();
    config::example(&actions)
}

/// Columns of a setting's name.
const NAME_COLUMNS: usize = 27;

fn store_of(config: &Config) -> String {
    match &config.services.postgres_url {
        Some(_) => "PostgreSQL (POSTGRES_URL)".to_owned(),
        None => config.store_path.display().to_string(),
    }
}

pub(super) fn show(config: &Config) -> eyre::Result<u8> {
    let file = config.file.as_ref().map_or("none".to_owned(), |file| file.display().to_string());
    let places = [
        ("file", file),
        ("store", store_of(config)),
        ("logs", config.log_dir().display().to_string()),
        ("crashes", config.crash_dir().display().to_string()),
    ];
    for (name, value) in places {
        output::line(format!("{name:<NAME_COLUMNS$} {value}"))?;
    }
    for now in config.settings_now() {
        let name = now.setting.name;
        let whence = format!("  ({})", now.origin.in_words());
        output::styled(&[output::plain(&format!("{name:<NAME_COLUMNS$} {}", now.value)), output::faint(&whence)])?;
    }
    Ok(EXIT_OK)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_example_names_every_action() {
        let example = super::example_file();
        let keys = example.split("[keys]").nth(1).unwrap();
        let words: Vec<&str> = keys.split_whitespace().collect();
        for entry in crate::app::command::COMMANDS {
            assert!(words.contains(&entry.name), "{} is missing", entry.name);
        }
    }
}
