//! All `unsafe` of the crate: memory handed across the C ABI, and the system calls.
//!
//! What crosses the ABI is a span of octets or a counted reference. Their types are made here
//! and by callers who keep the contract of `abi`: a span is valid for its length during
//! the call; a reference was given out by this library and not released since.
#![allow(unsafe_code)]

mod atomic_arc;
mod batch;
mod lent;
mod progress;
mod scheduling;

pub use self::scheduling::take_precedence;

use crate::io::kernel::{
    CLOEXEC, ControlBuf, EINPROGRESS, Event, IoVec, MSG_DONTWAIT, MmsgHdr, NONBLOCK, Peer, PollFd,
    STREAM, SchedAttr,
};
use std::ffi::{c_int, c_long, c_uint, c_ulong, c_void};
use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering::AcqRel;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64};

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
    /// The `length` octets at `start`, which the caller keeps to the contract of the ABI.
    #[must_use]
    pub const fn new(start: *const u8, length: usize) -> Self {
        Self { start, length }
    }

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

/// A buffer that a C caller lends for an answer, for the length of one call.
#[repr(C)]
pub struct OutBuf {
    start: *mut u8,
    length: usize,
}

impl OutBuf {
    /// The octets to be written. A null buffer is empty.
    #[must_use]
    pub fn octets(&mut self) -> &mut [u8] {
        if self.start.is_null() {
            return &mut [];
        }
        // SAFETY: by the contract of the ABI `start` is valid for `length` octets while the
        // call lasts, they are initialised, and nobody else reads or writes them meanwhile.
        unsafe { std::slice::from_raw_parts_mut(self.start, self.length) }
    }
}

/// A counted reference held by a C caller; null where a call failed.
#[repr(transparent)]
pub struct Handle<T>(*const T);

impl<T> Handle<T> {
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

/// Numbers that a C caller lends space for, for the length of one call.
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

/// Spans that a C caller lends for the length of one call.
#[repr(C)]
pub struct Spans {
    start: *const Span,
    count: usize,
}

impl Spans {
    /// The spans. Null is none.
    #[must_use]
    pub fn items(&self) -> &[Span] {
        if self.start.is_null() {
            return &[];
        }
        // SAFETY: by the contract of the ABI `start` is aligned and valid for `count` spans
        // while the call lasts, and nobody writes to them meanwhile.
        unsafe { std::slice::from_raw_parts(self.start, self.count) }
    }
}

/// A number that a C caller lends for the length of one call, and reads meanwhile.
#[repr(transparent)]
pub struct Meter(*const AtomicU32);

/// What a [`Meter`] shows, for any thread of the call to write.
#[derive(Clone, Copy)]
pub struct Progress<'a>(Option<&'a AtomicU32>);

impl Meter {
    /// The number to be written. Null is nowhere.
    #[must_use]
    pub fn progress(&self) -> Progress<'_> {
        // SAFETY: by the contract of the ABI a meter that is not null is aligned and valid
        // while the call lasts, and its reader takes what is torn or late for progress too.
        Progress(unsafe { self.0.as_ref() })
    }
}

/// At most one counted reference, which threads hand to one another without a lock.
pub struct AtomicArc<T> {
    held: AtomicPtr<T>,
    _owns: PhantomData<Arc<T>>,
}

impl<T> AtomicArc<T> {
    /// Put `next` in, take out what was there.
    pub fn swap(&self, next: Option<Arc<T>>) -> Option<Arc<T>> {
        let next = next.map_or(std::ptr::null_mut(), |shared| {
            Arc::into_raw(shared).cast_mut()
        });
        let before = self.held.swap(next, AcqRel);
        if before.is_null() {
            return None;
        }
        // SAFETY: what is held came from `into_raw` here, and the swap made it ours alone.
        Some(unsafe { Arc::from_raw(before) })
    }
}

/// Datagrams, to be received or sent by one call: octets, peers and control buffers of each.
///
/// Its pointers are set anew for each call, and are worth nothing between two.
pub struct Batch {
    octets: Box<[u8]>,
    stride: usize,
    peers: Box<[Peer]>,
    controls: Box<[ControlBuf]>,
    iov: Box<[IoVec]>,
    headers: Box<[MmsgHdr]>,
}

impl Batch {
    /// Receive what waits in `socket`, at most all of these; how many came. Control data of up to
    /// `control_length` octets is asked for with each, none where that is 0.
    ///
    /// # Errors
    /// As recvmmsg(2); `WouldBlock` when nothing waits.
    #[inline]
    pub fn receive(&mut self, socket: BorrowedFd<'_>, control_length: usize) -> io::Result<usize> {
        for header in &mut self.headers {
            header.length = 0;
            header.peer_length = size_of::<Peer>() as u32;
            header.control_length = control_length.min(size_of::<ControlBuf>());
        }
        for iovec in &mut self.iov {
            iovec.length = self.stride;
        }
        self.point_headers(0);
        let (file, start) = (socket.as_raw_fd(), self.headers.as_mut_ptr());
        let count = self.headers.len() as c_uint;
        // SAFETY: there are `count` headers, and `point_headers` points each at memory of this
        // Batch of the lengths set above, which nobody else refers to during the call.
        let came = unsafe { recvmmsg(file, start, count, MSG_DONTWAIT, std::ptr::null_mut()) };
        usize::try_from(came).map_err(|_| io::Error::last_os_error())
    }

    /// Send those from `first` to before `last`; how many went. Lengths are cut to what there is.
    ///
    /// # Errors
    /// As sendmmsg(2), of the first.
    #[inline]
    pub fn send(&mut self, socket: BorrowedFd<'_>, first: usize, last: usize) -> io::Result<usize> {
        let stride = self.stride;
        for (iovec, header) in self.iov.iter_mut().zip(&mut self.headers) {
            iovec.length = (header.length as usize).min(stride);
            header.peer_length = header.peer_length.min(size_of::<Peer>() as u32);
            header.control_length = header.control_length.min(size_of::<ControlBuf>());
        }
        self.point_headers(first);
        let Some(chosen) = self.headers.get_mut(first..last) else {
            return Ok(0);
        };
        let (start, count) = (chosen.as_mut_ptr(), chosen.len() as c_uint);
        // SAFETY: as in `receive`; there are `count` headers from `start` on.
        let went = unsafe { sendmmsg(socket.as_raw_fd(), start, count, MSG_DONTWAIT) };
        usize::try_from(went).map_err(|_| io::Error::last_os_error())
    }
}

unsafe extern "C" {
    fn recvmmsg(
        socket: c_int,
        headers: *mut MmsgHdr,
        count: c_uint,
        flags: c_int,
        timeout: *mut c_void,
    ) -> c_int;
    fn sendmmsg(socket: c_int, headers: *mut MmsgHdr, count: c_uint, flags: c_int) -> c_int;
    fn socket(family: c_int, kind: c_int, protocol: c_int) -> c_int;
    fn connect(socket: c_int, peer: *const Peer, length: c_uint) -> c_int;
    fn epoll_create1(flags: c_int) -> c_int;
    fn epoll_ctl(epoll: c_int, verb: c_int, file: c_int, event: *mut Event) -> c_int;
    fn epoll_wait(epoll: c_int, events: *mut Event, count: c_int, timeout: c_int) -> c_int;
    fn eventfd(value: c_uint, flags: c_int) -> c_int;
    #[link_name = "poll"]
    fn poll_files(files: *mut PollFd, count: c_ulong, timeout: c_int) -> c_int;
    fn syscall(number: c_long, ...) -> c_long;
}

/// A descriptor that a C caller gives away.
#[must_use]
pub fn own_fd(descriptor: c_int) -> OwnedFd {
    // SAFETY: by the contract of the ABI it is open, and from now on nobody else's.
    unsafe { OwnedFd::from_raw_fd(descriptor) }
}

fn checked_fd(descriptor: c_int) -> io::Result<OwnedFd> {
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(own_fd(descriptor))
}

/// A TCP socket of `family` that connects to `peer`, of `length` octets, and does not block.
///
/// # Errors
/// As socket(2) and connect(2); none where that goes on.
pub fn connecting(family: c_int, peer: &Peer, length: u32) -> io::Result<OwnedFd> {
    // SAFETY: takes no memory.
    let file = checked_fd(unsafe { socket(family, STREAM | NONBLOCK | CLOEXEC, 0) })?;
    let length = length.min(size_of::<Peer>() as c_uint);
    // SAFETY: the kernel reads `length` octets of `peer`, which has as many.
    let status = unsafe { connect(file.as_raw_fd(), peer, length) };
    match checked(status.into()) {
        Err(error) if error.raw_os_error() != Some(EINPROGRESS) => Err(error),
        _ => Ok(file),
    }
}

/// epoll_create1(2).
pub fn new_epoll() -> io::Result<OwnedFd> {
    // SAFETY: takes no memory.
    checked_fd(unsafe { epoll_create1(CLOEXEC) })
}

/// epoll_ctl(2).
pub fn epoll_control(
    epoll: BorrowedFd<'_>,
    verb: c_int,
    file: BorrowedFd<'_>,
    mut event: Event,
) -> io::Result<()> {
    // SAFETY: `event` lives through the call.
    match unsafe { epoll_ctl(epoll.as_raw_fd(), verb, file.as_raw_fd(), &mut event) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// epoll_wait(2): how many of `events` were filled. `timeout` in milliseconds, -1 for none.
///
/// # Errors
/// As it.
pub fn wait(epoll: BorrowedFd<'_>, events: &mut [Event], timeout: c_int) -> io::Result<usize> {
    let count = c_int::try_from(events.len()).unwrap_or(c_int::MAX);
    // SAFETY: the kernel fills at most `count` events, and there are as many.
    let ready = unsafe { epoll_wait(epoll.as_raw_fd(), events.as_mut_ptr(), count, timeout) };
    usize::try_from(ready).map_err(|_| io::Error::last_os_error())
}

/// eventfd(2) that does not block.
pub fn new_eventfd() -> io::Result<OwnedFd> {
    // SAFETY: takes no memory.
    checked_fd(unsafe { eventfd(0, CLOEXEC | NONBLOCK) })
}

/// poll(2): how many of `files` are ready. `timeout` in milliseconds, -1 for none.
///
/// # Errors
/// As it.
pub fn poll(files: &mut [PollFd], timeout: c_int) -> io::Result<usize> {
    // SAFETY: the count is that of `files`, which live through the call; descriptors are numbers.
    let ready = unsafe { poll_files(files.as_mut_ptr(), files.len() as c_ulong, timeout) };
    usize::try_from(ready).map_err(|_| io::Error::last_os_error())
}

/// sched_getattr(2) of the calling thread, by its `number`.
fn sched_getattr(number: c_long, attr: &mut SchedAttr) -> io::Result<()> {
    let size = size_of::<SchedAttr>() as c_uint;
    // SAFETY: the kernel fills no more of `attr` than the octets that it is told of.
    let status = unsafe { syscall(number, 0 as c_int, &raw mut *attr, size, 0 as c_uint) };
    checked(status)
}

/// sched_setattr(2) of the calling thread, by its `number`.
fn sched_setattr(number: c_long, attr: &mut SchedAttr) -> io::Result<()> {
    attr.size = size_of::<SchedAttr>() as u32;
    // SAFETY: the kernel reads `attr`, which says its own size, and writes that alone.
    let status = unsafe { syscall(number, 0 as c_int, &raw mut *attr, 0 as c_uint) };
    checked(status)
}

fn checked(status: c_long) -> io::Result<()> {
    if status == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
