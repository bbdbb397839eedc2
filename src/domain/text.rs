//! What every text is held to before it is stored: no NUL. PostgreSQL and the graph services cannot hold it, and a store
//! must be the same whatever engine keeps it. Called where text comes in (`ingest`) and once more by the stores.

use std::borrow::Cow;

/// The text without NUL. The ASCII substitute character takes its place; it is one byte too, so offsets stay true.
#[must_use]
pub fn without_nul(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{1a}")) } else { Cow::Borrowed(text) }
}

/// Takes NUL out of a text in place.
pub fn remove_nul(text: &mut String) {
    if text.contains('\0') {
        *text = without_nul(text).into_owned();
    }
}

/// Takes NUL out of every text.
pub fn remove_all_nul<'a>(texts: impl IntoIterator<Item = &'a mut String>) {
    texts.into_iter().for_each(remove_nul);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nul_is_replaced_byte_for_byte() {
        assert_eq!(without_nul("ä\0b"), "ä\u{1a}b");
        assert!(matches!(without_nul("plain\u{1a}"), Cow::Borrowed("plain\u{1a}")));
        let mut texts = [String::from("\0"), String::from("kept")];
        remove_all_nul(&mut texts);
        assert_eq!(texts, ["\u{1a}", "kept"]);
    }
}
