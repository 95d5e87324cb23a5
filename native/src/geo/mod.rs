//! The client map: from databases of places to preference lists by client prefix.
//!
//! ```text
//! octets of .mmdb files ─► [`place_index`] (records → places, checked)
//!                               │
//! regions, pins ─► [`geography`]┴─► [`compile`] ┬► [`leaves`] ─► [`trie`] ─┬─► [`map::ClientMap`]
//!                                               └► [`preference_table`] ───┘
//! ```
//!
//! `resolverd/snapshot/clientmap.py` gives the meaning; what differs is that equal neighbours
//! are merged, so that a scope is the shortest there is, and that a prefix which straddles
//! pins is fenced exactly at every length.

pub mod compile;
pub mod contract;
pub mod embedded_v4;
pub mod entries;
pub mod fence;
pub mod geography;
pub mod leaves;
pub mod map;
pub mod mmdb;
pub mod place;
pub mod place_index;
pub mod preference_list;
pub mod preference_table;
pub mod prefix_rules;
pub mod ranking;
pub mod trie;
pub mod walk;

#[cfg(any(test, feature = "fuzz"))]
pub use compile::fuzz_compile;
pub use compile::{compile, coverage};
pub use map::{Block, Blocks, ClientMap, MapEntry, PREFETCH, Scratch};
pub use preference_list::PreferenceList;
pub use ranking::draw;
