//! Takes NUL out of everything a commit brings, before anything is decided: what is compared with stored text must be
//! as it was stored. `ingest` does so before; this holds whoever else commits to it. Called by both engines.

use crate::domain::NewDocument;
use crate::domain::text::{remove_all_nul as clean_all, remove_nul as clean_text};
use crate::store::CommitBatch;

/// The batch without a NUL in its texts.
pub(crate) fn clean(mut batch: CommitBatch) -> CommitBatch {
    batch.documents.iter_mut().for_each(clean_document);
    clean_all(batch.moves.iter_mut().map(|(key, _)| key));
    for file in &mut batch.files {
        clean_text(&mut file.path);
        clean_all(&mut file.reason);
    }
    for letter in &mut batch.dead_letters {
        clean_text(&mut letter.path);
        clean_text(&mut letter.error);
    }
    clean_all(batch.recovered.iter_mut().map(|(path, _)| path));
    batch
}

fn clean_document(document: &mut NewDocument) {
    clean_all([&mut document.source_key, &mut document.source_path, &mut document.title]);
    clean_all(&mut document.tags);
    clean_all(&mut document.concepts);
    clean_all(&mut document.aliases);
    clean_all(document.links.iter_mut().map(|link| &mut link.target));
    for person in &mut document.people {
        clean_all(&mut person.email);
        clean_all(&mut person.name);
    }
    if let Some(message) = &mut document.message {
        clean_text(&mut message.message_id);
        clean_all(&mut message.in_reply_to);
        clean_all(&mut message.references);
        clean_all(&mut message.attachments);
    }
    for chunk in &mut document.chunks {
        clean_text(&mut chunk.text);
        clean_text(&mut chunk.context);
        clean_text(&mut chunk.terms);
        clean_all(&mut chunk.place.headings);
        clean_all(&mut chunk.place.attachment);
    }
}
