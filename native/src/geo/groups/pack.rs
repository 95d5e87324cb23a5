//! Gathering leaves into groups, by two threads.

use super::bits::{Writer, width};
use super::header::{Header, QUARTER};
use super::{DEEPEST, Groups, MOST, Shape};
use crate::geo::leaves::{Leaf, LeafSource, unit};
use std::ops::Range;
use std::thread;

/// Leaves in groups.
pub struct Packed {
    /// What a trie is made of: leaves that stand alone, and, for each group, one whose entry is
    /// [`Packed::first`] and the place of that group.
    pub tiles: Vec<Leaf>,
    /// The first number that is no entry.
    pub first: u32,
    /// The groups.
    pub groups: Groups,
}

/// Gather leaves, which cover the whole space, into the largest groups that they can have. None where
/// groups need more places than a leaf can name.
#[must_use]
pub fn pack(leaves: &(impl LeafSource + ?Sized), ruled: bool) -> Option<Packed> {
    let (count, mut largest) = (leaves.count(), 0);
    let (middle, mut end) = (count / 2, 0_u128);
    for (at, leaf) in (0..count).filter_map(|at| Some((at, leaves.leaf(at)?))) {
        largest = largest.max(leaf.entry());
        if at < middle {
            end = end.wrapping_add(unit(leaf.length()));
        }
    }
    let shape = Shape {
        entry: width(largest),
        head: 1 + usize::from(ruled),
    };
    let first = largest + 1;
    let half = |within, start| Packer::new(leaves, shape, first).packed(within, start);
    let (lower, upper) = thread::scope(|scope| {
        let other = scope.spawn(|| half(middle..count, end));
        (half(0..middle, 0), other.join())
    });
    let (mut lower, upper) = (lower?, upper.ok()??);
    let moved = u32::try_from(lower.out.words.len()).ok()?;
    lower.tiles.reserve_exact(upper.tiles.len());
    for tile in upper.tiles {
        lower.tiles.push(match tile.entry().checked_sub(first) {
            Some(place) => Leaf::new(named(first, place.checked_add(moved)?)?, tile.length()),
            None => tile,
        });
    }
    let mut words = lower.out.words;
    words.reserve_exact(upper.out.words.len() + BEHIND);
    words.extend(upper.out.words);
    // Whatever is read as the field of a group ends before these, and no group begins there.
    words.extend([0; BEHIND]);
    Some(Packed {
        tiles: lower.tiles,
        first,
        groups: Groups {
            words: words.into_boxed_slice(),
            shape,
        },
    })
}

/// Words behind all groups.
pub(super) const BEHIND: usize = 2;

/// The entry of the tile that finds the group at a place.
fn named(first: u32, place: u32) -> Option<u32> {
    place.checked_add(first).filter(|tile| tile >> 24 == 0)
}

/// Leaves that fill one prefix, and may be one group: the number of the first (40 bits), how many, the
/// length of the prefix and the longest of the leaves' (8 bits each). In one word, as it is read just after
/// it was written, which waits where the two are not of one size.
#[derive(Clone, Copy)]
struct Piece(u64);

impl Piece {
    const fn of(from: usize, count: usize, length: u8, deepest: u8) -> Self {
        Self((from as u64) << 24 | (count as u64) << 16 | (length as u64) << 8 | deepest as u64)
    }

    const fn from(self) -> usize {
        (self.0 >> 24) as usize
    }

    const fn count(self) -> usize {
        (self.0 >> 16) as u8 as usize
    }

    const fn length(self) -> u8 {
        (self.0 >> 8) as u8
    }

    const fn deepest(self) -> u8 {
        self.0 as u8
    }
}

struct Packer<'l, L: ?Sized> {
    leaves: &'l L,
    shape: Shape,
    first: u32,
    tiles: Vec<Leaf>,
    out: Writer,
    /// Behind one another, each of which but the last is the lower half of a prefix that the others lie in.
    pieces: Vec<Piece>,
    /// The entries of the group at hand.
    distinct: Vec<u32>,
}

impl<'l, L: LeafSource + ?Sized> Packer<'l, L> {
    fn new(leaves: &'l L, shape: Shape, first: u32) -> Self {
        Self {
            leaves,
            shape,
            first,
            tiles: Vec::new(),
            out: Writer::default(),
            pieces: Vec::new(),
            distinct: Vec::with_capacity(MOST),
        }
    }

    /// Itself, once these leaves are packed, the first of which begins at `start`. What lies in one
    /// prefix with leaves before or behind them stands in groups of its own.
    fn packed(mut self, within: Range<usize>, mut start: u128) -> Option<Self> {
        let leaves = self.leaves;
        for at in within {
            let length = leaves.leaf(at)?.length();
            self.join(Piece::of(at, 1, length, length), start)?;
            start = start.wrapping_add(unit(length));
        }
        self.settle()?;
        Some(self)
    }

    /// Take the next piece, whose last leaf begins at `start`, joined with its lower half as long as it is an
    /// upper one.
    fn join(&mut self, next: Piece, start: u128) -> Option<()> {
        let mut upper = next;
        while upper.length() > 0 && start & unit(upper.length()) != 0 {
            let lower = self.pieces.pop();
            match lower.and_then(|lower| joined(lower, upper)) {
                Some(both) => upper = both,
                // Where the lower half is no piece any more, this is as large as it becomes.
                None => {
                    self.pieces.extend(lower.into_iter().chain([upper]));
                    return self.settle();
                }
            }
        }
        self.pieces.push(upper);
        Some(())
    }

    /// Make tiles of all pieces: none will be joined with what follows.
    fn settle(&mut self) -> Option<()> {
        let mut pieces = std::mem::take(&mut self.pieces);
        for piece in pieces.drain(..) {
            let tile = if piece.count() == 1 {
                self.leaves.leaf(piece.from())?
            } else {
                self.group(piece)?
            };
            self.tiles.push(tile);
        }
        // Their memory is used again.
        self.pieces = pieces;
        Some(())
    }

    /// Write a group, and give the tile that finds it.
    fn group(&mut self, piece: Piece) -> Option<Leaf> {
        let place = u32::try_from(self.out.words.len()).ok()?;
        let tile = named(self.first, place)?;
        let count = piece.count();
        let (mut indices, mut quarters) = ([0_u32; MOST], [0_usize; 4]);
        let (deepest, mut address) = (piece.deepest() - piece.length(), 0_u32);
        self.distinct.clear();
        let leaves = || (piece.from()..piece.from() + count).filter_map(|at| self.leaves.leaf(at));
        for ((number, leaf), index) in leaves().enumerate().zip(&mut indices) {
            let known = self
                .distinct
                .iter()
                .position(|entry| *entry == leaf.entry());
            *index = known.unwrap_or(self.distinct.len()) as u32;
            if known.is_none() {
                self.distinct.push(leaf.entry());
            }
            let end = address + (1 << (DEEPEST - (leaf.length() - piece.length())));
            for quarter in address.div_ceil(1 << QUARTER)..end.div_ceil(1 << QUARTER) {
                *quarters.get_mut(quarter as usize)? = number;
            }
            // It fills what it begins.
            address = end;
        }
        // Eight sizes take three bits.
        let shallowest = leaves().map(Leaf::length).min().unwrap_or(piece.deepest());
        let part_bits = if piece.deepest() - shallowest < 8 {
            3
        } else {
            4
        };
        let index_bits = width(self.distinct.len() as u32 - 1);
        self.out.push(
            Header::word(deepest, part_bits, count, index_bits, quarters),
            32,
        );
        if self.shape.head > 1 {
            self.out.push(0, 32);
        }
        for leaf in leaves() {
            let part = u32::from(piece.deepest() - leaf.length());
            self.out.push(part, part_bits);
        }
        for index in indices.iter().take(count) {
            self.out.push(*index, index_bits);
        }
        for entry in &self.distinct {
            self.out.push(*entry, self.shape.entry);
        }
        self.out.align();
        Some(Leaf::new(tile, piece.length()))
    }
}

/// Two halves as one piece; None where that is too large for a group.
fn joined(lower: Piece, upper: Piece) -> Option<Piece> {
    let (length, deepest) = (
        lower.length().checked_sub(1)?,
        lower.deepest().max(upper.deepest()),
    );
    let count = lower.count() + upper.count();
    let fits = count <= MOST && deepest - length <= DEEPEST;
    fits.then_some(Piece::of(lower.from(), count, length, deepest))
}
