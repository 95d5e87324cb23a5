//! Numbers of a database's record: coordinates and radii, as numbers or as text.

use super::mmdb::value::Value;
use super::record::Unreadable;

/// Octets of the longest text that is read as a coordinate: reading one takes as long as it is.
const MAX_NUMBER_TEXT: usize = 256;

/// A coordinate of at most `most` degrees; None where the record has none.
///
/// `found` is the value that the record has, if it has one: None within for one that is damaged.
pub fn degrees(found: Option<Option<Value<'_>>>, most: f64) -> Result<Option<f64>, Unreadable> {
    let Some(found) = found else {
        return Ok(None);
    };
    let degrees = match found {
        Some(Value::Float(degrees)) => degrees,
        Some(Value::Unsigned(number)) => number as f64,
        Some(Value::Signed(number)) => f64::from(number),
        Some(Value::Text(b"" | b"-")) => return Ok(None),
        Some(Value::Text(text)) if text.len() > MAX_NUMBER_TEXT => {
            return Err("a coordinate is not a number".into());
        }
        Some(Value::Text(text)) => parsed(text).ok_or("a coordinate is not a number")?,
        _ => return Err("a coordinate is not a number".into()),
    };
    if !degrees.is_finite() || degrees.abs() > most {
        return Err(format!("a coordinate is {degrees:?}, beyond {most} degrees").into());
    }
    Ok(Some(degrees))
}

/// A radius; None for what is none, since a place is known without one.
pub fn kilometres(found: Value<'_>) -> Option<f64> {
    let kilometres = match found {
        Value::Float(kilometres) => kilometres,
        Value::Unsigned(number) => number as f64,
        Value::Signed(number) => f64::from(number),
        Value::Text(text) if text.len() <= MAX_NUMBER_TEXT && text.is_ascii() => parsed(text)?,
        _ => return None,
    };
    (kilometres.is_finite() && kilometres >= 0.0).then_some(kilometres)
}

/// A number in text, as Python's `float` reads it, but for digits that are not ASCII.
fn parsed(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?.trim();
    if !text.contains('_') {
        return text.parse().ok();
    }
    let octets = text.as_bytes();
    let between_digits = octets.windows(3).filter(|w| w.get(1) == Some(&b'_')).all(
        |w| matches!(w, [before, _, after] if before.is_ascii_digit() && after.is_ascii_digit()),
    );
    let at_an_end = text.starts_with('_') || text.ends_with('_');
    if !between_digits || at_an_end {
        return None;
    }
    text.replace('_', "").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_text_are_read_as_python_reads_them() {
        for (text, number) in [
            ("1.5", Some(1.5)),
            (" -2 \n", Some(-2.0)),
            ("1_0.5", Some(10.5)),
            ("1__0", None),
            ("_1", None),
            ("1_", None),
            ("1_.5", None),
            ("x", None),
            ("1e1", Some(10.0)),
        ] {
            assert_eq!(parsed(text.as_bytes()), number, "{text}");
        }
    }
}
