//! What of an [`AtomicArc`] needs no `unsafe`: made, looked at, dropped.
#![deny(unsafe_code)]

use super::AtomicArc;
use std::marker::PhantomData;
use std::sync::atomic::AtomicPtr;
use std::sync::atomic::Ordering::Acquire;

impl<T> AtomicArc<T> {
    /// Holds nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            held: AtomicPtr::new(std::ptr::null_mut()),
            _owns: PhantomData,
        }
    }

    /// Whether it holds nothing, at this moment.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.load(Acquire).is_null()
    }
}

impl<T> Default for AtomicArc<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Drop for AtomicArc<T> {
    fn drop(&mut self) {
        drop(self.swap(None));
    }
}
