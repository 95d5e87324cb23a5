//! Extended DNS errors (EDE, RFC 8914) as option data: INFO-CODE, then EXTRA-TEXT.

use crate::tables::Outcome;

/// Why an answer is not the plain one; `extended_error` of `resolverd/snapshot/model.py`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExtendedError {
    /// No extended error goes with the answer.
    Absent,
    /// No zone here holds the name: INFO-CODE 20.
    NotAuthoritative,
    /// Zone transfer is not offered: INFO-CODE 18.
    NoTransfer,
    /// How a service's answer came about: INFO-CODE 0, or 18 for a client without a region.
    Steered(Outcome),
}

impl ExtendedError {
    /// The option's data, empty for none.
    #[must_use]
    pub const fn octets(self) -> &'static [u8] {
        match self {
            Self::Absent | Self::Steered(Outcome::Serving | Outcome::Spilled) => b"",
            Self::NotAuthoritative => b"\0\x14no zone here holds this name",
            Self::NoTransfer => b"\0\x12zone transfer is not offered",
            Self::Steered(Outcome::Unknown) => b"\0\0no region is known to be healthy",
            Self::Steered(Outcome::AllDown) => {
                b"\0\0no allowed region serves; this is the best of them"
            }
            Self::Steered(Outcome::Servfail | Outcome::Nodata | Outcome::Cname) => {
                b"\0\0no allowed region serves"
            }
            Self::Steered(Outcome::NoAddress) => b"\0\0no allowed region has an address",
            Self::Steered(Outcome::NoRegion) => b"\0\x12residency pins leave this client no region",
        }
    }
}
