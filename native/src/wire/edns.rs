//! EDNS(0): what a query's OPT record says, and the OPT record of a response.
//!
//! RFC 6891 (OPT), RFC 7871 (client subnet), RFC 5001 (NSID), RFC 8914 (extended errors).

use crate::wire::codes::option::{CLIENT_SUBNET, EXTENDED_ERROR, NSID};
use crate::wire::codes::rtype;
use crate::wire::malformed::Malformed;
use crate::wire::prefix::{Family, Prefix, mask};

/// What a query's OPT record says.
#[derive(Clone, Copy)]
pub struct Edns<'p> {
    /// The requestor's payload size, in octets, as offered.
    pub payload: u16,
    /// The version; 0 is the only one there is.
    pub version: u8,
    /// The DO bit.
    pub dnssec_ok: bool,
    /// Whether the name server identifier is asked for.
    pub wants_nsid: bool,
    /// The client subnet, if there is one.
    pub subnet: Option<ClientSubnet<'p>>,
}

/// A client subnet option: its data as it came, and the prefix that it names.
///
/// Without a prefix the client opted out (SOURCE PREFIX-LENGTH 0, RFC 7871 §7.1.2).
#[derive(Clone, Copy)]
pub struct ClientSubnet<'p> {
    /// The option's data.
    pub option: &'p [u8],
    /// The network of the client.
    pub prefix: Option<Prefix>,
}

impl<'p> Edns<'p> {
    /// What the class and TTL of an OPT record say (RFC 6891 §6.1.3).
    #[must_use]
    pub const fn new(class: u16, ttl: u32) -> Self {
        Self {
            payload: class,
            version: (ttl >> 16) as u8,
            dnssec_ok: ttl & 0x8000 != 0,
            wants_nsid: false,
            subnet: None,
        }
    }

    /// Read the options; those unknown are passed over.
    #[inline]
    pub fn read_options(&mut self, mut rdata: &'p [u8]) -> Result<(), Malformed> {
        while !rdata.is_empty() {
            let (code, data, rest) = option(rdata).ok_or(Malformed::EdnsOptionShort)?;
            match code {
                CLIENT_SUBNET if self.subnet.is_some() => return Err(Malformed::EcsRepeated),
                CLIENT_SUBNET => self.subnet = Some(ClientSubnet::read(data)?),
                NSID => self.wants_nsid = true,
                _ => {}
            }
            rdata = rest;
        }
        Ok(())
    }
}

/// The first option's code and data, and what follows it.
fn option(rdata: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let (&[c0, c1, l0, l1], rest) = rdata.split_first_chunk()?;
    let (data, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([l0, l1])))?;
    Some((u16::from_be_bytes([c0, c1]), data, rest))
}

impl<'p> ClientSubnet<'p> {
    /// Read an option's data (RFC 7871 §6): just the octets that SOURCE PREFIX-LENGTH needs,
    /// zero bits after it, SCOPE 0. Family 0 of length 0, which dig sends, is an opt-out.
    pub fn read(option: &'p [u8]) -> Result<Self, Malformed> {
        let (&[f0, f1, source, scope], octets) =
            option.split_first_chunk().ok_or(Malformed::EcsShort)?;
        let family = match u16::from_be_bytes([f0, f1]) {
            1 => Family::V4,
            2 => Family::V6,
            0 if source == 0 && scope == 0 && octets.is_empty() => {
                return Ok(Self {
                    option,
                    prefix: None,
                });
            }
            _ => return Err(Malformed::EcsFamily),
        };
        if source > family.bits() || scope != 0 {
            return Err(Malformed::EcsLength);
        }
        if octets.len() != usize::from(source.div_ceil(8)) {
            return Err(Malformed::EcsAddress);
        }
        let mut whole = [0_u8; 16];
        for (to, from) in whole.iter_mut().zip(octets) {
            *to = *from;
        }
        let address = u128::from_be_bytes(whole);
        if address & !mask(source) != 0 {
            return Err(Malformed::EcsTrailingBits);
        }
        let prefix = (source > 0).then(|| Prefix::new(family, address, source));
        Ok(Self { option, prefix })
    }
}

/// What the OPT record of a response says.
#[derive(Clone, Copy)]
pub struct Opt<'a> {
    /// The query's OPT record, which this one answers.
    pub asked: Edns<'a>,
    /// What this server accepts, in octets.
    pub payload: u16,
    /// All twelve bits of the RCODE.
    pub rcode: u16,
    /// SCOPE PREFIX-LENGTH in bits, for the client subnet that is echoed.
    pub scope: u8,
    /// The identifier of this server, given if asked for and not empty.
    pub nsid: &'a [u8],
    /// INFO-CODE and EXTRA-TEXT of an extended error; empty for none.
    pub error: &'a [u8],
}

impl Opt<'_> {
    /// The record's octets, handed to `put` piece by piece; the options in the order NSID,
    /// client subnet, extended error.
    #[inline]
    pub fn write(&self, mut put: impl FnMut(&[u8])) {
        let nsid = if self.asked.wants_nsid {
            self.nsid
        } else {
            &[]
        };
        let subnet = self.asked.subnet.map_or(&[][..], |subnet| subnet.option);
        let length: usize = [nsid, subnet, self.error]
            .iter()
            .filter(|data| !data.is_empty())
            .map(|data| 4 + data.len())
            .sum();
        let [t0, t1] = rtype::OPT.to_be_bytes();
        let [p0, p1] = self.payload.to_be_bytes();
        let [l0, l1] = (length as u16).to_be_bytes();
        let flags = if self.asked.dnssec_ok { 0x80 } else { 0 };
        put(&[
            0,
            t0,
            t1,
            p0,
            p1,
            (self.rcode >> 4) as u8,
            0,
            flags,
            0,
            l0,
            l1,
        ]);
        if !nsid.is_empty() {
            put(&head(NSID, nsid.len()));
            put(nsid);
        }
        if let Some((&[f0, f1, source, _], address)) = subnet.split_first_chunk() {
            let given = self.asked.subnet.and_then(|subnet| subnet.prefix);
            let scope = given.map_or(0, |_| self.scope);
            put(&head(CLIENT_SUBNET, subnet.len()));
            put(&[f0, f1, source, scope]);
            put(address);
        }
        if !self.error.is_empty() {
            put(&head(EXTENDED_ERROR, self.error.len()));
            put(self.error);
        }
    }
}

fn head(code: u16, length: usize) -> [u8; 4] {
    let ([c0, c1], [l0, l1]) = (code.to_be_bytes(), (length as u16).to_be_bytes());
    [c0, c1, l0, l1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subnet_is_read_strictly() {
        let read = |octets: &[u8]| ClientSubnet::read(octets).map(|subnet| subnet.prefix);
        let net = Prefix::new(Family::V4, 0x0a01 << 112, 16);
        assert_eq!(read(&[0, 1, 16, 0, 10, 1]), Ok(Some(net)));
        assert_eq!(read(&[0, 1, 15, 0, 10, 1]), Err(Malformed::EcsTrailingBits));
        assert_eq!(read(&[0, 1, 16, 0, 10]), Err(Malformed::EcsAddress));
        assert_eq!(
            read(&[0, 1, 33, 0, 10, 1, 2, 3, 4]),
            Err(Malformed::EcsLength)
        );
        assert_eq!(read(&[0, 1, 16, 1, 10, 1]), Err(Malformed::EcsLength));
        assert_eq!(read(&[0, 3, 0, 0]), Err(Malformed::EcsFamily));
        assert_eq!(read(&[0, 1, 0]), Err(Malformed::EcsShort));
        assert_eq!(read(&[0, 0, 0, 0]), Ok(None));
        assert_eq!(read(&[0, 2, 0, 0]), Ok(None));
    }
}
