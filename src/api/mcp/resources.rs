//! Documents as resources: `peanut://document/{id}`, listed page by page, newest first.

use rmcp::ErrorData;
use rmcp::model::{
    ListResourceTemplatesResult, ListResourcesResult, ReadResourceResult, Resource, ResourceContents, ResourceTemplate,
};

use crate::domain::document::DocumentSummary;
use crate::store::{DocumentPage, StoreError};

use super::Mcp;
use super::answer::{DOCUMENT_ADDRESS, Refusal, address, cut, day, document_id, join, moment, one_line};
use super::document;

const PAGE: u32 = 50;
const TEXT: &str = "text/plain";
/// A resource is read in one piece; what a longer text leaves out is read with get_document.
const MOST_CHARACTERS: usize = 400_000;

/// A page of documents.
pub(super) async fn list(mcp: &Mcp, cursor: Option<String>) -> Result<ListResourcesResult, ErrorData> {
    let after = match cursor {
        Some(cursor) => Some(cursor.parse().map_err(|_| {
            ErrorData::invalid_params("this cursor is not one of ours: send nextCursor as it came, or none", None)
        })?),
        None => None,
    };
    let page = DocumentPage { after, limit: PAGE, source_type: None, deleted: false };
    let listing = mcp.store.list_documents(&page).await.map_err(failed)?;
    let mut result = ListResourcesResult::with_all_items(listing.documents.iter().map(resource).collect());
    result.next_cursor = listing.next.map(|next| next.to_string());
    Ok(result)
}

fn resource(document: &DocumentSummary) -> Resource {
    let dated = document.dated_at.and_then(moment);
    let about = [document.source_type.as_str(), day(dated.as_ref()), &document.source_path];
    Resource::new(address(document.id), one_line(&document.title))
        .with_title(one_line(&document.title))
        .with_description(one_line(&join(&about, ", ")))
        .with_mime_type(TEXT)
}

/// How documents are addressed.
pub(super) fn templates() -> ListResourceTemplatesResult {
    let template = ResourceTemplate::new(format!("{DOCUMENT_ADDRESS}{{id}}"), "document")
        .with_title("A document")
        .with_description("The text of a document; search_facts and resources/list give ids")
        .with_mime_type(TEXT);
    ListResourceTemplatesResult::with_all_items(vec![template])
}

/// A document's text.
pub(super) async fn read(mcp: &Mcp, uri: &str) -> Result<ReadResourceResult, ErrorData> {
    let missing = |refusal: Refusal| ErrorData::resource_not_found(refusal.message().to_owned(), None);
    let id = document_id(uri).map_err(missing)?;
    let view = document::read(mcp, id).await.map_err(missing)?;
    let body = view.body();
    let (text, was_cut) = cut(&body, MOST_CHARACTERS);
    let text = if was_cut {
        format!("{text}\n\n(The text goes on: read it with get_document, offset {}.)", text.chars().count())
    } else {
        text.to_owned()
    };
    Ok(ReadResourceResult::new(vec![ResourceContents::text(text, address(id))]))
}

fn failed(error: StoreError) -> ErrorData {
    ErrorData::internal_error(Refusal::from(error).message().to_owned(), None)
}
