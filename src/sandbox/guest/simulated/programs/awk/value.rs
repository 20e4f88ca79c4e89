//! awk's values: numbers, texts, and input that is either.

use std::cmp::Ordering;

use crate::sandbox::guest::simulated::sh::printf::float;

#[derive(Clone, Debug)]
pub(super) enum Value {
    Number(f64),
    Text(String),
    /// From the input: a number where it looks like one.
    Input(String),
    Unset,
}

impl Value {
    pub(super) fn number(&self) -> f64 {
        match self {
            Self::Number(number) => *number,
            Self::Text(text) | Self::Input(text) => leading_number(text),
            Self::Unset => 0.0,
        }
    }

    pub(super) fn text(&self) -> String {
        match self {
            Self::Number(number) => written(*number, "%.6g"),
            Self::Text(text) | Self::Input(text) => text.clone(),
            Self::Unset => String::new(),
        }
    }

    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Number(number) => *number != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::Input(text) => self.own_number().map_or(!text.is_empty(), |number| number != 0.0),
            Self::Unset => false,
        }
    }

    /// Its number, where it counts as one.
    fn own_number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Unset => Some(0.0),
            Self::Text(_) => None,
            Self::Input(text) => {
                let text = text.trim();
                let plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
                if plain { text.parse().ok() } else { None }
            }
        }
    }

    /// Compared as numbers if both are, else as texts.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        match (self.own_number(), other.own_number()) {
            (Some(left), Some(right)) => left.partial_cmp(&right).unwrap_or(Ordering::Equal),
            _ => self.text().cmp(&other.text()),
        }
    }
}

/// A number as `print` and concatenation write it: whole ones as they are.
pub(super) fn written(number: f64, format: &str) -> String {
    if number.fract() == 0.0 && number.abs() < 1e16 {
        return format!("{number:.0}").replace("-0", if number == 0.0 { "0" } else { "-0" });
    }
    let places = format.trim_start_matches("%.").trim_end_matches(['g', 'f', 'e']).parse().unwrap_or(6);
    float(number, format.chars().last().unwrap_or('g'), Some(places), "")
}

/// The number that a text begins with.
pub(super) fn leading_number(text: &str) -> f64 {
    let text = text.trim_start();
    let bytes = text.as_bytes();
    let digits = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut end = usize::from(matches!(bytes.first(), Some(b'-' | b'+')));
    let whole = digits(end);
    end += whole;
    let mut places = 0;
    if bytes.get(end) == Some(&b'.') {
        places = digits(end + 1);
        if whole + places > 0 {
            end += 1 + places;
        }
    }
    if whole + places == 0 {
        return 0.0;
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'-' | b'+')));
        let exponent = if end + 1 + sign <= bytes.len() { digits(end + 1 + sign) } else { 0 };
        if exponent > 0 {
            end += 1 + sign + exponent;
        }
    }
    text[..end].trim_end_matches('.').parse().unwrap_or(0.0)
}
