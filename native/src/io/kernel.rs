//! What the kernel of 64-bit Linux reads and writes: structures and numbers, no code.
//!
//! The lay-outs are those of glibc and of musl alike (musl splits the lengths below into a
//! number and padding that must be zero, which is what a small `usize` looks like).

use std::ffi::{c_int, c_long, c_void};

/// `struct iovec`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct IoVec {
    /// Where it starts.
    pub start: *mut c_void,
    /// Octets.
    pub length: usize,
}

impl Default for IoVec {
    fn default() -> Self {
        Self {
            start: std::ptr::null_mut(),
            length: 0,
        }
    }
}

/// `struct mmsghdr`: one datagram of a batch.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct MmsgHdr {
    /// `msg_name`: the peer.
    pub peer: *mut Peer,
    /// `msg_namelen`.
    pub peer_length: u32,
    /// `msg_iov`.
    pub iov: *mut IoVec,
    /// `msg_iovlen`.
    pub iov_count: usize,
    /// `msg_control`.
    pub control: *mut ControlBuf,
    /// `msg_controllen`.
    pub control_length: usize,
    /// `msg_flags`.
    pub flags: c_int,
    /// Where `struct msghdr` ends on 8 octets.
    pub padding: u32,
    /// `msg_len`: what came, or is to go.
    pub length: u32,
}

impl Default for MmsgHdr {
    fn default() -> Self {
        Self {
            peer: std::ptr::null_mut(),
            peer_length: 0,
            iov: std::ptr::null_mut(),
            iov_count: 0,
            control: std::ptr::null_mut(),
            control_length: 0,
            flags: 0,
            padding: 0,
            length: 0,
        }
    }
}

/// `struct sockaddr_in` or `struct sockaddr_in6`, as octets of the kernel's order.
#[repr(C, align(8))]
#[derive(Clone, Copy, Default)]
pub struct Peer {
    /// Family (2 octets), port (2), then 4 octets of IPv4, or flow (4) and 16 of IPv6, scope (4).
    pub octets: [u8; 28],
}

/// A buffer for one control message, `IP_PKTINFO` or `IPV6_PKTINFO`.
///
/// Octets 0 to 7 are its length, 8 to 11 its level, 12 to 15 its type, all in host order; from
/// 16 on there is `struct in_pktinfo` (interface, source, destination: 4 octets each) or
/// `struct in6_pktinfo` (16 octets of address, 4 of interface).
#[repr(C, align(8))]
#[derive(Clone, Copy)]
pub struct ControlBuf {
    /// As above.
    pub octets: [u8; 64],
}

impl Default for ControlBuf {
    fn default() -> Self {
        Self { octets: [0; 64] }
    }
}

/// `struct epoll_event`, which x86-64 packs.
#[cfg_attr(target_arch = "x86_64", repr(C, packed))]
#[cfg_attr(not(target_arch = "x86_64"), repr(C))]
#[derive(Clone, Copy, Default)]
pub struct Event {
    /// What is ready.
    pub ready: u32,
    /// What the file was registered with.
    pub token: u64,
}

/// `struct pollfd`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct PollFd {
    /// The file.
    pub descriptor: c_int,
    /// What is waited for, as in [`READABLE`].
    pub wanted: i16,
    /// What is ready.
    pub ready: i16,
}

/// `AF_INET`.
pub const AF_INET: u16 = 2;
/// `AF_INET6`.
pub const AF_INET6: u16 = 10;
/// `MSG_DONTWAIT`.
pub const MSG_DONTWAIT: c_int = 0x40;
/// `IPPROTO_IP`.
pub const IPPROTO_IP: i32 = 0;
/// `IP_PKTINFO`.
pub const IP_PKTINFO: i32 = 8;
/// `IPPROTO_IPV6`.
pub const IPPROTO_IPV6: i32 = 41;
/// `IPV6_PKTINFO`, of a control message.
pub const IPV6_PKTINFO: i32 = 50;
/// `EPOLL_CLOEXEC`, `EFD_CLOEXEC`.
pub const CLOEXEC: c_int = 0o2_000_000;
/// `EFD_NONBLOCK`.
pub const NONBLOCK: c_int = 0o4000;
/// `SOCK_STREAM`.
pub const STREAM: c_int = 1;
/// `EPOLL_CTL_ADD`.
pub const EPOLL_CTL_ADD: c_int = 1;
/// `EPOLL_CTL_DEL`.
pub const EPOLL_CTL_DEL: c_int = 2;
/// `EPOLL_CTL_MOD`.
pub const EPOLL_CTL_MOD: c_int = 3;
/// `EPOLLIN`, `POLLIN`.
pub const READABLE: u32 = 1;
/// `EPOLLOUT`, `POLLOUT`.
pub const WRITABLE: u32 = 4;
/// `EPOLLERR`, `POLLERR`.
pub const FAILED: u32 = 8;
/// `EPOLLHUP`, `POLLHUP`.
pub const HUNG_UP: u32 = 16;
/// `EPOLLRDHUP`, `POLLRDHUP`: the other side sends no more.
pub const ENDED: u32 = 0x2000;
/// `EPOLLET`: tell each change once.
pub const EDGES: u32 = 1 << 31;
/// `EPOLLEXCLUSIVE`: of those who wait at one socket, wake one.
pub const EXCLUSIVE: u32 = 1 << 28;

/// `ENFILE`.
pub const ENFILE: i32 = 23;
/// `EMFILE`.
pub const EMFILE: i32 = 24;
/// `EBADF`.
pub const EBADF: i32 = 9;
/// `EFAULT`.
pub const EFAULT: i32 = 14;
/// `EINPROGRESS`.
pub const EINPROGRESS: i32 = 115;
/// `ENOTSOCK`.
pub const ENOTSOCK: i32 = 88;

/// `struct sched_attr` as of its first version (48 octets), which later kernels take too.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct SchedAttr {
    /// Octets of this structure.
    pub size: u32,
    /// The scheduling policy, as in [`SCHED_OTHER`].
    pub policy: u32,
    /// Flags.
    pub flags: u64,
    /// The nice value.
    pub nice: i32,
    /// Of real-time policies.
    pub priority: u32,
    /// With [`SCHED_OTHER`] the time slice in nanoseconds, from Linux 6.12 on.
    pub runtime: u64,
    /// Of SCHED_DEADLINE.
    pub deadline: u64,
    /// Of SCHED_DEADLINE.
    pub period: u64,
}

/// `SCHED_OTHER`.
pub const SCHED_OTHER: u32 = 0;
/// The numbers of sched_setattr(2) and sched_getattr(2), which older C libraries have no names for.
#[cfg(target_arch = "x86_64")]
pub const SCHED_ATTR_CALLS: Option<(c_long, c_long)> = Some((314, 315));
/// The same.
#[cfg(target_arch = "aarch64")]
pub const SCHED_ATTR_CALLS: Option<(c_long, c_long)> = Some((274, 275));
/// The same.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub const SCHED_ATTR_CALLS: Option<(c_long, c_long)> = None;
