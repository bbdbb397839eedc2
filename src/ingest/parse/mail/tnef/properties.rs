//! MAPI properties as TNEF lists them: number, type, value; named ones, lists, padding. Called by `tnef`.

use super::{text, u16_at, u32_at};

/// Most values of one property that are stepped over.
const VALUE_LIMIT: u32 = 100_000;

/// One value. Lists give their first one.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value<'raw> {
    /// A whole number or a truth.
    Number(u32),
    /// Text in the code page of the message.
    Narrow(&'raw [u8]),
    /// Text in UTF-16.
    Wide(&'raw [u8]),
    /// Bytes, or an object.
    Bytes(&'raw [u8]),
    /// A date, a fraction, an id: nothing that is wanted.
    Other,
}

impl Value<'_> {
    /// The value as text that is not blank.
    pub(super) fn text(&self, page: Option<u32>) -> Option<String> {
        let text = match self {
            Self::Narrow(bytes) => text(bytes, page),
            Self::Wide(bytes) => {
                let wide = encoding_rs::UTF_16LE.decode_without_bom_handling(bytes).0;
                wide.trim_end_matches('\0').to_owned()
            }
            _ => return None,
        };
        (!text.trim().is_empty()).then_some(text)
    }
}

/// The properties of a block, in order.
pub(super) struct Properties<'raw> {
    bytes: &'raw [u8],
    at: usize,
    left: u32,
}

impl<'raw> Properties<'raw> {
    pub(super) fn new(bytes: &'raw [u8]) -> Self {
        Self { bytes, at: 4, left: u32_at(bytes, 0).unwrap_or(0) }
    }

    /// What follows the block, once all of it was read.
    pub(super) fn rest(&self) -> &'raw [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn take(&mut self, length: usize) -> Option<&'raw [u8]> {
        let end = self.at.checked_add(length)?;
        let bytes = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(bytes)
    }

    fn number(&mut self) -> Option<u32> {
        let number = u32_at(self.bytes, self.at)?;
        self.at += 4;
        Some(number)
    }

    /// A value with its length in front, filled up to four bytes.
    fn sized(&mut self) -> Option<&'raw [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        // One that is cut off ends early.
        let kept = length.min(self.bytes.len().saturating_sub(self.at));
        let bytes = self.take(kept)?;
        self.at = self.at.saturating_add((4 - length % 4) % 4).min(self.bytes.len());
        Some(bytes)
    }

    fn value(&mut self, kind: u16) -> Option<Value<'raw>> {
        Some(match kind {
            0x0001 => Value::Other,
            0x0002 | 0x0003 | 0x000A | 0x000B => Value::Number(self.number()?),
            0x0004 => self.take(4).map(|_| Value::Other)?,
            0x0005 | 0x0006 | 0x0007 | 0x0014 | 0x0040 => self.take(8).map(|_| Value::Other)?,
            0x0048 => self.take(16).map(|_| Value::Other)?,
            0x001E => Value::Narrow(self.sized()?),
            0x001F => Value::Wide(self.sized()?),
            0x000D | 0x0102 => Value::Bytes(self.sized()?),
            _ => return None,
        })
    }

    fn property(&mut self) -> Option<(u16, Value<'raw>)> {
        let kind = u16_at(self.bytes, self.at)?;
        let id = u16_at(self.bytes, self.at + 2)?;
        self.at += 4;
        if id >= 0x8000 {
            // A named property: the id of its family, then a number or a name.
            self.take(16)?;
            if self.number()? == 0 {
                self.number()?;
            } else {
                self.sized()?;
            }
        }
        let (is_list, base) = (kind & 0x1000 != 0, kind & 0x0FFF);
        let is_counted = is_list || matches!(base, 0x001E | 0x001F | 0x000D | 0x0102);
        let count = if is_counted { self.number()? } else { 1 };
        if is_list && base == 0x0001 {
            // A list of nothings takes no bytes: its length would be a loop for free.
            return None;
        }
        let mut first = Value::Other;
        for at in 0..count.min(VALUE_LIMIT) {
            let value = self.value(base)?;
            if at == 0 {
                first = value;
            }
        }
        Some((id, first))
    }
}

impl<'raw> Iterator for Properties<'raw> {
    type Item = (u16, Value<'raw>);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let property = self.property();
        if property.is_none() {
            self.left = 0;
            self.at = self.bytes.len();
        }
        property
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_nothings_ends_the_block() {
        let list = [0x01, 0x10, 0x34, 0x12, 0xA0, 0x86, 0x01, 0x00];
        let block = [&[0xFF; 4][..], &list.repeat(3)].concat();
        assert_eq!(Properties::new(&block).property(), None);
        let number = [0x03, 0x00, 0x34, 0x12, 7, 0, 0, 0];
        let block = [&[2, 0, 0, 0][..], &number, &list].concat();
        let mut properties = Properties::new(&block);
        assert_eq!((properties.property(), properties.property()), (Some((0x1234, Value::Number(7))), None));
    }
}
