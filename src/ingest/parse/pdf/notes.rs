//! Annotations: notes, comments on highlights, text boxes, form fields. Called by `page`.
//!
//! What an annotation draws is played with the page; what it only holds is told here, once.

use hayro_syntax::object::dict::keys;
use hayro_syntax::object::{Array, Dict, Name, Object, Rect, Stream, String as PdfString};

use super::guard;
use super::matrix::Matrix;
use super::strings;

/// Annotations read of one page.
const MOST_ANNOTATIONS: usize = 5_000;
/// Parents of a field.
const DEEPEST_FIELD: usize = 16;
/// Bytes of text that are looked through for what notes repeat of it.
const MOST_COMPARED: usize = 256 << 20;
/// Characters of one note.
const LONGEST_NOTE: usize = 100_000;

/// The page's annotations that are shown.
pub(super) fn annotations<'a>(page: &Dict<'a>) -> Vec<Dict<'a>> {
    let Some(annotations) = page.get::<Array<'a>>(keys::ANNOTS) else { return Vec::new() };
    annotations.iter::<Dict<'a>>().take(MOST_ANNOTATIONS).collect()
}

/// What an annotation draws, and where.
pub(super) fn appearance<'a>(annotation: &Dict<'a>) -> Option<(Stream<'a>, Matrix)> {
    // Hidden or not to be viewed.
    if annotation.get::<i64>(keys::F).is_some_and(|flags| flags & 0x22 != 0) {
        return None;
    }
    let subtype = annotation.get::<Name<'_>>(keys::SUBTYPE)?;
    if matches!(
        subtype.as_ref(),
        b"Link" | b"Popup" | b"Text" | b"Highlight" | b"Underline" | b"StrikeOut" | b"Squiggly"
    ) {
        return None;
    }
    let states = annotation.get::<Dict<'a>>(keys::AP)?;
    let form = states.get::<Stream<'a>>(keys::N).or_else(|| {
        let shown = annotation.get::<Name<'_>>(keys::AS)?;
        states.get::<Dict<'a>>(keys::N)?.get::<Stream<'a>>(shown)
    })?;
    let area = annotation.get::<Rect>(keys::RECT)?;
    let drawn = form.dict().get::<Rect>(keys::BBOX)?;
    let matrix = form.dict().get::<[f64; 6]>(keys::MATRIX).map_or(Matrix::IDENTITY, Matrix);
    let corners = [(drawn.x0, drawn.y0), (drawn.x1, drawn.y0), (drawn.x0, drawn.y1), (drawn.x1, drawn.y1)]
        .map(|(x, y)| matrix.point(x, y));
    let least = |pick: fn(&(f64, f64)) -> f64| corners.iter().map(pick).fold(f64::INFINITY, f64::min);
    let most = |pick: fn(&(f64, f64)) -> f64| corners.iter().map(pick).fold(f64::NEG_INFINITY, f64::max);
    let (x0, x1, y0, y1) = (least(|p| p.0), most(|p| p.0), least(|p| p.1), most(|p| p.1));
    let scale = |from: f64, to: f64| if from.abs() < 1e-9 { 1.0 } else { to / from };
    let (across, up) = (scale(x1 - x0, area.width()), scale(y1 - y0, area.height()));
    let placed = Matrix([across, 0.0, 0.0, up, area.x0 - x0 * across, area.y0 - y0 * up]);
    placed.is_finite().then_some((form, placed))
}

/// What annotations hold that `shown` does not show: notes, comments, values of fields.
pub(super) fn texts(annotations: &[Dict<'_>], shown: &str) -> Vec<String> {
    let mut shown = letters(shown);
    let mut texts = Vec::new();
    let mut compared = 0;
    for annotation in annotations {
        let subtype = annotation.get::<Name<'_>>(keys::SUBTYPE);
        let held = match subtype.as_deref() {
            Some(b"Widget") => field(annotation),
            // What a link says of itself is no note; a popup repeats its parent.
            Some(b"Link" | b"Popup") => Vec::new(),
            _ => vec![string(annotation, keys::CONTENTS)],
        };
        for text in held.into_iter().flatten() {
            let known = letters(&text);
            compared += shown.len();
            if !known.is_empty() && (compared > MOST_COMPARED || !shown.contains(&known)) {
                shown.push_str(&known);
                shown.push('\n');
                texts.push(text);
            }
        }
    }
    texts
}

/// Letters and digits only: an appearance breaks lines where it likes.
fn letters(text: &str) -> String {
    text.chars().filter(|character| character.is_alphanumeric()).collect()
}

/// A field's value; the name in its dictionary or a parent's. Passwords and buttons have none.
fn field(widget: &Dict<'_>) -> Vec<Option<String>> {
    let mut kind = None;
    let mut value = None;
    let mut flags = None;
    let mut current = Some(widget.clone());
    for _ in 0..DEEPEST_FIELD {
        let Some(dict) = current else { break };
        kind = kind.or_else(|| dict.get::<Name<'_>>(keys::FT).map(|kind| kind.to_vec()));
        value = value.or_else(|| dict.get::<Object<'_>>(keys::V));
        flags = flags.or_else(|| dict.get::<i64>(b"Ff"));
        current = dict.get::<Dict<'_>>(keys::PARENT);
    }
    let is_password = flags.is_some_and(|flags| flags & 0x2000 != 0);
    if is_password || !matches!(kind.as_deref(), Some(b"Tx" | b"Ch")) {
        return Vec::new();
    }
    match value {
        Some(Object::String(text)) => vec![usable(&strings::text(&text))],
        Some(Object::Stream(stream)) => {
            vec![guard::unpacked(&stream, 1 << 20).and_then(|text| usable(&strings::text(&text)))]
        }
        Some(Object::Array(choices)) => {
            choices.iter::<PdfString<'_>>().take(1000).map(|text| usable(&strings::text(&text))).collect()
        }
        _ => Vec::new(),
    }
}

fn string(dict: &Dict<'_>, key: &[u8]) -> Option<String> {
    usable(&strings::text(&dict.get::<PdfString<'_>>(key)?))
}

fn usable(text: &str) -> Option<String> {
    let text: String = text.replace("\r\n", "\n").replace('\r', "\n").chars().take(LONGEST_NOTE).collect();
    let text: String = text.chars().filter(|character| *character == '\n' || !character.is_control()).collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}
