//! BM25 and the packing of postings: what every engine's words leg computes alike.
//!
//! Called by `sqlite::search` and `postgres::search`. Pure.

/// BM25's saturation of repeated words (Robertson and Zaragoza, 2009, usual value).
pub(crate) const K1: f32 = 1.2;
/// BM25's weight of length.
pub(crate) const B: f32 = 0.75;

/// Weight of a term that `matching` of `total` chunks hold: ln(1 + (N − n + 0.5) / (n + 0.5)).
pub(crate) fn idf(total: u64, matching: u64) -> f32 {
    let (total, matching) = (total.max(matching) as f64, matching as f64);
    (1.0 + (total - matching + 0.5) / (matching + 0.5)).ln() as f32
}

/// What the length of a chunk does to its scores, K1 × (1 − b + b × length / mean), without dividing for every posting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lengths {
    base: f32,
    per_token: f32,
}

impl Lengths {
    /// For chunks of `mean_length` word pieces on average, at least 1.
    pub(crate) fn of(mean_length: f32) -> Self {
        Self { base: K1 * (1.0 - B), per_token: K1 * B / mean_length }
    }

    /// The factor of a chunk of `length` word pieces.
    pub(crate) fn factor(self, length: u32) -> f32 {
        self.base + self.per_token * length as f32
    }
}

/// What a term that stands `frequency` times adds in a chunk with this length factor.
pub(crate) fn bm25(idf: f32, frequency: u32, length_factor: f32) -> f32 {
    let frequency = frequency as f32;
    idf * frequency * (K1 + 1.0) / (frequency + length_factor)
}

/// Appends a variable-length integer: seven bits a byte, the lowest first.
pub(crate) fn put(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push((value as u8) | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// Reads what [`put`] wrote and moves `at` past it; past the end it reads zeros.
pub(crate) fn take(bytes: &[u8], at: &mut usize) -> u64 {
    let mut value = 0_u64;
    let mut shift = 0;
    while let Some(byte) = bytes.get(*at) {
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 || shift >= 63 {
            break;
        }
        shift += 7;
    }
    value
}

/// Appends one posting: the gap to the place before (the place itself for the first), then the frequency.
/// Most terms stand once, so a frequency of 1 is told by the gap's lowest bit.
pub(crate) fn put_posting(bytes: &mut Vec<u8>, gap: u32, frequency: u32) {
    put(bytes, u64::from(gap) << 1 | u64::from(frequency == 1));
    if frequency != 1 {
        put(bytes, u64::from(frequency));
    }
}

/// Calls `with` for every one of `count` postings: place and frequency.
pub(crate) fn each_posting(bytes: &[u8], count: u32, mut with: impl FnMut(usize, u32)) {
    let mut at = 0;
    let mut place = 0_u64;
    for _ in 0..count {
        let head = take(bytes, &mut at);
        place += head >> 1;
        let frequency = if head & 1 == 1 { 1 } else { take(bytes, &mut at) as u32 };
        with(place as usize, frequency);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn postings_come_back_as_they_went_in() {
        let entries = [(0, 1), (1, 5), (2, 1), (300, 200), (1_000_000, 1)];
        let (mut bytes, mut last) = (Vec::new(), 0);
        for (place, frequency) in entries {
            put_posting(&mut bytes, place - last, frequency);
            last = place;
        }
        let mut back = Vec::new();
        each_posting(&bytes, 5, |place, frequency| back.push((place as u32, frequency)));
        assert_eq!(back, entries);
    }

    #[test]
    fn rare_terms_weigh_more_and_repetition_saturates() {
        assert!(idf(1000, 3) > idf(1000, 300));
        assert!(idf(10, 10) > 0.0);
        let mean = Lengths::of(100.0).factor(100);
        let (once, twice, often) = (bm25(1.0, 1, mean), bm25(1.0, 2, mean), bm25(1.0, 50, mean));
        assert!((once - 1.0).abs() < 1e-6 && twice > once && often < K1 + 1.0);
        assert!(bm25(1.0, 1, Lengths::of(100.0).factor(50)) > once);
    }

    #[test]
    fn damaged_bytes_end() {
        let mut at = 0;
        take(&[0xff; 30], &mut at);
        assert_eq!(take(&[], &mut at), 0);
    }
}
