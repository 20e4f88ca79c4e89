//! A value becomes JSON, to be kept: bounded in size, and nothing that JSON has not.

use std::io;

use minijinja::{Value, value::ValueKind};

use super::MAX_CAPTURE;

/// The JSON of a value. The error fits after "capture failed: ".
pub(super) fn json(value: &Value) -> Result<serde_json::Value, String> {
    check_numbers(value)?;
    let mut written = Bounded(Vec::new());
    // Written and read back: a value that is too large never exists a second time in memory.
    if let Err(error) = serde_json::to_writer(&mut written, value) {
        return Err(if error.is_io() {
            format!("too large to be a value: over {} KiB", MAX_CAPTURE / 1024)
        } else {
            "not a value that can be kept".to_owned()
        });
    }
    serde_json::from_slice(&written.0).map_err(|_| "not a value that can be kept".to_owned())
}

/// JSON would write `null` for infinity, and lose digits of the largest whole numbers.
fn check_numbers(value: &Value) -> Result<(), String> {
    match value.kind() {
        ValueKind::Number => {
            let fits = if value.is_integer() {
                i64::try_from(value.clone()).is_ok() || u64::try_from(value.clone()).is_ok()
            } else {
                f64::try_from(value.clone()).is_ok_and(f64::is_finite)
            };
            if fits { Ok(()) } else { Err(format!("the number {value} is too large to be kept")) }
        }
        ValueKind::Seq | ValueKind::Iterable => {
            value.try_iter().into_iter().flatten().try_for_each(|element| check_numbers(&element))
        }
        ValueKind::Map => value
            .try_iter()
            .into_iter()
            .flatten()
            .try_for_each(|key| check_numbers(&value.get_item(&key).unwrap_or_default())),
        _ => Ok(()),
    }
}

/// Takes so many bytes and no more.
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_CAPTURE {
            return Err(io::Error::other("full"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
