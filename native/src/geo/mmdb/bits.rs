//! Sets of offsets into a data section, one bit each.

/// Offsets below a fixed size.
#[derive(Clone)]
pub struct Bits {
    words: Vec<u64>,
}

impl Bits {
    /// None of the offsets below `size`; that itself has room too.
    #[must_use]
    pub fn new(size: usize) -> Self {
        Self {
            words: vec![0; size / 64 + 1],
        }
    }

    /// Put an offset in; whether it is new. One beyond the size never is.
    #[inline]
    pub fn insert(&mut self, offset: usize) -> bool {
        let Some(word) = self.words.get_mut(offset / 64) else {
            return false;
        };
        let before = *word;
        *word |= 1 << (offset % 64);
        before != *word
    }

    /// Take an offset out.
    pub fn remove(&mut self, offset: usize) {
        if let Some(word) = self.words.get_mut(offset / 64) {
            *word &= !(1 << (offset % 64));
        }
    }

    /// Put in all that another set of this size has.
    pub fn join(&mut self, other: &Self) {
        for (word, more) in self.words.iter_mut().zip(&other.words) {
            *word |= more;
        }
    }

    /// Whether an offset is in.
    #[must_use]
    #[inline]
    pub fn holds(&self, offset: usize) -> bool {
        self.words
            .get(offset / 64)
            .is_some_and(|word| word >> (offset % 64) & 1 == 1)
    }

    /// The offsets, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        (0_u32..).zip(&self.words).flat_map(|(number, &word)| {
            let mut left = word;
            std::iter::from_fn(move || {
                let bit = left.trailing_zeros();
                left &= left.wrapping_sub(1);
                (bit < 64).then_some(number << 6 | bit)
            })
        })
    }
}

/// A finished set in which each offset has its rank.
pub struct Ranked {
    /// 64 offsets, and how many stand below them: side by side, as they are read together.
    words: Vec<(u64, u32)>,
}

impl Ranked {
    /// Count through `bits`.
    #[must_use]
    pub fn new(bits: &Bits) -> Self {
        let mut count = 0;
        let words = bits
            .words
            .iter()
            .map(|&word| {
                let before = count;
                count += word.count_ones();
                (word, before)
            })
            .collect();
        Self { words }
    }

    /// How many offsets of the set are less than `offset`, if it is in the set.
    #[must_use]
    #[inline]
    pub fn rank(&self, offset: usize) -> Option<usize> {
        let (word, below) = *self.words.get(offset / 64)?;
        let bit = offset % 64;
        if word >> bit & 1 == 0 {
            return None;
        }
        let within = (word & ((1 << bit) - 1)).count_ones();
        Some((below + within) as usize)
    }

    /// Octets of memory.
    #[must_use]
    pub fn size(&self) -> usize {
        size_of_val(&*self.words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_come_out_in_order_with_their_ranks() {
        let mut bits = Bits::new(300);
        let offsets = [299, 0, 63, 64, 128];
        assert!(offsets.iter().all(|&offset| bits.insert(offset)));
        assert!(!bits.insert(63) && !bits.insert(10_000));
        assert!(bits.holds(64) && !bits.holds(65));
        assert!(bits.insert(65));
        bits.remove(65);
        bits.remove(10_000);
        assert!(!bits.holds(65));
        assert_eq!(bits.iter().collect::<Vec<_>>(), [0, 63, 64, 128, 299]);
        let ranked = Ranked::new(&bits);
        assert_eq!(ranked.rank(128), Some(3));
        assert_eq!(ranked.rank(129), None);
        assert_eq!(ranked.rank(9_999), None);
    }
}
