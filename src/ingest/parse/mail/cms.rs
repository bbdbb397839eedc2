//! S/MIME bodies (CMS, RFC 5652): what an opaque signature holds, and whether a body is encrypted. No certificate is read,
//! nothing is checked or decrypted. DER and BER, definite and indefinite lengths; no recursion. Called by `containers`.

use std::borrow::Cow;

use super::transfer;

/// Strings inside strings deeper than this are not followed.
const DEPTH_LIMIT: usize = 16;

/// Object identifiers of content types, encoded.
const DATA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x01];
const SIGNED: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x02];
const ENVELOPED: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x03];
const SIGNED_AND_ENVELOPED: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x04];
const ENCRYPTED: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x06];
const COMPRESSED: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x10, 0x01, 0x09];
const AUTH_ENVELOPED: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x10, 0x01, 0x17];

/// What a CMS object is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cms<'raw> {
    /// Signed; the bytes that are signed.
    Signed(Cow<'raw, [u8]>),
    /// Only certificates, or a signature whose text is elsewhere.
    Detached,
    /// Needs a key.
    Encrypted,
    /// Compressed.
    Compressed,
}

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT: u8 = 0x06;
const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const OCTETS_IN_PIECES: u8 = 0x24;
const EXPLICIT: u8 = 0xA0;

/// One element's head: its tag, where its content starts, and where it ends (`None`: at an end mark).
#[derive(Clone, Copy, Debug)]
struct Head {
    tag: u8,
    start: usize,
    end: Option<usize>,
}

struct Walk<'raw> {
    bytes: &'raw [u8],
    at: usize,
}

impl<'raw> Walk<'raw> {
    fn head(&self) -> Option<Head> {
        let tag = *self.bytes.get(self.at)?;
        // Tags of more than one byte do not occur here.
        if tag & 0x1F == 0x1F {
            return None;
        }
        let first = *self.bytes.get(self.at + 1)?;
        let mut start = self.at + 2;
        let length = match first {
            0x80 => return (tag & 0x20 != 0).then_some(Head { tag, start, end: None }),
            0..=0x7F => usize::from(first),
            _ => {
                let count = usize::from(first & 0x7F);
                let digits = self.bytes.get(start..start + count)?;
                start += count;
                let significant = &digits[digits.iter().take_while(|byte| **byte == 0).count()..];
                if significant.len() > size_of::<usize>() {
                    return None;
                }
                significant.iter().fold(0_usize, |length, byte| length << 8 | usize::from(*byte))
            }
        };
        // What was cut off ends where the bytes end.
        Some(Head { tag, start, end: Some(start.saturating_add(length).min(self.bytes.len())) })
    }

    /// Goes inside an element of this kind.
    fn enter(&mut self, tag: u8) -> Option<Head> {
        let head = self.head().filter(|head| head.tag == tag)?;
        self.at = head.start;
        Some(head)
    }

    /// Goes behind the element that starts here, whatever it holds.
    fn skip(&mut self) -> Option<()> {
        let mut open = 0_usize;
        loop {
            let head = self.head()?;
            match (head.end, head.tag) {
                (None, _) => {
                    open += 1;
                    self.at = head.start;
                }
                (Some(end), 0) if open > 0 && end == head.start => {
                    open -= 1;
                    self.at = end;
                }
                (Some(end), _) => self.at = end,
            }
            if open == 0 {
                return Some(());
            }
        }
    }

    fn object(&mut self) -> Option<&'raw [u8]> {
        let head = self.enter(OBJECT)?;
        self.at = head.end?;
        self.bytes.get(head.start..self.at)
    }

    /// A string of bytes, in one piece or in many.
    fn octets(&mut self) -> Option<Cow<'raw, [u8]>> {
        let head = self.head()?;
        if head.tag == OCTETS {
            return self.bytes.get(head.start..head.end?).map(Cow::Borrowed);
        }
        if head.tag != OCTETS_IN_PIECES {
            return None;
        }
        let mut whole = Vec::new();
        let mut ends = vec![head.end];
        self.at = head.start;
        while let Some(end) = ends.last().copied() {
            if end.is_some_and(|end| self.at >= end) {
                ends.pop();
                continue;
            }
            let Some(head) = self.head() else { break };
            match (head.tag, head.end) {
                (0, _) if end.is_none() => {
                    ends.pop();
                    self.at = head.start;
                }
                (OCTETS, Some(end)) => {
                    whole.extend_from_slice(self.bytes.get(head.start..end)?);
                    self.at = end;
                }
                (OCTETS_IN_PIECES, end) if ends.len() < DEPTH_LIMIT => {
                    ends.push(end);
                    self.at = head.start;
                }
                _ => break,
            }
        }
        Some(Cow::Owned(whole))
    }
}

/// The bytes without armour: PEM lines, or base64 that nobody declared.
pub(super) fn without_armour(bytes: &[u8]) -> Cow<'_, [u8]> {
    let start = bytes.trim_ascii_start();
    if start.first() == Some(&SEQUENCE)
        && start.get(1).is_some_and(|length| *length >= 0x80 || !length.is_ascii_alphanumeric())
    {
        return Cow::Borrowed(start);
    }
    if start.starts_with(b"-----BEGIN") {
        let lines = start.split(|byte| *byte == b'\n').filter(|line| !line.starts_with(b"-----"));
        return Cow::Owned(transfer::base64(&lines.collect::<Vec<_>>().concat()));
    }
    if start.starts_with(b"MI") && transfer::looks_like_base64(start) {
        return Cow::Owned(transfer::base64(start));
    }
    Cow::Borrowed(start)
}

/// What the bytes are; `None` when they are no CMS object.
pub(super) fn read(bytes: &[u8]) -> Option<Cms<'_>> {
    let mut walk = Walk { bytes, at: 0 };
    walk.enter(SEQUENCE)?;
    match walk.object()? {
        SIGNED => {}
        ENVELOPED | SIGNED_AND_ENVELOPED | ENCRYPTED | AUTH_ENVELOPED => return Some(Cms::Encrypted),
        COMPRESSED => return Some(Cms::Compressed),
        DATA => {
            walk.enter(EXPLICIT)?;
            return walk.octets().map(Cms::Signed);
        }
        _ => return None,
    }
    walk.enter(EXPLICIT)?;
    walk.enter(SEQUENCE)?;
    if walk.head()?.tag == INTEGER {
        walk.skip()?;
    }
    if walk.head()?.tag == SET {
        walk.skip()?;
    }
    walk.enter(SEQUENCE)?;
    match walk.object()? {
        ENVELOPED | SIGNED_AND_ENVELOPED | ENCRYPTED | AUTH_ENVELOPED => return Some(Cms::Encrypted),
        COMPRESSED => return Some(Cms::Compressed),
        _ => {}
    }
    // Without content the signature stands for something else.
    let content = walk.enter(EXPLICIT).and_then(|_| walk.octets()).filter(|content| !content.is_empty());
    Some(content.map_or(Cms::Detached, Cms::Signed))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An element with a definite length.
    fn element(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = content.len();
        let mut out = vec![tag];
        match length {
            0..=127 => out.push(length as u8),
            128..=255 => out.extend([0x81, length as u8]),
            _ => out.extend([0x82, (length >> 8) as u8, length as u8]),
        }
        out.extend_from_slice(content);
        out
    }

    /// The same with an indefinite one.
    fn open(tag: u8, content: &[u8]) -> Vec<u8> {
        [&[tag, 0x80][..], content, &[0, 0]].concat()
    }

    fn signed(wrap: fn(u8, &[u8]) -> Vec<u8>, octets: &[u8]) -> Vec<u8> {
        let content = wrap(SEQUENCE, &[element(OBJECT, DATA), wrap(EXPLICIT, octets)].concat());
        let algorithms = wrap(SET, &wrap(SEQUENCE, &element(OBJECT, &[1, 2, 3])));
        let body = wrap(SEQUENCE, &[element(INTEGER, &[1]), algorithms, content, element(SET, &[])].concat());
        wrap(SEQUENCE, &[element(OBJECT, SIGNED), wrap(EXPLICIT, &body)].concat())
    }

    #[test]
    fn what_is_signed_comes_out() {
        let text = b"Content-Type: text/plain\r\n\r\nHello\r\n".repeat(10);
        assert_eq!(read(&signed(element, &element(OCTETS, &text))), Some(Cms::Signed(Cow::Borrowed(&text[..]))));
        let pieces: Vec<u8> = text.chunks(100).flat_map(|piece| element(OCTETS, piece)).collect();
        for octets in [open(OCTETS_IN_PIECES, &pieces), element(OCTETS_IN_PIECES, &pieces)] {
            for bytes in [signed(open, &octets), signed(element, &octets)] {
                assert_eq!(read(&bytes), Some(Cms::Signed(Cow::Owned(text.clone()))));
            }
        }
        let nested = open(OCTETS_IN_PIECES, &open(OCTETS_IN_PIECES, &element(OCTETS, b"in")));
        assert_eq!(read(&signed(open, &nested)), Some(Cms::Signed(Cow::Borrowed(b"in"))));
    }

    #[test]
    fn what_was_cut_off_stays_readable() {
        let bytes = signed(element, &element(OCTETS, &b"x".repeat(1_000)));
        let Some(Cms::Signed(content)) = read(&bytes[..500]) else { panic!("not read") };
        assert!(content.len() > 400 && content.iter().all(|byte| *byte == b'x'));
    }

    #[test]
    fn kinds_that_hold_no_text() {
        let of = |object: &[u8]| element(SEQUENCE, &[element(OBJECT, object), element(EXPLICIT, b"?")].concat());
        assert_eq!(read(&of(ENVELOPED)), Some(Cms::Encrypted));
        assert_eq!(read(&of(AUTH_ENVELOPED)), Some(Cms::Encrypted));
        assert_eq!(read(&of(COMPRESSED)), Some(Cms::Compressed));
        assert_eq!(read(&of(&[1, 2])), None);
        assert_eq!(read(&signed(element, &element(OCTETS, b""))), Some(Cms::Detached));
    }

    #[test]
    fn armour_and_nonsense() {
        let bytes = signed(element, &element(OCTETS, &b"x".repeat(200)));
        let mut base64 = String::new();
        crate::ingest::parse::mail::words::encode_base64(&bytes, &mut base64);
        let pem = format!("-----BEGIN PKCS7-----\n{base64}\n-----END PKCS7-----\n");
        for armoured in [pem.as_bytes(), base64.as_bytes(), &bytes] {
            assert!(matches!(read(&without_armour(armoured)), Some(Cms::Signed(_))));
        }
        for junk in [
            &b""[..],
            b"\x30",
            b"\x30\x80",
            b"\x30\x84\xff\xff\xff\xff",
            &[0x30, 0x80].repeat(50_000),
            &[0x24, 0x80].repeat(9),
        ] {
            assert_eq!(read(junk), None);
        }
    }
}
