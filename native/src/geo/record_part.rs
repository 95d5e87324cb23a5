//! The maps within a record.

/// One of them.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// Of a country.
    Country,
    /// Of a continent.
    Continent,
    /// Of a point.
    Location,
    /// Of what else the network is.
    Traits,
}

impl Part {
    /// What it is called in a reason.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Country => "a record's country",
            Self::Continent => "a record's continent",
            Self::Location => "a record's location",
            Self::Traits => "a record's traits",
        }
    }

    /// Whether the class that reads it in Python has a parameter of this name.
    #[must_use]
    pub fn has_parameter(self, key: &[u8]) -> bool {
        match self {
            Self::Country | Self::Continent => key == b"self" || key == b"locales",
            Self::Location => key == b"self",
            Self::Traits => false,
        }
    }
}
