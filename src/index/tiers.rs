//! Which pieces of an index become one: eight of a size (powers of eight) become one of the next, so that a search looks
//! into few of them and every posting is rewritten a handful of times in its life. Pure; called by both engines' `tidy`.

/// Pieces of one size that become one.
pub(crate) const FAN_IN: usize = 8;
/// Pieces merged at once at most.
pub(crate) const MOST_AT_ONCE: usize = 4 * FAN_IN;
/// Segments of this many chunks, and blocks of this many vectors, are not merged any further.
pub(crate) const LARGEST: i64 = 1 << 21;
/// Segments with more than this share of removed chunks are rewritten.
pub(crate) const ROTTEN: f64 = 0.3;
/// Smaller segments are held in memory; larger ones lie in files.
pub(crate) const LEAST_FILE_BYTES: usize = 1 << 20;
/// Vectors of a block that is packed while documents come in.
pub(crate) const BLOCK: i64 = 4_096;
/// Vectors of a block that is packed when there is time.
pub(crate) const SMALL_BLOCK: i64 = 512;
/// Vectors packed at once at most.
pub(crate) const LARGEST_BLOCK: i64 = 16_384;
/// When there is time, segments of fewer chunks become one as soon as there are [`FAN_IN`] of them, whatever their sizes.
const SMALL: i64 = 32_768;

/// A piece: a segment of words, or a block of vectors.
pub(crate) trait Piece: Clone {
    /// Its chunks or vectors.
    fn size(&self) -> i64;
}

fn tier(size: i64) -> u32 {
    size.unsigned_abs().max(1).ilog(FAN_IN as u64)
}

/// The pieces of the smallest size that has enough of them.
pub(crate) fn full_tier<P: Piece>(pieces: &[P]) -> Vec<P> {
    let of = |wanted| pieces.iter().filter(move |piece| tier(piece.size()) == wanted);
    let full = (0..tier(LARGEST)).find(|wanted| of(*wanted).count() >= FAN_IN);
    full.map(|wanted| of(wanted).take(MOST_AT_ONCE).cloned().collect()).unwrap_or_default()
}

/// Small segments, when there are enough of them together.
pub(crate) fn small<P: Piece>(pieces: &[P]) -> Vec<P> {
    let small: Vec<P> = pieces.iter().filter(|piece| piece.size() < SMALL).take(MOST_AT_ONCE).cloned().collect();
    if small.len() >= FAN_IN { small } else { Vec::new() }
}

/// Eight blocks of one size that follow each other.
pub(crate) fn side_by_side<P: Piece>(pieces: &[P]) -> Option<&[P]> {
    pieces.windows(FAN_IN).find(|group| {
        let first = tier(group[0].size());
        first < tier(LARGEST) && group.iter().all(|piece| tier(piece.size()) == first)
    })
}

/// Whether most of what a model's blocks hold is gone: they are made anew from what is left.
pub(crate) fn are_rotten(packed: i64, held: i64) -> bool {
    packed > 2 * held.max(BLOCK)
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Piece for (usize, i64) {
        fn size(&self) -> i64 {
            self.1
        }
    }

    /// Pieces of these sizes.
    fn pieces(sizes: &[i64]) -> Vec<(usize, i64)> {
        (0..).zip(sizes.iter().copied()).collect()
    }

    #[test]
    fn eight_of_a_size_are_merged_smallest_first() {
        let of = |sizes: &[i64]| full_tier(&pieces(sizes)).into_iter().map(|(at, _)| at).collect::<Vec<_>>();
        assert!(of(&[1, 2, 3, 4, 5, 6, 7]).is_empty());
        assert_eq!(of(&[1, 2, 3, 900, 4, 5, 6, 7, 1]), [0, 1, 2, 4, 5, 6, 7, 8]);
        assert_eq!(of(&[64; 8]).len(), 8);
        assert!(of(&[LARGEST; 30]).is_empty());
    }

    #[test]
    fn many_small_ones_of_all_sizes_become_one_when_there_is_time() {
        assert_eq!(small(&pieces(&[1, 9, 70, 600, 5000, 40_000, 1, 9, 70])).len(), 8);
        assert!(small(&pieces(&[1, 9, 70, 600, 5000, 40_000, 1])).is_empty());
    }

    #[test]
    fn blocks_are_merged_with_their_neighbours() {
        let of = |sizes: &[i64]| side_by_side(&pieces(sizes)).map(|group| group[0].0);
        assert_eq!(of(&[4096, 600, 600, 600, 600, 600, 600, 600, 600]), Some(1));
        assert_eq!(of(&[600, 600, 600, 600, 5000, 600, 600, 600, 600]), None);
    }
}
