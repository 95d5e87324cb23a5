//! The strict grammar of queries (RFC 1035 §4, RFC 6891): `resolverd/dns/query.py` in Rust.

use crate::wire::codes::rtype::OPT;
use crate::wire::edns::Edns;
pub use crate::wire::malformed::{Dropped, Malformed};
use crate::wire::name::length_of;

/// Response, truncated, and the flags that a response echoes.
pub const QR: u16 = 0x8000;
/// Authoritative answer.
pub const AA: u16 = 0x0400;
/// Truncated.
pub const TC: u16 = 0x0200;
/// OPCODE, RD and CD, which a response repeats.
pub const ECHOED: u16 = OPCODE | 0x0110;
const OPCODE: u16 = 0x7800;

const HEADER: usize = 12;

/// One query, or as much of it as was sound.
pub struct Query<'p> {
    /// Its ID.
    pub id: u16,
    /// The header's second word.
    pub flags: u16,
    /// The question section as it came, to be echoed; empty where it is not sound.
    pub question: &'p [u8],
    /// QNAME in wire form as asked.
    pub name: &'p [u8],
    /// QTYPE.
    pub qtype: u16,
    /// QCLASS.
    pub qclass: u16,
    /// The OPT record, if there is one.
    pub edns: Option<Edns<'p>>,
}

impl Query<'_> {
    /// OPCODE, 0 for a standard query.
    #[must_use]
    pub const fn opcode(&self) -> u16 {
        (self.flags & OPCODE) >> 11
    }
}

/// Read a packet: the query, and what is wrong with it if anything is.
///
/// Of a query whose OPCODE is not QUERY only the header and the OPT record are read, the
/// latter without its options, and nothing in it is wrong.
#[inline]
pub fn parse(packet: &[u8]) -> Result<(Query<'_>, Option<Malformed>), Dropped> {
    let (header, rest) = packet.split_first_chunk::<HEADER>().ok_or(Dropped::Short)?;
    let [i0, i1, f0, f1, q0, q1, a0, a1, n0, n1, r0, r1] = *header;
    let mut query = Query {
        id: u16::from_be_bytes([i0, i1]),
        flags: u16::from_be_bytes([f0, f1]),
        question: &[],
        name: &[],
        qtype: 0,
        qclass: 0,
        edns: None,
    };
    if query.flags & QR != 0 {
        return Err(Dropped::Response);
    }
    let counts = [[q0, q1], [a0, a1], [n0, n1], [r0, r1]].map(u16::from_be_bytes);
    if query.flags & OPCODE != 0 {
        query.edns = opt_of_another_opcode(rest, counts);
        return Ok((query, None));
    }
    let malformed = read(rest, counts, &mut query).err();
    Ok((query, malformed))
}

#[inline]
fn read<'p>(packet: &'p [u8], counts: [u16; 4], query: &mut Query<'p>) -> Result<(), Malformed> {
    let [questions, answers, authorities, additionals] = counts;
    if questions != 1 || answers != 0 {
        return Err(Malformed::Counts);
    }
    let mut rest = read_question(packet, query).ok_or(Malformed::Qname)?;
    for _ in 0..authorities {
        rest = Record::read(rest).ok_or(Malformed::Record)?.1;
    }
    for _ in 0..additionals {
        let (record, after) = Record::read(rest).ok_or(Malformed::Record)?;
        if record.rtype == OPT {
            read_opt(&record, query)?;
        }
        rest = after;
    }
    if rest.is_empty() {
        Ok(())
    } else {
        Err(Malformed::Trailing)
    }
}

fn read_question<'p>(packet: &'p [u8], query: &mut Query<'p>) -> Option<&'p [u8]> {
    let length = length_of(packet)?;
    let (name, fixed) = packet.split_at_checked(length)?;
    let (&[t0, t1, c0, c1], rest) = fixed.split_first_chunk()?;
    query.name = name;
    query.qtype = u16::from_be_bytes([t0, t1]);
    query.qclass = u16::from_be_bytes([c0, c1]);
    query.question = packet.get(..length + 4)?;
    Some(rest)
}

fn read_opt<'p>(record: &Record<'p>, query: &mut Query<'p>) -> Result<(), Malformed> {
    if query.edns.is_some() || !record.of_the_root {
        return Err(Malformed::Opt);
    }
    let mut edns = Edns::new(record.class, record.ttl);
    let mut read = Ok(());
    if edns.version == 0 {
        // What options mean in another version, nobody knows.
        read = edns.read_options(record.rdata);
        if read.is_err() {
            edns.subnet = None;
        }
    }
    query.edns = Some(edns);
    read
}

fn opt_of_another_opcode(packet: &[u8], counts: [u16; 4]) -> Option<Edns<'_>> {
    let [questions, answers, authorities, additionals] = counts;
    let mut rest = packet;
    for _ in 0..questions {
        rest = after_name(rest)?.split_first_chunk::<4>()?.1;
    }
    for _ in 0..u32::from(answers) + u32::from(authorities) {
        rest = Record::read(rest)?.1;
    }
    let mut found = None;
    for _ in 0..additionals {
        let (record, after) = Record::read(rest)?;
        if record.rtype == OPT {
            if found.is_some() || !record.of_the_root {
                return None;
            }
            found = Some(Edns::new(record.class, record.ttl));
        }
        rest = after;
    }
    found
}

/// A resource record; its owner is passed over.
struct Record<'p> {
    of_the_root: bool,
    rtype: u16,
    class: u16,
    ttl: u32,
    rdata: &'p [u8],
}

impl<'p> Record<'p> {
    /// The record that `packet` begins with, and what follows it.
    #[inline]
    fn read(packet: &'p [u8]) -> Option<(Self, &'p [u8])> {
        let fixed = after_name(packet)?;
        let (&[t0, t1, c0, c1, s0, s1, s2, s3, l0, l1], rest) = fixed.split_first_chunk()?;
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        let (rdata, rest) = rest.split_at_checked(length)?;
        let record = Self {
            of_the_root: packet.first() == Some(&0),
            rtype: u16::from_be_bytes([t0, t1]),
            class: u16::from_be_bytes([c0, c1]),
            ttl: u32::from_be_bytes([s0, s1, s2, s3]),
            rdata,
        };
        Some((record, rest))
    }
}

/// What follows a name, which may end in a pointer.
#[inline]
fn after_name(mut packet: &[u8]) -> Option<&[u8]> {
    loop {
        let (&length, rest) = packet.split_first()?;
        packet = match length {
            0 => return Some(rest),
            0xc0.. => return rest.get(1..),
            64.. => return None,
            _ => rest.get(usize::from(length)..)?,
        };
    }
}
