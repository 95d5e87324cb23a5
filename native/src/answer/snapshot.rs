//! The pair of tables that one packet is answered from, and the query it answers itself.

use super::Scratch;
use crate::io::Answers;
use crate::io::counters::Counters;
use crate::io::slots::Transport;
use crate::tables::{Plan, Steering};
use crate::wire::prefix::Prefix;
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

    /// Names, RRsets and services, as operators write them.
    #[must_use]
    #[inline]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The regions of each service as they are now.
    #[must_use]
    #[inline]
    pub const fn steering(&self) -> &Steering {
        &self.steering
    }

    /// The share of queries that are written to the log, from 0 to 1.
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

impl Answers for Snapshot {
    type Scratch = super::Scratch;

    #[inline]
    fn respond(
        &self,
        packet: &[u8],
        source: &Prefix,
        transport: Transport,
        counters: &Counters,
        scratch: &mut super::Scratch,
        out: &mut [u8],
    ) -> Option<usize> {
        super::respond(packet, source, self, counters, scratch, transport, out)
    }

    #[inline]
    fn prefetch<'p>(
        &self,
        packets: impl Iterator<Item = (&'p [u8], Prefix)>,
        scratch: &mut super::Scratch,
    ) {
        Self::prefetch(self, packets, scratch);
    }

    fn self_check(&self, scratch: &mut super::Scratch) -> Result<(), String> {
        Self::self_check(self, scratch).map_err(str::to_owned)
    }

    fn query_log(&self) -> f64 {
        Self::query_log(self)
    }
}
