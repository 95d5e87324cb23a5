//! Reading an image: little-endian numbers one after another, sections of fixed-size records.

use super::Pool;

/// What is read next of an image.
pub struct Reader<'i> {
    rest: &'i [u8],
}

const SHORT: &str = "the image ends too early";

impl<'i> Reader<'i> {
    /// A reader of `image`, which must begin with `magic`.
    pub fn new(image: &'i [u8], magic: [u8; 8]) -> Result<Self, &'static str> {
        match image.split_first_chunk() {
            Some((begin, rest)) if *begin == magic => Ok(Self { rest }),
            _ => Err("this is no image, or one of another version"),
        }
    }

    fn chunk<const N: usize>(&mut self) -> Result<[u8; N], &'static str> {
        let (chunk, rest) = self.rest.split_first_chunk().ok_or(SHORT)?;
        self.rest = rest;
        Ok(*chunk)
    }

    /// One octet.
    pub fn u8(&mut self) -> Result<u8, &'static str> {
        self.chunk::<1>().map(|[octet]| octet)
    }

    /// Two octets.
    pub fn u16(&mut self) -> Result<u16, &'static str> {
        self.chunk().map(u16::from_le_bytes)
    }

    /// Four octets.
    pub fn u32(&mut self) -> Result<u32, &'static str> {
        self.chunk().map(u32::from_le_bytes)
    }

    /// Eight octets.
    pub fn u64(&mut self) -> Result<u64, &'static str> {
        self.chunk().map(u64::from_le_bytes)
    }

    /// A number that is a number.
    pub fn f64(&mut self) -> Result<f64, &'static str> {
        let value = self.chunk().map(f64::from_le_bytes)?;
        if value.is_nan() {
            return Err("what should be a number is none");
        }
        Ok(value)
    }

    /// A time that is finite and not negative.
    pub fn seconds(&mut self) -> Result<f64, &'static str> {
        match self.f64()? {
            seconds if seconds.is_finite() && seconds >= 0.0 => Ok(seconds),
            _ => Err("a TTL is negative or without end"),
        }
    }

    /// A reader of the next `count` records of `size` octets each, which are passed over here.
    pub fn section(&mut self, count: u32, size: usize) -> Result<Self, &'static str> {
        let whole = (count as usize).checked_mul(size).ok_or(SHORT)?;
        let (section, rest) = self.rest.split_at_checked(whole).ok_or(SHORT)?;
        self.rest = rest;
        Ok(Self { rest: section })
    }

    /// `count` records as `read` reads them, each of at least `size` octets.
    pub fn records<T>(
        &mut self,
        count: u32,
        size: usize,
        mut read: impl FnMut(&mut Self) -> Result<T, &'static str>,
    ) -> Result<Box<[T]>, &'static str> {
        let count = count as usize;
        if count
            .checked_mul(size)
            .is_none_or(|whole| whole > self.rest.len())
        {
            return Err(SHORT); // before room is made for them
        }
        let mut records = Vec::with_capacity(count);
        for _ in 0..count {
            records.push(read(self)?);
        }
        Ok(records.into_boxed_slice())
    }

    /// The next `length` octets.
    pub fn octets(&mut self, length: usize) -> Result<Box<[u8]>, &'static str> {
        let (octets, rest) = self.rest.split_at_checked(length).ok_or(SHORT)?;
        self.rest = rest;
        Ok(octets.into())
    }

    /// All that is left, `length` octets, as a pool.
    pub fn pool(mut self, length: u32) -> Result<Pool, &'static str> {
        let pool = Pool(self.octets(length as usize)?);
        if self.rest.is_empty() {
            Ok(pool)
        } else {
            Err("the image goes on after its end")
        }
    }
}
