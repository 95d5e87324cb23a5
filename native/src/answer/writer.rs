//! Writing a response: sections, compression, truncation; `resolverd/dns/writer.py` in Rust.

use crate::tables::{Part, Pool, RrsetWire, parts, whole};
use crate::wire::compression::Offsets;
use crate::wire::edns::Opt;
use crate::wire::query::{ECHOED, QR, Query, TC};

const HEADER: usize = 12;

/// The owner of a record whose owner is QNAME.
const QNAME_POINTER: [u8; 2] = [0xc0, 0x0c];

/// The sections that records go to.
#[derive(Clone, Copy)]
pub enum Section {
    /// The answer section.
    Answer,
    /// The authority section.
    Authority,
    /// The additional section.
    Additional,
}

/// One response in the making, of at most `limit` octets with its OPT record counted.
///
/// Whatever is added is required (a referral's glue too, RFC 9471). What does not fit is not
/// written, and [`Writer::finish`] then sends nothing but TC.
pub struct Writer<'w> {
    out: &'w mut [u8],
    offsets: &'w mut Offsets,
    query: &'w Query<'w>,
    at: usize,
    limit: usize,
    counts: [u16; 3],
    full: bool,
}

impl<'w> Writer<'w> {
    /// A response to `query` into `out`.
    #[inline]
    pub fn new(
        query: &'w Query<'w>,
        limit: usize,
        out: &'w mut [u8],
        offsets: &'w mut Offsets,
    ) -> Self {
        offsets.begin();
        let mut writer = Self {
            out,
            offsets,
            query,
            at: HEADER,
            limit,
            counts: [0; 3],
            full: false,
        };
        writer.put(query.question);
        writer
    }

    /// Add an RRset with its own TTL.
    #[inline]
    pub fn rrset(&mut self, section: Section, owner: &[u8], rrset: &RrsetWire, pool: &Pool) {
        self.rrset_with(section, owner, rrset, rrset.ttl, pool);
    }

    /// Add an RRset with the TTL `ttl` where its records are in parts, else with its own.
    #[inline]
    pub fn rrset_with(
        &mut self,
        section: Section,
        owner: &[u8],
        rrset: &RrsetWire,
        ttl: u32,
        pool: &Pool,
    ) {
        let records = pool.get(rrset.records);
        if rrset.in_parts {
            self.in_parts(owner, records, rrset.rtype, ttl);
        } else {
            self.whole(owner, records);
        }
        self.counted(section, rrset.count);
    }

    /// Add a CNAME.
    pub fn alias(&mut self, owner: &[u8], target: &[u8], ttl: u32) {
        self.owner(owner);
        let length = self.begun(5, ttl);
        self.name(target);
        self.ended(length);
        self.counted(Section::Answer, 1);
    }

    /// Add one record to the answer section.
    pub fn record(&mut self, owner: &[u8], rtype: u16, ttl: u32, rdata: &[u8]) {
        self.owner(owner);
        let length = self.begun(rtype, ttl);
        self.put(rdata);
        self.ended(length);
        self.counted(Section::Answer, 1);
    }

    /// Add the addresses that `octets` are, `N` octets each, the one `start` first.
    #[inline]
    pub fn addresses<const N: usize>(
        &mut self,
        owner: &[u8],
        rtype: u16,
        ttl: u32,
        octets: &[u8],
        start: usize,
    ) {
        let (addresses, _) = octets.as_chunks::<N>();
        let (last, first) = addresses
            .split_at_checked(start)
            .unwrap_or((&[], addresses));
        let [s0, s1, s2, s3] = ttl.to_be_bytes();
        let [t0, t1] = rtype.to_be_bytes();
        let fixed = [t0, t1, 0, 1, s0, s1, s2, s3, 0, N as u8];
        for address in first.iter().chain(last) {
            self.owner(owner);
            self.put(&fixed);
            self.put(address);
        }
        self.counted(Section::Answer, addresses.len() as u16);
    }

    /// Complete the message; its length, and whether it was truncated. None where `out` has no
    /// room even for that.
    #[inline]
    pub fn finish(
        &mut self,
        rcode: u16,
        flags: u16,
        opt: Option<&Opt<'_>>,
    ) -> Option<(usize, bool)> {
        self.opt(opt);
        let cut = self.full;
        if cut {
            // A bare answer may pass the limit: there is nothing more to leave out.
            self.at = HEADER + self.query.question.len();
            self.limit = self.out.len();
            self.counts = [0; 3];
            self.full = self.at > self.limit;
            self.opt(opt);
            if self.full {
                return None;
            }
        }
        let tc = if cut { TC } else { 0 };
        let [i0, i1] = self.query.id.to_be_bytes();
        let word = QR | self.query.flags & ECHOED | flags | tc | rcode & 0xf;
        let [f0, f1] = word.to_be_bytes();
        let questions = u8::from(!self.query.question.is_empty());
        let [answers, authorities, additionals] = self.counts;
        let ([a0, a1], [n0, n1]) = (answers.to_be_bytes(), authorities.to_be_bytes());
        let [r0, r1] = additionals
            .wrapping_add(u16::from(opt.is_some()))
            .to_be_bytes();
        let header = [i0, i1, f0, f1, 0, questions, a0, a1, n0, n1, r0, r1];
        *self.out.first_chunk_mut()? = header;
        Some((self.at, cut))
    }

    #[inline]
    fn opt(&mut self, opt: Option<&Opt<'_>>) {
        if let Some(opt) = opt {
            opt.write(|octets| self.put(octets));
        }
    }

    #[inline]
    fn whole(&mut self, owner: &[u8], mut records: &[u8]) {
        if owner == self.query.name {
            self.put(records);
            return;
        }
        while let Some((record, rest)) = whole(records) {
            self.owner(owner);
            self.put(record.get(QNAME_POINTER.len()..).unwrap_or_default());
            records = rest;
        }
    }

    fn in_parts(&mut self, owner: &[u8], mut records: &[u8], rtype: u16, ttl: u32) {
        while let Some((parts, rest)) = parts(records) {
            self.owner(owner);
            let length = self.begun(rtype, ttl);
            for part in parts {
                match part {
                    Part::Octets(octets) => self.put(octets),
                    Part::Name(name) => self.name(name),
                }
            }
            self.ended(length);
            if self.full {
                return;
            }
            records = rest;
        }
    }

    /// TYPE, CLASS, TTL and room for RDLENGTH; where RDATA begins.
    fn begun(&mut self, rtype: u16, ttl: u32) -> usize {
        let ([t0, t1], [s0, s1, s2, s3]) = (rtype.to_be_bytes(), ttl.to_be_bytes());
        self.put(&[t0, t1, 0, 1, s0, s1, s2, s3, 0, 0]);
        self.at
    }

    /// Write RDLENGTH, now that it is known.
    fn ended(&mut self, start: usize) {
        let length = self.at.saturating_sub(start) as u16;
        if let Some(part) = start.checked_sub(2).and_then(|at| self.out.get_mut(at..))
            && let Some(part) = part.first_chunk_mut()
        {
            *part = length.to_be_bytes();
        }
    }

    #[inline]
    fn owner(&mut self, owner: &[u8]) {
        if owner == self.query.name {
            self.put(&QNAME_POINTER);
        } else {
            self.name(owner);
        }
    }

    fn name(&mut self, name: &[u8]) {
        if self.full {
            return;
        }
        let written = self.out.get(..self.at).unwrap_or_default();
        let (length, pointer) = self.offsets.place(written, self.query.name, name);
        self.put(name.get(..length).unwrap_or_default());
        if let Some(offset) = pointer {
            self.put(&(0xc000 | offset).to_be_bytes());
        }
    }

    #[inline]
    fn counted(&mut self, section: Section, count: u16) {
        if let Some(counted) = self.counts.get_mut(section as usize) {
            *counted = counted.wrapping_add(count);
        }
    }

    #[inline]
    fn put(&mut self, octets: &[u8]) {
        let end = self.at + octets.len();
        let part = (!self.full && end <= self.limit)
            .then(|| self.out.get_mut(self.at..)?.get_mut(..octets.len()))
            .flatten();
        match part {
            Some(part) => {
                part.copy_from_slice(octets);
                self.at = end;
            }
            None => self.full = true,
        }
    }
}
