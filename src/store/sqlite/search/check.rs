//! Holds the word index against the tables, and every file against its name. Called by `verify` and by its repair.

use std::collections::HashSet;

use sqlx::SqliteConnection;

use crate::index::view::View;
use crate::store::shared::index_check::differences;

use super::super::SqliteStore;
use super::bulk;
use super::catch_up::{Failed, Seen};

impl SqliteStore {
    /// What is wrong with the index at the moment of a transaction, each in words; nothing when it is sound. Searchable
    /// chunks are compared one by one.
    pub(in crate::store::sqlite) async fn damaged_index(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<Vec<String>, sqlx::Error> {
        let mut problems = self.damaged_files(connection).await?;
        let view = match self.look(connection, View::default(), Seen::default()).await {
            Ok((view, _)) => view,
            Err(Failed::Missing(file)) => {
                problems.push(format!("file {file}, which is no segment"));
                return Ok(problems);
            }
            Err(Failed::Store(error)) => return Err(error),
        };
        let held = sqlx::query_scalar(
            "SELECT json_group_array(id) FROM chunk INDEXED BY chunk_searchable WHERE searchable = 1",
        );
        let held: HashSet<i64> = bulk::numbers_of(held, connection).await?.into_iter().collect();
        let indexed: HashSet<i64> = view.ids().collect();
        problems.extend(differences(&held, &indexed));
        Ok(problems)
    }

    /// Files that do not hold what they are named by.
    async fn damaged_files(&self, connection: &mut SqliteConnection) -> Result<Vec<String>, sqlx::Error> {
        let files: Vec<String> = sqlx::query_scalar(
            "SELECT file FROM word_segment WHERE file IS NOT NULL UNION SELECT file FROM vector_segment ORDER BY 1",
        )
        .fetch_all(connection)
        .await?;
        let folder = self.index.folder().clone();
        let checking = tokio::task::spawn_blocking(move || {
            let unsound = files.into_iter().filter_map(|file| match folder.is_sound(&file) {
                Ok(true) => None,
                Ok(false) => Some(format!("file {file}, which does not hold what it is named by")),
                Err(error) => Some(format!("file {file}, which cannot be read ({error})")),
            });
            unsound.collect()
        });
        checking.await.map_err(|error| sqlx::Error::Protocol(format!("checking files failed: {error}")))
    }
}
