//! Documents: the tables `document`, `document_*`, `person`, `concept`, `chunk` and what a commit tells outbox and ledger.

mod affected;
mod commit;
mod deleted;
mod duplicates;
mod facts;
mod list;
mod load;
mod once;
mod read;
mod retire;
mod write;

use async_trait::async_trait;

use crate::domain::{DocumentId, DocumentLinks, DocumentProgress, DocumentView, Timestamp};
use crate::store::shared::clean::clean;
use crate::store::{
    CommitBatch, CommitReport, ContentMatch, DeletedDocument, DeletedOf, DocumentListing, DocumentPage, DocumentStore,
    RetireReason, StoreResult,
};

use super::PostgresStore;

pub(super) use load::last_chunk_id;
pub(super) use write::insert_chunks;

#[async_trait]
impl DocumentStore for PostgresStore {
    async fn commit(&self, batch: &CommitBatch) -> StoreResult<CommitReport> {
        let done = commit::commit(self, &clean(batch)).await;
        self.wrote();
        done
    }

    async fn retire(&self, ids: &[DocumentId], reason: RetireReason, now: Timestamp) -> StoreResult<u64> {
        let done = retire::retire(self, ids, reason, now).await;
        self.wrote();
        done
    }

    async fn restore(&self, ids: &[DocumentId], now: Timestamp) -> StoreResult<u64> {
        let done = retire::restore(self, ids, now).await;
        self.wrote();
        done
    }

    async fn retire_file(&self, path: &str, now: Timestamp) -> StoreResult<Vec<DocumentId>> {
        let done = retire::retire_file(self, path, now).await;
        self.wrote();
        done
    }

    async fn deleted(&self, of: DeletedOf<'_>, limit: u32) -> StoreResult<Vec<DeletedDocument>> {
        deleted::deleted(self, of, limit).await
    }

    async fn documents_held(&self, paths: &[String]) -> StoreResult<Vec<u64>> {
        deleted::documents_held(self, paths).await
    }

    async fn find_by_content(&self, hashes: &[[u8; 32]]) -> StoreResult<Vec<ContentMatch>> {
        read::find_by_content(self, hashes).await
    }

    async fn document(&self, id: DocumentId) -> StoreResult<DocumentView> {
        read::document(self, id).await
    }

    async fn list_documents(&self, page: &DocumentPage) -> StoreResult<DocumentListing> {
        list::list(self, page).await
    }

    async fn links(&self, id: DocumentId) -> StoreResult<DocumentLinks> {
        super::project::links(self, id).await
    }

    async fn document_progress(&self, id: DocumentId) -> StoreResult<DocumentProgress> {
        list::progress(self, id).await
    }

    async fn documents_of_file(&self, path: &str) -> StoreResult<Vec<DocumentId>> {
        read::documents_of_file(self, path).await
    }
}
