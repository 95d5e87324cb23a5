//! Where the blocks of a region's clients stand in the order in which they are sent on: `Positions`
//! of `resolverd/policy/share.py`.

use crate::tables::image::Reader;
use crate::tables::records::SteeringHead;

/// What stands for the draws of one region's clients.
pub(super) struct Positions {
    /// Of the light blocks, by ranges of equal length of their draws; there is one at least.
    bins: Box<[f64]>,
    /// Of the blocks that have one of their own, in ascending order of their words.
    heavy: Box<[(u64, f64)]>,
}

impl Positions {
    /// All that an image has.
    pub(super) fn read(
        from: &mut Reader<'_>,
        head: &SteeringHead,
    ) -> Result<Box<[Self]>, &'static str> {
        let counts = from.records(head.positions, 8, |from| {
            Ok((from.u32()? as usize, from.u32()? as usize))
        })?;
        let mut bins = from.records(head.bins, 8, Reader::f64)?.into_iter();
        let heavy = from.records(head.heavy, 16, |from| Ok((from.u64()?, from.f64()?)))?;
        let mut heavy = heavy.into_iter();
        let mut positions = Vec::with_capacity(counts.len());
        for (bin_count, heavy_count) in counts {
            let one = Self {
                bins: bins.by_ref().take(bin_count).collect(),
                heavy: heavy.by_ref().take(heavy_count).collect(),
            };
            if one.bins.len() != bin_count || one.bins.is_empty() {
                return Err("positions have no bins");
            }
            if one.heavy.len() != heavy_count
                || !one
                    .heavy
                    .is_sorted_by(|(before, _), (word, _)| before < word)
            {
                return Err("heavy blocks are missing, or not in order");
            }
            positions.push(one);
        }
        if bins.next().is_some() || heavy.next().is_some() {
            return Err("there are bins or heavy blocks of no positions");
        }
        Ok(positions.into())
    }

    /// The position of the block of this word.
    pub(super) fn of(&self, word: u64) -> f64 {
        let own = self.heavy.binary_search_by_key(&word, |(word, _)| *word);
        let found = match own {
            Ok(at) => self.heavy.get(at).map(|(_, position)| *position),
            Err(_) => {
                let bin = (word >> 32).wrapping_mul(self.bins.len() as u64) >> 32;
                self.bins.get(bin as usize).copied()
            }
        };
        found.unwrap_or(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_stands_where_its_own_position_is_or_else_where_its_bin_is() {
        let positions = Positions {
            bins: [0.25, 0.75].into(),
            heavy: [(7, 0.5), (1 << 63, 0.125)].into(),
        };
        let found = [0, 7, (1 << 63) - 1, 1 << 63, u64::MAX].map(|word| positions.of(word));
        assert_eq!(found, [0.25, 0.5, 0.25, 0.125, 0.75]);
    }
}
