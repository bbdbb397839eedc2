//! A home of its own for one test, and the program in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::database::Database;

/// A home with nothing in it.
pub struct Home {
    folder: tempfile::TempDir,
    /// Where its store is, when it is not in the data folder.
    database: Option<Database>,
}

/// What a command said.
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Home {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), database: None }
    }

    /// One whose store is a PostgreSQL database of its own.
    pub fn on_postgres() -> Self {
        Self { database: Some(Database::create()), ..Self::new() }
    }

    /// One on each engine.
    pub fn on_both() -> [Self; 2] {
        [Self::new(), Self::on_postgres()]
    }

    /// Settings that name its store.
    pub fn environment(&self) -> Vec<(&str, &str)> {
        self.database.iter().map(|database| ("POSTGRES_URL", database.address.as_str())).collect()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// Writes a file below the home.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The program with these arguments; run it with [`said`].
    pub fn peanut(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_peanut"));
        command.arg("--data-dir").arg(self.data()).args(arguments).stdin(Stdio::null()).current_dir(self.folder.path());
        command.env("HOME", self.folder.path()).env("PEANUT_MODEL", "static");
        for name in ["POSTGRES_URL", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "PEANUT_CONFIG", "NO_COLOR"]
        {
            command.env_remove(name);
        }
        command.envs(self.environment());
        command
    }

    pub fn say(&self, arguments: &[&str]) -> Said {
        said(&mut self.peanut(arguments))
    }

    /// Takes files in; whatever becomes of them.
    pub fn ingest(&self, path: &Path) -> Said {
        self.say(&["ingest", path.to_str().unwrap(), "--wait"])
    }

    /// Hits of a search as JSON.
    pub fn hits(&self, query: &str) -> Vec<serde_json::Value> {
        let said = self.say(&["search", "--json", "--mode", "words", query]);
        let answer: serde_json::Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{}", said.err));
        answer["hits"].as_array().unwrap().clone()
    }
}

pub fn said(command: &mut Command) -> Said {
    let output: Output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}
