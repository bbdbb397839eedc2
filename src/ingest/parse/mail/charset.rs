//! Charsets of mail: the one decoder of everything that is read, with the labels mail states. Called by `words` and `mime`.

use std::borrow::Cow;

use crate::ingest::parse::decoder;

/// Whether `label` names a charset we know.
pub(super) fn is_known(label: &str) -> bool {
    decoder::is_known(label)
}

/// The text of `bytes`, which claim to be in charset `label`. Never fails; see `decoder` for how doubts are settled.
pub(super) fn decode<'bytes>(bytes: &'bytes [u8], label: Option<&str>) -> Cow<'bytes, str> {
    decoder::decode(bytes, label)
}
