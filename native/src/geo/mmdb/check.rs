//! A data section, checked value by value: types, sizes and bounds of all that records reach.
//!
//! Text is not decoded and pointers are not chained here; [`super::super::place`] does that
//! record by record, where damage costs a record and not the file.

use super::Refused;
use super::bits::Bits;
use super::value::{header, kind, pointer};
use std::thread;

/// How many values a thread looks at for each octet of the data section: sound files need one,
/// and no file can make the check slower than this.
const LOOKS: usize = 8;

/// From so many records on two threads take less time than one.
const MANY: usize = 1 << 12;

/// Check all that the records at `offsets` can reach, by two threads where there are many; `tick`
/// hears the part done.
pub fn check_values(data: &[u8], offsets: &Bits, tick: impl Fn(f64)) -> Result<(), Refused> {
    let all: Vec<u32> = offsets.iter().collect();
    if all.len() < MANY {
        return check_part(data, offsets, all, tick);
    }
    let (first, second) = all.split_at(all.len() / 2);
    thread::scope(|scope| {
        let other = scope.spawn(|| check_part(data, offsets, second.to_vec(), |_| ()));
        check_part(data, offsets, first.to_vec(), tick)?;
        other.join().unwrap_or_else(|_| Err(Refused::died()))
    })
}

/// Check all that `waiting` records can reach, and leave the others at `offsets` to others.
fn check_part(
    data: &[u8],
    offsets: &Bits,
    mut waiting: Vec<u32>,
    tick: impl Fn(f64),
) -> Result<(), Refused> {
    let total = waiting.len().max(1);
    let mut check = Check {
        data,
        keys: Bits::new(data.len()),
        found: offsets.clone(),
        outer: Vec::new(),
        looks: data.len().saturating_mul(LOOKS) + 1024,
    };
    let mut done = 0_usize;
    while let Some(offset) = waiting.pop() {
        if done.is_multiple_of(4096) {
            tick((done as f64 / total as f64).min(1.0));
        }
        done += 1;
        check.record(offset as usize, &mut waiting)?;
    }
    Ok(())
}

struct Check<'a> {
    data: &'a [u8],
    /// Offsets that pointers in keys lead to, and which are text.
    keys: Bits,
    /// Offsets that have been, or will be, checked.
    found: Bits,
    /// Containers around the value at hand: values left, and whether in pairs.
    outer: Vec<(usize, bool)>,
    looks: usize,
}

impl Check<'_> {
    /// Check one value with all that is nested in it; pointers to new places go to `waiting`.
    fn record(&mut self, start: usize, waiting: &mut Vec<u32>) -> Result<(), Refused> {
        let mut position = start;
        let (mut left, mut in_map) = (1_usize, false);
        self.outer.clear();
        loop {
            while left == 0 {
                match self.outer.pop() {
                    Some(around) => (left, in_map) = around,
                    None if position > self.data.len() => return Err(cut_off()),
                    None => return Ok(()),
                }
            }
            left -= 1;
            self.looks = self.looks.checked_sub(1).ok_or_else(|| {
                Refused::because("its data section has values that overlap beyond reason")
            })?;
            if in_map {
                position = self.key(position)?;
            }
            let control = *self.data.get(position).ok_or_else(cut_off)?;
            if control >> 5 == kind::POINTER {
                let (target, after) =
                    pointer(self.data, position).ok_or_else(|| points_out(position))?;
                if self.found.insert(target) {
                    waiting.push(target as u32);
                }
                position = after;
                continue;
            }
            let value = header(self.data, position).ok_or_else(cut_off)?;
            match value.kind {
                kind::MAP | kind::ARRAY => {
                    self.outer.push((left, in_map));
                    (left, in_map) = (value.size, value.kind == kind::MAP);
                    position = value.body;
                }
                kind::BOOLEAN if value.size <= 1 => position = value.body,
                other if fits(other, value.size) => position = value.body + value.size,
                _ => {
                    return Err(Refused(format!(
                        "its data section is damaged at byte {position}"
                    )));
                }
            }
        }
    }

    /// Check the map key at `position`: text, or a pointer to text. The position after it.
    fn key(&mut self, position: usize) -> Result<usize, Refused> {
        let control = *self.data.get(position).ok_or_else(cut_off)?;
        if control >> 5 != kind::POINTER {
            return self.text(position);
        }
        let (target, after) = pointer(self.data, position).ok_or_else(|| points_out(position))?;
        if !self.keys.holds(target) {
            self.text(target)?;
            self.keys.insert(target);
        }
        Ok(after)
    }

    fn text(&self, position: usize) -> Result<usize, Refused> {
        let value = header(self.data, position).ok_or_else(cut_off)?;
        if value.kind != kind::TEXT {
            return Err(Refused(format!(
                "its data section has a map key that is not text, at byte {position}"
            )));
        }
        let after = value.body + value.size;
        if after > self.data.len() {
            return Err(cut_off());
        }
        Ok(after)
    }
}

/// Whether a value of this type may have this many octets.
const fn fits(kind: u8, size: usize) -> bool {
    match kind {
        kind::TEXT | kind::BYTES => size <= 1 << 24,
        kind::DOUBLE => size == 8,
        kind::FLOAT => size == 4,
        kind::UINT16 => size <= 2,
        kind::UINT32 | kind::INT32 => size <= 4,
        kind::UINT64 => size <= 8,
        kind::UINT128 => size <= 16,
        _ => false,
    }
}

fn cut_off() -> Refused {
    Refused::because("its data section ends in the middle of a value")
}

fn points_out(position: usize) -> Refused {
    Refused(format!(
        "its data section has a pointer out of it, at byte {position}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(data: &[u8]) -> Result<(), Refused> {
        let mut start = Bits::new(data.len());
        start.insert(0);
        check_values(data, &start, |_| ())
    }

    #[test]
    fn damage_is_found_in_either_half_of_many_records() {
        for at in [
            None,
            Some(0),
            Some(MANY - 1),
            Some(MANY),
            Some(2 * MANY - 1),
        ] {
            let mut data = vec![0xa0; 2 * MANY];
            let mut all = Bits::new(data.len());
            for offset in 0..data.len() {
                all.insert(offset);
            }
            if let Some(octet) = at.and_then(|at| data.get_mut(at)) {
                *octet = 0x64; // text of four octets, and no record
            }
            assert_eq!(
                check_values(&data, &all, |_| ()).is_err(),
                at.is_some(),
                "{at:?}"
            );
        }
    }

    #[test]
    fn sound_values_pass() {
        assert_eq!(checked(&[0xe1, 0x41, b'a', 0x20, 0x00]), Ok(()));
        assert_eq!(checked(&[0xa2, 1, 2]), Ok(()));
    }

    #[test]
    fn each_damage_has_its_reason() {
        for (data, reason) in [
            (&[0xe1, 0xa1, 7, 0xa0][..], "not text, at byte 1"),
            (
                &[0xe1, 0x41, b'a', 0x27, 0xff],
                "a pointer out of it, at byte 3",
            ),
            (&[0xe1, 0x45, b'a'], "in the middle of a value"),
            (&[0xe2, 0x41, b'a', 0xa0], "in the middle of a value"),
            (&[0x64, 0, 0, 0, 0], "damaged at byte 0"),
            (&[0x00, 0x09], "damaged at byte 0"),
            (&[], "in the middle of a value"),
        ] {
            let Err(Refused(why)) = checked(data) else {
                panic!("{data:?} passed");
            };
            assert!(why.contains(reason), "{why}");
        }
    }
}
