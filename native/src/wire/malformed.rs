//! What makes a query malformed, by which it is counted; the header's and EDNS's alike, so that neither
//! reader needs the other.

/// What is wrong with a packet that gets FORMERR, in the order of [`Malformed::NAMES`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Malformed {
    Counts,
    Trailing,
    Qname,
    Record,
    Opt,
    QtypeOpt,
    EdnsOptionShort,
    EcsRepeated,
    EcsShort,
    EcsFamily,
    EcsLength,
    EcsAddress,
    EcsTrailingBits,
}

impl Malformed {
    /// How they are counted.
    pub const NAMES: [&'static str; 13] = [
        "counts",
        "trailing",
        "qname",
        "record",
        "opt",
        "qtype_opt",
        "edns_option_short",
        "ecs_repeated",
        "ecs_short",
        "ecs_family",
        "ecs_length",
        "ecs_address",
        "ecs_trailing_bits",
    ];
}
