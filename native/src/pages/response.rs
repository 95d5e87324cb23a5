//! Responses that are plainly a page: status 200, and a body with a length or in one chunk.
//!
//! What a response means is said by `resolverd/health/probes/plain_response.py`; this reads the part
//! of it that nearly all pages come in, and leaves the rest to Python, unread.

use std::ops::Range;

/// Octets of a head, and of a page: longer ones are for Python, which reads a page in steps.
const MAX_HEAD: usize = 16 * 1024;
const MAX_PAGE: usize = 256 * 1024;
/// Digits of the length of a body, and of a chunk.
const MAX_LENGTH: usize = 18;
const MAX_SIZE: usize = 8;
/// What follows on a chunk that is the only one.
const LAST_CHUNK: &[u8] = b"\r\n0\r\n\r\n";

/// Where the body of a response begins and ends, and what has to follow on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    place: Range<usize>,
    in_chunk: bool,
}

/// What has come of a body.
#[derive(Debug, PartialEq, Eq)]
pub enum Come {
    /// All of it, and it lies there.
    Whole(Range<usize>),
    /// A part: more is to come.
    Part,
    /// Something else than was to come.
    Other,
}

impl Body {
    /// The body of the response that begins with `received`; None where it is not plainly a page,
    /// or where so little has come that this cannot be told.
    #[must_use]
    pub fn of(received: &[u8]) -> Option<Self> {
        let (begin, framing) = head(received)?;
        let (begin, length, in_chunk) = match framing {
            Framing::Length(length) => (begin, length, false),
            Framing::Chunks => {
                let (size, digits) = hexadecimal(received.get(begin..)?)?;
                (begin + digits + 2, size, true)
            }
        };
        let plain = (1..=MAX_PAGE).contains(&length);
        plain.then_some(Self {
            place: begin..begin + length,
            in_chunk,
        })
    }

    /// Octets of the response up to its end.
    #[must_use]
    pub fn octets(&self) -> usize {
        self.place.end + if self.in_chunk { LAST_CHUNK.len() } else { 0 }
    }

    /// How much of it has come with `received`, which has grown since.
    #[must_use]
    pub fn come(&self, received: &[u8]) -> Come {
        // A page for people, or one that begins oddly.
        if matches!(received.get(self.place.start), Some(octet) if *octet <= b' ' || *octet == b'<')
        {
            return Come::Other;
        }
        let Some(rest) = received.get(self.place.end..) else {
            return Come::Part;
        };
        if !self.in_chunk || rest == LAST_CHUNK {
            return Come::Whole(self.place.clone());
        }
        if LAST_CHUNK.starts_with(rest) {
            Come::Part
        } else {
            Come::Other
        }
    }
}

enum Framing {
    Length(usize),
    Chunks,
}

/// The end of a head, and how the body is framed; None where it is not plain, or not whole.
fn head(received: &[u8]) -> Option<(usize, Framing)> {
    let mut rest = received;
    if !is_good(line(&mut rest)?) {
        return None;
    }
    let mut framing = None;
    loop {
        let field = line(&mut rest)?;
        if field.is_empty() {
            break;
        }
        let (name, value) = name_and_value(field)?;
        let says = if name.eq_ignore_ascii_case(b"content-length") {
            Framing::Length(decimal(value)?)
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            if !value.eq_ignore_ascii_case(b"chunked") {
                return None;
            }
            Framing::Chunks
        } else if name.eq_ignore_ascii_case(b"upgrade") {
            return None;
        } else {
            continue;
        };
        if framing.replace(says).is_some() {
            return None;
        }
    }
    let end = received.len() - rest.len();
    (end <= MAX_HEAD).then_some((end, framing?))
}

/// The next line, which ends in CRLF, without that.
fn line<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let whole = *rest;
    let end = whole
        .iter()
        .take(MAX_HEAD)
        .position(|&octet| octet == b'\n')?;
    *rest = whole.get(end + 1..)?;
    whole.get(..end)?.strip_suffix(b"\r")
}

/// Whether it is the first line of a response with status 200.
fn is_good(line: &[u8]) -> bool {
    let version = line
        .strip_prefix(b"HTTP/1.1")
        .or(line.strip_prefix(b"HTTP/1.0"));
    let Some(reason) = version.and_then(|rest| rest.strip_prefix(b" 200")) else {
        return false;
    };
    reason.is_empty() || (reason.starts_with(b" ") && reason.iter().all(visible))
}

/// A field's name, and its value without the space around it.
fn name_and_value(field: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = field.iter().position(|&octet| octet == b':')?;
    let (name, value) = field.split_at_checked(colon)?;
    let value = value.get(1..)?;
    let plain = !name.is_empty() && name.iter().all(of_token) && value.iter().all(visible);
    plain.then(|| (name, value.trim_ascii()))
}

fn visible(octet: &u8) -> bool {
    matches!(octet, b'\t' | b' '..=b'~')
}

fn of_token(octet: &u8) -> bool {
    octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(octet)
}

fn decimal(text: &[u8]) -> Option<usize> {
    if text.len() > MAX_LENGTH || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The size of the chunk that begins `text`, and its digits; CRLF follows on these.
fn hexadecimal(text: &[u8]) -> Option<(usize, usize)> {
    let digits = text
        .iter()
        .take(MAX_SIZE + 1)
        .position(|octet| !octet.is_ascii_hexdigit())?;
    if !text.get(digits..)?.starts_with(b"\r\n") {
        return None;
    }
    let size = std::str::from_utf8(text.get(..digits)?).ok()?;
    Some((usize::from_str_radix(size, 16).ok()?, digits))
}

#[cfg(test)]
mod tests {
    use super::{Body, Come};

    fn come(response: &str) -> Option<Come> {
        Body::of(response.as_bytes()).map(|body| body.come(response.as_bytes()))
    }

    fn page(response: &str) -> Option<&str> {
        match come(response) {
            Some(Come::Whole(place)) => Some(&response[place]),
            _ => None,
        }
    }

    #[test]
    fn a_page_with_a_length_or_in_one_chunk_is_found() {
        for (response, found) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "abc"),
            (
                "HTTP/1.0 200\r\ncontent-length:3\t\r\nA: \t b\r\n\r\nabcdef",
                "abc",
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n00b\r\nhello world\r\n0\r\n\r\n",
                "hello world",
            ),
        ] {
            assert_eq!(page(response), Some(found), "{response}");
        }
    }

    #[test]
    fn a_page_that_has_not_come_whole_is_waited_for() {
        for whole in [
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        ] {
            let body = Body::of(whole.as_bytes()).unwrap();
            let begin = whole.find("abc").unwrap();
            for end in begin..whole.len() {
                assert_eq!(body.come(&whole.as_bytes()[..end]), Come::Part, "{end}");
            }
            for end in 0..begin {
                let begun = Body::of(&whole.as_bytes()[..end]);
                assert!(begun.is_none_or(|begun| begun == body), "{end}");
            }
        }
    }

    #[test]
    fn whatever_else_comes_is_left_to_others() {
        for response in [
            "",
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n",
            "HTTP/1.1 503 x\r\nContent-Length: 3\r\n\r\nabc",
            "HTTP/1.1 2000\r\nContent-Length: 3\r\n\r\nabc",
            "HTTP/2 200 OK\r\nContent-Length: 3\r\n\r\nabc",
            "HTTP/1.1 200 OK\nContent-Length: 3\r\n\r\nabc",
            "HTTP/1.1 200 \u{e9}\r\nContent-Length: 3\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nUpgrade: h2c\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\nContent-Length : 3\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\n: 3\r\nContent-Length: 3\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\n folded\r\nContent-Length: 3\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n000000003\r\nabc\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\nabc\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ] {
            assert_eq!(Body::of(response.as_bytes()), None, "{response}");
        }
        for response in [
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n<ab",
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n\nab",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nHTTP",
        ] {
            assert_eq!(come(response), Some(Come::Other), "{response}");
        }
    }

    #[test]
    fn a_head_that_is_too_long_is_left_to_others() {
        let response = |filler: usize| {
            let filler = "a".repeat(filler);
            format!("HTTP/1.1 200 OK\r\nA: {filler}\r\nContent-Length: 3\r\n\r\nabc")
        };
        assert_eq!(page(&response(9000)), Some("abc"));
        assert_eq!(page(&response(17_000)), None);
    }
}
