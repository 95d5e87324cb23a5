//! Values of a data section: a control octet with type and size, then a payload.

/// Types by number, as the format has them.
pub mod kind {
    #![allow(missing_docs, reason = "the format's own names")]
    pub const POINTER: u8 = 1;
    pub const TEXT: u8 = 2;
    pub const DOUBLE: u8 = 3;
    pub const BYTES: u8 = 4;
    pub const UINT16: u8 = 5;
    pub const UINT32: u8 = 6;
    pub const MAP: u8 = 7;
    pub const INT32: u8 = 8;
    pub const UINT64: u8 = 9;
    pub const UINT128: u8 = 10;
    pub const ARRAY: u8 = 11;
    pub const BOOLEAN: u8 = 14;
    pub const FLOAT: u8 = 15;
}

/// A value's type, its size (octets, or elements), and where its payload begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// One of [`kind`], or a number that the format does not know.
    pub kind: u8,
    /// Octets; pairs of a map; elements of an array; the value of a boolean.
    pub size: usize,
    /// Position of the payload.
    pub body: usize,
}

/// The header of the value at `position`, which is no pointer. None past the end.
#[inline]
#[must_use]
pub fn header(data: &[u8], position: usize) -> Option<Header> {
    let control = *data.get(position)?;
    let mut body = position + 1;
    let mut kind = control >> 5;
    if kind == 0 {
        kind = data.get(body)?.saturating_add(7);
        body += 1;
    }
    let mut size = usize::from(control & 31);
    if size >= 29 {
        let width = size - 28;
        let base = match width {
            1 => 29,
            2 => 285,
            _ => 65821,
        };
        size = base + number(data, body, width);
        body += width;
    }
    Some(Header { kind, size, body })
}

/// Where the pointer at `position` leads, and the position after it. None where that is
/// outside the data section.
#[inline]
#[must_use]
pub fn pointer(data: &[u8], position: usize) -> Option<(usize, usize)> {
    let control = *data.get(position)?;
    let width = usize::from(control >> 3 & 3) + 1;
    let after = position + 1 + width;
    let mut target = number(data, position + 1, width);
    if width < 4 {
        let base = match width {
            1 => 0,
            2 => 2048,
            _ => 526_336,
        };
        target += (usize::from(control & 7) << (8 * width)) + base;
    }
    (after <= data.len() && target < data.len()).then_some((target, after))
}

/// Up to four octets as a number; those past the end do not count.
#[inline]
fn number(data: &[u8], from: usize, width: usize) -> usize {
    // Four are there but at the very end.
    if let Some(octets) = data.get(from..).and_then(<[u8]>::first_chunk) {
        let unused = 8 * (4_u32).saturating_sub(width as u32);
        return u32::from_be_bytes(*octets).checked_shr(unused).unwrap_or(0) as usize;
    }
    data.iter()
        .skip(from)
        .take(width)
        .fold(0, |sum, octet| sum << 8 | usize::from(*octet))
}

/// A value as far as places need it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Value<'a> {
    /// Text, in UTF-8 if the record is sound.
    Text(&'a [u8]),
    /// A double or a float.
    Float(f64),
    /// An unsigned number of any width.
    Unsigned(u128),
    /// A signed number.
    Signed(i32),
    /// True or false.
    Boolean(bool),
    /// A map: where its first key stands, and how many pairs it has.
    Map {
        /// Position of the first key.
        first: usize,
        /// Pairs.
        count: usize,
    },
    /// Any other, by its type.
    Other(u8),
}

/// The value at `position`, through a pointer if one stands there. None past the end, and
/// for a pointer to a pointer, which the format forbids.
#[must_use]
pub fn value(data: &[u8], position: usize) -> Option<Value<'_>> {
    let found = resolve(data, position)?;
    let payload = || data.get(found.body..found.body.checked_add(found.size)?);
    Some(match found.kind {
        kind::TEXT => Value::Text(payload()?),
        kind::DOUBLE => Value::Float(f64::from_be_bytes(payload()?.try_into().ok()?)),
        kind::FLOAT => Value::Float(f64::from(f32::from_be_bytes(payload()?.try_into().ok()?))),
        kind::UINT16 | kind::UINT32 | kind::UINT64 | kind::UINT128 => {
            let octets = payload()?;
            if octets.len() > 16 {
                return None;
            }
            let fold = |sum: u128, octet: &u8| sum << 8 | u128::from(*octet);
            Value::Unsigned(octets.iter().fold(0, fold))
        }
        kind::INT32 => {
            let fold = |sum: u32, octet: &u8| sum << 8 | u32::from(*octet);
            Value::Signed(payload()?.iter().fold(0, fold) as i32)
        }
        kind::MAP => Value::Map {
            first: found.body,
            count: found.size,
        },
        kind::BOOLEAN => Value::Boolean(found.size != 0),
        other => Value::Other(other),
    })
}

/// The header of a value that is no pointer, at `position` or where that points.
#[inline]
fn resolve(data: &[u8], position: usize) -> Option<Header> {
    let control = *data.get(position)?;
    if control >> 5 != kind::POINTER {
        return header(data, position);
    }
    let (target, _) = pointer(data, position)?;
    header(data, target).filter(|found| found.kind != kind::POINTER)
}

/// Keys of a map, each with its value's position. Ends early where the data section does.
pub fn entries(data: &[u8], first: usize, count: usize) -> impl Iterator<Item = (&[u8], usize)> {
    let mut position = first;
    (0..count).map_while(move |_| {
        let Value::Text(key) = value(data, position)? else {
            return None;
        };
        let at = skip(data, position)?;
        position = skip(data, at)?;
        Some((key, at))
    })
}

/// The position after the value at `position`, with all that is nested in it.
#[must_use]
pub fn skip(data: &[u8], position: usize) -> Option<usize> {
    let mut position = position;
    let mut left = 1_usize;
    while left > 0 {
        left -= 1;
        let control = *data.get(position)?;
        if control >> 5 == kind::POINTER {
            position += 2 + usize::from(control >> 3 & 3);
            continue;
        }
        let found = header(data, position)?;
        position = found.body;
        match found.kind {
            // Each of these is an octet at least, so the data section bounds the sum.
            kind::MAP => left = left.checked_add(found.size.checked_mul(2)?)?,
            kind::ARRAY => left = left.checked_add(found.size)?,
            kind::BOOLEAN => {}
            _ => position = position.checked_add(found.size)?,
        }
    }
    Some(position)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_have_short_and_long_sizes_and_extended_types() {
        let long = [0x5d, 7];
        assert_eq!(
            header(&long, 0),
            Some(Header {
                kind: kind::TEXT,
                size: 36,
                body: 2
            })
        );
        let array = [0x03, 0x04];
        assert_eq!(
            header(&array, 0),
            Some(Header {
                kind: kind::ARRAY,
                size: 3,
                body: 2
            })
        );
        assert_eq!(header(&[], 0), None);
        assert_eq!(header(&[0x03], 0), None);
    }

    #[test]
    fn pointers_have_four_widths_and_stay_inside() {
        let mut data = vec![0; 600_000];
        for (octets, target) in [
            (vec![0x21, 0x02], 0x102),
            (vec![0x28, 0x00, 0x01], 2049),
            (vec![0x30, 0x00, 0x00, 0x02], 526_338),
            (vec![0x38, 0x00, 0x00, 0x00, 0x09], 9),
        ] {
            data[..octets.len()].copy_from_slice(&octets);
            assert_eq!(pointer(&data, 0), Some((target, octets.len())));
        }
        assert_eq!(pointer(&[0x27, 0xff], 0), None);
        assert_eq!(pointer(&[0x38, 0, 0], 0), None);
    }

    #[test]
    fn a_map_is_read_through_and_skipped_whole() {
        // {"a": [7, {}], "b": 1.0}
        let mut data = vec![
            0xe2, 0x41, b'a', 0x02, 0x04, 0xa1, 7, 0xe0, 0x41, b'b', 0x68,
        ];
        data.extend(1.0_f64.to_be_bytes());
        let Some(Value::Map { first, count }) = value(&data, 0) else {
            panic!("no map");
        };
        let found: Vec<_> = entries(&data, first, count).collect();
        assert_eq!(found, [(b"a".as_slice(), 3), (b"b".as_slice(), 10)]);
        assert_eq!(value(&data, 10), Some(Value::Float(1.0)));
        assert_eq!(skip(&data, 0), Some(data.len()));
        assert_eq!(skip(&data[..5], 0), None);
    }
}
