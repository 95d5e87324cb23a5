//! Which names stand where in a message (RFC 1035 §4.1.4).
//!
//! The rule that both engines share: a name, or the longest of its suffixes, that stands
//! earlier in the message is replaced by a pointer to its first occurrence.

use crate::name::{Key, Suffix};

/// The farthest offset that a pointer can hold.
const FARTHEST: usize = 0x3fff;

/// A label takes two octets at least, so at most half of these marks are used.
const MARKS: usize = 1 << 14;

#[derive(Clone, Copy)]
struct Mark {
    message: u32,
    tag: u32,
    offset: u16,
}

/// The suffixes that stand in the message being written; kept between messages, never cleared.
pub struct Offsets {
    marks: Box<[Mark]>,
    message: u32,
    begun: bool,
    name: Key,
}

impl Offsets {
    /// Room for any message.
    #[must_use]
    pub fn new() -> Self {
        let unused = Mark {
            message: 0,
            tag: 0,
            offset: 0,
        };
        Self {
            marks: vec![unused; MARKS].into_boxed_slice(),
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
            self.remember_question(message, asked);
        }
        self.name.set(name);
        for label in 0..self.name.labels() {
            let suffix = self.name.suffix(label);
            let start = self.name.start(label);
            match find(&self.marks, self.message, message, suffix) {
                Ok(offset) => return (start, Some(offset)),
                Err(free) => self.mark(
                    free,
                    suffix_tag(self.name.suffix(label)),
                    message.len() + start,
                ),
            }
        }
        (name.len(), None)
    }

    fn remember_question(&mut self, message: &[u8], asked: &[u8]) {
        self.begun = true;
        self.message = self.message.wrapping_add(1);
        if self.message == 0 {
            // Marks of four thousand million messages ago would seem to be of this one.
            for mark in &mut self.marks {
                mark.message = 0;
            }
            self.message = 1;
        }
        self.name.set(asked);
        for label in 0..self.name.labels() {
            let suffix = self.name.suffix(label);
            if let Err(free) = find(&self.marks, self.message, message, suffix) {
                self.mark(
                    free,
                    suffix_tag(self.name.suffix(label)),
                    12 + self.name.start(label),
                );
            }
        }
    }

    fn mark(&mut self, free: usize, tag: u32, offset: usize) {
        if offset <= FARTHEST
            && let Some(mark) = self.marks.get_mut(free)
        {
            *mark = Mark {
                message: self.message,
                tag,
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

fn suffix_tag(suffix: Suffix<'_>) -> u32 {
    (suffix.hash >> 32) as u32
}

/// Where `suffix` stands in the message, or else the mark that is free for it.
fn find(marks: &[Mark], current: u32, message: &[u8], suffix: Suffix<'_>) -> Result<u16, usize> {
    let mut at = suffix.hash as usize % MARKS;
    for _ in 0..MARKS {
        match marks.get(at) {
            Some(mark) if mark.message == current => {
                if mark.tag == suffix_tag(suffix)
                    && stands_at(message, usize::from(mark.offset), suffix.octets)
                {
                    return Ok(mark.offset);
                }
            }
            _ => break,
        }
        at = (at + 1) % MARKS;
    }
    Err(at)
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
        let mut message = vec![0_u8; FARTHEST + 1];
        assert_eq!(offsets.place(&message, b"\0", b"\x01a\0"), (3, None));
        message.extend_from_slice(b"\x01a\0");
        assert_eq!(offsets.place(&message, b"\0", b"\x01a\0"), (3, None));
    }
}
