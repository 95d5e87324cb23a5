//! Blocks of clients, and the order that a block's draws give to regions.

use super::draws::{Drawn, mix_block, score, spread_score};
use super::ranking::Region;
use crate::wire::prefix::{Family, Prefix};

/// Memory for draws: of each region whether it comes last, its score, and its index.
pub type Scores = Vec<(bool, f64, u8)>;

/// How many bits a block has that keeps one draw.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Blocks {
    /// Of an IPv4 block.
    pub v4: u8,
    /// Of an IPv6 block.
    pub v6: u8,
}

/// The block that a client lies in, of the family looked up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Block {
    /// The block; of a client shorter than that, the client.
    pub prefix: Prefix,
    /// Its bits in the family asked.
    pub scope: u8,
}

impl Blocks {
    /// How many bits a block of this family has.
    #[inline]
    #[must_use]
    pub const fn bits(self, family: Family) -> u8 {
        match family {
            Family::V4 => self.v4,
            Family::V6 => self.v6,
        }
    }

    /// The block around a client that is extracted already.
    #[inline]
    #[must_use]
    pub fn around(self, client: Prefix) -> Prefix {
        let length = self.bits(client.family).min(client.length);
        Prefix::new(client.family, client.address, length)
    }
}

/// Put `allowed`, which is in the order of the service, into that of the block's scores.
pub fn order_by_weight(allowed: &mut [u8], regions: &[Region], block: Prefix, scores: &mut Scores) {
    let mixed = mix_block(block);
    scores.clear();
    scores.extend(allowed.iter().filter_map(|index| {
        let (last, score) = score(mixed, regions.get(usize::from(*index))?);
        Some((last, score, *index))
    }));
    scores.sort_unstable_by(|a, b| {
        (a.0.cmp(&b.0))
            .then(a.1.total_cmp(&b.1))
            .then(a.2.cmp(&b.2))
    });
    for (to, (_, _, index)) in allowed.iter_mut().zip(scores) {
        *to = *index;
    }
}

/// Put `own`, which is in the order of the service, into that of the block's draws by capacity.
pub fn order_by_capacity(own: &mut [u8], regions: &[Drawn], block: Prefix, scores: &mut Scores) {
    let mixed = mix_block(block);
    scores.clear();
    scores.extend(own.iter().filter_map(|index| {
        let score = spread_score(mixed, regions.get(usize::from(*index))?);
        Some((false, score, *index))
    }));
    scores.sort_unstable_by(|a, b| a.1.total_cmp(&b.1).then(a.2.cmp(&b.2)));
    for (to, (_, _, index)) in own.iter_mut().zip(scores) {
        *to = *index;
    }
}
