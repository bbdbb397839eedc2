//! Variable-length integers: seven bits a byte, the lowest first. Pure; called by everything that packs.

/// Appends an integer.
pub(crate) fn put(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push((value as u8) | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// Reads what [`put`] wrote and moves `at` past it; past the end it reads zeros.
#[inline]
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

/// Moves `at` past `count` integers, or to the end.
pub(crate) fn skip(bytes: &[u8], at: &mut usize, count: u32) {
    let mut left = count;
    while left > 0 {
        let Some(byte) = bytes.get(*at) else { return };
        *at += 1;
        left -= u32::from(byte & 0x80 == 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_come_back_and_damage_reads_zeros() {
        let values = [0, 1, 127, 128, 300, 1 << 35, u64::MAX];
        let mut bytes = Vec::new();
        for value in values {
            put(&mut bytes, value);
        }
        let mut at = 0;
        assert!(values.iter().all(|value| take(&bytes, &mut at) == *value));
        assert_eq!((at, take(&bytes, &mut at)), (bytes.len(), 0));
        let mut at = 0;
        skip(&bytes, &mut at, 3);
        assert_eq!(take(&bytes, &mut at), 128);
        skip(&bytes, &mut at, 99);
        assert_eq!(at, bytes.len());
        assert_eq!(take(&[0x80; 20], &mut 0), 0);
    }
}
