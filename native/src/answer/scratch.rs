//! What answering writes besides the response: a worker's own, allocated once and used for every packet.

use super::held;
use super::lookup::{self, Asterisk, Encloser, LookupKind};
use crate::geo;
use crate::tables::{NONE, Plan};
use crate::wire::codes::rtype;
use crate::wire::compression::Offsets;
use crate::wire::name::{Key, Name};

/// The scratch memory of one packet at a time.
pub struct Scratch {
    offsets: Offsets,
    chain: ChainState,
}

/// The state of a chain of aliases: the name at hand, and those that led to it.
pub(super) struct ChainState {
    /// The name at hand.
    pub(super) key: Key,
    pub(super) asterisk: Asterisk,
    pub(super) map: geo::Scratch,
    /// Of the look-up in the client map before.
    pub(super) earlier: held::Scratch,
    /// The names before it.
    visited: Vec<Name>,
    /// The nodes whose DNAME is written already.
    redirected: [u32; super::MAX_CHAIN],
    redirects: usize,
    /// The service answered last, or [`NONE`].
    pub(super) service: u32,
    /// What draws the queries whose blocks are kept.
    pub(super) sampler: Sampler,
}

/// Draws queries, in the order that `BlockSampler` of `resolverd/engine/block_samples.py` does.
#[derive(Default)]
pub(super) struct Sampler(u64);

impl Sampler {
    /// Whether one of 2 to the power of `queries` is to be kept now.
    #[inline]
    pub(super) const fn draws(&mut self, queries: u8) -> bool {
        if queries == 0 {
            return true;
        }
        // Knuth's MMIX generator, whose high bits are its good ones.
        self.0 = { self.0.wrapping_mul(6_364_136_223_846_793_005) }
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) & ((1 << (queries & 31)) - 1) == 0
    }
}

impl Scratch {
    /// Scratch memory for a worker that has answered nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            offsets: Offsets::new(),
            chain: ChainState {
                key: Key::new(),
                asterisk: Asterisk::new(),
                map: geo::Scratch::new(),
                earlier: held::Scratch::new(),
                visited: Vec::with_capacity(super::MAX_CHAIN),
                redirected: [0; super::MAX_CHAIN],
                redirects: 0,
                service: NONE,
                sampler: Sampler::default(),
            },
        }
    }

    /// The service answered last since this was asked, or [`NONE`].
    pub(super) const fn take_service(&mut self) -> u32 {
        std::mem::replace(&mut self.chain.service, NONE)
    }

    /// That of look-ups in client maps.
    pub(super) const fn map(&mut self) -> &mut geo::Scratch {
        &mut self.chain.map
    }

    #[inline]
    pub(super) fn set_name(&mut self, name: &[u8]) {
        self.chain.key.set(name);
        self.chain.redirects = 0;
    }

    /// The hash of a name, which becomes the one at hand.
    #[inline]
    pub(super) fn hash(&mut self, name: &[u8]) -> u64 {
        self.chain.key.set(name);
        self.chain.key.suffix(0).hash
    }

    #[inline]
    pub(super) fn closest<'p>(&self, plan: &'p Plan) -> Option<Encloser<'p>> {
        lookup::closest(plan, &self.chain.key, 0)
    }

    /// At a cut between two zones of ours, the parent's side of it, which DS is asked of.
    pub(super) fn parent_side<'p>(
        &mut self,
        plan: &'p Plan,
        encloser: &Encloser<'p>,
    ) -> Option<Encloser<'p>> {
        let key = &self.chain.key;
        let apex = plan.zone(encloser.node.zone)?.apex;
        if apex.len() != key.octets().len() {
            return None;
        }
        // The root is its own parent.
        let parent = key.labels().min(1);
        let zone = lookup::closest(plan, key, parent)?.node.zone;
        let above = lookup::within(plan, key, zone)?;
        let (kind, _) = lookup::classify(plan, key, &above, &mut self.chain.asterisk);
        (kind == LookupKind::Cut).then_some(above)
    }

    #[inline]
    pub(super) const fn split(&mut self) -> (&mut Offsets, &mut ChainState) {
        (&mut self.offsets, &mut self.chain)
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

impl ChainState {
    /// Follow the chain to `name`, the one of that number in it. False where it was visited before:
    /// the chain is a loop.
    pub(super) fn follow(&mut self, name: &[u8], number: usize) -> bool {
        self.visited.truncate(number - 1);
        if let Some(left) = Name::copied(self.key.octets()) {
            self.visited.push(left);
        }
        self.key.set(name);
        let key = self.key.octets();
        self.visited.iter().all(|visited| visited.octets() != key)
    }

    /// Whether the DNAME of that node is written for the first time.
    pub(super) fn first_redirect(&mut self, node: u32) -> bool {
        let seen = self.redirected.get(..self.redirects).unwrap_or_default();
        if seen.contains(&node) {
            return false;
        }
        if let Some(next) = self.redirected.get_mut(self.redirects) {
            *next = node;
            self.redirects += 1;
        }
        true
    }
}

/// The type that the parent's side of a cut answers for (RFC 4035 §3.1.4.1).
pub(super) const PARENT_SIDE: u16 = rtype::DS;
