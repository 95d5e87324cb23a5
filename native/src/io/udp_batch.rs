//! A batch of datagrams and the answers to them, as the UDP loop sees them.
//!
//! Answers are packed: the n-th answer goes into the n-th place of the outgoing batch, whichever
//! datagram it answers, so that one call sends them all. Where the kernel gives the address that a
//! datagram was sent to (`IP_PKTINFO`, `IPV6_PKTINFO`), the answer leaves from there.

use crate::io::kernel::{
    AF_INET, AF_INET6, ControlBuf, IP_PKTINFO, IPPROTO_IP, IPPROTO_IPV6, IPV6_PKTINFO, Peer,
};
use crate::io::sys::Batch;
use crate::wire::limits::MAX_PAYLOAD;
use crate::wire::prefix::Prefix;
use std::io;
use std::os::fd::BorrowedFd;

/// Datagrams that one call receives at most: fewer cost more system calls, more cost memory and, in
/// a burst, latency.
pub const BATCH: usize = 32;
// A few cache lines more, so that neighbours do not all fall into one set of the cache.
const STRIDE: usize = MAX_PAYLOAD + 5 * 64;

/// One datagram that came, and the buffer for the answer to it.
pub struct Datagram<'a> {
    /// What came.
    pub packet: &'a [u8],
    /// The address it came from.
    pub source: Prefix,
    /// [`MAX_PAYLOAD`] octets.
    pub out: &'a mut [u8],
}

/// The datagrams of one socket. Each `receive` forgets what was there.
pub struct DatagramBatch {
    pktinfo: bool,
    received: Batch,
    answers: Batch,
    answered: usize,
    sent: usize,
}

impl DatagramBatch {
    /// An empty batch; `pktinfo` for a socket with `IP_PKTINFO` or `IPV6_RECVPKTINFO` set (ip(7),
    /// ipv6(7)).
    #[must_use]
    pub fn new(pktinfo: bool) -> Self {
        Self {
            pktinfo,
            received: Batch::new(BATCH, STRIDE),
            answers: Batch::new(BATCH, STRIDE),
            answered: 0,
            sent: 0,
        }
    }

    /// Take what waits in `socket`; the number of datagrams.
    ///
    /// # Errors
    /// As recvmmsg(2); `WouldBlock` when nothing waits.
    #[inline]
    pub fn receive(&mut self, socket: BorrowedFd<'_>) -> io::Result<usize> {
        (self.answered, self.sent) = (0, 0);
        let control_length = if self.pktinfo {
            size_of::<ControlBuf>()
        } else {
            0
        };
        self.received.receive(socket, control_length)
    }

    /// The datagram of this index; None beyond those that came, or from no Internet address.
    #[inline]
    pub fn get(&mut self, index: usize) -> Option<Datagram<'_>> {
        let (header, octets, peer, _) = self.received.get(index)?;
        let source = source_of(peer)?;
        let length = (header.length as usize).min(MAX_PAYLOAD);
        let (_, out, _, _) = self.answers.get(self.answered)?;
        Some(Datagram {
            packet: octets.get(..length)?,
            source,
            out: out.get_mut(..MAX_PAYLOAD)?,
        })
    }

    /// What came in the first `count` datagrams, and from where.
    #[inline]
    pub fn iter(&self, count: usize) -> impl Iterator<Item = (&[u8], Prefix)> {
        (0..count).filter_map(|index| {
            let (header, octets, peer) = self.received.read(index)?;
            let length = (header.length as usize).min(MAX_PAYLOAD);
            Some((octets.get(..length)?, source_of(peer)?))
        })
    }

    /// Have the first `length` octets of the `out` of datagram `index` sent to where it came from.
    #[inline]
    pub fn answer(&mut self, index: usize, length: usize) {
        let (Some((came, _, from, asked)), Some((answer, _, to, control))) =
            (self.received.get(index), self.answers.get(self.answered))
        else {
            return;
        };
        answer.length = length.min(MAX_PAYLOAD) as u32;
        answer.peer_length = came.peer_length;
        *to = *from;
        answer.control_length = 0;
        if self.pktinfo {
            answer.control_length = came.control_length;
            *control = *asked;
            forget_interface(control);
        }
        self.answered += 1;
    }

    /// How many answers are still to be sent.
    #[must_use]
    pub fn unsent(&self) -> usize {
        self.answered - self.sent
    }

    /// Send what is still to be sent, as much as `socket` takes now.
    ///
    /// # Errors
    /// As sendmmsg(2), of the first answer; [`DatagramBatch::skip`] gives that one up.
    #[inline]
    pub fn send(&mut self, socket: BorrowedFd<'_>) -> io::Result<()> {
        self.sent += self.answers.send(socket, self.sent, self.answered)?;
        Ok(())
    }

    /// Give the first unsent answer up.
    pub fn skip(&mut self) {
        self.sent = (self.sent + 1).min(self.answered);
    }
}

/// The address of a peer. None where the kernel gave none, or of another family.
#[inline]
fn source_of(peer: &Peer) -> Option<Prefix> {
    let (family, rest) = peer.octets.split_first_chunk::<2>()?;
    let (_port, rest) = rest.split_first_chunk::<2>()?;
    match u16::from_ne_bytes(*family) {
        AF_INET => Some(Prefix::host_v4(*rest.first_chunk::<4>()?)),
        AF_INET6 => Some(Prefix::host_v6(*rest.get(4..)?.first_chunk::<16>()?)),
        _ => None,
    }
}

/// Let the answer take whichever interface leads to the peer: the control message then holds only
/// its source address. A link-local address means nothing without its interface, and keeps it.
fn forget_interface(control: &mut ControlBuf) {
    let Some((head, rest)) = control.octets.split_first_chunk_mut::<16>() else {
        return;
    };
    let [_, _, _, _, _, _, _, _, l0, l1, l2, l3, t0, t1, t2, t3] = *head;
    let level = i32::from_ne_bytes([l0, l1, l2, l3]);
    let kind = i32::from_ne_bytes([t0, t1, t2, t3]);
    let interface = match (level, kind) {
        (IPPROTO_IP, IP_PKTINFO) => rest.get_mut(..4),
        (IPPROTO_IPV6, IPV6_PKTINFO) if !is_link_local(rest) => rest.get_mut(16..20),
        _ => None,
    };
    if let Some(interface) = interface {
        interface.fill(0);
    }
}

fn is_link_local(address: &[u8]) -> bool {
    matches!(address, [0xfe, second, ..] if second & 0xc0 == 0x80)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, Ipv6Addr, UdpSocket};
    use std::os::fd::AsFd;
    use std::time::Duration;

    fn server(address: &str) -> UdpSocket {
        let socket = UdpSocket::bind(address).unwrap();
        socket.set_nonblocking(true).unwrap();
        socket
    }

    fn client(of: &UdpSocket) -> UdpSocket {
        let socket = UdpSocket::bind((of.local_addr().unwrap().ip(), 0)).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        socket.connect(of.local_addr().unwrap()).unwrap();
        socket
    }

    #[test]
    fn letters_keep_their_senders_when_some_get_no_answer() {
        let socket = server("127.0.0.1:0");
        let clients: Vec<_> = (0..10).map(|_| client(&socket)).collect();
        for (number, client) in (0_u8..).zip(&clients) {
            client.send(&[number; 5]).unwrap();
        }
        let mut batch = DatagramBatch::new(false);
        assert_eq!(batch.receive(socket.as_fd()).unwrap(), 10);
        for index in 0..10 {
            let datagram = batch.get(index).unwrap();
            assert_eq!(datagram.source, Prefix::host_v4([127, 0, 0, 1]));
            assert_eq!(datagram.packet, [index as u8; 5]);
            datagram.out[..3].fill(100 + index as u8);
            if index % 2 == 0 {
                batch.answer(index, 3);
            }
        }
        assert_eq!(batch.unsent(), 5);
        batch.send(socket.as_fd()).unwrap();
        assert_eq!(batch.unsent(), 0);
        for (number, client) in (0_u8..).zip(&clients) {
            let mut out = [0; 10];
            if number % 2 == 0 {
                assert_eq!(client.recv(&mut out).unwrap(), 3);
                assert_eq!(out[..3], [100 + number; 3]);
            } else {
                client.set_nonblocking(true).unwrap();
                assert!(client.recv(&mut out).is_err());
            }
        }
    }

    #[test]
    fn nothing_waits() {
        let socket = server("[::1]:0");
        let mut batch = DatagramBatch::new(false);
        let error = batch.receive(socket.as_fd()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        client(&socket).send(b"hello").unwrap();
        assert_eq!(batch.receive(socket.as_fd()).unwrap(), 1);
        let datagram = batch.get(0).unwrap();
        assert_eq!(
            datagram.source,
            Prefix::host_v6(Ipv6Addr::LOCALHOST.octets())
        );
        assert!(batch.get(BATCH).is_none());
    }

    #[test]
    fn a_longer_query_is_cut_off() {
        let socket = server("127.0.0.1:0");
        client(&socket).send(&[7; 9000]).unwrap();
        let mut batch = DatagramBatch::new(false);
        assert_eq!(batch.receive(socket.as_fd()).unwrap(), 1);
        assert_eq!(batch.get(0).unwrap().packet, [7; MAX_PAYLOAD]);
    }

    #[test]
    fn an_answer_that_cannot_be_sent_is_skipped() {
        let socket = server("127.0.0.1:0");
        let asking = client(&socket);
        for _ in 0..3 {
            asking.send(b"query").unwrap();
        }
        let mut batch = DatagramBatch::new(false);
        assert_eq!(batch.receive(socket.as_fd()).unwrap(), 3);
        for index in 0..3 {
            batch.answer(index, 2);
        }
        let (_, _, peer, _) = batch.answers.get(0).unwrap();
        peer.octets[2..4].fill(0); // port 0
        assert!(batch.send(socket.as_fd()).is_err());
        batch.skip();
        batch.send(socket.as_fd()).unwrap();
        assert_eq!(batch.unsent(), 0);
    }

    #[test]
    fn only_a_link_local_answer_is_bound_to_an_interface() {
        let control = |level: i32, kind: i32, rest: &[u8]| {
            let mut control = ControlBuf::default();
            control.octets[8..12].copy_from_slice(&level.to_ne_bytes());
            control.octets[12..16].copy_from_slice(&kind.to_ne_bytes());
            control.octets[16..16 + rest.len()].copy_from_slice(rest);
            forget_interface(&mut control);
            control.octets[16..16 + rest.len()].to_vec()
        };
        let v4 = [&[2, 0, 0, 0][..], &Ipv4Addr::LOCALHOST.octets()].concat();
        assert_eq!(control(IPPROTO_IP, IP_PKTINFO, &v4)[..4], [0; 4]);
        assert_eq!(control(IPPROTO_IP, IP_PKTINFO, &v4)[4..], v4[4..]);
        for (address, kept) in [("fe80::1", 2), ("febf::1", 2), ("fec0::1", 0), ("::1", 0)] {
            let octets = address.parse::<Ipv6Addr>().unwrap().octets();
            let v6 = [&octets[..], &[2, 0, 0, 0]].concat();
            let left = control(IPPROTO_IPV6, IPV6_PKTINFO, &v6);
            assert_eq!((&left[..16], left[16]), (&octets[..], kept), "{address}");
        }
    }
}
