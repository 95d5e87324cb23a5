//! How an answer came about, and how a service answers without a region: `policy/decision.py`.
//!
//! Plain values, which the Plan and the Steering share and neither needs the other for.

/// How it is answered that there is no region.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoRegion {
    /// SERVFAIL.
    Servfail,
    /// No record.
    Nodata,
    /// A CNAME to a name that has no address.
    Cname,
    /// REFUSED.
    Refused,
}

impl NoRegion {
    pub(super) const fn read(octet: u8) -> Result<Self, &'static str> {
        match octet {
            1 => Ok(Self::Servfail),
            2 => Ok(Self::Nodata),
            3 => Ok(Self::Cname),
            4 => Ok(Self::Refused),
            _ => Err("a service answers what is not known where there is no region"),
        }
    }
}

/// What a service answers when no allowed region serves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AllDown {
    /// The best region, although it does not serve.
    Nearest,
    /// That there is none.
    NoRegion(NoRegion),
}

impl AllDown {
    pub(super) fn read(octet: u8) -> Result<Self, &'static str> {
        match octet {
            0 => Ok(Self::Nearest),
            _ => NoRegion::read(octet).map(Self::NoRegion),
        }
    }
}

/// How an answer came about; the first four have a region, and count in its slots.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(
    missing_docs,
    reason = "resolverd/policy/decision.py has the same words"
)]
pub enum Outcome {
    Serving,
    Unknown,
    AllDown,
    Spilled,
    Servfail,
    Nodata,
    Cname,
    NoRegion,
    NoAddress,
}
