//! Seeded draws: chance that depends on a seed and on what it is asked for, never on the order of asking.
//!
//! A [`Draw`] is a number that further numbers are derived from, by name or by counter. So server 17 looks the
//! same whether or not server 16 was ever looked at, and two requests that race cannot swap their luck.

/// A point in the tree of draws under one seed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draw(u64);

impl Draw {
    /// The root of all draws of a seed.
    pub(super) fn new(seed: u64) -> Self {
        Self(mix(seed))
    }

    /// The draw of this name below this one.
    pub(super) fn named(self, name: &str) -> Self {
        name.bytes().fold(self, |draw, byte| draw.at(u64::from(byte)))
    }

    /// The `number`th draw below this one.
    pub(super) fn at(self, number: u64) -> Self {
        Self(mix(self.0 ^ mix(number.wrapping_add(0x9E37_79B9_7F4A_7C15))))
    }

    /// All 64 bits.
    pub(super) fn bits(self) -> u64 {
        self.0
    }

    /// A whole number in `0..bound`; 0 where `bound` is 0.
    pub(super) fn below(self, bound: u64) -> u64 {
        u64::try_from((u128::from(self.0) * u128::from(bound)) >> 64).unwrap_or(0)
    }

    /// A whole number in `low..=high`, for both below 2^32.
    pub(super) fn between(self, low: u32, high: u32) -> u32 {
        let width = u64::from(high.saturating_sub(low)) + 1;
        low + u32::try_from(self.below(width)).unwrap_or(0)
    }

    /// A number in `0.0..1.0`.
    pub(super) fn unit(self) -> f64 {
        f64::from(u32::try_from(self.0 >> 32).unwrap_or(0)) / (f64::from(u32::MAX) + 1.0)
    }

    /// A number from the standard normal distribution (Box and Muller's method).
    pub(super) fn normal(self) -> f64 {
        let radius = (-2.0 * (1.0 - self.at(1).unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.at(2).unit()).cos()
    }

    /// One of `items`.
    pub(super) fn pick<T>(self, items: &[T]) -> &T {
        &items[usize::try_from(self.below(items.len() as u64)).unwrap_or(0)]
    }
}

/// Spreads every bit of `value` over all the others (the finisher of splitmix64).
fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_question_has_the_same_answer_and_others_have_others() {
        let draw = Draw::new(7).named("fleet");
        assert_eq!(draw.at(3).bits(), Draw::new(7).named("fleet").at(3).bits());
        assert_ne!(draw.at(3).bits(), draw.at(4).bits());
        assert_ne!(draw.bits(), Draw::new(8).named("fleet").bits());
    }

    #[test]
    fn draws_are_spread_evenly_and_stay_in_their_range() {
        let draw = Draw::new(1);
        let mean = (0..10_000).map(|n| draw.at(n).unit()).sum::<f64>() / 10_000.0;
        assert!((mean - 0.5).abs() < 0.02, "{mean}");
        let normal = (0..10_000).map(|n| draw.at(n).normal()).sum::<f64>() / 10_000.0;
        assert!(normal.abs() < 0.05, "{normal}");
        assert!((0..1000).all(|n| (3..=5).contains(&draw.at(n).between(3, 5))));
    }
}
