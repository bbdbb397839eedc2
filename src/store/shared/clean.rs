//! Takes NUL out of everything a commit brings, before anything is decided: what is compared with stored text must be
//! as it was stored. `ingest` does so before; this holds whoever else commits to it. Called by both engines.

use std::borrow::Cow;

use crate::domain::text::{remove_all_nul as clean_all, remove_nul as clean_text};
use crate::domain::{NewChunk, NewDocument};
use crate::store::CommitBatch;

/// The batch without a NUL in its texts; a copy is made only of one that has any.
pub(crate) fn clean(batch: &CommitBatch) -> Cow<'_, CommitBatch> {
    if !has_nul(batch) {
        return Cow::Borrowed(batch);
    }
    let mut batch = batch.clone();
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
    Cow::Owned(batch)
}

/// Whether any text that [`clean`] looks at has one.
fn has_nul(batch: &CommitBatch) -> bool {
    let has = |text: &String| text.contains('\0');
    batch.documents.iter().any(document_has_nul)
        || batch.moves.iter().any(|(key, _)| has(key))
        || batch.files.iter().any(|file| has(&file.path) || file.reason.iter().any(has))
        || batch.dead_letters.iter().any(|letter| has(&letter.path) || has(&letter.error))
        || batch.recovered.iter().any(|(path, _)| has(path))
}

fn document_has_nul(document: &NewDocument) -> bool {
    let has = |text: &String| text.contains('\0');
    [&document.source_key, &document.source_path, &document.title].into_iter().any(has)
        || [&document.tags, &document.concepts, &document.aliases].into_iter().flatten().any(has)
        || document.links.iter().any(|link| has(&link.target))
        || document.people.iter().any(|person| person.email.iter().chain(&person.name).any(has))
        || document.message.as_ref().is_some_and(|message| {
            let texts = message.in_reply_to.iter().chain(&message.references).chain(&message.attachments);
            has(&message.message_id) || texts.into_iter().any(has)
        })
        || document.chunks.iter().any(|chunk| {
            let place = chunk.place.headings.iter().chain(&chunk.place.attachment);
            has(&chunk.text) || has(&chunk.context) || has(&chunk.terms) || place.into_iter().any(has)
        })
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
        let is_hashed_with_nul = chunk.text.contains('\0') || chunk.context.contains('\0');
        clean_text(&mut chunk.text);
        clean_text(&mut chunk.context);
        if is_hashed_with_nul {
            chunk.text_sha256 = NewChunk::hash(&chunk.context, &chunk.text);
        }
        clean_text(&mut chunk.terms);
        clean_all(&mut chunk.place.headings);
        clean_all(&mut chunk.place.attachment);
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::{
        ChunkKind, DocumentId, Link, LinkKind, MessageMeta, PersonMention, PersonRole, Place, SourceType,
    };

    use super::*;

    /// A document whose texts are all `text`.
    fn document(text: &str) -> NewDocument {
        let text = || text.to_owned();
        let place = Place { headings: vec![text()], attachment: Some(text()), ..Place::default() };
        let chunk = NewChunk {
            ordinal: 0,
            kind: ChunkKind::Body,
            text: text(),
            overlap_bytes: 0,
            context: text(),
            place,
            token_count: 1,
            text_sha256: [0; 32],
            terms: text(),
            pieces: Vec::new(),
            vector: None,
        };
        let message = MessageMeta {
            message_id: text(),
            in_reply_to: Some(text()),
            references: vec![text()],
            attachments: vec![text()],
        };
        NewDocument {
            id: DocumentId::from_source_key("k"),
            source_key: text(),
            source_type: SourceType::Mail,
            source_path: text(),
            source_offset: None,
            content_sha256: [0; 32],
            fingerprint: None,
            title: text(),
            dated_at: None,
            tags: vec![text()],
            concepts: vec![text()],
            aliases: vec![text()],
            links: vec![Link { kind: LinkKind::Wikilink, target: text() }],
            people: vec![PersonMention { email: Some(text()), name: Some(text()), role: PersonRole::From }],
            message: Some(message),
            chunks: vec![chunk],
        }
    }

    #[test]
    fn a_nul_in_any_text_is_seen_and_taken_out() {
        let whole = serde_json::to_value(document("x")).unwrap();
        let texts: Vec<String> = paths_of(&whole, String::new());
        assert!(texts.len() >= 18, "{texts:?}");
        for path in texts {
            let mut one = whole.clone();
            *one.pointer_mut(&path).unwrap() = "a\0b".into();
            let Ok(document) = serde_json::from_value::<NewDocument>(one) else { continue };
            let batch = CommitBatch { documents: vec![document], ..CommitBatch::default() };
            let cleaned = clean(&batch);
            assert!(matches!(cleaned, Cow::Owned(_)), "{path}");
            assert!(!serde_json::to_string(&cleaned.documents).unwrap().contains("u0000"), "{path}");
        }
        let batch = CommitBatch { documents: vec![document("x")], ..CommitBatch::default() };
        assert!(matches!(clean(&batch), Cow::Borrowed(_)));
    }

    /// Where the texts stand that are `x`.
    fn paths_of(value: &serde_json::Value, path: String) -> Vec<String> {
        match value {
            serde_json::Value::String(text) if text == "x" => vec![path],
            serde_json::Value::Array(items) => {
                items.iter().enumerate().flat_map(|(at, item)| paths_of(item, format!("{path}/{at}"))).collect()
            }
            serde_json::Value::Object(fields) => {
                fields.iter().flat_map(|(name, item)| paths_of(item, format!("{path}/{name}"))).collect()
            }
            _ => Vec::new(),
        }
    }
}
