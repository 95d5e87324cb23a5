//! All names of all zones in one hash table of open addressing, at most half full.
//!
//! A slot holds the upper half of the hash, so that hardly any other name is compared, and
//! the node's index. A name that several zones hold has a slot for each.

use super::NONE;

#[derive(Clone, Copy)]
struct Slot {
    tag: u32,
    node: u32,
}

/// Nodes by the hash of their name.
pub struct Names {
    slots: Box<[Slot]>,
    mask: usize,
}

impl Names {
    /// A table with room for `count` names.
    #[must_use]
    pub fn with_room_for(count: usize) -> Self {
        let size = size_for(count);
        let empty = Slot { tag: 0, node: NONE };
        Self {
            slots: vec![empty; size].into_boxed_slice(),
            mask: size - 1,
        }
    }

    /// A table with room for `count` names in which those of `before` stand, as long as it is not
    /// another size.
    #[must_use]
    pub fn after(before: &Self, count: usize) -> Option<Self> {
        (before.slots.len() == size_for(count)).then(|| Self {
            slots: before.slots.clone(),
            mask: before.mask,
        })
    }

    /// Add a node; no more than there was room made for.
    pub fn add(&mut self, hash: u64, node: u32) {
        let mut at = hash as usize & self.mask;
        for _ in 0..self.slots.len() {
            match self.slots.get_mut(at) {
                Some(slot) if slot.node == NONE => {
                    *slot = Slot {
                        tag: tag(hash),
                        node,
                    };
                    return;
                }
                _ => at = (at + 1) & self.mask,
            }
        }
    }

    /// What `accept` makes of the first node with this hash that it takes.
    #[inline]
    pub fn find<T>(&self, hash: u64, mut accept: impl FnMut(u32) -> Option<T>) -> Option<T> {
        let mut at = hash as usize & self.mask;
        loop {
            let slot = self.slots.get(at)?;
            if slot.node == NONE {
                return None;
            }
            if slot.tag == tag(hash)
                && let Some(found) = accept(slot.node)
            {
                return Some(found);
            }
            at = (at + 1) & self.mask;
        }
    }
}

fn size_for(count: usize) -> usize {
    (2 * count).next_power_of_two().max(2)
}

const fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}
