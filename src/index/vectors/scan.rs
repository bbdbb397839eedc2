//! Finds what is nearest. Pure; called by the store's vector leg.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::search::VectorQuery;
use crate::index::codes::{Nearest, QueryCode};
use crate::index::stop::Stop;
use crate::index::view::{Allowed, Part, View};

use super::model::Model;

/// Rows scanned between two looks whether anybody still waits.
const LOOKED_AT_ONCE: usize = 4_096;
/// When fewer than one of so many chunks may be returned, these are scored one by one.
const FEW: usize = 16;

/// The models of a search, by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known(HashMap<String, Arc<Model>>);

impl Known {
    /// Adds a model.
    pub(crate) fn add(&mut self, name: &str, model: Arc<Model>) {
        self.0.insert(name.to_owned(), model);
    }

    /// Queries with their models.
    pub(crate) fn asked(&self, queries: &[VectorQuery]) -> Asked<'_> {
        Asked::of(queries, |name| self.0.get(name).map(Arc::as_ref))
    }
}

/// Queries with their models, best model first: a chunk is scored by the first that has it.
#[derive(Debug)]
pub(crate) struct Asked<'a>(Vec<(&'a Model, QueryCode)>);

impl<'a> Asked<'a> {
    /// Those of the queries whose models `known` has.
    pub(crate) fn of(queries: &[VectorQuery], known: impl Fn(&str) -> Option<&'a Model>) -> Self {
        Self(queries.iter().filter_map(|query| Some((known(&query.model.0)?, QueryCode::of(query)))).collect())
    }

    /// What approximate scores may be wrong by, over all models asked.
    pub(crate) fn error(&self) -> f32 {
        self.0.iter().map(|(_, query)| query.error()).fold(0.0, f32::max)
    }

    /// Calibrated cosine of a chunk by both codes.
    pub(crate) fn fine_score(&self, chunk: i64) -> Option<f32> {
        self.0.iter().find_map(|(model, query)| {
            let (code, fine, scale) = model.codes(model.find(chunk)?);
            Some(query.fine_score(code, fine, scale))
        })
    }

    /// Slots that may be returned, have a vector, and may be among the best `limit` once scored exactly, and some more; with
    /// their approximate scores, in no order. Slots whose score in `words` is NaN are ruled out; it may end before the last
    /// slot. Given up when nobody waits any more.
    pub(crate) fn scan(
        &self,
        view: &View,
        allowed: &Allowed,
        words: Option<&[f32]>,
        limit: usize,
        stop: &Stop,
    ) -> Vec<(f32, u32)> {
        let mut nearest = Nearest::new(limit, self.error());
        let passes = |slot: usize| words.and_then(|words| words.get(slot)).is_none_or(|score| !score.is_nan());
        let may = |part: &Part, place: usize| passes(part.base + place) && view.lets_place(allowed, part, place);
        let is_filtered = words.is_some() || matches!(allowed, Allowed::Only(_));
        match few(view, &may, is_filtered) {
            Some(slots) => self.look_up(view, &slots, &mut nearest, stop),
            None => self.scan_all(view, &may, &mut nearest, stop),
        }
        nearest.into_held()
    }

    fn look_up(&self, view: &View, slots: &[u32], nearest: &mut Nearest<u32>, stop: &Stop) {
        for slots in slots.chunks(LOOKED_AT_ONCE) {
            if stop.is_set() {
                return;
            }
            for slot in slots {
                let id = view.id(*slot as usize);
                let found = self.0.iter().find_map(|(model, query)| Some((model.codes(model.find(id)?), query)));
                let Some(((code, _, scale), query)) = found else { continue };
                let score = query.score(code, scale);
                if nearest.wants(score) {
                    nearest.push(score, *slot);
                }
            }
        }
    }

    fn scan_all(&self, view: &View, may: &impl Fn(&Part, usize) -> bool, nearest: &mut Nearest<u32>, stop: &Stop) {
        for (at, (model, query)) in self.0.iter().enumerate() {
            if model.dimension == 0 {
                continue;
            }
            let better = &self.0[..at];
            model.each_stretch(|stretch| {
                let mut finder = Finder { view, part: 0 };
                for (row, code) in stretch.codes.chunks_exact(model.dimension).take(stretch.vectors).enumerate() {
                    if row % LOOKED_AT_ONCE == 0 && stop.is_set() {
                        return;
                    }
                    let score = query.score(code, stretch.scale(row));
                    // Few scores are wanted: only then is it worth to see whether the chunk may be returned.
                    if !nearest.wants(score) {
                        continue;
                    }
                    let id = stretch.id(row);
                    if better.iter().any(|(model, _)| model.has(id)) {
                        continue;
                    }
                    if let Some((part, place)) = finder.find(id).filter(|(part, place)| may(part, *place)) {
                        nearest.push(score, (part.base + place) as u32);
                    }
                }
            });
        }
    }
}

/// Finds chunks whose ids ascend: mostly in the part of the one before.
struct Finder<'a> {
    view: &'a View,
    part: usize,
}

impl<'a> Finder<'a> {
    fn find(&mut self, id: i64) -> Option<(&'a Part, usize)> {
        let parts = &self.view.parts;
        let count = parts.len();
        (0..count).find_map(|step| {
            let at = (self.part + step) % count;
            let part = parts.get(at)?;
            let place = part.segment.find(id)?;
            self.part = at;
            Some((part, place))
        })
    }
}

/// The slots that may be returned, when they are few. Without a filter nobody needs to count.
fn few(view: &View, may: &impl Fn(&Part, usize) -> bool, is_filtered: bool) -> Option<Vec<u32>> {
    if !is_filtered {
        return None;
    }
    let most = view.slots / FEW;
    let mut slots = Vec::new();
    for part in &view.parts {
        for place in 0..part.segment.chunks() {
            if may(part, place) {
                if slots.len() == most {
                    return None;
                }
                slots.push((part.base + place) as u32);
            }
        }
    }
    Some(slots)
}
