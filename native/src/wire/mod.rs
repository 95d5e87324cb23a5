//! Names, queries, EDNS and prefixes: what stands in packets, read by checked access only.

pub mod codes;
pub(crate) mod compression;
pub(crate) mod edns;
pub mod limits;
pub(crate) mod malformed;
pub(crate) mod name;
pub mod prefix;
pub(crate) mod query;
