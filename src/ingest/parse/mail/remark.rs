//! What a message of an archive says of itself beside its text: deleted but not purged, cut off at its end. Pure; called by
//! `mbox`.

use super::envelope;

/// The weakest sign of half a message: some programs write none behind the last one.
pub const NO_BLANK_LINE: &str = "it lacks the blank line that ends all others";

/// Bytes of a message in which its header block is looked for.
const HEADERS_LIMIT_BYTES: usize = 256 << 10;

/// What mail programs write into a message they count as deleted.
const MARKS: [&[u8]; 3] = [b"X-Mozilla-Status", b"X-Mozilla-Status2", b"X-Status"];

/// The values of the first header of each of [`MARKS`] in the block at the start of `message`, without blanks around them.
fn marks(message: &[u8]) -> [Option<&[u8]>; 3] {
    let head = message.get(..HEADERS_LIMIT_BYTES).unwrap_or(message);
    let lines = head.split(|byte| *byte == b'\n').take_while(|line| !line.trim_ascii().is_empty());
    let mut found = [None; 3];
    for line in lines.filter(|line| matches!(line.first(), Some(b'X' | b'x'))) {
        let Some(name) = envelope::header_name(line) else { continue };
        for (mark, found) in MARKS.iter().zip(&mut found) {
            if name.eq_ignore_ascii_case(mark) && found.is_none() {
                let colon = line.iter().position(|byte| *byte == b':').map_or(line.len(), |colon| colon + 1);
                *found = Some(line.get(colon..).unwrap_or_default().trim_ascii());
            }
        }
    }
    found
}

fn hexadecimal(value: &[u8]) -> Option<u32> {
    u32::from_str_radix(std::str::from_utf8(value).ok()?, 16).ok()
}

/// Why the owner's mail program counts the message as deleted although it still stands in the archive.
pub(super) fn deleted(message: &[u8]) -> Option<&'static str> {
    let [status, status2, flags] = marks(message);
    let bits = |value: Option<&[u8]>| value.and_then(hexadecimal).unwrap_or_default();
    // Thunderbird: expunged, waiting for "compact folder"; in the second word, deleted on the IMAP server.
    if bits(status) & 0x0008 != 0 || bits(status2) & 0x0020_0000 != 0 {
        return Some("deleted in Thunderbird, its folder not compacted yet");
    }
    // The flags of UW, Dovecot, Alpine and others.
    let is_deleted = flags.is_some_and(|flags| flags.len() <= 8 && flags.contains(&b'D'));
    is_deleted.then_some("marked as deleted in its mailbox, not purged yet")
}

/// Whether a multipart of the outermost level is never closed.
fn is_open_multipart(message: &[u8]) -> bool {
    let head = message.get(..HEADERS_LIMIT_BYTES).unwrap_or(message);
    let lines = head.split_inclusive(|byte| *byte == b'\n').take_while(|line| !line.trim_ascii().is_empty());
    let length: usize = lines.map(<[u8]>::len).sum();
    let block = head.get(..length).unwrap_or_default();
    let lower = String::from_utf8_lossy(block).to_lowercase();
    let Some(at) = lower.find("\ncontent-type:").or_else(|| lower.starts_with("content-type:").then_some(0)) else {
        return false;
    };
    // The field with its folded lines, in the spelling of the message: boundaries tell upper and lower case apart.
    let text = String::from_utf8_lossy(block);
    if text.len() != lower.len() {
        return false;
    }
    let field: String = text
        .get(at..)
        .unwrap_or_default()
        .trim_start_matches('\n')
        .split('\n')
        .enumerate()
        .take_while(|(number, line)| *number == 0 || line.starts_with([' ', '\t']))
        .map(|(_, line)| line)
        .collect();
    let lower = field.to_ascii_lowercase();
    if !lower.contains("multipart/") {
        return false;
    }
    let Some(at) = lower.find("boundary=") else { return false };
    let value = field.get(at + "boundary=".len()..).unwrap_or_default().trim_start();
    let boundary = match value.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next().unwrap_or_default(),
        None => value.split([';', ' ', '\t', '\r']).next().unwrap_or_default(),
    };
    let closing = format!("--{boundary}--");
    !boundary.is_empty() && !message.split(|byte| *byte == b'\n').any(|line| line.starts_with(closing.as_bytes()))
}

/// Why the last message of an archive may be only half there. `message` is as it stands in the file; `is_ended` says
/// that the archive ends its messages with a blank line.
pub(super) fn cut_off(message: &[u8], is_ended: bool) -> Option<&'static str> {
    let mut lines = message.split_inclusive(|byte| *byte == b'\n');
    let has_blank_line = lines.any(|line| line.trim_ascii().is_empty());
    let has_body = lines.next().is_some();
    if message.trim_ascii().is_empty() {
        Some("nothing stands behind its separator")
    } else if !message.ends_with(b"\n") {
        Some("it ends in the middle of a line")
    } else if !has_blank_line {
        Some("it ends inside its headers")
    } else if is_open_multipart(message) {
        Some("it ends before its last part does")
    } else {
        let is_closed = message.ends_with(b"\n\n") || message.ends_with(b"\n\r\n");
        (is_ended && !(is_closed && has_body)).then_some(NO_BLANK_LINE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deleted_messages_say_so() {
        for status in ["0009", "0008", "0019", "8", "ffff"] {
            let message = format!("X-Mozilla-Status: {status}\nSubject: x\n\nbody\n");
            assert!(deleted(message.as_bytes()).is_some_and(|reason| reason.contains("Thunderbird")), "{status}");
        }
        assert!(
            deleted(b"X-Mozilla-Status: 0001\r\nX-Mozilla-Status2: 00200000\r\nSubject: x\r\n\r\nbody\r\n").is_some()
        );
        assert!(deleted(b"Subject: x\nX-Status: AD\n\nbody\n").is_some());
        for kept in [
            "X-Mozilla-Status: 0001\nX-Mozilla-Status2: 00000000\n\nbody\n",
            "X-Mozilla-Status: 0010\n\nX-Mozilla-Status: 0008\n",
            "X-Mozilla-Status: none\n\nbody\n",
            "X-Status: A\n\nX-Status: D\n",
        ] {
            assert_eq!(deleted(kept.as_bytes()), None, "{kept}");
        }
    }

    #[test]
    fn half_messages_say_so() {
        assert_eq!(cut_off(b"Subject: x\n\nbody\n\n", true), None);
        assert_eq!(cut_off(b"Subject: x\r\n\r\nbody\r\n\r\n", true), None);
        assert_eq!(cut_off(b"Subject: x\n\nbody\n", false), None);
        assert!(cut_off(b"Subject: x\n\nbody\n", true).unwrap().contains("blank line"));
        assert!(cut_off(b"Subject: x\n\nbo", false).unwrap().contains("middle of a line"));
        assert!(cut_off(b"Subject: x\nFrom: a@x\n", true).unwrap().contains("headers"));
        assert!(cut_off(b"\n", true).unwrap().contains("nothing"));
        let multipart = "Content-Type: multipart/mixed;\n boundary=\"a B\"\n\n--a B\n\none\n";
        assert!(cut_off(multipart.as_bytes(), false).unwrap().contains("part"));
        assert_eq!(cut_off(format!("{multipart}--a B--\n").as_bytes(), false), None);
        assert!(
            cut_off(b"Subject: x\r\nContent-Type: multipart/mixed; boundary=z\r\n\r\n--z\r\n\r\none\r\n", false)
                .is_some()
        );
    }
}
