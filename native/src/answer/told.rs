//! The extended errors that are told, as option data: INFO-CODE and EXTRA-TEXT (RFC 8914).

use crate::tables::Outcome;

/// What an extended error says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Told {
    /// There is none.
    Nothing,
    /// No zone here holds the name.
    Outside,
    /// Zone transfer is not offered.
    NoTransfer,
    /// How a service's answer came about.
    Steered(Outcome),
}

impl Told {
    /// The option's data, empty for none.
    #[must_use]
    pub const fn octets(self) -> &'static [u8] {
        match self {
            Self::Nothing | Self::Steered(Outcome::Serving | Outcome::Spilled) => b"",
            Self::Outside => b"\0\x14no zone here holds this name",
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
