//! RRsets as they lie in the pool, and the check that they are sound.
//!
//! *Whole*: records as they go into a message whose QNAME is their owner, `C00C` first.
//! *In parts*, where names inside the RDATA may be compressed: for each record the number of
//! parts, then for each part its kind (0 octets, 1 name), its length (16 bits) and its octets.

use crate::wire::name::length_of;

/// What stands before the RDATA of a whole record: owner, TYPE, CLASS, TTL, RDLENGTH.
pub const FIXED: usize = 12;

/// One part of RDATA.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part<'r> {
    /// To be copied.
    Octets(&'r [u8]),
    /// To be compressed.
    Name(&'r [u8]),
}

/// The parts of the first record, and the records after it; None where there is none.
#[must_use]
pub fn parts(records: &[u8]) -> Option<(Parts<'_>, &[u8])> {
    let (&count, mut rest) = records.split_first()?;
    let begin = rest;
    for _ in 0..count {
        rest = part(rest)?.1;
    }
    Some((Parts { count, rest: begin }, rest))
}

/// The parts of one record.
pub struct Parts<'r> {
    count: u8,
    rest: &'r [u8],
}

impl<'r> Iterator for Parts<'r> {
    type Item = Part<'r>;

    fn next(&mut self) -> Option<Part<'r>> {
        self.count = self.count.checked_sub(1)?;
        let (part, rest) = part(self.rest)?;
        self.rest = rest;
        Some(part)
    }
}

fn part(octets: &[u8]) -> Option<(Part<'_>, &[u8])> {
    let (&[kind, l0, l1], rest) = octets.split_first_chunk()?;
    let (octets, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes([l0, l1])))?;
    match kind {
        0 => Some((Part::Octets(octets), rest)),
        _ => Some((Part::Name(octets), rest)),
    }
}

/// The first whole record, and those after it; None where there is none.
#[must_use]
#[inline]
pub fn whole(records: &[u8]) -> Option<(&[u8], &[u8])> {
    let &[l0, l1] = records.get(FIXED - 2..)?.first_chunk()?;
    records.split_at_checked(FIXED + usize::from(u16::from_be_bytes([l0, l1])))
}

/// Whether `octets` are just `count` whole records of this type and TTL.
pub fn check_whole(octets: &[u8], count: u32, rtype: u16, ttl: u32) -> Result<(), &'static str> {
    let ([t0, t1], [s0, s1, s2, s3]) = (rtype.to_be_bytes(), ttl.to_be_bytes());
    let begin = [0xc0, 12, t0, t1, 0, 1, s0, s1, s2, s3];
    let (mut rest, mut seen) = (octets, 0_u32);
    while let Some((record, after)) = whole(rest) {
        if !record.starts_with(&begin) {
            return Err("a record does not begin as its RRset says");
        }
        seen += 1;
        rest = after;
    }
    ended(rest, seen, count)
}

/// Whether `octets` are just `count` records in parts.
pub fn check_parts(octets: &[u8], count: u32) -> Result<(), &'static str> {
    let (mut rest, mut seen) = (octets, 0_u32);
    while let Some((parts, after)) = parts(rest) {
        for part in parts {
            if let Part::Name(name) = part
                && length_of(name) != Some(name.len())
            {
                return Err("what should be a name in RDATA is none");
            }
        }
        seen += 1;
        rest = after;
    }
    ended(rest, seen, count)
}

fn ended(rest: &[u8], seen: u32, count: u32) -> Result<(), &'static str> {
    if !rest.is_empty() || seen != count || count == 0 {
        return Err("an RRset has not the records that it should");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &[u8] = b"\xc0\x0c\0\x01\0\x01\0\0\0\x07\0\x04\xc0\0\x02\x01";

    #[test]
    fn whole_records_are_counted_and_compared() {
        let two = [A, A].concat();
        assert_eq!(check_whole(&two, 2, 1, 7), Ok(()));
        assert!(check_whole(&two, 1, 1, 7).is_err());
        assert!(check_whole(&two, 2, 1, 8).is_err());
        assert!(check_whole(&two, 2, 2, 7).is_err());
        assert!(check_whole(&two[..31], 2, 1, 7).is_err());
        assert!(check_whole(&[], 0, 1, 7).is_err());
    }

    #[test]
    fn parts_are_counted_and_their_names_are_names() {
        let mx = b"\x02\0\x02\0\0\x0a\x01\x06\0\x04mail\0";
        assert_eq!(check_parts(mx, 1), Ok(()));
        let (found, rest) = parts(mx).unwrap();
        let expected = [Part::Octets(b"\0\x0a"), Part::Name(b"\x04mail\0")];
        assert_eq!(
            (found.collect::<Vec<_>>(), rest),
            (expected.into(), &[][..])
        );
        assert!(check_parts(mx, 2).is_err());
        assert!(check_parts(b"\x01\x01\x06\0\x05mail\0", 1).is_err());
        assert!(check_parts(b"\x01\x01\x06\0\x04mai", 1).is_err());
    }
}
