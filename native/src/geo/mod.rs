//! The client map: from databases of places to preference lists by client prefix.
//!
//! ```text
//! octets of .mmdb files ─► [`gazetteer`] (records → places, checked)
//!                               │
//! regions, pins ─► [`geography`]┴─► [`compile`] ─► tiles ─► [`trie`] ─┬─► [`map::ClientMap`]
//!                                              └─► rows  ─► [`rows`] ─┘
//! ```
//!
//! `resolverd/snapshot/clientmap.py` gives the meaning; what differs is that equal neighbours
//! are merged, so that a scope is the shortest there is, and that a prefix which straddles
//! pins is fenced exactly at every length.

pub mod border;
pub mod compile;
pub mod embedded_v4;
pub mod entries;
pub mod fence;
pub mod gazetteer;
pub mod geography;
pub mod map;
pub mod mmdb;
pub mod order;
pub mod place;
pub mod ranking;
pub mod rows;
pub mod tiles;
pub mod trie;
pub mod walk;

pub use compile::compile;
#[cfg(any(test, feature = "fuzz"))]
pub use compile::fuzz_compile;
pub use map::{Block, Blocks, ClientMap, Found, PREFETCH, Scratch};
pub use order::Order;
pub use ranking::share;
