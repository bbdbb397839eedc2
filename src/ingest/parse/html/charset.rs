//! A page's bytes as text: what it declares counts where the bytes agree. Used by `html` only.

use encoding_rs::{Encoding, ISO_2022_JP, UTF_8, UTF_16BE, UTF_16LE, X_USER_DEFINED};

use crate::ingest::parse::text;

/// How far into a page its declaration is looked for.
const HEAD: usize = 16 << 10;

/// A byte order mark first, then UTF-8 where the bytes are that, then the declared character set where it reads them,
/// then the most likely one.
pub(super) fn decode(bytes: &[u8]) -> String {
    if Encoding::for_bom(bytes).is_none()
        && let Some(declared) = declared(bytes)
    {
        let is_shifted = declared == ISO_2022_JP && bytes.windows(2).any(|two| two == b"\x1b$");
        if is_shifted || std::str::from_utf8(bytes).is_err() {
            let read = declared.decode_without_bom_handling(bytes).0;
            let lost = read.chars().filter(|character| *character == char::REPLACEMENT_CHARACTER).count();
            // A few broken characters are the page's; many say that the declaration is wrong.
            if lost * 100 <= read.chars().count() {
                return read.into_owned();
            }
        }
    }
    text::decode(bytes).into_owned()
}

/// The character set named by a `meta` element or the XML declaration. UTF-8 and what cannot be true are no help.
fn declared(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(HEAD)]).to_ascii_lowercase();
    let in_xml = head.trim_start().strip_prefix("<?xml").and_then(|rest| rest.split("?>").next());
    let in_xml = in_xml.and_then(|declaration| label_after(declaration, "encoding"));
    let mut metas = head.split("<meta").skip(1).map(|rest| rest.split('>').next().unwrap_or_default());
    let label = metas.find_map(|meta| label_after(meta, "charset")).or(in_xml)?;
    let encoding = Encoding::for_label(label.as_bytes())?;
    // Whoever can read the declaration byte by byte has no UTF-16 before them.
    let helps = ![UTF_8, UTF_16LE, UTF_16BE, X_USER_DEFINED].contains(&encoding);
    helps.then_some(encoding)
}

fn label_after<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(name)?;
    let rest = rest.trim_start().strip_prefix('=')?.trim_start().trim_start_matches(['"', '\'']);
    let end = rest.find(|character: char| !character.is_ascii_alphanumeric() && !"-_:.".contains(character));
    Some(&rest[..end.unwrap_or(rest.len())]).filter(|label| !label.is_empty())
}
