//! All `unsafe` of the crate: memory handed across the C ABI, and the system calls.
//!
//! What crosses the ABI is a span of octets or a counted reference. Their types are made here
//! and by callers who keep the contract of `abi`: a span is valid for its length during
//! the call; a reference was given out by this library and not released since.
#![allow(unsafe_code)]

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// A row of `count` zeros, whose pages cost no memory until they are written.
#[must_use]
pub fn zeros(count: usize) -> Box<[AtomicU64]> {
    let row = Box::into_raw(vec![0_u64; count].into_boxed_slice());
    // SAFETY: AtomicU64 has the size, alignment (8 on all 64-bit targets) and bit validity of
    // u64, and the box is owned by nobody else.
    unsafe { Box::from_raw(row as *mut [AtomicU64]) }
}

/// Octets that a C caller lends for the length of one call.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Span {
    start: *const u8,
    length: usize,
}

impl Span {
    /// The octets. A null span is empty.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        if self.start.is_null() {
            return &[];
        }
        // SAFETY: by the contract of the ABI `start` is valid for `length` octets while the
        // call lasts, and nobody writes to them meanwhile.
        unsafe { std::slice::from_raw_parts(self.start, self.length) }
    }
}

/// Room that a C caller lends for an answer, for the length of one call.
#[repr(C)]
pub struct Room {
    start: *mut u8,
    length: usize,
}

impl Room {
    /// The octets to be written. A null room is empty.
    #[must_use]
    pub fn octets(&mut self) -> &mut [u8] {
        if self.start.is_null() {
            return &mut [];
        }
        // SAFETY: by the contract of the ABI `start` is valid for `length` octets while the
        // call lasts, they are initialised, and nobody else reads or writes them meanwhile.
        unsafe { std::slice::from_raw_parts_mut(self.start, self.length) }
    }

    /// Copy as much of `text` as fits, and tell how much there is.
    pub fn tell(&mut self, text: &str) -> usize {
        for (to, from) in self.octets().iter_mut().zip(text.bytes()) {
            *to = from;
        }
        text.len()
    }
}

/// A counted reference held by a C caller; null where a call failed.
#[repr(transparent)]
pub struct Handle<T>(*const T);

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

    /// What the handle refers to, None for null.
    #[must_use]
    pub fn get(&self) -> Option<&T> {
        // SAFETY: a handle that is not null came from `give` and has not been released, so
        // its Arc holds the value.
        unsafe { self.0.as_ref() }
    }

    /// A reference of one's own, None for null.
    #[must_use]
    pub fn share(&self) -> Option<Arc<T>> {
        if self.0.is_null() {
            return None;
        }
        // SAFETY: as in `get`; the count is raised first, so the caller's reference stays.
        unsafe {
            Arc::increment_strong_count(self.0);
            Some(Arc::from_raw(self.0))
        }
    }

    /// Take the caller's reference back.
    pub fn release(self) {
        if !self.0.is_null() {
            // SAFETY: as in `get`; by contract each handle is released once.
            drop(unsafe { Arc::from_raw(self.0) });
        }
    }
}

/// Numbers that a C caller lends room for, for the length of one call.
#[repr(C)]
pub struct Numbers {
    start: *mut u64,
    count: usize,
}

impl Numbers {
    /// The numbers to be written. Null is none.
    #[must_use]
    pub fn numbers(&mut self) -> &mut [u64] {
        if self.start.is_null() {
            return &mut [];
        }
        // SAFETY: by the contract of the ABI `start` is aligned and valid for `count` numbers
        // while the call lasts, they are initialised, and nobody else touches them meanwhile.
        unsafe { std::slice::from_raw_parts_mut(self.start, self.count) }
    }
}

/// Handles that a C caller lends for the length of one call.
#[repr(C)]
pub struct Handles<T> {
    start: *const Handle<T>,
    count: usize,
}

impl<T> Handles<T> {
    /// References of one's own to what the handles refer to, null ones left out.
    #[must_use]
    pub fn share(&self) -> Vec<Arc<T>> {
        if self.start.is_null() {
            return Vec::new();
        }
        // SAFETY: by the contract of the ABI `start` is aligned and valid for `count` handles
        // while the call lasts, and nobody writes to them meanwhile.
        let handles = unsafe { std::slice::from_raw_parts(self.start, self.count) };
        handles.iter().filter_map(Handle::share).collect()
    }
}
