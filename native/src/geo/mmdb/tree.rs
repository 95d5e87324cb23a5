//! The binary search tree: nodes of two records of 24, 28 or 32 bits.

/// The tree of one file. A record below `count` names a node, one equal to it says "nothing
/// here", one above it points into the data section.
#[derive(Clone, Copy)]
pub struct Tree<'a> {
    /// Of the nodes, and the zeros behind them.
    octets: &'a [u8],
    count: u32,
    /// Octets of a node: 6, 7 or 8.
    width: usize,
}

impl<'a> Tree<'a> {
    /// The tree at the start of `content`. None where it has no node, or does not fit.
    #[must_use]
    pub fn new(content: &'a [u8], count: u32, record_size: u8) -> Option<Self> {
        let width = usize::from(record_size) / 4;
        let size = (count as usize).checked_mul(width)?;
        if count == 0 {
            return None;
        }
        Some(Self {
            octets: content.get(..size.checked_add(super::SEPARATOR)?)?,
            count,
            width,
        })
    }

    /// How many nodes it has.
    #[must_use]
    #[inline]
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// Octets that it takes.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.count as usize * self.width
    }

    /// Both records of a node; "nothing here" where there is no such node.
    #[must_use]
    #[inline]
    pub fn records(&self, node: u32) -> [u32; 2] {
        let start = node as usize * self.width;
        // Zeros stand behind the last node, so that of each as much can be read at once.
        let octets = self.octets.get(start..).and_then(<[u8]>::first_chunk);
        match octets {
            Some(octets) if node < self.count => self.decoded(u64::from_be_bytes(*octets)),
            _ => [self.count; 2],
        }
    }

    /// The nodes from one to before another in order, with both records of each.
    pub fn nodes(&self, from: u32, to: u32) -> impl Iterator<Item = (u32, [u32; 2])> {
        (from..to.min(self.count)).map(|node| (node, self.records(node)))
    }

    #[inline]
    fn decoded(&self, octets: u64) -> [u32; 2] {
        let (low, high) = match self.width {
            6 => (octets >> 40, octets >> 16 & 0xff_ffff),
            7 => (
                octets >> 40 | (octets >> 36 & 15) << 24,
                octets >> 8 & 0xff_ffff | (octets >> 32 & 15) << 24,
            ),
            _ => (octets >> 32, octets & 0xffff_ffff),
        };
        [low as u32, high as u32]
    }

    /// Where IPv4 begins: the record behind 96 zero bits in an IPv6 tree, the root in an
    /// IPv4 one. A record that ends the way earlier holds for all of IPv4.
    #[must_use]
    pub fn ipv4_start(&self, ip_version: u8) -> u32 {
        let mut record = 0;
        if ip_version == 6 {
            for _ in 0..96 {
                if record >= self.count {
                    break;
                }
                [record, _] = self.records(record);
            }
        }
        record
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_have_three_widths() {
        let separator = [0; 16];
        for (size, node, records) in [
            (24, vec![0, 1, 2, 3, 4, 5], [0x102, 0x0003_0405]),
            (28, vec![0, 1, 2, 0x9a, 3, 4, 5], [0x0900_0102, 0x0a03_0405]),
            (
                32,
                vec![9, 0, 1, 2, 10, 3, 4, 5],
                [0x0900_0102, 0x0a03_0405],
            ),
        ] {
            let content = [node.as_slice(), &separator].concat();
            let tree = Tree::new(&content, 1, size).unwrap();
            assert_eq!(tree.records(0), records);
            assert_eq!(tree.records(1), [1, 1]);
            assert!(Tree::new(&content, 2, size).is_none());
            assert!(Tree::new(&content, 0, size).is_none());
            assert!(Tree::new(&content, u32::MAX, size).is_none());
        }
    }
}
