//! Marked pieces of content: what is hidden, and texts that stand for the glyphs they are drawn with. Used by `content` only.

use std::collections::HashMap;
use std::rc::Rc;

use hayro_syntax::object::dict::keys;
use hayro_syntax::object::{Dict, Name, Object, ObjectIdentifier, String as PdfString};
use hayro_syntax::page::Resources;

use super::super::characters::{self, Repair};
use super::super::strings;
use super::{Glyph, Player};

/// Characters that one replacement text may have.
const LONGEST_REPLACEMENT: usize = 400;

/// An open marked piece of content.
pub(super) enum Mark {
    Plain,
    Hidden,
    Replaced { text: Rc<str>, from: usize },
}

/// Replacement texts by the names of their properties.
pub(super) type Named = HashMap<Vec<u8>, Option<Rc<str>>>;

impl<'a> Player<'_, 'a> {
    pub(super) fn mark(
        &self,
        tag: &Name<'_>,
        properties: &Object<'_>,
        resources: &Resources<'a>,
        named: &mut Named,
    ) -> Mark {
        if tag.as_ref() == b"OC"
            && let Object::Name(name) = properties
        {
            let group = resources.properties.get_ref(name);
            if group.is_some_and(|group| self.hidden.contains(&ObjectIdentifier::from(group))) {
                return Mark::Hidden;
            }
            return Mark::Plain;
        }
        let text = match properties {
            Object::Dict(dict) => replacement(dict),
            // Looked up once: what is named may be long, and named often.
            Object::Name(name) => {
                let look = || resources.properties.get::<Dict<'_>>(name).and_then(|dict| replacement(&dict));
                named.entry(name.to_vec()).or_insert_with(look).clone()
            }
            _ => None,
        };
        let from = self.played.glyphs.len();
        text.map_or(Mark::Plain, |text| Mark::Replaced { text, from })
    }

    /// The glyphs since `from` stand for `text`, when they are one piece of a line.
    pub(super) fn replace(&mut self, text: &str, from: usize) {
        let Some((first, rest)) = self.played.glyphs.get(from..).and_then(|glyphs| glyphs.split_first()) else {
            return;
        };
        let last = rest.last().unwrap_or(first);
        let is_one_line = rest.iter().all(|glyph| {
            (glyph.x - first.x).hypot(glyph.y - first.y) < first.size * LONGEST_REPLACEMENT as f32
                && same_direction(first, glyph)
                && across(first, glyph).abs() < first.size * 0.8
        });
        if !is_one_line {
            return;
        }
        let mut replaced = first.clone();
        (replaced.next_x, replaced.next_y) = (last.next_x, last.next_y);
        replaced.text = text.into();
        self.played.glyphs.truncate(from);
        self.played.glyphs.push(replaced);
    }
}

/// What stands for the glyphs of a marked piece, when it is short enough to be one.
fn replacement(dict: &Dict<'_>) -> Option<Rc<str>> {
    let text = dict.get::<PdfString<'_>>(keys::ACTUAL_TEXT)?;
    // Two bytes a character, or four, and a mark.
    if text.len() > 4 * LONGEST_REPLACEMENT + 4 {
        return None;
    }
    let text = strings::text(&text);
    (text.chars().count() <= LONGEST_REPLACEMENT).then(|| characters::usable(&text, Repair::Text).into())
}

fn same_direction(one: &Glyph, other: &Glyph) -> bool {
    let (ax, ay) = (one.next_x - one.x, one.next_y - one.y);
    let (bx, by) = (other.next_x - other.x, other.next_y - other.y);
    ax * bx + ay * by >= 0.0
}

/// How far `other` stands beside the line of `one`.
fn across(one: &Glyph, other: &Glyph) -> f32 {
    let (dx, dy) = (one.next_x - one.x, one.next_y - one.y);
    let length = dx.hypot(dy);
    if length == 0.0 { 0.0 } else { (dx * (other.y - one.y) - dy * (other.x - one.x)) / length }
}
