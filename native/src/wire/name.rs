//! Names in wire form (RFC 1035 §3.1), lowered for comparison, and the hash of every suffix.
//!
//! A suffix hash is made from the right, label by label, so one pass over a name gives the
//! hashes of the name and of all its ancestors, and that of `*.ancestor` costs one step more.

use crate::wire::limits::{MAX_LABEL, MAX_NAME};

/// The most labels of a name, the root among them: 127 of one octet, and then the root.
const MAX_LABELS: usize = 128;

/// Octets that a [`Key`] keeps: a name and padding behind it, so that it can be read eight octets at a time from any of them.
const BUFFER: usize = 264;

/// The hash of the root, from which all others are made.
const ROOT: u64 = 0x9e37_79b9_7f4a_7c15;

/// The label `*` with its length, as a word.
const ASTERISK: u64 = 0x2a01;

/// The length of the name that `octets` begins with, if it is one: labels of at most 63
/// octets, no pointer, at most [`MAX_NAME`] octets with the root.
#[must_use]
pub fn length_of(octets: &[u8]) -> Option<usize> {
    let mut at = 0_usize;
    loop {
        let length = *octets.get(at)?;
        if length > MAX_LABEL || at >= MAX_NAME {
            return None;
        }
        at += 1 + usize::from(length);
        if length == 0 {
            return Some(at);
        }
    }
}

/// The hash of `*.` and the name with this `hash`.
#[must_use]
pub fn wildcard(hash: u64) -> u64 {
    mixed(hash, ASTERISK)
}

fn mixed(hash: u64, word: u64) -> u64 {
    let product = u128::from(hash ^ word) * 0xa076_1d64_78bd_642f_u128;
    (product as u64) ^ (product >> 64) as u64
}

/// Eight octets with the ASCII letters among them lowered.
const fn lowered(word: u64) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let low = word & (0x7f * EACH);
    // The upper bit of each octet tells whether it is at least A, and more than Z.
    let from_a = low + (0x80 - b'A' as u64) * EACH;
    let past_z = low + (0x7f - b'Z' as u64) * EACH;
    let letters = (from_a ^ past_z) & !word & (0x80 * EACH);
    word | letters >> 2
}

/// A lowered name and the hash of each of its suffixes.
pub struct Key {
    octets: [u8; BUFFER],
    length: usize,
    starts: [u8; MAX_LABELS],
    hashes: [u64; MAX_LABELS],
    labels: usize,
}

/// One suffix of a [`Key`].
#[derive(Clone, Copy)]
pub struct Suffix<'k> {
    /// Its octets, lowered.
    pub octets: &'k [u8],
    /// Their hash.
    pub hash: u64,
}

impl Key {
    /// The root.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            octets: [0; BUFFER],
            length: 1,
            starts: [0; MAX_LABELS],
            hashes: [ROOT; MAX_LABELS],
            labels: 0,
        }
    }

    /// Take `name` instead; what is no name is taken for the root.
    #[inline]
    pub fn set(&mut self, name: &[u8]) {
        if self.try_set(name).is_none() {
            self.length = 1;
            self.labels = 0;
            self.octets[0] = 0;
            self.hashes[0] = ROOT;
            self.starts[0] = 0;
        }
    }

    #[inline]
    fn try_set(&mut self, name: &[u8]) -> Option<()> {
        let part = self.octets.get_mut(..MAX_NAME)?.get_mut(..name.len())?;
        part.copy_from_slice(name);
        let (words, _) = self.octets.as_chunks_mut::<8>();
        for word in words.iter_mut().take(name.len().div_ceil(8)) {
            *word = lowered(u64::from_le_bytes(*word)).to_le_bytes();
        }
        self.length = name.len();
        let (mut at, mut labels) = (0_usize, 0_usize);
        loop {
            *self.starts.get_mut(labels)? = at as u8;
            let length = *name.get(at)?;
            if length == 0 {
                break;
            }
            at += 1 + usize::from(length);
            labels += 1;
        }
        self.labels = labels;
        let (mut hash, mut end) = (ROOT, at);
        *self.hashes.get_mut(labels)? = hash;
        for label in (0..labels).rev() {
            let start = usize::from(*self.starts.get(label)?);
            hash = self.extended(hash, start, end)?;
            *self.hashes.get_mut(label)? = hash;
            end = start;
        }
        Some(())
    }

    /// `hash` with the label from `start` to `end` before it.
    #[inline]
    fn extended(&self, mut hash: u64, start: usize, end: usize) -> Option<u64> {
        let mut at = start;
        loop {
            let word = u64::from_le_bytes(*self.octets.get(at..)?.first_chunk()?);
            let left = end - at;
            if left <= 8 {
                return Some(mixed(hash, word & (u64::MAX >> (64 - 8 * left))));
            }
            hash = mixed(hash, word);
            at += 8;
        }
    }

    /// The whole name, lowered.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        self.octets.get(..self.length).unwrap_or_default()
    }

    /// How many labels the name has; the root has none.
    #[must_use]
    pub const fn labels(&self) -> usize {
        self.labels
    }

    /// Where the label of that number begins, 0 being the leftmost.
    #[must_use]
    pub fn start(&self, label: usize) -> usize {
        self.starts
            .get(label)
            .map_or(0, |start| usize::from(*start))
    }

    /// The octets from that label on: how long the ancestor that begins there is.
    #[must_use]
    pub fn length_from(&self, label: usize) -> usize {
        self.length - self.start(label).min(self.length)
    }

    /// The suffix that begins with that label; from [`Key::labels`] on, the root.
    #[must_use]
    #[inline]
    pub fn suffix(&self, label: usize) -> Suffix<'_> {
        let octets = self.octets();
        Suffix {
            octets: octets.get(self.start(label)..).unwrap_or_default(),
            hash: self.hashes.get(label).copied().unwrap_or(ROOT),
        }
    }
}

impl Default for Key {
    fn default() -> Self {
        Self::new()
    }
}

/// A name of one's own, as it is spelled.
#[derive(Clone)]
pub struct Name {
    octets: [u8; MAX_NAME],
    length: usize,
}

impl Name {
    /// A copy of `name`, None where it is longer than a name can be.
    #[must_use]
    pub fn copied(name: &[u8]) -> Option<Self> {
        Self::joined(name, &[])
    }

    /// The labels `front`, then the name `back`; None where that is too long.
    #[must_use]
    pub fn joined(front: &[u8], back: &[u8]) -> Option<Self> {
        let length = front.len() + back.len();
        let mut made = Self {
            octets: [0; MAX_NAME],
            length,
        };
        let part = made.octets.get_mut(..length)?;
        part.get_mut(..front.len())?.copy_from_slice(front);
        part.get_mut(front.len()..)?.copy_from_slice(back);
        Some(made)
    }

    /// Its octets.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        self.octets.get(..self.length).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suffix_has_the_hash_of_the_name_it_is() {
        let (mut long, mut short) = (Key::new(), Key::new());
        long.set(b"\x05ExtRA\x0eLongerThan8Yes\x07example\0");
        for label in 0..=long.labels() {
            short.set(long.suffix(label).octets);
            assert_eq!(short.suffix(0).hash, long.suffix(label).hash);
        }
        assert_eq!(long.octets(), b"\x05extra\x0elongerthan8yes\x07example\0");
    }

    #[test]
    fn letters_are_lowered_and_nothing_else() {
        for octet in 0..=u8::MAX {
            for place in 0..8 {
                let mut word = [b'Z', b'@', b'[', 0xff, 0, b'a', 0xc1, b'A'];
                word[place] = octet;
                let lower = lowered(u64::from_le_bytes(word)).to_le_bytes();
                assert_eq!(lower, word.map(|octet| octet.to_ascii_lowercase()));
            }
        }
    }

    #[test]
    fn a_wildcard_has_the_hash_of_its_name() {
        let mut key = Key::new();
        key.set(b"\x01*\x07example\0");
        assert_eq!(key.suffix(0).hash, wildcard(key.suffix(1).hash));
        key.set(b"\x01*\0");
        assert_eq!(key.suffix(0).hash, wildcard(key.suffix(1).hash));
    }

    #[test]
    fn the_longest_name_is_a_name_and_one_octet_more_is_none() {
        let mut name = vec![];
        for length in [63, 63, 63, 61] {
            name.push(length);
            name.extend(std::iter::repeat_n(b'A', usize::from(length)));
        }
        name.push(0);
        assert_eq!(length_of(&name), Some(255));
        let mut key = Key::new();
        key.set(&name);
        assert_eq!(key.labels(), 4);
        name.splice(..64, [b"\x40".as_slice(), &[b'a'; 64]].concat());
        assert_eq!(length_of(&name), None);
        assert_eq!(length_of(b"\x03www"), None);
        assert_eq!(length_of(b"\0"), Some(1));
    }

    #[test]
    fn a_name_of_the_most_labels_is_read() {
        let name = [b"\x01a".repeat(127), vec![0]].concat();
        let mut key = Key::new();
        key.set(&name);
        assert_eq!((key.labels(), key.octets().len()), (127, 255));
        assert_eq!(key.suffix(127).octets, b"\0");
    }
}
