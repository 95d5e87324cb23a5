//! What decides a client's entry: what is known of it, and what databases are asked for.

use super::prefix_rows::NO_ROW;

/// No entry of an earlier map.
pub const NO_ENTRY: u32 = u32::MAX;

/// What decides an entry besides the place and the rule.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Known {
    /// The row of the longest measured prefix around; [`NO_ROW`] for none.
    pub row: u32,
    /// The entry of the earlier map; [`NO_ENTRY`] for none.
    pub before: u32,
}

impl Known {
    /// Nothing.
    pub const NOTHING: Self = Self {
        row: NO_ROW,
        before: NO_ENTRY,
    };
}

/// What decides a client's entry beside what the databases say of its place.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Client {
    /// The autonomous system; 0 for none that matters.
    pub asn: u32,
    /// The operator's own place by subnet, an index plus one; 0 for none.
    pub own: u16,
    /// The rule of a subnet pin; 0 for none.
    pub rule: u16,
}

impl Client {
    /// One of whom nothing else is known.
    pub const ANY: Self = Self {
        asn: 0,
        own: 0,
        rule: 0,
    };
}

/// What the databases are asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Where a client is.
    pub place: bool,
    /// In which autonomous system.
    pub asn: bool,
}

impl Wanted {
    /// Nothing: its entry is the same wherever a client is.
    pub const NOTHING: Self = Self {
        place: false,
        asn: false,
    };

    /// Where a client is, and nothing else.
    pub const PLACE: Self = Self {
        place: true,
        asn: false,
    };
}
