//! Which values of a data section are sound, with all that they reach, as Python's reader has it.

use super::mmdb::bits::Bits;
use super::mmdb::value::{header, kind, pointer};
use super::record::Unreadable;
use std::borrow::Cow;

/// The deepest nesting of a record that Python's reader follows.
const MAX_DEPTH: u16 = 512;

/// Checks values, each of them once.
pub struct Sound<'a> {
    data: &'a [u8],
    /// Those that are known to be sound.
    known: Bits,
}

impl<'a> Sound<'a> {
    /// With nothing checked.
    #[must_use]
    pub fn new(data: &'a [u8]) -> Self {
        Self {
            data,
            known: Bits::new(data.len()),
        }
    }

    /// That the value at `position` can be decoded with all that it reaches.
    pub fn check(&mut self, position: usize) -> Result<(), Unreadable> {
        if !self.known.holds(position) {
            self.verify(position, 0)?;
            self.known.insert(position);
        }
        Ok(())
    }

    /// Follow all that a value reaches, `depth` levels down. The position after it.
    fn verify(&mut self, position: usize, depth: u16) -> Result<usize, Unreadable> {
        const DAMAGED: Unreadable = Cow::Borrowed("its data cannot be decoded");
        if depth > MAX_DEPTH {
            return Err("it nests too deep".into());
        }
        let control = *self.data.get(position).ok_or(DAMAGED)?;
        if control >> 5 == kind::POINTER {
            let (target, after) = pointer(self.data, position).ok_or(DAMAGED)?;
            if !self.known.holds(target) {
                if self
                    .data
                    .get(target)
                    .is_some_and(|c| c >> 5 == kind::POINTER)
                {
                    return Err("a pointer leads to a pointer".into());
                }
                self.verify(target, depth + 1)?;
                self.known.insert(target);
            }
            return Ok(after);
        }
        let found = header(self.data, position).ok_or(DAMAGED)?;
        let mut after = found.body;
        match found.kind {
            kind::MAP | kind::ARRAY => {
                let each = if found.kind == kind::MAP { 2 } else { 1 };
                for _ in 0..found.size.saturating_mul(each) {
                    after = self.verify(after, depth + 1)?;
                }
            }
            kind::BOOLEAN => {}
            other => {
                after = found.body + found.size;
                let payload = self.data.get(found.body..after).ok_or(DAMAGED)?;
                if other == kind::TEXT && std::str::from_utf8(payload).is_err() {
                    return Err("text is not UTF-8".into());
                }
            }
        }
        Ok(after)
    }
}
