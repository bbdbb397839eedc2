//! A page's operators, played for their text: every glyph with its characters, place, width and direction.
//! Called by `page`. Drawing is skipped; forms inside forms are followed to a depth, and all work is counted.

mod marks;

use std::collections::HashSet;
use std::rc::Rc;
use std::time::Instant;

use hayro_syntax::content::TypedIter;
use hayro_syntax::content::ops::TypedInstruction;
use hayro_syntax::object::dict::keys;
use hayro_syntax::object::{Dict, Name, Number, Object, ObjectIdentifier, Stream};
use hayro_syntax::page::Resources;

use super::font::{Face, Fonts};
use super::guard;
use super::matrix::Matrix;
use marks::{Mark, Named};

/// Forms within forms.
const DEEPEST_FORM: usize = 24;
/// Saved states.
const MOST_STATES: usize = 4096;
/// Glyphs of one page.
const MOST_GLYPHS: usize = 400_000;
/// Replacements within replacements: each looks through the glyphs it stands for.
const DEEPEST_REPLACEMENT: usize = 16;
/// Images inside the content that do not end: each is looked through to the end of the content.
const MOST_OPEN_IMAGES: usize = 16;
/// Operators between two looks at the clock.
const OPERATORS_A_LOOK: usize = 1_024;

/// One glyph on a page. `x` and `y` are its origin as the page is seen, y upwards.
#[derive(Clone)]
pub(super) struct Glyph {
    /// Its characters; empty for a glyph whose font does not tell them.
    pub(super) text: Rc<str>,
    pub(super) x: f32,
    pub(super) y: f32,
    /// Where the next glyph of the line stands.
    pub(super) next_x: f32,
    pub(super) next_y: f32,
    /// Height of the letters' box.
    pub(super) size: f32,
    /// Width of a blank in its font; 0 when unknown.
    pub(super) blank: f32,
}

/// What may still be done: operators and forms of this page, bytes unpacked for the document, and until when.
pub(super) struct Budget {
    pub(super) operators: usize,
    pub(super) forms: usize,
    pub(super) bytes: u64,
    pub(super) deadline: Instant,
}

impl Budget {
    fn is_spent(&self) -> bool {
        self.forms == 0 || self.bytes == 0
    }

    /// Counts one operator; false when there is none left, or no time.
    fn takes_operator(&mut self) -> bool {
        if self.operators.is_multiple_of(OPERATORS_A_LOOK) && Instant::now() > self.deadline {
            self.operators = 0;
        }
        let left = self.operators.checked_sub(1);
        self.operators = left.unwrap_or(0);
        left.is_some()
    }
}

/// Optional content that is switched off.
pub(super) type Hidden = HashSet<ObjectIdentifier>;

/// What playing a page came to.
#[derive(Default)]
pub(super) struct Played {
    pub(super) glyphs: Vec<Glyph>,
    /// Images were drawn.
    pub(super) has_images: bool,
    /// A limit ended it early.
    pub(super) is_cut: bool,
    /// A form in it cannot be unpacked.
    pub(super) is_damaged: bool,
}

#[derive(Clone)]
struct State<'a> {
    transform: Matrix,
    face: Option<Rc<Face<'a>>>,
    size: f64,
    letter_gap: f64,
    word_gap: f64,
    stretch: f64,
    leading: f64,
    rise: f64,
}

/// Plays content streams into glyphs.
pub(super) struct Player<'p, 'a> {
    fonts: &'p mut Fonts<'a>,
    budget: &'p mut Budget,
    hidden: &'p Hidden,
    played: Played,
    active: Vec<ObjectIdentifier>,
    concealed: usize,
}

impl<'p, 'a> Player<'p, 'a> {
    pub(super) fn new(fonts: &'p mut Fonts<'a>, budget: &'p mut Budget, hidden: &'p Hidden) -> Self {
        Self { fonts, budget, hidden, played: Played::default(), active: Vec::new(), concealed: 0 }
    }

    pub(super) fn finish(self) -> Played {
        self.played
    }

    /// Plays one stream under `transform`.
    pub(super) fn play(&mut self, data: &[u8], resources: &Resources<'a>, transform: Matrix) {
        let state = State {
            transform,
            face: None,
            size: 0.0,
            letter_gap: 0.0,
            word_gap: 0.0,
            stretch: 1.0,
            leading: 0.0,
            rise: 0.0,
        };
        self.run(data, resources, state);
    }

    /// Plays a form, as `Do` and annotations do.
    pub(super) fn form(&mut self, form: &Stream<'a>, outer: &Resources<'a>, transform: Matrix) {
        let state = State {
            transform,
            face: None,
            size: 0.0,
            letter_gap: 0.0,
            word_gap: 0.0,
            stretch: 1.0,
            leading: 0.0,
            rise: 0.0,
        };
        self.enter(form, outer, &state);
    }

    fn enter(&mut self, form: &Stream<'a>, outer: &Resources<'a>, state: &State<'a>) {
        let id = form.obj_id();
        if self.active.contains(&id) {
            return;
        }
        if self.active.len() >= DEEPEST_FORM || self.budget.is_spent() {
            self.played.is_cut = true;
            return;
        }
        if is_hidden(form.dict(), self.hidden) {
            return;
        }
        self.budget.forms -= 1;
        let data = guard::unpacked(form, guard::MOST_UNPACKED.min(self.budget.bytes));
        let Some(data) = data.filter(|data| !data.is_empty() || form.raw_data().is_empty()) else {
            self.played.is_damaged = true;
            return;
        };
        self.budget.bytes = self.budget.bytes.saturating_sub(data.len() as u64);
        let matrix = form.dict().get::<[f64; 6]>(keys::MATRIX).map_or(Matrix::IDENTITY, Matrix);
        let inner = form.dict().get::<Dict<'a>>(keys::RESOURCES).map(Resources::new);
        let mut state = state.clone();
        state.transform = matrix.then(state.transform);
        self.active.push(id);
        let concealed = self.concealed;
        self.run(&data, inner.as_ref().unwrap_or(outer), state);
        self.concealed = concealed;
        self.active.pop();
    }

    fn run(&mut self, data: &[u8], resources: &Resources<'a>, mut state: State<'a>) {
        let mut saved: Vec<State<'a>> = Vec::new();
        let mut marks: Vec<Mark> = Vec::new();
        let mut named = Named::new();
        let (mut replacements, mut open_images) = (0, 0);
        let mut line = Matrix::IDENTITY;
        let mut place = Matrix::IDENTITY;
        let mut operators = TypedIter::new(data);
        while let Some(operator) = operators.next() {
            if self.played.glyphs.len() >= MOST_GLYPHS || !self.budget.takes_operator() {
                self.played.is_cut = true;
                break;
            }
            match operator {
                TypedInstruction::SaveState(_) if saved.len() < MOST_STATES => saved.push(state.clone()),
                TypedInstruction::RestoreState(_) => {
                    if let Some(previous) = saved.pop() {
                        state = previous;
                    }
                }
                TypedInstruction::Transform(m) => {
                    let matrix = numbers([m.0, m.1, m.2, m.3, m.4, m.5]);
                    let moved = matrix.then(state.transform);
                    if moved.is_finite() {
                        state.transform = moved;
                    }
                }
                TypedInstruction::BeginText(_) => {
                    line = Matrix::IDENTITY;
                    place = line;
                }
                TypedInstruction::TextFont(font) => {
                    state.size = font.1.as_f64();
                    let bytes = &mut self.budget.bytes;
                    state.face = resources.get_font(font.0).map(|dict| self.fonts.face(&dict, bytes));
                }
                TypedInstruction::CharacterSpacing(gap) => state.letter_gap = gap.0.as_f64(),
                TypedInstruction::WordSpacing(gap) => state.word_gap = gap.0.as_f64(),
                TypedInstruction::HorizontalScaling(percent) => state.stretch = percent.0.as_f64() / 100.0,
                TypedInstruction::TextLeading(leading) => state.leading = leading.0.as_f64(),
                TypedInstruction::TextRise(rise) => state.rise = rise.0.as_f64(),
                TypedInstruction::NextLine(by) => {
                    line = Matrix::moved(by.0.as_f64(), by.1.as_f64()).then(line);
                    place = line;
                }
                TypedInstruction::NextLineAndSetLeading(by) => {
                    state.leading = -by.1.as_f64();
                    line = Matrix::moved(by.0.as_f64(), by.1.as_f64()).then(line);
                    place = line;
                }
                TypedInstruction::SetTextMatrix(m) => {
                    line = numbers([m.0, m.1, m.2, m.3, m.4, m.5]);
                    place = line;
                }
                TypedInstruction::NextLineUsingLeading(_) => {
                    line = Matrix::moved(0.0, -state.leading).then(line);
                    place = line;
                }
                TypedInstruction::ShowText(text) => self.show(text.0, &state, &mut place),
                TypedInstruction::NextLineAndShowText(text) => {
                    line = Matrix::moved(0.0, -state.leading).then(line);
                    place = line;
                    self.show(text.0, &state, &mut place);
                }
                TypedInstruction::ShowTextWithParameters(text) => {
                    state.word_gap = text.0.as_f64();
                    state.letter_gap = text.1.as_f64();
                    line = Matrix::moved(0.0, -state.leading).then(line);
                    place = line;
                    self.show(text.2, &state, &mut place);
                }
                TypedInstruction::ShowTexts(texts) => {
                    for item in texts.0.iter::<Object<'_>>() {
                        match item {
                            Object::String(text) => self.show(&text, &state, &mut place),
                            Object::Number(by) => {
                                let by = -by.as_f64() / 1000.0 * state.size;
                                let is_vertical = state.face.as_ref().is_some_and(|face| face.is_vertical());
                                let moved = if is_vertical {
                                    Matrix::moved(0.0, by)
                                } else {
                                    Matrix::moved(by * state.stretch, 0.0)
                                };
                                place = moved.then(place);
                            }
                            _ => {}
                        }
                    }
                }
                TypedInstruction::XObject(name) => {
                    let Some(object) = resources.get_x_object(name.0) else { continue };
                    match object.dict().get::<Name<'_>>(keys::SUBTYPE).as_deref() {
                        Some(keys::IMAGE) => self.played.has_images = true,
                        _ => self.enter(&object, resources, &state),
                    }
                }
                TypedInstruction::InlineImage(_) => self.played.has_images = true,
                TypedInstruction::Fallback(operator) if **operator == *b"BI" => {
                    open_images += 1;
                    if open_images > MOST_OPEN_IMAGES {
                        self.played.is_cut = true;
                        break;
                    }
                }
                TypedInstruction::BeginMarkedContent(_) => marks.push(Mark::Plain),
                TypedInstruction::BeginMarkedContentWithProperties(mark) => {
                    let mut opened = self.mark(mark.0, mark.1, resources, &mut named);
                    if matches!(opened, Mark::Replaced { .. }) {
                        replacements += 1;
                        if replacements > DEEPEST_REPLACEMENT {
                            replacements -= 1;
                            opened = Mark::Plain;
                        }
                    }
                    self.concealed += usize::from(matches!(opened, Mark::Hidden));
                    marks.push(opened);
                }
                TypedInstruction::EndMarkedContent(_) => match marks.pop() {
                    Some(Mark::Hidden) => self.concealed = self.concealed.saturating_sub(1),
                    Some(Mark::Replaced { text, from }) => {
                        replacements -= 1;
                        self.replace(&text, from);
                    }
                    Some(Mark::Plain) | None => {}
                },
                _ => {}
            }
        }
    }

    fn show(&mut self, bytes: &[u8], state: &State<'a>, place: &mut Matrix) {
        let Some(face) = &state.face else { return };
        let is_vertical = face.is_vertical();
        let blank = face.blank().unwrap_or(0.0);
        let mut at = 0;
        while at < bytes.len() && self.played.glyphs.len() < MOST_GLYPHS {
            let (code, length) = face.code(bytes, at);
            at += length;
            let shape = face.shape(code);
            let mut advance = shape.advance * state.size + state.letter_gap;
            if length == 1 && code == 32 {
                advance += state.word_gap;
            }
            let by =
                if is_vertical { Matrix::moved(0.0, advance) } else { Matrix::moved(advance * state.stretch, 0.0) };
            // The gap after a letter is no part of it.
            let width = shape.advance * state.size;
            let to_page = place.then(state.transform);
            if self.concealed == 0 && to_page.is_finite() {
                let (x, y) = to_page.point(0.0, state.rise);
                let (dx, dy) =
                    if is_vertical { to_page.vector(0.0, width) } else { to_page.vector(width * state.stretch, 0.0) };
                let (up_x, up_y) =
                    if is_vertical { to_page.vector(state.size, 0.0) } else { to_page.vector(0.0, state.size) };
                let (along_x, along_y) =
                    if is_vertical { to_page.vector(0.0, -1.0) } else { to_page.vector(state.stretch, 0.0) };
                let along = along_x.hypot(along_y);
                // Height across the line, so that slanted letters are not taller.
                let size = if along > 1e-9 {
                    (along_x * up_y - along_y * up_x).abs() / along * face.em
                } else {
                    up_x.hypot(up_y) * face.em
                };
                let (mut next_x, mut next_y) = (x + dx, y + dy);
                if dx == 0.0 && dy == 0.0 && along > 1e-9 {
                    // Keeps its direction: marks have no width.
                    let sign = if state.size < 0.0 { -1.0 } else { 1.0 };
                    next_x += sign * along_x / along * size * 1e-3;
                    next_y += sign * along_y / along * size * 1e-3;
                }
                self.played.glyphs.push(Glyph {
                    text: shape.text,
                    x: x as f32,
                    y: y as f32,
                    next_x: next_x as f32,
                    next_y: next_y as f32,
                    size: size as f32,
                    blank: (blank * state.size * along).abs() as f32,
                });
            }
            *place = by.then(*place);
        }
    }
}

fn numbers(numbers: [Number; 6]) -> Matrix {
    Matrix(numbers.map(|number| number.as_f64()))
}

fn is_hidden(dict: &Dict<'_>, hidden: &Hidden) -> bool {
    dict.get_ref(keys::OC).is_some_and(|group| hidden.contains(&ObjectIdentifier::from(group)))
}
