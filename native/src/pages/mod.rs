//! Pages of metrics in Prometheus' text format, of which a few lines matter.
//!
//! What a page means is said by `resolverd/health/probes/vllm_samples.py` and `vllm_layout.py`;
//! this reads what is plain on pages that look as an earlier one did, and leaves the rest to them.

mod names;
pub mod response;

use names::Names;
use std::io::BufRead;

/// What is read of a value, and the largest one: larger ones, and all that is written otherwise
/// than in digits, are for Python to judge.
const MAX_VALUE: usize = 40;
const LARGEST: f64 = 1e18;

/// What a page is expected to look like.
pub struct Layout {
    names: Names,
    series: Box<[u8]>,
}

impl Layout {
    /// The samples that have one of `names` are just `series`, each once and in this order. Both are
    /// lines, each with its end; None where a name is too short to be told at a glance.
    #[must_use]
    pub fn new(names: &[u8], series: &[u8]) -> Option<Self> {
        let names = Names::read(names)?;
        let series = series.into();
        Some(Self { names, series })
    }

    /// How many series there are.
    #[must_use]
    pub fn series(&self) -> usize {
        names::lines(&self.series).count()
    }

    /// Read the values of the samples of `page`; how many there are.
    ///
    /// `numbers` gets the bits of the values. None where the page has other samples of those names,
    /// fewer of them or in another order, or a value that is not plainly a number from 0 to 10^18,
    /// or where `numbers` has no room. A last line without its end is no line.
    #[must_use]
    pub fn read(&self, page: &[u8], numbers: &mut [u64]) -> Option<usize> {
        let mut expected = names::lines(&self.series);
        let mut room = numbers.iter_mut();
        let (mut rest, mut count) = (page, 0);
        while let Some(line) = next_line(&mut rest) {
            if self.names.begin(line) {
                *room.next()? = value(line, expected.next()?)?.to_bits();
                count += 1;
            }
        }
        expected.next().is_none().then_some(count)
    }
}

/// The next line without its end, which it has.
fn next_line<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let whole = *rest;
    // To search for the end of a line is most of the work, and this is the fastest way in std.
    let length = rest.skip_until(b'\n').ok()?;
    whole.get(..length)?.strip_suffix(b"\n")
}

/// The value of a line that is `series`, a space and a plain number.
fn value(line: &[u8], series: &[u8]) -> Option<f64> {
    let text = line.strip_prefix(series)?.strip_prefix(b" ")?;
    let plain = |octet: &u8| matches!(octet, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-');
    if text.len() > MAX_VALUE || !text.iter().all(plain) {
        return None;
    }
    let value: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    (0.0..=LARGEST).contains(&value).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::Layout;

    const NAMES: &[u8] = b"vllm:running\nvllm:prompt_total\nstarted_at\n";
    const SERIES: &[u8] = b"vllm:running{engine=\"0\"}\nstarted_at\n";

    fn read(page: &[u8], names: &[u8], series: &[u8], numbers: &mut [u64]) -> Option<usize> {
        Layout::new(names, series)?.read(page, numbers)
    }

    fn numbers(page: &[u8]) -> Option<Vec<f64>> {
        let mut numbers = [0; 4];
        let count = read(page, NAMES, SERIES, &mut numbers)?;
        Some(
            numbers
                .iter()
                .take(count)
                .map(|bits| f64::from_bits(*bits))
                .collect(),
        )
    }

    #[test]
    fn values_are_those_of_the_series_in_their_order() {
        let page = b"# HELP vllm:running 1\nvllm:running{engine=\"0\"} 3.5\nvllm:runs 7\n\
            vllm:running_total 1\nstarted_at 1.7e9\n";
        assert_eq!(numbers(page), Some(vec![3.5, 1.7e9]));
    }

    #[test]
    fn a_page_that_looks_otherwise_is_left_to_others() {
        let plain = "vllm:running{engine=\"0\"} 3\nstarted_at 4\n";
        assert_eq!(numbers(plain.as_bytes()), Some(vec![3.0, 4.0]));
        for page in [
            "vllm:running{engine=\"1\"} 3\nstarted_at 4\n",
            "started_at 4\nvllm:running{engine=\"0\"} 3\n",
            "vllm:running{engine=\"0\"} 3\nstarted_at 4\nstarted_at 4\n",
            "vllm:running{engine=\"0\"} 3\nstarted_at 4\nvllm:prompt_total\t4\n",
            "vllm:running{engine=\"0\"} 3\n",
            "vllm:running{engine=\"0\"} 3\nstarted_at 4",
            "",
        ] {
            assert_eq!(numbers(page.as_bytes()), None, "{page}");
        }
    }

    #[test]
    fn a_value_that_is_no_plain_number_is_left_to_others() {
        for value in [
            "",
            " 3",
            "3 ",
            "3\r",
            "-1",
            "1e19",
            "1e999",
            "NaN",
            "+Inf",
            "inf",
            "1_0",
            "0x1",
            "e",
            "3 # {} 4",
            "3 1700000000",
            "1.2.3",
            "\u{663}",
        ] {
            let page = format!("vllm:running{{engine=\"0\"}} {value}\nstarted_at 4\n");
            assert_eq!(numbers(page.as_bytes()), None, "{value}");
        }
        let long = "1".repeat(41);
        let page = format!("vllm:running{{engine=\"0\"}} {long}\nstarted_at 4\n");
        assert_eq!(numbers(page.as_bytes()), None);
    }

    #[test]
    fn names_that_cannot_be_told_at_a_glance_are_left_to_others() {
        assert_eq!(
            read(b"short 1\n", b"short\n", b"short\n", &mut [0; 1]),
            None
        );
    }

    #[test]
    fn more_samples_than_there_is_room_for_are_left_to_others() {
        let page = b"started_at 1\nstarted_at 1\n";
        assert_eq!(read(page, NAMES, page, &mut [0; 1]), None);
        let series = b"started_at\nstarted_at\n";
        assert_eq!(read(page, NAMES, series, &mut [0; 1]), None);
        assert_eq!(read(page, NAMES, series, &mut [0; 2]), Some(2));
    }
}
