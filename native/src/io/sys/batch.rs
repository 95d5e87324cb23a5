//! What of a [`Batch`] needs no `unsafe`: its memory, made, read and pointed at.
#![deny(unsafe_code)]

use super::Batch;
use crate::io::kernel::{ControlBuf, IoVec, MmsgHdr, Peer};

impl Batch {
    /// `count` datagrams of at most `stride` octets.
    #[must_use]
    pub fn new(count: usize, stride: usize) -> Self {
        Self {
            octets: vec![0; count * stride].into(),
            stride,
            peers: vec![Peer::default(); count].into(),
            controls: vec![ControlBuf::default(); count].into(),
            iov: vec![IoVec::default(); count].into(),
            headers: vec![MmsgHdr::default(); count].into(),
        }
    }

    /// One datagram's header, octets, peer and control buffer.
    #[inline]
    pub fn get(
        &mut self,
        index: usize,
    ) -> Option<(&mut MmsgHdr, &mut [u8], &mut Peer, &mut ControlBuf)> {
        let start = index * self.stride;
        Some((
            self.headers.get_mut(index)?,
            self.octets.get_mut(start..start + self.stride)?,
            self.peers.get_mut(index)?,
            self.controls.get_mut(index)?,
        ))
    }

    /// One datagram's header, octets and peer, to be read only.
    #[inline]
    #[must_use]
    pub fn read(&self, index: usize) -> Option<(&MmsgHdr, &[u8], &Peer)> {
        let start = index * self.stride;
        Some((
            self.headers.get(index)?,
            self.octets.get(start..start + self.stride)?,
            self.peers.get(index)?,
        ))
    }

    /// Point the headers from `first` on at their iovec, peer and control buffer.
    #[inline]
    pub(super) fn point_headers(&mut self, first: usize) {
        let octets = self.octets.chunks_exact_mut(self.stride);
        let places = self.peers.iter_mut().zip(&mut self.controls).zip(octets);
        let headers = self.headers.iter_mut().zip(&mut self.iov);
        for ((header, iovec), ((peer, control), octets)) in headers.zip(places).skip(first) {
            iovec.start = octets.as_mut_ptr().cast();
            header.peer = peer;
            header.control = control;
            header.iov = iovec;
            header.iov_count = 1;
        }
    }
}
