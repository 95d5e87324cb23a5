//! What becomes of a kept group in which two parts are swapped by hand.

use super::bits::{Writer, field, width};
use super::header::Header;
use super::{DEEPEST, Groups, Lying, Packed, Suited, pack};
use crate::geo::leaves::Leaf;

/// Of leaves, as many bits as they are longer than their group's prefix.
const LENGTHS: [u8; 11] = [3, 4, 4, 4, 4, 3, 2, 3, 5, 5, 4];
const ENTRIES: [u32; 11] = [5, 0, 5, 2, 6, 1, 0, 3, 4, 5, 2];
const ROWS: u32 = 7;
/// The length of a group's prefix.
const PREFIX: u8 = 1;

/// A group read the slow way, field by field.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Parts {
    deepest: u8,
    /// The leaf in which each quarter begins.
    quarters: [usize; 4],
    rules: Vec<u32>,
    /// How much each leaf fills, as a logarithm of the smallest part.
    fills: Vec<u32>,
    /// Which of the entries each leaf has.
    indices: Vec<u32>,
    entries: Vec<u32>,
}

impl Parts {
    fn read(words: &[u32], head: usize, entry_bits: usize) -> Option<Self> {
        let header = Header::read(*words.first()?)?;
        let mut at = 32 * head;
        let mut fields = |count: usize, bits: usize| -> Vec<u32> {
            let found = (0..count)
                .map(|n| (field(words, at + n * bits) & ((1 << bits) - 1)) as u32)
                .collect();
            at += count * bits;
            found
        };
        let fills = fields(header.count, header.part_bits);
        let indices = fields(header.count, header.index_bits);
        let different = indices.iter().max()? + 1;
        Some(Self {
            deepest: header.deepest,
            quarters: [0, 1, 2, 3].map(|quarter| header.first_of_quarter(quarter)),
            rules: words.get(1..head)?.to_vec(),
            entries: fields(different as usize, entry_bits),
            fills,
            indices,
        })
    }

    fn written(&self, entry_bits: usize) -> Vec<u32> {
        let part_bits = 3;
        let index_bits = width(self.entries.len() as u32 - 1);
        let count = self.fills.len();
        let mut out = Writer::default();
        out.push(
            Header::word(self.deepest, part_bits, count, index_bits, self.quarters),
            32,
        );
        self.rules.iter().for_each(|word| out.push(*word, 32));
        self.fills
            .iter()
            .for_each(|fill| out.push(*fill, part_bits));
        self.indices
            .iter()
            .for_each(|index| out.push(*index, index_bits));
        self.entries
            .iter()
            .for_each(|entry| out.push(*entry, entry_bits));
        out.align();
        out.words
    }

    /// The leaf around an address of `DEEPEST` bits: what leaves fill is added up from the first one.
    fn leaf(&self, address: u32) -> Option<Leaf> {
        let mut end = 0;
        for (fill, index) in self.fills.iter().zip(&self.indices) {
            end += 1 << (*fill + u32::from(DEEPEST - self.deepest));
            if address < end {
                let entry = self.entries.get(*index as usize)?;
                return Some(Leaf::new(*entry, PREFIX + self.deepest - *fill as u8));
            }
        }
        None
    }
}

/// The whole space as two groups, of a half each: `pack` parts what it packs.
fn packed(ruled: bool) -> Packed {
    let half = |added: u32| {
        (LENGTHS.iter().zip(ENTRIES))
            .map(move |(length, entry)| Leaf::new((entry + added) % ROWS, length + PREFIX))
    };
    let leaves: Vec<_> = half(0).chain(half(1)).collect();
    let packed = pack(&leaves[..], ruled).expect("so few have places");
    assert_eq!(packed.tiles.len(), 2);
    assert_eq!(packed.tiles[0], Leaf::new(packed.first, PREFIX));
    packed
}

/// Whether these words are taken; then each address of either group has the leaf that it has by
/// adding up.
fn is_taken(words: &[u32], like: &Packed, ruled: bool) -> bool {
    let shape = like.groups.shape;
    let octets: Vec<_> = words.iter().map(|word| word.to_le_bytes()).collect();
    let lying = Lying {
        shape: [shape.entry as u8, shape.head as u8],
        words: &octets,
    };
    let suited = Suited {
        tiles: &like.tiles,
        first: like.first,
        rows: ROWS,
        bits: 32,
        ruled,
    };
    let Some((groups, _)) = Groups::load(&lying, &suited) else {
        return false;
    };
    for tile in &like.tiles {
        let place = tile.entry() - like.first;
        let group = words.get(place as usize..).unwrap_or_default();
        let slow = Parts::read(group, shape.head, shape.entry).expect("what is taken can be read");
        for address in (0..1 << DEEPEST).step_by(1 << (DEEPEST - 7)) {
            let rest = u128::from(address) << (128 - u32::from(DEEPEST));
            let found = groups.leaf(place, PREFIX, rest);
            assert_eq!(Some(found), slow.leaf(address), "{slow:?}");
        }
    }
    true
}

/// Each two of a list, swapped.
fn swapped<T: Clone + PartialEq>(parts: &[T]) -> Vec<Vec<T>> {
    let mut found = Vec::new();
    for first in 0..parts.len() {
        for second in first + 1..parts.len() {
            let mut other = parts.to_vec();
            other.swap(first, second);
            if other != parts {
                found.push(other);
            }
        }
    }
    found
}

/// How many are taken of the first group with each two of these parts swapped, and of how many.
fn taken<T: Clone + PartialEq>(ruled: bool, of: impl Fn(&mut Parts) -> &mut [T]) -> (usize, usize) {
    let like = packed(ruled);
    let (words, shape) = (&like.groups.words, like.groups.shape);
    let parts = Parts::read(words, shape.head, shape.entry).expect("a group");
    let written = parts.written(shape.entry);
    let others = swapped(of(&mut parts.clone()));
    let is_taken = |other: &&Vec<T>| {
        let mut changed = parts.clone();
        of(&mut changed).clone_from_slice(other);
        let group = changed.written(shape.entry);
        assert_eq!(group.len(), written.len());
        let behind = words.get(group.len()..).unwrap_or_default();
        is_taken(&[&group, behind].concat(), &like, ruled)
    };
    (others.iter().filter(is_taken).count(), others.len())
}

#[test]
fn a_group_is_read_as_it_is_written() {
    for ruled in [false, true] {
        let like = packed(ruled);
        let (words, shape) = (&like.groups.words, like.groups.shape);
        let parts = Parts::read(words, shape.head, shape.entry).expect("a group");
        assert!(words.starts_with(&parts.written(shape.entry)));
        assert!(is_taken(words, &like, ruled));
    }
}

#[test]
fn leaves_that_fill_one_anothers_part_are_refused_unless_all_of_their_quarter_stay_aligned() {
    for ruled in [false, true] {
        let (taken, all) = taken(ruled, |parts| &mut parts.fills[..]);
        assert!(0 < taken && taken < all / 4, "{taken} of {all}");
    }
}

#[test]
fn quarters_that_begin_with_one_anothers_leaf_are_refused() {
    for ruled in [false, true] {
        // That of the first is not written.
        assert_eq!(taken(ruled, |parts| &mut parts.quarters[1..]), (0, 3));
    }
}

#[test]
fn leaves_with_one_anothers_entry_are_as_good_a_group() {
    // Which entry a leaf had no group can tell: who keeps the octets keeps their digest too.
    for ruled in [false, true] {
        let (indices, all) = taken(ruled, |parts| &mut parts.indices[..]);
        assert_eq!(indices, all);
        let (entries, all) = taken(ruled, |parts| &mut parts.entries[..]);
        assert_eq!(entries, all);
    }
}

#[test]
fn any_two_words_swapped_are_refused_or_answer_as_they_read() {
    for ruled in [false, true] {
        let like = packed(ruled);
        let taken = |other: &&Vec<u32>| is_taken(other, &like, ruled);
        let others = swapped(&like.groups.words);
        assert!(others.iter().filter(taken).count() < others.len());
    }
}
