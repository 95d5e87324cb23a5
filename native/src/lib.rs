//! The native engine of resolverd, behind a small C ABI that `resolverd.abi` binds.
//!
//! It answers octet for octet what `resolverd/engine/answer.py` answers; that file gives the
//! meaning, this crate gives it speed. It has no dependency but std. Nothing here panics on
//! a packet, a database or an image: all of them are read by checked access only. Every
//! `unsafe` block stands in [`io::sys`], with the reason why it is sound.
//!
//! Rooms, of which each uses only those before it:
//!
//! - [`pages`]: pages of metrics, of which a few lines matter to probes;
//! - [`wire`]: names, queries, EDNS and prefixes, as octets on the wire;
//! - [`geo`]: from a client's address to its preference list;
//! - [`tables`]: the compiled Plan and Steering;
//! - [`io`]: sockets, threads, counters and the kernel, and the connections of probes for pages;
//! - [`answer`]: from one packet to one response;
//! - [`ffi`]: the C ABI.

pub mod answer;
pub mod ffi;
pub mod geo;
pub mod io;
pub mod pages;
pub mod tables;
pub mod wire;
