//! From one packet to one response: `resolverd/engine/answer.py` in Rust, octet for octet.

#[cfg(any(test, feature = "fuzz"))]
mod fuzz;
mod held;
mod lookup;
mod prefetch;
mod scratch;
mod snapshot;
mod steered;
mod tiers;
mod writer;
mod zone;

#[cfg(any(test, feature = "fuzz"))]
pub use fuzz::{fuzz_images, fuzz_respond};
pub use scratch::Scratch;
pub use snapshot::Snapshot;

use crate::io::counters::Counters;
use crate::io::slots::Transport;
use crate::tables::Plan;
use crate::tables::outcome::{NO_TRANSFER, NOT_AUTHORITATIVE, OTHER_CLASS};
use crate::wire::codes::{CLASS_IN, rcode, rtype};
use crate::wire::edns::Opt;
use crate::wire::limits::{MAX_CHAIN, MAX_MESSAGE, MIN_PAYLOAD};
use crate::wire::name::Name;
use crate::wire::prefix::Prefix;
use crate::wire::query::{AA, Malformed, Query, parse};
use lookup::Encloser;
use writer::Writer;

/// An extended error as option data (RFC 8914): INFO-CODE, then EXTRA-TEXT; empty for none.
type ExtendedError = &'static [u8];

/// No extended error goes with the answer.
const NO_ERROR: ExtendedError = b"";

/// Answer `packet`, which came from `source` (an address, so a prefix of full length).
///
/// The response stands at the beginning of `out`, and its length is given; None where none may
/// be sent. `out` should have room for 65,535 octets over TCP, else for the larger of 1,232 and
/// the Plan's UDP payload; what finds no room is truncated.
#[inline]
pub fn respond(
    packet: &[u8],
    source: &Prefix,
    snapshot: &Snapshot,
    counters: &Counters,
    scratch: &mut Scratch,
    transport: Transport,
    out: &mut [u8],
) -> Option<usize> {
    counters.received(transport);
    let (query, malformed) = match parse(packet) {
        Ok(read) => read,
        Err(why) => {
            counters.dropped(why);
            return None;
        }
    };
    let capacity = out.len();
    let plan = snapshot.plan();
    let asked = judged(plan, &query, malformed, counters, scratch);
    let limit = match (&asked, transport) {
        (Ok(_), Transport::Udp) => udp_limit(&query, plan),
        _ => MAX_MESSAGE,
    };
    let (offsets, chain) = scratch.split();
    let mut answer = Answer {
        writer: Writer::new(&query, limit.min(capacity), out, offsets),
        query: &query,
        source,
        snapshot,
        plan,
        counters,
        chain,
        reply: ReplyHeader::default(),
    };
    match asked {
        Ok(encloser) => answer.follow(encloser),
        Err((rcode, error)) => {
            answer.reply.rcode = rcode;
            answer.reply.flags = 0;
            answer.reply.error = error;
        }
    }
    let length = answer.finish()?;
    counters.responded(transport, query.qtype, answer.reply.rcode);
    Some(length)
}

/// The node that a query is to be answered from, or else the error that it gets.
#[inline]
fn judged<'p>(
    plan: &'p Plan,
    query: &Query<'_>,
    malformed: Option<Malformed>,
    counters: &Counters,
    scratch: &mut Scratch,
) -> Result<Encloser<'p>, (u16, ExtendedError)> {
    if let Some(malformed) = malformed {
        counters.malformed(malformed);
        return Err((rcode::FORMERR, NO_ERROR));
    }
    if query.opcode() != 0 {
        return Err((rcode::NOTIMP, NO_ERROR));
    }
    if query.edns.is_some_and(|edns| edns.version != 0) {
        return Err((rcode::BADVERS, NO_ERROR));
    }
    if query.qtype == rtype::OPT {
        counters.malformed(Malformed::QtypeOpt);
        return Err((rcode::FORMERR, NO_ERROR));
    }
    if query.qclass != CLASS_IN {
        return Err((rcode::REFUSED, OTHER_CLASS));
    }
    scratch.set_name(query.name);
    let not_authoritative = (rcode::REFUSED, NOT_AUTHORITATIVE);
    let encloser = scratch.closest(plan).ok_or(not_authoritative)?;
    if matches!(query.qtype, rtype::AXFR | rtype::IXFR) {
        return Err((rcode::REFUSED, NO_TRANSFER));
    }
    if query.qtype == rtype::DS {
        return Ok(scratch.parent_side(plan, &encloser).unwrap_or(encloser));
    }
    Ok(encloser)
}

/// The requestor's payload size within this server's ceiling (RFC 6891 §6.2.3).
fn udp_limit(query: &Query<'_>, plan: &Plan) -> usize {
    let offered = query.edns.map_or(MIN_PAYLOAD, |edns| edns.payload);
    usize::from(plan.udp_payload.min(offered.max(MIN_PAYLOAD)))
}

/// What the sections do not hold: RCODE and flags of the header, scope and error of the OPT record.
struct ReplyHeader {
    rcode: u16,
    flags: u16,
    scope: u8,
    error: ExtendedError,
}

impl Default for ReplyHeader {
    fn default() -> Self {
        Self {
            rcode: rcode::NOERROR,
            flags: AA,
            scope: 0,
            error: NO_ERROR,
        }
    }
}

/// One authoritative answer in the making.
struct Answer<'a, 'w> {
    query: &'a Query<'a>,
    source: &'a Prefix,
    snapshot: &'a Snapshot,
    plan: &'a Plan,
    counters: &'a Counters,
    chain: &'a mut scratch::ChainState,
    writer: Writer<'w>,
    reply: ReplyHeader,
}

/// Where an alias leads.
type Next = Option<Name>;

impl Answer<'_, '_> {
    /// Write what QNAME holds, following aliases while they stay in the zone.
    #[inline]
    fn follow(&mut self, encloser: Encloser<'_>) {
        let zone = encloser.node.zone;
        let mut next = self.step(self.query.name, &encloser, true);
        let mut visited = 0;
        while let Some(name) = next {
            visited += 1;
            if visited == MAX_CHAIN || !self.chain.follow(name.octets(), visited) {
                return;
            }
            let Some(encloser) = lookup::closest(self.plan, &self.chain.key, 0) else {
                return;
            };
            if encloser.node.zone != zone {
                return;
            }
            next = self.step(name.octets(), &encloser, false);
        }
    }

    /// The length of the finished message.
    #[inline]
    fn finish(&mut self) -> Option<usize> {
        let opt = self.query.edns.map(|asked| Opt {
            asked,
            payload: self.plan.udp_payload,
            rcode: self.reply.rcode,
            scope: self.reply.scope,
            nsid: &self.plan.nsid,
            error: self.reply.error,
        });
        let finished = self
            .writer
            .finish(self.reply.rcode, self.reply.flags, opt.as_ref());
        let (length, truncated) = finished?;
        if truncated {
            self.counters.truncated();
        }
        Some(length)
    }
}
