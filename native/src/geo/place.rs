//! Where an address is, as far as that is known: one value, small enough to be copied.

/// Two letters of a code; zeros for none.
pub type Code = [u8; 2];

/// No country, or no continent.
pub const NONE: Code = [0; 2];

/// The codes of continents.
pub const CONTINENTS: [&[u8; 2]; 7] = [b"AF", b"AN", b"AS", b"EU", b"NA", b"OC", b"SA"];

/// How wide a point is, in kilometres, from which on it is not believed: `DOUBT_RADIUS` of
/// `resolverd/geo/layout.py`.
pub const DOUBT_RADIUS: f64 = 500.0;

/// What is known of where an address is; at least one part is.
///
/// Where a database knows a country, it knows point and continent too.
#[derive(Clone, Copy, PartialEq, Default, Debug)]
pub struct Place {
    /// Degrees north and east.
    pub point: Option<(f64, f64)>,
    /// ISO 3166-1 alpha-2, or XK; [`NONE`] where unknown.
    pub country: Code,
    /// One of AF AN AS EU NA OC SA; [`NONE`] where unknown.
    pub continent: Code,
    /// Whether the point is but the country's own, since only the country is sure.
    pub uncertain: bool,
    /// The number of the client's autonomous system, by which it is ranked; 0 where unknown, or none
    /// that matters. No place of a database has one: another database may tell another.
    pub asn: u32,
    /// The number that the place's own record tells; 0 where it tells none.
    pub told_asn: u32,
    /// The operator's own place, an index plus one; 0 for none.
    pub own: u16,
}

impl Place {
    /// This place; what it does not know is as `other` has it.
    ///
    /// Of a place in another country than this one's, the point is not taken. An autonomous system
    /// is looked for apart.
    #[must_use]
    pub fn completed_by(&self, other: &Self) -> Self {
        let either = |mine: Code, theirs| if mine == NONE { theirs } else { mine };
        let abroad =
            ![self.country, other.country].contains(&NONE) && self.country != other.country;
        let known = if self.point.is_some() || abroad {
            self
        } else {
            other
        };
        Self {
            point: known.point,
            uncertain: known.uncertain,
            country: either(self.country, other.country),
            continent: either(self.continent, other.continent),
            asn: self.asn,
            told_asn: self.told_asn,
            own: self.own,
        }
    }

    /// Whether any part of where it is is known; the number of a network is none.
    #[must_use]
    pub fn is_somewhere(&self) -> bool {
        self.point.is_some() || self.continent != NONE
    }
}
