//! The client map: from databases of places to preference lists by client prefix.
//!
//! ```text
//! octets of .mmdb files ─► [`place_index`] (records → places, checked)
//!                               │
//! regions, pins ─► [`geography`]┴─► [`compile`] ┬► [`leaves`] ─► [`groups`] ─► [`trie`] ─┬─► [`map::ClientMap`]
//!                                               └► [`preference_table`] ─────────────────┘
//! ```
//!
//! `resolverd/snapshot/clientmap.py` gives the meaning; what differs is that equal neighbours
//! are merged, so that a scope is the shortest there is, and that a prefix which straddles
//! pins is fenced exactly at every length.

pub mod batch;
pub mod blocks;
pub mod compile;
pub mod contract;
pub mod countries;
pub mod draws;
pub mod embedded_v4;
pub mod entries;
pub mod farther;
pub mod fence;
pub mod field;
pub mod folded_hash;
#[cfg(any(test, feature = "fuzz"))]
mod fuzzed;
pub mod geography;
pub mod groups;
pub mod kept;
pub mod known;
pub mod known_paths;
mod known_row;
pub mod latency;
pub mod latency_order;
mod leaf_budget;
pub mod leaves;
pub mod map;
pub mod mmdb;
pub mod networks;
pub mod numbers;
pub mod octets;
mod pending;
pub mod place;
pub mod place_index;
pub mod placed;
pub mod points;
pub mod preference_list;
pub mod preference_table;
pub mod prefix_rows;
pub mod prefix_rules;
pub mod ranker;
pub mod ranking;
pub mod record;
mod record_part;
mod sound;
pub mod table_builder;
pub mod trie;
pub mod walk;
mod walk_alone;

pub use batch::PREFETCH;
pub use blocks::{Block, Blocks};
pub use compile::{compile, coverage};
pub use draws::{draw_of_word, draw_word, mix as mix_word};
#[cfg(any(test, feature = "fuzz"))]
pub use fuzzed::fuzz_compile;
pub use map::{ClientMap, MapEntry, Scratch};
pub use preference_list::PreferenceList;
