//! The native engine of resolverd, behind a small C ABI that `resolverd.abi` binds.
//!
//! It answers octet for octet what `resolverd/engine/answer.py` answers; that file gives the
//! meaning, this crate gives it speed. It has no dependency but std. Nothing here panics on
//! a packet, a database or an image: all of them are read by checked access only. Every
//! `unsafe` block stands in [`sys`], with the reason why it is sound.

pub mod abi;
pub mod answer;
mod compression;
pub mod counters;
mod edns;
pub mod geo;
pub mod kernel;
mod lookup;
mod malformed;
mod name;
pub mod prefix;
mod query;
pub mod serve;
pub mod sys;
pub mod tables;
mod writer;
