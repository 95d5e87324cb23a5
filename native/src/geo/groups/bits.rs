//! Fields of bits in words, the lowest of a word first.

/// The bits from `at` on: 33 at least are right, those behind a field are to be masked.
#[inline]
pub(super) fn field(words: &[u32], at: usize) -> u64 {
    match words.get(at / 32..).and_then(<[u32]>::first_chunk) {
        Some([low, high]) => (u64::from(*high) << 32 | u64::from(*low)) >> (at % 32),
        None => 0,
    }
}

/// How many bits numbers up to `largest` take.
pub(super) const fn width(largest: u32) -> usize {
    (u32::BITS - largest.leading_zeros()) as usize
}

/// Words that are written field by field.
#[derive(Default)]
pub(super) struct Writer {
    pub(super) words: Vec<u32>,
    /// Bits that fill no word yet, and how many.
    left: u64,
    bits: usize,
}

impl Writer {
    /// Append a number of at most 32 bits.
    #[inline]
    pub(super) fn push(&mut self, number: u32, bits: usize) {
        self.left |= u64::from(number) << self.bits;
        self.bits += bits;
        if self.bits >= 32 {
            self.words.push(self.left as u32);
            self.left >>= 32;
            self.bits -= 32;
        }
    }

    /// Fill the last word with zeros.
    pub(super) fn align(&mut self) {
        if self.bits > 0 {
            self.words.push(self.left as u32);
        }
        (self.left, self.bits) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_every_width_are_read_back() {
        for bits in 0..=32_usize {
            let number = |n: u32| n.wrapping_mul(0x9e37_79b9) & ((1_u64 << bits) - 1) as u32;
            let mut writer = Writer::default();
            (0..100).for_each(|n| writer.push(number(n), bits));
            writer.align();
            writer.push(0, 32);
            for n in 0..100 {
                let found = field(&writer.words, n as usize * bits) & ((1_u64 << bits) - 1);
                assert_eq!(found, u64::from(number(n)), "{bits} bits");
            }
        }
        assert_eq!((width(0), width(1), width(255), width(256)), (0, 1, 8, 9));
    }
}
