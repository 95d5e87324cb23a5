//! Which names stand where in a message (RFC 1035 §4.1.4).
//!
//! The rule that both engines share: a name, or the longest of its suffixes, that stands
//! earlier in the message is replaced by a pointer to its first occurrence.

use crate::wire::name::{Key, Suffix};

/// The largest offset that a pointer can hold: 14 bits.
const MAX_POINTER: usize = 0x3fff;

/// So many suffixes stand in a list, which is faster to search than the table and has room for those
/// of most messages; a longer list costs every name of a message that outgrows it.
const LISTED: usize = 24;

/// Slots of the table. A label takes two octets at least, so at most half of them are used by the
/// suffixes that a pointer can reach.
const TABLE_SLOTS: usize = 1 << 14;

#[derive(Clone, Copy)]
struct Entry {
    message: u32,
    tag: u32,
    offset: u16,
}

/// The suffixes that stand in the message being written; kept between messages, never cleared.
pub struct Offsets {
    listed: [(u32, u16); LISTED],
    used: usize,
    table: Box<[Entry]>,
    message: u32,
    begun: bool,
    name: Key,
}

impl Offsets {
    /// For any message, none begun.
    #[must_use]
    pub fn new() -> Self {
        let unused = Entry {
            message: 0,
            tag: 0,
            offset: 0,
        };
        Self {
            listed: [(0, 0); LISTED],
            used: 0,
            table: vec![unused; TABLE_SLOTS].into_boxed_slice(),
            message: 0,
            begun: false,
            name: Key::new(),
        }
    }

    /// Forget the last message.
    #[inline]
    pub fn begin(&mut self) {
        self.begun = false;
    }

    /// How `name` is to be written at the end of `message`: how many of its octets as they
    /// stand, and then the offset to point to, or none where all of it is written.
    ///
    /// What is written is remembered. `asked` is QNAME, which stands at offset 12.
    pub fn place(&mut self, message: &[u8], asked: &[u8], name: &[u8]) -> (usize, Option<u16>) {
        if !self.begun {
            self.remember_question(asked);
        }
        self.name.set(name);
        for label in 0..self.name.labels() {
            let start = self.name.start(label);
            if let Some(offset) = self.find(message, self.name.suffix(label)) {
                return (start, Some(offset));
            }
            self.remember(self.name.suffix(label).hash, message.len() + start);
        }
        (name.len(), None)
    }

    fn remember_question(&mut self, asked: &[u8]) {
        self.begun = true;
        self.used = 0;
        self.message = self.message.wrapping_add(1);
        if self.message == 0 {
            // Entries of four thousand million messages ago would seem to be of this one.
            for entry in &mut self.table {
                entry.message = 0;
            }
            self.message = 1;
        }
        self.name.set(asked);
        for label in 0..self.name.labels() {
            self.remember(self.name.suffix(label).hash, 12 + self.name.start(label));
        }
    }

    /// Where `suffix` stands in the message, if it does.
    #[inline]
    fn find(&self, message: &[u8], suffix: Suffix<'_>) -> Option<u16> {
        let stands = |tagged: u32, offset: u16| {
            tagged == tag(suffix.hash) && stands_at(message, usize::from(offset), suffix.octets)
        };
        for &(tagged, offset) in self.listed.get(..self.used).unwrap_or_default() {
            if stands(tagged, offset) {
                return Some(offset);
            }
        }
        if self.used < LISTED {
            return None;
        }
        probe_slots(suffix.hash)
            .map_while(|at| {
                self.table
                    .get(at)
                    .filter(|entry| entry.message == self.message)
            })
            .find(|entry| stands(entry.tag, entry.offset))
            .map(|entry| entry.offset)
    }

    /// Remember a suffix that does not stand in the message yet.
    fn remember(&mut self, hash: u64, offset: usize) {
        if offset > MAX_POINTER {
            return;
        }
        if let Some(next) = self.listed.get_mut(self.used) {
            *next = (tag(hash), offset as u16);
            self.used += 1;
            return;
        }
        let current = self.message;
        let free = probe_slots(hash).find(|at| {
            self.table
                .get(*at)
                .is_some_and(|entry| entry.message != current)
        });
        if let Some(entry) = free.and_then(|at| self.table.get_mut(at)) {
            *entry = Entry {
                message: current,
                tag: tag(hash),
                offset: offset as u16,
            };
        }
    }
}

impl Default for Offsets {
    fn default() -> Self {
        Self::new()
    }
}

/// The slots of the table where a suffix may be, in the order in which they are tried (linear probing).
fn probe_slots(hash: u64) -> impl Iterator<Item = usize> {
    (0..TABLE_SLOTS).map(move |step| (hash as usize).wrapping_add(step) % TABLE_SLOTS)
}

const fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}

/// Whether the name at `at` of `message`, which may end in a pointer, is `name`, lowered.
fn stands_at(message: &[u8], mut at: usize, mut name: &[u8]) -> bool {
    // Pointers lead to labels that were written, so each hop but one takes a label off.
    for _ in 0..256 {
        let Some((&length, rest)) = message.get(at..).and_then(<[u8]>::split_first) else {
            return false;
        };
        if length >= 0xc0 {
            let low = rest.first().copied().unwrap_or(0);
            at = usize::from(u16::from_be_bytes([length & 0x3f, low]));
            continue;
        }
        let whole = 1 + usize::from(length);
        let (Some(label), Some((ours, after))) =
            (message.get(at..at + whole), name.split_at_checked(whole))
        else {
            return false;
        };
        if !label.eq_ignore_ascii_case(ours) {
            return false;
        }
        if length == 0 {
            return true;
        }
        name = after;
        at += whole;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_suffix_that_stands_earlier_is_pointed_to() {
        let mut offsets = Offsets::new();
        let mut message = [0_u8; 12].to_vec();
        let asked = b"\x03WWW\x07Example\0";
        message.extend_from_slice(asked);
        assert_eq!(
            offsets.place(&message, asked, b"\x03ns1\x07example\0"),
            (4, Some(16))
        );
        message.extend_from_slice(b"\x03ns1\xc0\x10");
        assert_eq!(
            offsets.place(&message, asked, b"\x01a\x03NS1\x07example\0"),
            (2, Some(25))
        );
        assert_eq!(
            offsets.place(&message, asked, b"\x03www\x07example\0"),
            (0, Some(12))
        );
        assert_eq!(offsets.place(&message, asked, b"\x04test\0"), (6, None));
        assert_eq!(offsets.place(&message, asked, b"\0"), (1, None));
        offsets.begin();
        assert_eq!(
            offsets.place(b"0123456789ab\0", b"\0", b"\x04test\0"),
            (6, None)
        );
    }

    #[test]
    fn what_no_pointer_reaches_is_not_remembered() {
        let mut offsets = Offsets::new();
        let mut message = vec![0_u8; MAX_POINTER + 1];
        assert_eq!(offsets.place(&message, b"\0", b"\x01a\0"), (3, None));
        message.extend_from_slice(b"\x01a\0");
        assert_eq!(offsets.place(&message, b"\0", b"\x01a\0"), (3, None));
    }
}
