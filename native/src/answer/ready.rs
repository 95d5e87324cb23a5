//! What answering needs beside the packet: the Snapshot, and room of a worker's own.

use super::rtype;
use crate::compression::Offsets;
use crate::counters::{Counters, Transport};
use crate::geo;
use crate::lookup::{self, Asterisk, Encloser, Found};
use crate::name::{Key, Name};
use crate::prefix::Prefix;
use crate::tables::{NONE, Plan, Steering};
use std::sync::Arc;

/// The pair of tables that one packet is answered from. Nothing changes it.
pub struct Snapshot {
    plan: Arc<Plan>,
    steering: Steering,
}

impl Snapshot {
    /// `plan`, and the Steering that the image holds for it.
    pub fn load(plan: Arc<Plan>, image: &[u8]) -> Result<Self, &'static str> {
        let steering = Steering::load(image, &plan)?;
        Ok(Self { plan, steering })
    }

    /// What operators write.
    #[must_use]
    #[inline]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What the world does.
    #[must_use]
    #[inline]
    pub const fn steering(&self) -> &Steering {
        &self.steering
    }

    /// The share of queries that are written to the log.
    #[must_use]
    pub fn query_log(&self) -> f64 {
        self.plan.query_log
    }

    /// Ask for the SOA of the first zone, if there is one; nothing is counted.
    pub fn self_check(&self, scratch: &mut Scratch) -> Result<(), &'static str> {
        let Some(zone) = self.plan.zones.first() else {
            return Ok(());
        };
        let mut packet = [0_u8; 12 + 255 + 4];
        let apex = self.plan.pool.get(zone.apex);
        let question = [&[0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0], apex, &[0, 6, 0, 1]];
        let mut length = 0;
        for (to, from) in packet.iter_mut().zip(question.into_iter().flatten()) {
            *to = *from;
            length += 1;
        }
        let mut out = [0_u8; 1232];
        let answered = super::respond(
            packet.get(..length).unwrap_or_default(),
            &Prefix::host_v4([127, 0, 0, 1]),
            self,
            &Counters::none(),
            scratch,
            Transport::Udp,
            &mut out,
        );
        match (answered, out.first_chunk()) {
            (None, _) => Err("the engine does not answer itself for the SOA of its first zone"),
            (_, Some([_, _, _, flags, _, _, a0, a1]))
                if flags & 0xf == 0 && [*a0, *a1] != [0; 2] =>
            {
                Ok(())
            }
            _ => Err("the engine answers itself without the SOA of its first zone"),
        }
    }
}

/// Room for one packet at a time.
pub struct Scratch {
    offsets: Offsets,
    walking: Walking,
}

/// What following a name needs.
pub(super) struct Walking {
    /// The name at hand.
    pub(super) key: Key,
    pub(super) asterisk: Asterisk,
    pub(super) map: geo::Scratch,
    met: Vec<Name>,
    redirected: [u32; super::LONGEST_CHAIN],
    redirects: usize,
    /// The service answered last, or [`NONE`].
    pub(super) service: u32,
}

impl Scratch {
    /// Room that has answered nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            offsets: Offsets::new(),
            walking: Walking {
                key: Key::new(),
                asterisk: Asterisk::new(),
                map: geo::Scratch::new(),
                met: Vec::with_capacity(super::LONGEST_CHAIN),
                redirected: [0; super::LONGEST_CHAIN],
                redirects: 0,
                service: NONE,
            },
        }
    }

    /// The service answered last since this was asked, or [`NONE`].
    pub(super) const fn take_service(&mut self) -> u32 {
        std::mem::replace(&mut self.walking.service, NONE)
    }

    #[inline]
    pub(super) fn set_name(&mut self, name: &[u8]) {
        self.walking.key.set(name);
        self.walking.redirects = 0;
    }

    /// The hash of a name, which becomes the one at hand.
    #[inline]
    pub(super) fn hash(&mut self, name: &[u8]) -> u64 {
        self.walking.key.set(name);
        self.walking.key.suffix(0).hash
    }

    #[inline]
    pub(super) fn closest<'p>(&self, plan: &'p Plan) -> Option<Encloser<'p>> {
        lookup::closest(plan, &self.walking.key, 0)
    }

    /// At a cut between two zones of ours, the parent's side of it, which DS is asked of.
    pub(super) fn parent_side<'p>(
        &mut self,
        plan: &'p Plan,
        encloser: &Encloser<'p>,
    ) -> Option<Encloser<'p>> {
        let key = &self.walking.key;
        let apex = plan.zone(encloser.node.zone)?.apex;
        if apex.len() != key.octets().len() {
            return None;
        }
        // The root is its own parent.
        let parent = key.labels().min(1);
        let zone = lookup::closest(plan, key, parent)?.node.zone;
        let above = lookup::within(plan, key, zone)?;
        let (found, _) = lookup::classify(plan, key, &above, &mut self.walking.asterisk);
        (found == Found::Cut).then_some(above)
    }

    #[inline]
    pub(super) const fn split(&mut self) -> (&mut Offsets, &mut Walking) {
        (&mut self.offsets, &mut self.walking)
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

impl Walking {
    /// Leave the name at hand for `name`, the one of that number in the chain. False where it
    /// was met before.
    pub(super) fn turn_to(&mut self, name: &[u8], number: usize) -> bool {
        self.met.truncate(number - 1);
        if let Some(left) = Name::copied(self.key.octets()) {
            self.met.push(left);
        }
        self.key.set(name);
        let key = self.key.octets();
        self.met.iter().all(|met| met.octets() != key)
    }

    /// Whether the DNAME of that node is written for the first time.
    pub(super) fn redirects_first(&mut self, node: u32) -> bool {
        let seen = self.redirected.get(..self.redirects).unwrap_or_default();
        if seen.contains(&node) {
            return false;
        }
        if let Some(room) = self.redirected.get_mut(self.redirects) {
            *room = node;
            self.redirects += 1;
        }
        true
    }
}

/// The type that the parent's side of a cut answers for (RFC 4035 §3.1.4.1).
pub(super) const PARENT_SIDE: u16 = rtype::DS;
