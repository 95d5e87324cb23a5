//! One node, read from its words.

use crate::geo::leaves::Leaf;

/// Words of the two bitmaps.
const BITMAPS: usize = 4;

/// How the nodes of a trie are laid out.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    /// The logarithm of how many entries a word holds: 0, 1 or 2.
    packing: u32,
    /// Words before the entries: the bitmaps, and the rule set where there are rules.
    pub(super) head: usize,
}

impl Shape {
    /// For entries up to `largest`.
    pub(super) const fn new(largest: u32, ruled: bool) -> Self {
        Self {
            packing: match largest {
                0..=0xff => 2,
                0x100..=0xffff => 1,
                _ => 0,
            },
            head: BITMAPS + ruled as usize,
        }
    }

    /// Where in a node the word of its rule set is.
    pub(super) const fn rules(self) -> Option<usize> {
        if self.head > BITMAPS {
            Some(BITMAPS)
        } else {
            None
        }
    }

    /// How many words so many entries take.
    pub(super) const fn words(self, entries: usize) -> usize {
        entries.div_ceil(1 << self.packing)
    }

    /// The word of an entry among those of all entries, and by how many bits it is shifted there.
    #[inline]
    pub(super) const fn place(self, entry: u32) -> (usize, u32) {
        let within = entry & ((1 << self.packing) - 1);
        ((entry >> self.packing) as usize, within * self.bits())
    }

    #[inline]
    const fn bits(self) -> u32 {
        32 >> self.packing
    }
}

/// One node, read from its words.
#[derive(Clone, Copy)]
pub(super) struct Node<'t> {
    /// Slots that lead to a node.
    children: u64,
    /// Slots at which a leaf begins.
    runs: u64,
    shape: Shape,
    /// All words from the rule set or the first entry on, and behind them those of other nodes.
    words: &'t [u32],
}

impl<'t> Node<'t> {
    /// The node at the start of these words.
    #[inline]
    pub(super) fn read(words: &'t [u32], shape: Shape) -> Option<Self> {
        let (bitmaps, words) = words.split_first_chunk::<BITMAPS>()?;
        let [child_low, child_high, run_low, run_high] = *bitmaps;
        Some(Self {
            children: u64::from(child_high) << 32 | u64::from(child_low),
            runs: u64::from(run_high) << 32 | u64::from(run_low),
            shape,
            words,
        })
    }

    /// The word of a slot; `depth` is how many bits are followed with it.
    #[inline]
    pub(super) fn word(&self, slot: u32, depth: u8) -> u32 {
        // Entries stand first: every look-up comes to one, and has to count the fewest bits for it.
        if self.children >> slot & 1 == 1 {
            return self.child(rank(self.children, slot));
        }
        let here = self.runs & (2_u64 << slot).wrapping_sub(1);
        let first = here.checked_ilog2().unwrap_or(0);
        let after = (self.runs | self.children) & (u64::MAX << slot << 1);
        // A power of two, as its prefix fills them.
        let slots = after.trailing_zeros().saturating_sub(first);
        let length = depth.saturating_sub(slots.trailing_zeros() as u8);
        Leaf::new(self.entry(rank(self.runs, slot)), length).0
    }

    /// The rule set that holds in it; 0 where there are no rules.
    pub(super) fn rules(&self) -> u32 {
        match self.shape.rules() {
            Some(_) => self.words.first().copied().unwrap_or(0),
            None => 0,
        }
    }

    /// The entries of its leaves.
    pub(super) fn entries(&self) -> impl Iterator<Item = u32> {
        (0..self.runs.count_ones()).map(|number| self.entry(number))
    }

    /// Where the words of its children stand, counted from its first word.
    pub(super) const fn children(&self) -> std::ops::Range<usize> {
        let first = BITMAPS + self.first_child();
        first..first + self.children.count_ones() as usize
    }

    #[inline]
    fn entry(&self, number: u32) -> u32 {
        let (at, shift) = self.shape.place(number);
        let word = self.words.get(self.first() + at).copied().unwrap_or(0);
        word >> shift & u32::MAX >> (32 - self.shape.bits())
    }

    #[inline]
    fn child(&self, number: u32) -> u32 {
        let at = self.first_child() + number as usize;
        self.words.get(at).copied().unwrap_or(0)
    }

    #[inline]
    const fn first_child(&self) -> usize {
        self.first() + self.shape.words(self.runs.count_ones() as usize)
    }

    #[inline]
    const fn first(&self) -> usize {
        self.shape.head - BITMAPS
    }
}

/// How many bits are set before the last one that is set at or below `slot`.
#[inline]
const fn rank(bits: u64, slot: u32) -> u32 {
    (bits & (2_u64 << slot).wrapping_sub(1))
        .count_ones()
        .saturating_sub(1)
}
