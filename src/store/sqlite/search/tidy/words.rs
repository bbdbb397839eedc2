//! Merges segments of words. Called by `tidy`.

use sqlx::SqliteConnection;

use crate::index::bytes::Bytes;
use crate::index::files::Written;
use crate::index::tiers::{LEAST_FILE_BYTES, ROTTEN, full_tier, small};
use crate::index::words::{Input, Segment, merge};

use super::super::super::batch::json_numbers;
use super::super::bulk;
use super::{Piece, Tidier, aside, take_out};

impl Tidier {
    /// Merges one group of segments; false when there is none, or another process was quicker.
    pub(super) async fn merge_words(&self, is_thorough: bool) -> Result<bool, sqlx::Error> {
        let mut snapshot = self.reader.begin().await?;
        let pieces: Vec<Piece> = sqlx::query_as("SELECT id, chunks, file, size_bytes FROM word_segment ORDER BY id")
            .fetch_all(&mut *snapshot)
            .await?;
        let gone = sqlx::query_scalar("SELECT json_group_array(chunk_id) FROM word_gone");
        let gone = bulk::numbers_of(gone, &mut snapshot).await?;
        let mut group = full_tier(&pieces);
        if group.is_empty() && is_thorough {
            group = small(&pieces);
        }
        if group.is_empty() {
            group.extend(self.rotten(&mut snapshot, &pieces, &gone).await?);
        }
        snapshot.commit().await?;
        if group.is_empty() { Ok(false) } else { self.merge_group(group, &gone, LEAST_FILE_BYTES).await }
    }

    /// Makes one segment of some, in a file when they have `least_file` bytes together; false when one of them is not there
    /// any more.
    pub(super) async fn merge_group(
        &self,
        group: Vec<Piece>,
        gone: &[i64],
        least_file: usize,
    ) -> Result<bool, sqlx::Error> {
        let mut connection = self.reader.acquire().await?;
        let mut inputs = Vec::with_capacity(group.len());
        for piece in &group {
            let Some(input) = self.input(&mut connection, piece, gone).await? else { return Ok(false) };
            inputs.push(input);
        }
        drop(connection);
        let dropped: Vec<i64> = inputs.iter().flat_map(Input::dropped).collect();
        let large = group.iter().map(|(.., bytes)| *bytes).sum::<i64>() >= least_file as i64;
        let folder = self.folder.clone();
        let made = aside(move || {
            if large {
                let (written, chunks) = folder.write("words", |out| merge(&inputs, out))?;
                return Ok((Some(written), Vec::new(), chunks));
            }
            let (bytes, chunks) = merge(&inputs, Vec::new())?;
            Ok((None, bytes, chunks))
        });
        let (written, bytes, chunks) = made.await?;
        let published = self.publish_words(&group, written.as_ref(), bytes, chunks, dropped).await;
        self.clean_up(matches!(published, Ok(true)), &group, written.as_ref());
        published
    }

    async fn publish_words(
        &self,
        group: &[Piece],
        written: Option<&Written>,
        bytes: Vec<u8>,
        chunks: usize,
        dropped: Vec<i64>,
    ) -> Result<bool, sqlx::Error> {
        let mut transaction = self.writer.begin().await?;
        if !take_out(&mut transaction, "DELETE FROM word_segment", group).await? {
            return Ok(false);
        }
        if chunks > 0 {
            let size = written.map_or(bytes.len() as u64, |written| written.bytes);
            sqlx::query("INSERT INTO word_segment (chunks, size_bytes, file, bytes) VALUES (?1, ?2, ?3, ?4)")
                .bind(chunks as i64)
                .bind(size as i64)
                .bind(written.map(|written| written.name.clone()))
                .bind(written.is_none().then_some(bytes))
                .execute(&mut *transaction)
                .await?;
        } else {
            // Nobody would see that there is something new to see.
            sqlx::query("INSERT INTO search_change (chunk_id) VALUES (NULL)").execute(&mut *transaction).await?;
        }
        sqlx::query("DELETE FROM word_gone WHERE chunk_id IN (SELECT value FROM json_each(?1))")
            .bind(json_numbers(dropped))
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// A segment to be merged; `None` when its file is not there.
    async fn input(
        &self,
        snapshot: &mut SqliteConnection,
        (id, _, file, _): &Piece,
        gone: &[i64],
    ) -> Result<Option<Input>, sqlx::Error> {
        let bytes = if let Some(file) = file {
            Bytes::map(&self.folder.file(file)).ok()
        } else {
            let bytes: Option<Vec<u8>> = sqlx::query_scalar("SELECT bytes FROM word_segment WHERE id = ?")
                .bind(id)
                .fetch_optional(snapshot)
                .await?
                .flatten();
            bytes.map(Bytes::from)
        };
        let Some(segment) = bytes.and_then(Segment::of) else {
            tracing::debug!(event = "search_index_segment_unreadable", id, file, "it is not merged");
            return Ok(None);
        };
        Ok(Some(Input::without(segment, gone)))
    }

    /// A segment of which much is gone.
    async fn rotten(
        &self,
        snapshot: &mut SqliteConnection,
        pieces: &[Piece],
        gone: &[i64],
    ) -> Result<Option<Piece>, sqlx::Error> {
        for piece in pieces.iter().filter(|(_, chunks, ..)| *chunks as f64 * ROTTEN < gone.len() as f64) {
            let Some(input) = self.input(snapshot, piece, gone).await? else { continue };
            if input.share_gone() > ROTTEN {
                return Ok(Some(piece.clone()));
            }
        }
        Ok(None)
    }
}
