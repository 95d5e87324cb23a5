//! What blocks draw among regions, bit for bit as `resolverd/policy/ranking.py` and
//! `resolverd/policy/share.py` have it: the same operations in the same order, and the same libm.

use super::ranking::Region;
use crate::wire::prefix::Prefix;

/// The finaliser of `SplitMix64`.
#[must_use]
#[inline]
pub const fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ bits >> 31
}

/// 64 bits that stand for a block.
#[must_use]
#[inline]
pub const fn mix_block(block: Prefix) -> u64 {
    let (high, low) = ((block.address >> 64) as u64, block.address as u64);
    mix(mix(high ^ block.length as u64) ^ low)
}

/// The 64 bits of which a block's draw is made: `draw_word` of `resolverd/policy/share.py`.
#[must_use]
pub const fn draw_word(block: Prefix) -> u64 {
    const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
    mix(mix_block(block) ^ SEED)
}

/// The draw that is made of them, from 0 to below 1.
#[must_use]
pub const fn draw_of_word(word: u64) -> f64 {
    const UNIT: f64 = 1.0 / (1_u64 << 53) as f64;
    (word >> 11) as f64 * UNIT
}

/// What draws a region for blocks in proportion to its capacity.
#[derive(Clone, Copy, Debug)]
pub struct Drawn {
    /// Above 0.
    pub capacity: f64,
    /// `region_seed` of its name.
    pub seed: u64,
}

/// An exponential variate of rate 1 that a block has for a region: `_variate` of
/// `resolverd/policy/ranking.py`.
#[inline]
fn variate(mixed: u64, seed: u64) -> f64 {
    let uniform = ((mix(mixed ^ seed) >> 11) as f64 + 0.5) * (1.0 / 9_007_199_254_740_992.0);
    -uniform.ln()
}

/// The score of a region that is drawn by capacity, as `spread` of `resolverd/policy/ranking.py`
/// has it; the least comes first.
#[must_use]
#[inline]
pub fn spread_score(mixed: u64, region: &Drawn) -> f64 {
    variate(mixed, region.seed) / region.capacity
}

/// One region's score, `_score` of `resolverd/policy/ranking.py`: whether it is a last resort, and an exponential variate; least first.
#[must_use]
#[inline]
pub fn score(mixed: u64, region: &Region) -> (bool, f64) {
    let variate = variate(mixed, region.seed);
    (region.weight == 0.0, variate / region.weight.max(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::prefix::Family;

    #[test]
    fn blocks_mix_as_the_lazy_map_mixes_them() {
        let v4 = Prefix::new(Family::V4, 10 << 120, 24);
        let v6 = Prefix::new(Family::V6, 0x2001_0db8 << 96, 48);
        assert_eq!(mix_block(v4), MIXED_V4);
        assert_eq!(mix_block(v6), MIXED_V6);
    }

    const MIXED_V4: u64 = 0x86e25a2f57e7f8fe;
    const MIXED_V6: u64 = 0xfb7aef38012a8260;
}
