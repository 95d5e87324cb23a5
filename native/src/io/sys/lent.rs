//! What of an [`OutBuf`] and a [`Handle`] needs no `unsafe`: writing, and giving out.
#![deny(unsafe_code)]

use super::{Handle, OutBuf};
use std::sync::Arc;

impl OutBuf {
    /// Copy as much of `text` as fits; its length, which may be more.
    pub fn write(&mut self, text: &str) -> usize {
        self.write_octets(text.as_bytes())
    }

    /// The same of octets.
    pub fn write_octets(&mut self, octets: &[u8]) -> usize {
        for (to, from) in self.octets().iter_mut().zip(octets) {
            *to = *from;
        }
        octets.len()
    }
}

impl<T> Handle<T> {
    /// Give `shared` out; the caller owes one [`Handle::release`].
    #[must_use]
    pub fn give(shared: Arc<T>) -> Self {
        Self(Arc::into_raw(shared))
    }

    /// What a failed call gives.
    #[must_use]
    pub const fn null() -> Self {
        Self(std::ptr::null())
    }
}
