//! One page: its text, what its notes and fields say, and what could not be read. Called by the room's root.

use hayro_syntax::object::dict::keys;
use hayro_syntax::object::{Dict, Object, Stream};
use hayro_syntax::page::{Page, Rotation};

use super::content::{Budget, Glyph, Hidden, Player};
use super::font::Fonts;
use super::guard;
use super::layout::{self, Sheet};
use super::matrix::Matrix;
use super::notes;

/// Streams one page's content may be cut into.
const MOST_STREAMS: usize = 10_000;

/// What one page gave.
#[derive(Default)]
pub(super) struct PageText {
    pub(super) text: String,
    /// What notes and form fields say beside the text.
    pub(super) notes: Vec<String>,
    pub(super) state: PageState,
}

/// How a page could be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum PageState {
    /// Read; perhaps there was nothing on it.
    #[default]
    Read,
    /// Only pictures are on it.
    Images,
    /// Its content stream is damaged.
    Damaged,
    /// Its fonts do not tell which characters they show.
    Nameless,
    /// It holds more than is read of one page.
    Cut,
}

/// Reads one page.
pub(super) fn read<'a>(page: &Page<'a>, fonts: &mut Fonts<'a>, budget: &mut Budget, hidden: &Hidden) -> PageText {
    let (to_sheet, sheet) = frame(page);
    let (data, is_damaged) = contents(page.raw(), budget);
    let mut player = Player::new(fonts, budget, hidden);
    player.play(&data, page.resources(), to_sheet);
    let annotations = notes::annotations(page.raw());
    for annotation in &annotations {
        if let Some((form, matrix)) = notes::appearance(annotation) {
            player.form(&form, page.resources(), matrix.then(to_sheet));
        }
    }
    let played = player.finish();
    let text = layout::text(&played.glyphs, sheet);
    let notes = notes::texts(&annotations, &text);
    let named = played.glyphs.iter().filter(|glyph| !glyph.text.is_empty()).count();
    let state = if played.is_cut {
        PageState::Cut
    } else if is_damaged || played.is_damaged {
        PageState::Damaged
    } else if named * 2 < played.glyphs.len() && !has_text(&played.glyphs) {
        PageState::Nameless
    } else if text.is_empty() && notes.is_empty() && played.has_images {
        PageState::Images
    } else {
        PageState::Read
    };
    PageText { text, notes, state }
}

/// The page's content, and whether part of it cannot be unpacked.
fn contents(page: &Dict<'_>, budget: &mut Budget) -> (Vec<u8>, bool) {
    let streams: Vec<Option<Stream<'_>>> = match page.get::<Object<'_>>(keys::CONTENTS) {
        Some(Object::Stream(stream)) => vec![Some(stream)],
        Some(Object::Array(parts)) => parts.iter::<Object<'_>>().take(MOST_STREAMS).map(Object::into_stream).collect(),
        // A reference to nothing is a page without content.
        _ => Vec::new(),
    };
    let mut data = Vec::new();
    let mut is_damaged = false;
    for stream in streams {
        let room = guard::MOST_UNPACKED.saturating_sub(data.len() as u64).min(budget.bytes);
        match stream.and_then(|stream| guard::unpacked(&stream, room)) {
            Some(part) => {
                budget.bytes = budget.bytes.saturating_sub(part.len() as u64);
                data.extend_from_slice(&part);
                data.push(b'\n');
            }
            None => is_damaged = true,
        }
    }
    (data, is_damaged)
}

fn has_text(glyphs: &[Glyph]) -> bool {
    glyphs.iter().filter(|glyph| glyph.text.chars().any(char::is_alphanumeric)).count() > 20
}

/// From the page's own coordinates to the page as it is seen, y upwards, with its size.
fn frame(page: &Page<'_>) -> (Matrix, Sheet) {
    let area = page.media_box();
    let (width, height) = (area.width(), area.height());
    let moved = Matrix::moved(-area.x0, -area.y0);
    let (turned, width, height) = match page.rotation() {
        Rotation::None => (Matrix::IDENTITY, width, height),
        // Clockwise by 90, 180, 270 degrees.
        Rotation::Horizontal => (Matrix([0.0, -1.0, 1.0, 0.0, 0.0, width]), height, width),
        Rotation::Flipped => (Matrix([-1.0, 0.0, 0.0, -1.0, width, height]), width, height),
        Rotation::FlippedHorizontal => (Matrix([0.0, 1.0, -1.0, 0.0, height, 0.0]), height, width),
    };
    let (width, height) = if width < 1.0 || height < 1.0 { (1e6, 1e6) } else { (width, height) };
    (moved.then(turned), Sheet { width: width as f32, height: height as f32 })
}

/// The groups of optional content that are switched off when the file is opened.
pub(super) fn hidden(catalog: &Dict<'_>) -> Hidden {
    use hayro_syntax::object::{Array, MaybeRef, Name};
    let mut hidden = Hidden::new();
    let Some(properties) = catalog.get::<Dict<'_>>(keys::OCPROPERTIES) else { return hidden };
    let Some(usual) = properties.get::<Dict<'_>>(keys::D) else { return hidden };
    let mut add = |groups: Option<Array<'_>>, off: bool| {
        for group in groups.into_iter().flat_map(|groups| groups.raw_iter()).take(100_000) {
            if let MaybeRef::Ref(group) = group {
                if off {
                    hidden.insert(group.into())
                } else {
                    hidden.remove(&group.into())
                };
            }
        }
    };
    if usual.get::<Name<'_>>(keys::BASE_STATE).as_deref() == Some(b"OFF") {
        add(properties.get(keys::OCGS), true);
        add(usual.get(b"ON"), false);
    }
    add(usual.get(keys::OFF), true);
    hidden
}
