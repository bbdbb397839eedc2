//! Control words that change how what follows is read: code pages, fonts, what is hidden or deleted, and the parts of a date.
//! Called by the reader.

use crate::ingest::parse::code_page::{CodePage, of_font_charset};

use super::{Reader, Target};

impl Reader<'_> {
    /// Takes a control word that is neither character nor destination.
    pub(super) fn property(&mut self, name: &str, number: Option<i32>) {
        let page = |number: Option<i32>| number.and_then(|n| u32::try_from(n).ok()).and_then(CodePage::from_number);
        match name {
            "ansicpg" => self.set_default(page(number).unwrap_or(CodePage::DEFAULT)),
            "mac" => self.set_default(page(Some(10000)).unwrap_or(CodePage::DEFAULT)),
            "pc" => self.set_default(page(Some(437)).unwrap_or(CodePage::DEFAULT)),
            "pca" => self.set_default(page(Some(850)).unwrap_or(CodePage::DEFAULT)),
            "f" => {
                self.state.font = number.unwrap_or(0);
                if self.state.target != Target::Fonts {
                    self.state.code_page = self.fonts.get(&self.state.font).copied().unwrap_or(self.default);
                }
            }
            "fcharset" if self.state.target == Target::Fonts => {
                if let Some(found) = of_font_charset(number.unwrap_or(0)) {
                    self.fonts.insert(self.state.font, found);
                }
            }
            "cpg" if self.state.target == Target::Fonts => {
                if let Some(found) = page(number) {
                    self.fonts.insert(self.state.font, found);
                }
            }
            "plain" => {
                (self.state.is_hidden, self.state.is_deleted) = (false, false);
                self.state.code_page = self.default;
            }
            "uc" => self.state.fallback = usize::try_from(number.unwrap_or(1)).unwrap_or(1),
            "v" => self.state.is_hidden = number != Some(0),
            "deleted" => self.state.is_deleted = number != Some(0),
            "yr" | "mo" | "dy" | "hr" | "min" => {
                let place = ["yr", "mo", "dy", "hr", "min"].iter().position(|known| *known == name).unwrap_or(0);
                let moment = match self.state.target {
                    Target::Created => &mut self.created,
                    Target::Revised => &mut self.revised,
                    _ => return,
                };
                moment[place] = number.unwrap_or(0).clamp(0, 9999);
            }
            _ => {}
        }
    }

    fn set_default(&mut self, page: CodePage) {
        self.default = page;
        self.state.code_page = page;
    }
}
