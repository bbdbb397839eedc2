//! Compressed rich text (MS-OXRTFCP) unpacked. A reference of two bytes gives at most 17, so the output is bounded by the
//! input. Called by `tnef`.

use super::u32_at;

const COMPRESSED: u32 = 0x7546_5A4C;
const UNCOMPRESSED: u32 = 0x414C_454D;
const WINDOW: usize = 4096;

/// What the window holds before the first byte.
const BEGINNING: &[u8] = b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";

/// The rich text, as far as it goes; `None` when the bytes are something else.
pub(super) fn unpack(packed: &[u8]) -> Option<Vec<u8>> {
    let size = usize::try_from(u32_at(packed, 4)?).ok()?;
    let data = packed.get(16..)?;
    match u32_at(packed, 8)? {
        UNCOMPRESSED => Some(data[..size.min(data.len())].to_vec()),
        COMPRESSED => Some(decompress(data, size)),
        _ => None,
    }
}

fn decompress(data: &[u8], size: usize) -> Vec<u8> {
    let mut window = [b' '; WINDOW];
    window[..BEGINNING.len()].copy_from_slice(BEGINNING);
    let mut write = BEGINNING.len();
    let mut out = Vec::with_capacity(size.min(data.len().saturating_mul(9)));
    let mut bytes = data.iter().copied();
    let mut emit = |byte: u8, window: &mut [u8; WINDOW], out: &mut Vec<u8>| {
        out.push(byte);
        window[write] = byte;
        write = (write + 1) % WINDOW;
        write
    };
    let mut position = BEGINNING.len();
    'all: while let Some(control) = bytes.next() {
        for bit in 0..8 {
            if out.len() >= size {
                break 'all;
            }
            let Some(first) = bytes.next() else { break 'all };
            if control & 1 << bit == 0 {
                position = emit(first, &mut window, &mut out);
                continue;
            }
            let Some(second) = bytes.next() else { break 'all };
            let reference = usize::from(first) << 8 | usize::from(second);
            let (offset, length) = (reference >> 4, (reference & 0xF) + 2);
            // A reference to the place of writing ends the text.
            if offset == position {
                break 'all;
            }
            for step in 0..length {
                let byte = window[(offset + step) % WINDOW];
                position = emit(byte, &mut window, &mut out);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(kind: u32, size: usize, data: &[u8]) -> Vec<u8> {
        let mut out = (data.len() as u32 + 12).to_le_bytes().to_vec();
        out.extend((size as u32).to_le_bytes());
        out.extend(kind.to_le_bytes());
        out.extend(0_u32.to_le_bytes());
        out.extend_from_slice(data);
        out
    }

    #[test]
    fn references_into_the_beginning_and_into_the_text_itself() {
        // The example of the specification: "{\rtf1\ansi\ansicpg1252\pard hello world}\r\n".
        let data = [
            0x03, 0x00, 0x0A, 0x00, 0x72, 0x63, 0x70, 0x67, 0x31, 0x32, 0x35, 0x42, 0x32, 0x0A, 0xF3, 0x20, 0x68, 0x65,
            0x6C, 0x09, 0x00, 0x20, 0x62, 0x77, 0x05, 0xB0, 0x6C, 0x64, 0x7D, 0x0A, 0x80, 0x0F, 0xA0,
        ];
        let text = unpack(&packed(COMPRESSED, 43, &data)).unwrap();
        assert_eq!(String::from_utf8_lossy(&text), "{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n");
        // And that of a run which reads what it writes.
        let data = [0x41, 0x00, 0x04, 0x20, 0x57, 0x58, 0x59, 0x5A, 0x0D, 0x6E, 0x7D, 0x01, 0x0E, 0xB0];
        let text = unpack(&packed(COMPRESSED, 28, &data)).unwrap();
        assert_eq!(String::from_utf8_lossy(&text), "{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}");
    }

    #[test]
    fn stored_cut_off_and_foreign() {
        assert_eq!(unpack(&packed(UNCOMPRESSED, 3, b"{x}junk")).unwrap(), b"{x}");
        assert_eq!(unpack(&packed(1, 3, b"abc")), None);
        assert_eq!(unpack(b"short"), None);
        let bomb = [0xFF, 0, 0x1F, 0, 0x1F, 0, 0x1F, 0, 0x1F, 0, 0x1F, 0, 0x1F, 0, 0x1F, 0, 0x1F].repeat(1_000);
        let unpacked = unpack(&packed(COMPRESSED, 0xFFFF_FFFF, &bomb)).unwrap();
        assert!((1_000..=9 * bomb.len()).contains(&unpacked.len()), "{}", unpacked.len());
    }
}
