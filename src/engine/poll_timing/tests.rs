//! What polls teach, and when the next ones are due.

use proptest::prelude::*;

use super::*;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Whether a time is `share` of this one, to a hundredth.
fn is_about(time: Option<Duration>, of: Duration, share: f64) -> bool {
    time.is_some_and(|time| (time.as_secs_f64() / of.as_secs_f64() / share - 1.0).abs() < 0.01)
}

#[test]
fn the_first_poll_goes_for_the_median_or_for_the_slow_ones_too() {
    let mut timing = PollTiming::default();
    assert_eq!(timing.first(Requests::Plenty), None);
    for second in 1..=100 {
        timing.observe(seconds(second), seconds(second));
    }
    assert!(is_about(timing.first(Requests::Plenty), seconds(50), NEARLY_ALL));
    assert!(is_about(timing.first(Requests::Scarce), seconds(95), 1.1));
}

#[test]
fn the_first_to_end_does_not_speak_for_those_that_still_run() {
    let mut timing = PollTiming::default();
    for target in 0..7 {
        timing.still_runs(target, seconds(3));
    }
    timing.observe(seconds(1), seconds(1));
    assert_eq!(timing.first(Requests::Plenty), None);
    for target in 0..7 {
        timing.over(target);
    }
    assert!(timing.first(Requests::Plenty).is_some());
}

#[test]
fn commands_that_hang_do_not_hide_what_is_known_of_the_others() {
    let mut timing = PollTiming::default();
    timing.still_runs(1, seconds(500));
    for _ in 0..3 {
        timing.observe(seconds(5), seconds(5));
    }
    assert!(is_about(timing.first(Requests::Scarce), seconds(5), 1.0 + 1.0 / 3_f64.sqrt()));
}

#[test]
fn a_run_time_known_vaguely_counts_only_while_nothing_better_is_known() {
    let mut timing = PollTiming::default();
    timing.observe(Duration::ZERO, seconds(60));
    assert!(timing.first(Requests::Plenty).unwrap() > seconds(30));
    timing.observe(seconds(4), seconds(6));
    assert!(timing.first(Requests::Plenty).unwrap() < seconds(8));
    timing.observe(Duration::ZERO, seconds(60));
    assert!(timing.first(Requests::Plenty).unwrap() < seconds(8));
}

#[test]
fn a_wide_interval_takes_a_run_time_known_to_lie_in_it() {
    let mut timing = PollTiming::default();
    for _ in 0..3 {
        timing.observe(seconds(5), seconds(5));
    }
    timing.observe(Duration::ZERO, seconds(60));
    assert_eq!(timing.found(), [seconds(5); 4]);
}

#[test]
fn the_sample_forgets_the_oldest() {
    let mut timing = PollTiming::default();
    for _ in 0..SAMPLE {
        timing.observe(seconds(100), seconds(100));
    }
    for _ in 0..SAMPLE {
        timing.observe(seconds(1), seconds(1));
    }
    assert!(is_about(timing.first(Requests::Scarce), seconds(1), 1.1));
}

#[test]
fn what_another_run_found_out_counts_until_enough_is_known_of_this_one() {
    let mut timing = PollTiming::with(&[seconds(10); 64]);
    assert!(is_about(timing.first(Requests::Plenty), seconds(10), 1.02));
    assert!(timing.found().is_empty());
    for _ in 0..ENOUGH_OF_OUR_OWN {
        timing.observe(seconds(2), seconds(2));
    }
    assert!(is_about(timing.first(Requests::Plenty), seconds(2), 1.025));
    assert_eq!(timing.found().len(), ENOUGH_OF_OUR_OWN);
}

#[test]
fn pilots_are_few_and_grow_with_what_they_fail_to_show() {
    let pilots = |timing: &mut PollTiming, targets, requests| {
        std::iter::from_fn(|| timing.pilot(targets, requests)).count()
    };
    let mut timing = PollTiming::default();
    assert_eq!(pilots(&mut timing, 10, Requests::Scarce), 1);
    assert_eq!(pilots(&mut timing, 10_000, Requests::Scarce), 2);
    assert_eq!(pilots(&mut timing, 64, Requests::Plenty), 0);
    assert_eq!(pilots(&mut timing, 10_000, Requests::Plenty), 5);
    for _ in 0..FRUITLESS {
        timing.pilot_still_runs();
    }
    assert_eq!(pilots(&mut timing, 10_000, Requests::Plenty), 1);
    timing.pilot_ended();
    assert_eq!(pilots(&mut timing, 10_000, Requests::Plenty), 1);
}

#[test]
fn pilots_do_not_all_look_at_the_same_ages() {
    let mut timing = PollTiming::default();
    let ages: Vec<Duration> = std::iter::from_fn(|| timing.pilot(10_000, Requests::Plenty)).collect();
    assert!(ages.is_sorted() && ages[7] > ages[0].mul_f64(1.3), "{ages:?}");
}

#[test]
fn while_a_pilot_is_out_one_result_is_not_enough() {
    let mut timing = PollTiming::default();
    while timing.pilot(10_000, Requests::Scarce).is_some() {}
    timing.observe(seconds(5), seconds(5));
    timing.pilot_ended();
    assert_eq!(timing.first(Requests::Scarce), None);
    for _ in 0..2 {
        timing.observe(seconds(5), seconds(5));
        timing.pilot_ended();
    }
    assert!(timing.first(Requests::Scarce).is_some());
}

#[test]
fn polls_back_off_between_their_shortest_and_longest_gap() {
    assert_eq!(PollTiming::next(seconds(10), Requests::Scarce), seconds(15));
    assert_eq!(PollTiming::next(seconds(10), Requests::Plenty), Duration::from_millis(11_800));
    assert_eq!(PollTiming::next_of_pilot(seconds(10), Requests::Plenty), seconds(14));
    assert_eq!(PollTiming::next(Duration::ZERO, Requests::Scarce), GAP.0);
    assert_eq!(PollTiming::next(seconds(600), Requests::Scarce), seconds(660));
}

proptest! {
    /// Whatever the run times are: about three first polls in a hundred come to be in vain.
    #[test]
    fn feedback_finds_the_age_at_which_few_first_polls_are_in_vain(
        median in 0.5_f64..100.0,
        spread in 1.02_f64..2.0,
        guess in 0.3_f64..3.0,
        seed in any::<u64>(),
    ) {
        let mut timing = PollTiming { patient: Some(Duration::from_secs_f64(median * guess)), ..PollTiming::default() };
        let mut random = seed | 1;
        let mut in_vain = 0;
        for poll in 0..4000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let uniform = f64::from(u32::try_from(random >> 32).unwrap()) / f64::from(u32::MAX);
            let takes = Duration::from_secs_f64(median * spread.powf(2.0 * uniform - 1.0));
            let age = timing.patient.unwrap();
            timing.first_poll_found(age, takes <= age);
            in_vain += u32::from(poll >= 2000 && takes > age);
        }
        prop_assert!((20..=120).contains(&in_vain), "{in_vain} of 2000");
    }
}
