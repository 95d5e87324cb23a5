//! Points of the globe in 8 octets each, exactly.
//!
//! Databases write degrees as decimals, nearly all of at most seven places, which are a whole number of
//! ten-millionths: divided again, that is the same double. What is not is kept as it is.

use super::preference_table::Point;

/// Ten-millionths of a degree in one.
const PARTS: f64 = 1e7;
/// In place of the parts of degrees north: what follows is the number of a point that is kept as it is.
const WHOLE: i32 = i32::MIN;

/// Points of rows, by their numbers.
#[derive(Default)]
pub struct Points {
    parts: Vec<[i32; 2]>,
    whole: Vec<Point>,
}

impl Points {
    /// Add the point of a row behind all that have one. None where there are too many.
    pub fn push(&mut self, row: usize, point: Point) -> Option<()> {
        self.parts.resize(row, [0; 2]);
        let parts = match parts(point.0).zip(parts(point.1)) {
            Some(parts) => parts.into(),
            None => {
                self.whole.push(point);
                [WHOLE, i32::try_from(self.whole.len() - 1).ok()?]
            }
        };
        self.parts.push(parts);
        Some(())
    }

    /// Whether no row has one.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The point of a row.
    #[must_use]
    pub fn get(&self, row: u32) -> Option<Point> {
        match *self.parts.get(row as usize)? {
            [WHOLE, number] => self.whole.get(number as usize).copied(),
            parts => {
                let [north, east] = parts.map(f64::from);
                Some((north / PARTS, east / PARTS))
            }
        }
    }

    /// The same, in no more memory than they take.
    #[must_use]
    pub fn finish(mut self) -> Self {
        self.parts.shrink_to_fit();
        self.whole.shrink_to_fit();
        self
    }

    /// Octets that they take.
    #[must_use]
    pub const fn size(&self) -> usize {
        size_of_val(self.parts.as_slice()) + size_of_val(self.whole.as_slice())
    }
}

/// Degrees in parts; None where those say another number.
fn parts(degrees: f64) -> Option<i32> {
    let parts = (degrees * PARTS).round() as i32;
    let same = (f64::from(parts) / PARTS).to_bits() == degrees.to_bits();
    (same && parts != WHOLE).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::draws::mix;

    #[test]
    fn every_point_is_read_back_as_it_was() {
        let mut points = Points::default();
        let odd = [
            0.0,
            -0.0,
            90.0,
            -180.0,
            99.90090000000001,
            1e-9,
            f64::MAX,
            f64::NAN,
            1.0 / 3.0,
        ];
        let mut given: Vec<Point> = odd.iter().flat_map(|a| odd.map(|b| (*a, b))).collect();
        for number in 0..20_000_u64 {
            let (north, east) = (mix(number), mix(!number));
            let places = 10_f64.powi((number % 8) as i32);
            let decimal = |word: u64| ((word % 360) as f64 * places).floor() / places - 180.0;
            let fraction = |word: u64| (word % 3_600_000_000) as f64 / 1e7 - 180.0;
            given.push(match number % 3 {
                0 => (f64::from_bits(north), f64::from_bits(east)),
                1 => (decimal(north), decimal(east)),
                _ => (fraction(north), fraction(east)),
            });
        }
        // Some rows have none.
        for (row, point) in given.iter().enumerate() {
            points.push(2 * row + 1, *point).unwrap();
        }
        let points = points.finish();
        let bits = |(north, east): Point| (north.to_bits(), east.to_bits());
        for (row, point) in given.into_iter().enumerate() {
            assert_eq!(points.get(2 * row as u32 + 1).map(bits), Some(bits(point)));
        }
    }

    #[test]
    fn degrees_of_seven_places_take_eight_octets() {
        let mut points = Points::default();
        let given = [
            (51.5074, -0.1278),
            (-33.8688197, 151.2092955),
            (0.0, -180.0),
        ];
        for (row, point) in given.into_iter().enumerate() {
            points.push(row, point).unwrap();
        }
        assert_eq!(points.finish().size(), 24);
    }
}
