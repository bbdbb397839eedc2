//! Merges segments of words. Called by `tidy`.

use sqlx::{FromRow, PgConnection};

use crate::index::tiers::{LEAST_FILE_BYTES, Piece, ROTTEN, full_tier, small};
use crate::index::words::{Input, Segment, merge};

use super::super::SearchIndex;
use super::super::pieces::{self, Failed, Stored};
use super::super::refresh::all_gone;
use super::super::write::{NewSegment, WORDS};
use super::{Made, Step, made, take_out};

/// A row of `word_segment`.
#[derive(Clone, Debug, FromRow)]
struct Row {
    #[sqlx(flatten)]
    stored: Stored,
    chunks: i64,
    first_id: i64,
    last_id: i64,
}

impl Piece for Row {
    fn size(&self) -> i64 {
        self.chunks
    }
}

impl SearchIndex {
    /// Merges one group of segments; false when there is none, or another process tidies up.
    pub(super) async fn merge_words(&self, is_thorough: bool) -> Result<bool, sqlx::Error> {
        let Some(mut step) = self.step().await? else { return Ok(false) };
        let rows = rows(&mut step).await?;
        let gone = all_gone(&mut step).await?;
        let mut group = full_tier(&rows);
        if group.is_empty() && is_thorough {
            group = small(&rows);
        }
        if group.is_empty() {
            group.extend(self.rotten(&mut step, &rows, &gone).await?);
        }
        if group.is_empty() { Ok(false) } else { self.merge_group(step, &group, &gone, LEAST_FILE_BYTES).await }
    }

    /// Merges all segments into one, by way of a file however small.
    #[cfg(test)]
    pub(in crate::store::postgres::search) async fn merge_all_in_a_file(&self) -> Result<(), sqlx::Error> {
        let mut step = self.step().await?.ok_or(sqlx::Error::WorkerCrashed)?;
        let (rows, gone) = (rows(&mut step).await?, all_gone(&mut step).await?);
        self.merge_group(step, &rows, &gone, 0).await.map(drop)
    }

    /// Makes one segment of some, in a file when they have `least_file` bytes together; false when one of them is damaged
    /// or not there any more.
    async fn merge_group(
        &self,
        mut step: Step,
        group: &[Row],
        gone: &[i64],
        least_file: usize,
    ) -> Result<bool, sqlx::Error> {
        let mut inputs = Vec::with_capacity(group.len());
        for row in group {
            let Some(input) = self.input(&mut step, &row.stored, gone).await? else { return Ok(false) };
            inputs.push(input);
        }
        let dropped: Vec<i64> = inputs.iter().flat_map(Input::dropped).collect();
        let folder = self.place_for(group.iter().map(|row| row.stored.size_bytes).sum(), least_file);
        let merged = made(folder, WORDS, move |out| merge(&inputs, out).map(|(_, chunks)| chunks)).await?;
        let name = merged.1.clone();
        let is_published = publish(step, group, merged, dropped).await?;
        if is_published {
            self.remove_copies(group.iter().map(|row| &row.stored), &name);
        }
        Ok(is_published)
    }

    /// A segment to be merged; `None` when it is damaged.
    async fn input(
        &self,
        connection: &mut PgConnection,
        stored: &Stored,
        gone: &[i64],
    ) -> Result<Option<Input>, sqlx::Error> {
        let bytes = match pieces::read(connection, stored, &self.local).await {
            Ok(bytes) => Some(bytes),
            Err(Failed::Damaged(_)) => None,
            Err(Failed::Store(error)) => return Err(error),
        };
        let Some(segment) = bytes.and_then(Segment::of) else {
            tracing::warn!(event = "search_index_segment_damaged", name = stored.name, "it is not merged");
            return Ok(None);
        };
        Ok(Some(Input::without(segment, gone)))
    }

    /// A segment of which much is gone.
    async fn rotten(
        &self,
        connection: &mut PgConnection,
        rows: &[Row],
        gone: &[i64],
    ) -> Result<Option<Row>, sqlx::Error> {
        let in_range = |row: &Row| gone.iter().filter(|id| row.first_id <= **id && **id <= row.last_id).count();
        for row in rows.iter().filter(|row| in_range(row) as f64 > row.chunks as f64 * ROTTEN) {
            let Some(input) = self.input(connection, &row.stored, gone).await? else { continue };
            if input.share_gone() > ROTTEN {
                return Ok(Some(row.clone()));
            }
        }
        Ok(None)
    }
}

async fn rows(connection: &mut PgConnection) -> Result<Vec<Row>, sqlx::Error> {
    sqlx::query_as("SELECT id, name, size_bytes, chunks, first_id, last_id FROM word_segment ORDER BY id")
        .fetch_all(connection)
        .await
}

async fn publish(
    mut step: Step,
    group: &[Row],
    (bytes, name, chunks): Made,
    dropped: Vec<i64>,
) -> Result<bool, sqlx::Error> {
    let ids: Vec<i64> = group.iter().map(|row| row.stored.id).collect();
    if !take_out(&mut step, "DELETE FROM word_segment WHERE id = ANY($1)", &ids).await? {
        return Ok(false);
    }
    if let Some(range) = Segment::of(bytes.clone()).and_then(|segment| segment.range()) {
        NewSegment { name, chunks, range }.write(&mut step, &bytes).await?;
    }
    sqlx::query("DELETE FROM word_gone WHERE chunk_id = ANY($1)").bind(dropped).execute(&mut *step).await?;
    step.commit().await?;
    Ok(true)
}
