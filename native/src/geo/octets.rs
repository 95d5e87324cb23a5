//! Reads the octets of a [`super::geography`]: big-endian numbers, and lists with their lengths.

use super::field::{Column, Field, Hub, Origin, Sample, Scale};
use super::latency::Latency;
use super::ranking::SpherePoint;
use crate::wire::prefix::{Family, Prefix};

/// What is left to read; each reading takes from its front, and gives None where that is too short.
pub struct Octets<'a>(pub &'a [u8]);

impl Octets<'_> {
    /// The next N octets.
    pub fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    /// A double, big-endian.
    pub fn double(&mut self) -> Option<f64> {
        self.take().map(f64::from_be_bytes)
    }

    /// Degrees north and east.
    pub fn degrees(&mut self) -> Option<(f64, f64)> {
        Some((self.double()?, self.double()?))
    }

    /// A point in degrees; not a number for none.
    pub fn known_point(&mut self) -> Option<Option<(f64, f64)>> {
        let (latitude, longitude) = self.degrees()?;
        Some((!latitude.is_nan() && !longitude.is_nan()).then_some((latitude, longitude)))
    }

    /// A prefix: 4 or 6, its length, and 16 octets of address.
    pub fn prefix(&mut self) -> Option<Prefix> {
        let [family, length] = self.take()?;
        let family = match family {
            4 => Family::V4,
            6 => Family::V6,
            _ => return None,
        };
        let address = u128::from_be_bytes(self.take()?);
        Some(Prefix::new(family, address, length))
    }

    /// A list by number, which is put in order.
    pub fn numbered(&mut self) -> Option<Vec<(u32, u16)>> {
        let mut list = self.list(|from| Some((u32::from_be_bytes(from.take()?), from.pin()?)))?;
        list.sort_unstable();
        Some(list)
    }

    /// The number of a pin.
    pub fn pin(&mut self) -> Option<u16> {
        self.take().map(u16::from_be_bytes)
    }

    /// A list of one pin at most, as a rule; 0 for none.
    pub fn optional_rule(&mut self) -> Option<u16> {
        match *self.list(Self::pin)? {
            [] => Some(0),
            [pin] => pin.checked_add(1),
            _ => None,
        }
    }

    /// Degrees north and east, as a point of the sphere.
    pub fn point(&mut self) -> Option<SpherePoint> {
        self.degrees().map(SpherePoint::at)
    }

    /// What is expected and what was measured, for `latency`.
    pub fn latency(&mut self) -> Option<Latency> {
        Some(Latency {
            field: Field {
                columns: self.list(|from| {
                    Some(Column {
                        point: from.point()?,
                        base: from.double()?,
                        slope: from.double()?,
                    })
                })?,
                hubs: self.list(|from| {
                    Some(Hub {
                        point: from.point()?,
                        ways: from.list(Self::double)?,
                    })
                })?,
                scales: self.list(|from| {
                    Some(Scale {
                        variance: from.double()?,
                        length: from.double()?,
                    })
                })?,
                country_variance: self.double()?,
                origins: self.list(|from| {
                    Some(Origin {
                        point: from.point()?,
                        country: from.take()?,
                        weights: from.list(Self::double)?,
                    })
                })?,
            },
            columns: self.list(|from| from.take().map(u16::from_be_bytes))?,
            countries: self.rows(Self::take)?,
            asns: self.rows(|from| from.take().map(u32::from_be_bytes))?,
            own: self.rows(|from| from.take().map(u16::from_be_bytes)?.checked_add(1))?,
        })
    }

    /// Samples by what they hold for, ascending.
    pub fn rows<K: Ord + Copy>(
        &mut self,
        key: impl Fn(&mut Self) -> Option<K>,
    ) -> Option<Vec<(K, Vec<Sample>)>> {
        let mut rows = self.list(|from| Some((key(from)?, from.row()?)))?;
        rows.sort_unstable_by_key(|(key, _)| *key);
        Some(rows)
    }

    /// The samples of one row, by column.
    pub fn row(&mut self) -> Option<Vec<Sample>> {
        self.list(|from| {
            Some(Sample {
                column: u16::from_be_bytes(from.take()?),
                ms: from.double()?,
                confidence: from.double()?,
            })
        })
    }

    /// A list: how many there are (four octets), then each as `read` takes it.
    pub fn list<T>(&mut self, mut read: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = u32::from_be_bytes(self.take()?);
        (0..count).map(|_| read(self)).collect()
    }
}
