//! Chains: orders of small numbers in which each can be appended and removed in constant time.
//!
//! A number stands in at most one chain of a [`Links`] at a time, which its owner sees to.

const END: usize = usize::MAX;

#[derive(Clone, Copy)]
struct Link {
    before: usize,
    after: usize,
}

/// The links of all numbers, whichever chain each is in.
#[derive(Default)]
pub struct Links {
    links: Vec<Link>,
}

/// One chain: its ends.
#[derive(Clone, Copy, Debug)]
pub struct Chain {
    first: usize,
    last: usize,
}

impl Chain {
    /// Nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            first: END,
            last: END,
        }
    }

    /// The number that was appended before all others of this chain.
    #[must_use]
    pub const fn first(&self) -> Option<usize> {
        if self.first == END {
            return None;
        }
        Some(self.first)
    }
}

impl Default for Chain {
    fn default() -> Self {
        Self::new()
    }
}

impl Links {
    /// Append `number`, which is in no chain, to `chain`.
    pub fn append(&mut self, chain: &mut Chain, number: usize) {
        let link = Link {
            before: chain.last,
            after: END,
        };
        if self.links.len() <= number {
            self.links.resize(number + 1, link);
        }
        if let Some(own) = self.links.get_mut(number) {
            *own = link;
        }
        match self.links.get_mut(chain.last) {
            Some(last) => last.after = number,
            None => chain.first = number,
        }
        chain.last = number;
    }

    /// Take `number` out of `chain`, in which it is.
    pub fn remove(&mut self, chain: &mut Chain, number: usize) {
        let Some(link) = self.links.get(number).copied() else {
            return;
        };
        match self.links.get_mut(link.before) {
            Some(before) => before.after = link.after,
            None => chain.first = link.after,
        }
        match self.links.get_mut(link.after) {
            Some(after) => after.before = link.before,
            None => chain.last = link.before,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_whoever_has_been_there_longest() {
        let (mut links, mut one, mut other) = (Links::default(), Chain::new(), Chain::new());
        assert_eq!(one.first(), None);
        for number in [3, 0, 2] {
            links.append(&mut one, number);
        }
        links.append(&mut other, 1);
        assert_eq!((one.first(), other.first()), (Some(3), Some(1)));
        links.remove(&mut one, 0);
        links.remove(&mut one, 3);
        links.append(&mut one, 3);
        assert_eq!(one.first(), Some(2));
        links.remove(&mut one, 2);
        links.remove(&mut one, 3);
        assert_eq!(one.first(), None);
        links.append(&mut other, 2);
        links.remove(&mut other, 1);
        assert_eq!(other.first(), Some(2));
    }
}
