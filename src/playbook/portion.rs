//! A number of targets, or a percentage of them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{QuantityError, reader::shortened};

/// How many targets a [`Portion`] may name.
const TARGETS: std::ops::RangeInclusive<u32> = 0..=1_000_000;

/// What a portion looks like, for messages.
const FORMS: &str = "write a number of targets (`5`) or a percentage of the selected ones (`10%`)";

/// A number of targets (`5`), or a percentage of the selected ones (`10%`, `2.5%`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Portion {
    /// So many.
    Count(u32),
    /// So many hundredths of a per cent of the selected ones, 0 to 10,000.
    Share(u32),
}

impl Portion {
    /// Whether it is nobody, however many are selected.
    pub const fn is_zero(self) -> bool {
        matches!(self, Self::Count(0) | Self::Share(0))
    }

    /// Of `selected` targets, a part of one counted as one: the size of a batch.
    pub fn rounded_up(self, selected: usize) -> usize {
        match self {
            Self::Count(count) => count as usize,
            Self::Share(share) => (selected * share as usize).div_ceil(10_000),
        }
    }

    /// Of `selected` targets, a part of one left out: how many may fail.
    pub fn rounded_down(self, selected: usize) -> usize {
        match self {
            Self::Count(count) => count as usize,
            Self::Share(share) => selected * share as usize / 10_000,
        }
    }
}

impl fmt::Display for Portion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(formatter, "{count}"),
            Self::Share(share) => write!(formatter, "{}%", f64::from(*share) / 100.0),
        }
    }
}

impl FromStr for Portion {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let written = text.trim();
        let refuse = |why: String| Err(QuantityError(format!("{why}; {FORMS}")));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // In some tools `010` is eight.
        let is_number = |text: &str| digits(text) && (text == "0" || !text.starts_with('0'));
        let Some(percentage) = written.strip_suffix('%') else {
            if digits(written) && !is_number(written) {
                return refuse(format!("`{}` begins with 0", shortened(written)));
            }
            if !is_number(written) {
                return refuse(format!("`{}` is not a whole number or a percentage", shortened(written)));
            }
            return match written.parse() {
                Ok(count) if TARGETS.contains(&count) => Ok(Self::Count(count)),
                _ => refuse("more than a million targets".to_owned()),
            };
        };
        let (whole, part) = percentage.trim_end().split_once('.').unwrap_or((percentage.trim_end(), "0"));
        if !is_number(whole) || !digits(part) || part.len() > 2 {
            return refuse(format!("`{}` is not a percentage of at most two decimals", shortened(written)));
        }
        match (whole.parse::<u32>(), format!("{part:0<2}").parse::<u32>()) {
            (Ok(whole), Ok(part)) if whole < 100 || (whole, part) == (100, 0) => {
                Ok(Self::Share(whole * 100 + part))
            }
            _ => refuse(format!("{} is more than all", shortened(written))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn portions_are_numbers_or_percentages() {
        for (text, portion) in [
            ("5", Portion::Count(5)),
            ("0", Portion::Count(0)),
            (" 10% ", Portion::Share(1000)),
            ("2.5%", Portion::Share(250)),
            ("0.05%", Portion::Share(5)),
            ("100%", Portion::Share(10_000)),
        ] {
            let read: Portion = text.parse().unwrap();
            assert_eq!(read, portion, "{text}");
            assert_eq!(read.to_string(), text.trim());
        }
        for text in [
            "",
            "%",
            "-1",
            "101%",
            "100.01%",
            "1.234%",
            "five",
            "5 %%",
            "1000001",
            "99999999999",
            "1e3",
            "010",
            "+5",
            "05%",
        ] {
            let QuantityError(message) = text.parse::<Portion>().unwrap_err();
            assert!(message.ends_with(FORMS), "{message}");
        }
    }

    #[test]
    fn a_batch_is_rounded_up_and_an_allowance_down() {
        let tenth = Portion::Share(1000);
        assert_eq!(
            (tenth.rounded_up(0), tenth.rounded_up(1), tenth.rounded_up(11), tenth.rounded_up(20)),
            (0, 1, 2, 2)
        );
        assert_eq!((tenth.rounded_down(1), tenth.rounded_down(19), tenth.rounded_down(20)), (0, 1, 2));
        assert_eq!((Portion::Count(5).rounded_up(2), Portion::Count(5).rounded_down(2)), (5, 5));
    }
}
