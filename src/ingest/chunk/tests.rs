use proptest::prelude::*;

use super::*;
use crate::domain::{ChunkId, DocumentId, DocumentView, SourceType, StoredChunk, Timestamp};

fn section(headings: &[&str], text: &str) -> Section {
    Section {
        headings: headings.iter().map(|h| (*h).to_owned()).collect(),
        text: text.into(),
        line: Some(1),
        ..Section::default()
    }
}

fn chunked(sections: Vec<Section>, max_tokens: usize, overlap_tokens: usize) -> Vec<NewChunk> {
    let parsed = Parsed { sections, ..Parsed::default() };
    chunk(&parsed, "Title", Some("Alice"), ChunkOptions { max_tokens, overlap_tokens })
}

fn body(chunks: &[NewChunk]) -> String {
    let chunks = chunks.iter().map(|chunk| StoredChunk {
        id: ChunkId(0),
        document_id: DocumentId::from_source_key("x"),
        ordinal: chunk.ordinal,
        kind: chunk.kind,
        text: chunk.text.clone(),
        overlap_bytes: chunk.overlap_bytes,
        context: String::new(),
        place: chunk.place.clone(),
        token_count: chunk.token_count,
    });
    let view = DocumentView {
        id: DocumentId::from_source_key("x"),
        source_type: SourceType::Text,
        source_path: String::new(),
        source_offset: None,
        title: String::new(),
        dated_at: None,
        ingested_at: Timestamp(0),
        deleted_at: None,
        tags: vec![],
        people: vec![],
        message: None,
        chunks: chunks.collect(),
        thread: vec![],
    };
    view.body()
}

#[test]
fn chunks_are_measured_in_tokens_not_characters() {
    // Defect 21 of the predecessor: its 512-token chunks were 512 characters.
    let text = "word ".repeat(2000);
    let chunks = chunked(vec![section(&[], &text)], 512, 50);
    assert!(chunks[0].token_count > 500 && chunks[0].token_count <= 512, "{}", chunks[0].token_count);
    assert!(chunks[0].text.len() > 2000);
    assert_eq!(chunks.len(), 5);
    assert_eq!(chunks[1].overlap_bytes, 50 * 5);
}

#[test]
fn small_sections_share_a_chunk_and_keep_their_headings() {
    let chunks = chunked(
        vec![
            section(&["Guide"], "Intro."),
            section(&["Guide", "Install"], "Run it."),
            section(&["Guide", "Use"], "Type."),
        ],
        512,
        50,
    );
    assert_eq!(chunks.len(), 1);
    assert_eq!(chunks[0].text, "Intro.\n\nInstall\n\nRun it.\n\nUse\n\nType.");
    assert_eq!(chunks[0].context, "Title\nGuide\nAlice");
}

#[test]
fn a_heading_stands_in_its_text_once() {
    let norway = section(&["Trips", "Norway"], "Norway");
    let oslo = section(&["Trips", "Norway", "Oslo"], "Oslo\n\nSaw the ships.");
    let sweden = section(&["Trips", "Sweden"], "Sweden\n\nSaw the museum.");
    let chunks = chunked(vec![section(&["Trips"], "Trips\n\nIntro."), norway, oslo, sweden], 512, 50);
    let expected = "Trips\n\nIntro.\n\nNorway\n\nOslo\n\nSaw the ships.\n\nSweden\n\nSaw the museum.";
    assert_eq!((chunks.len(), chunks[0].text.as_str()), (1, expected));
    assert_eq!(chunks[0].context, "Title\nAlice");
    let long = format!("Oslo\n\n{}", "word ".repeat(600));
    let chunks = chunked(vec![section(&["Norway", "Oslo"], &long)], 512, 50);
    let contexts: Vec<&str> = chunks.iter().map(|chunk| chunk.context.as_str()).collect();
    assert_eq!(contexts, ["Title\nNorway\nAlice", "Title\nNorway\nOslo\nAlice"]);
}

#[test]
fn different_kinds_and_pages_never_share() {
    let quoted = Section { kind: Some(ChunkKind::Quoted), ..section(&[], "> old") };
    let page = Section { page: Some(2), ..section(&[], "two") };
    let chunks = chunked(vec![section(&[], "new"), quoted, page], 512, 50);
    assert_eq!(chunks.len(), 3);
    assert_eq!((chunks[0].terms.as_str(), chunks[1].terms.as_str()), ("titl alic new", "old"));
    assert_eq!(chunks[1].context, "", "the title is found once");
}

#[test]
fn cuts_fall_between_paragraphs_then_sentences() {
    let paragraph = format!("{}.", "alpha beta gamma delta ".repeat(20).trim_end());
    let text = [paragraph.as_str(); 6].join("\n\n");
    for chunk in chunked(vec![section(&[], &text)], 200, 20) {
        assert!(chunk.text.trim_end().ends_with('.'), "{:?}", &chunk.text[chunk.text.len() - 30..]);
    }
}

#[test]
fn a_later_piece_knows_its_line() {
    let text = "one two three four five six seven eight\n".repeat(100);
    let chunks = chunked(vec![section(&[], &text)], 100, 0);
    assert_eq!(chunks[0].place.line, Some(1));
    let before = chunks[0].text.matches('\n').count() as u32;
    assert_eq!(chunks[1].place.line, Some(1 + before));
}

#[test]
fn a_word_as_long_as_a_file_is_cut_and_comes_back() {
    for text in
        ["a".repeat(3 << 20), "\u{301}".repeat(1 << 20), format!("x{}y", " ".repeat(1 << 20)), "ก".repeat(100_000)]
    {
        let chunks = chunked(vec![section(&[], &text)], 512, 50);
        assert!(chunks.len() > 10 && chunks.iter().all(|chunk| chunk.text.len() <= 512 * 32 + 1_024));
        let shared: usize = chunks.iter().map(|chunk| chunk.overlap_bytes as usize).sum();
        assert!(shared * 5 < text.len(), "{shared} of {}", text.len());
        let whole: String = chunks.iter().map(|chunk| &chunk.text[chunk.overlap_bytes as usize..]).collect();
        assert_eq!(whole, text);
    }
}

#[test]
fn a_long_run_is_cut_as_a_short_one() {
    // Longer than what is taken apart at a time: its words must not be cut where the stretches meet.
    let text = (0..60_000).map(|number| format!("word{number} ")).collect::<Vec<String>>().concat();
    let chunks = chunked(vec![section(&[], &text)], 512, 50);
    for chunk in &chunks {
        assert_eq!(chunk.token_count as usize, wordpiece::count(&chunk.text));
        assert!(chunk.text.split_whitespace().all(|word| word.starts_with("word")), "{}", chunk.text);
    }
    let whole: String = chunks.iter().map(|chunk| &chunk.text[chunk.overlap_bytes as usize..]).collect();
    assert_eq!(whole, text.trim_end());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_text_comes_back_once(text in "([a-zé日 .]{0,30}\n{0,2}){1,60}", max in 32_usize..80, overlap in 0_usize..16) {
        let chunks = chunked(vec![section(&[], &text)], max, overlap);
        let expected = text.trim_matches(['\n', '\r']).trim_end();
        if expected.trim().is_empty() {
            prop_assert!(chunks.is_empty());
        } else {
            // Pieces that share nothing are joined by blank lines when shown; the words are what must come back.
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
            // A word longer than the overlap leaves its neighbours nothing to share.
            if chunks.iter().skip(1).all(|chunk| chunk.overlap_bytes > 0) {
                prop_assert_eq!(words(&body(&chunks)), words(expected));
            }
            for chunk in &chunks {
                prop_assert_eq!(chunk.token_count as usize, wordpiece::count(&chunk.text));
            }
        }
    }
}
