//! A page's bytes as text: what it declares counts where the bytes agree. Used by `html` only.

use std::borrow::Cow;

use crate::ingest::parse::text;

/// How far into a page its declaration is looked for.
const HEAD: usize = 16 << 10;

/// The page as text; its declaration is a claim, the bytes have the last word.
pub(super) fn decode(bytes: &[u8]) -> Cow<'_, str> {
    text::decode_declared(bytes, declared(bytes).as_deref())
}

/// The character set named by a `meta` element or the XML declaration.
fn declared(bytes: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(HEAD)]).to_ascii_lowercase();
    let in_xml = head.trim_start().strip_prefix("<?xml").and_then(|rest| rest.split("?>").next());
    let in_xml = in_xml.and_then(|declaration| label_after(declaration, "encoding"));
    let mut metas = head.split("<meta").skip(1).map(|rest| rest.split('>').next().unwrap_or_default());
    let label = metas.find_map(|meta| label_after(meta, "charset")).or(in_xml)?;
    // Whoever can read the declaration byte by byte has nothing wider before them.
    (!label.starts_with("utf-16") && !label.starts_with("utf-32")).then(|| label.to_owned())
}

fn label_after<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(name)?;
    let rest = rest.trim_start().strip_prefix('=')?.trim_start().trim_start_matches(['"', '\'']);
    let end = rest.find(|character: char| !character.is_ascii_alphanumeric() && !"-_:.".contains(character));
    Some(&rest[..end.unwrap_or(rest.len())]).filter(|label| !label.is_empty())
}
