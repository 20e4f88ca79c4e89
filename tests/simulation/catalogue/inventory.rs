//! I1 to I13: reading the inventory.

use rollcall::engine::{Answer, Call, Failure, Stop};

use super::script::{
    exit_code, inventory_failure, line, no_reply, page, page_of, play, play_one, refused, spec, starts,
    statuses, throttled, unreadable, unsent,
};
use crate::{harness::People, world::listed_vps};

#[test]
fn i1_and_i2_a_token_that_does_not_do_ends_the_run_at_once() {
    for status in [401, 403] {
        let account = play_one(|_| Some(refused(status, "unauthorized").into()));
        assert!(matches!(&account.run.stop, Some(Stop::Auth(problem)) if problem.status == status));
        assert_eq!((account.requests.len(), exit_code(&account)), (1, 4));
    }
}

#[test]
fn i3_a_server_error_is_tried_again() {
    let account = play_one(|moment| {
        (moment.is_list() && moment.nth < 2).then(|| refused(500, "internal_error").into())
    });
    assert_eq!((account.run.requests.list, account.run.requests.retried, exit_code(&account)), (3, 2, 0));
}

#[test]
fn i4_a_page_that_fails_for_good_runs_nothing_on_the_others() {
    let account = play(spec(1), 0, &People::default(), |moment| {
        let Call::List { cursor } = moment.call else { return None };
        Some(match cursor.as_deref() {
            None => page(0..5, Some("2")).into(),
            Some("2") => page(5..10, Some("3")).into(),
            _ => refused(502, "upstream_failed").into(),
        })
    });
    assert_eq!(inventory_failure(&account), "502 upstream_failed");
    // Two good pages, and the third asked for once and five times more.
    assert_eq!((account.run.requests.list, starts(&account), exit_code(&account)), (8, 0, 4));
    assert!(account.run.targets.is_empty());
}

#[test]
fn i5_a_cursor_that_repeats_is_a_loop() {
    let account = play_one(|moment| moment.is_list().then(|| page([0], Some("again")).into()));
    assert!(inventory_failure(&account).starts_with("cursor loop"));
    assert_eq!((account.run.requests.list, starts(&account), exit_code(&account)), (2, 0, 4));
}

#[test]
fn i6_a_vps_on_two_pages_is_one_target() {
    let account = play(spec(1), 0, &People::default(), |moment| {
        let Call::List { cursor } = moment.call else { return None };
        Some(if cursor.is_none() { page([0, 1], Some("2")) } else { page([1, 2], None) }.into())
    });
    assert_eq!((account.run.targets.len(), starts(&account)), (3, 3));
}

#[test]
fn i6_a_listing_begun_again_lists_nothing_twice() {
    let account = play(spec(1), 0, &People::default(), |moment| {
        moment.is_list().then(|| match moment.nth {
            0 => page([0, 1], Some("2")).into(),
            1 => refused(400, "invalid_cursor").into(),
            2 => page([0, 1], Some("3")).into(),
            _ => page([2], None).into(),
        })
    });
    assert_eq!((account.run.targets.len(), starts(&account), exit_code(&account)), (3, 3, 0));
}

#[test]
fn i7_and_i8_what_is_no_list_is_never_an_empty_one() {
    let account = play_one(|_| Some(unreadable().into()));
    assert_eq!(inventory_failure(&account), "not JSON");
    assert_eq!((account.requests.len(), exit_code(&account)), (1, 4));
}

#[test]
fn i9_an_id_that_is_not_safe_is_refused_and_the_others_run() {
    let items = ["../x", "a?b", "", "vps_0001"].map(|id| listed_vps(id, "web"));
    let account = play(spec(1), 0, &People::default(), |moment| {
        moment.is_list().then(|| page_of(items.clone()).into())
    });
    let lines: Vec<String> = account.run.targets.iter().map(|target| line(target)).collect();
    assert_eq!(lines, ["refused bad_id no", "refused bad_id no", "refused bad_id no", "ok yes"]);
    // One listing, and three requests for the one that is good.
    assert_eq!((account.requests.len(), exit_code(&account)), (4, 3));
}

#[test]
fn i10_a_page_over_the_cap_ends_the_run() {
    let account = play_one(|_| Some(Answer::Failed(Failure::TooLarge).into()));
    assert_eq!((inventory_failure(&account), exit_code(&account)), ("a page is too large", 4));
}

#[test]
fn i12_an_empty_page_with_a_cursor_is_not_the_end() {
    let account = play(spec(1), 0, &People::default(), |moment| {
        moment.is_list().then(|| if moment.nth == 0 { page([], Some("2")) } else { page([0], None) }.into())
    });
    assert_eq!((account.run.requests.list, account.run.targets.len(), exit_code(&account)), (2, 1, 0));
}

#[test]
fn i13_two_vpses_of_one_name_are_two_targets() {
    let items = ["vps_1", "vps_2"].map(|id| listed_vps(id, "web"));
    let account = play(spec(1), 0, &People::default(), |moment| {
        moment.is_list().then(|| page_of(items.clone()).into())
    });
    assert_eq!((statuses(&account).len(), starts(&account)), (2, 2));
}

#[test]
fn n1_and_n8_a_listing_without_a_connection_is_tried_again_and_then_given_up() {
    for failure in [unsent as fn() -> Answer, no_reply] {
        let account = play_one(|_| Some(failure().into()));
        assert_eq!((account.run.requests.list, exit_code(&account)), (6, 4));
    }
}

#[test]
fn n7_a_redirect_of_the_listing_ends_the_run() {
    let account = play_one(|_| Some(refused(302, "moved").into()));
    assert_eq!((inventory_failure(&account), account.requests.len()), ("302 moved", 1));
}

#[test]
fn a_listing_that_is_throttled_counts_no_failure() {
    let account = play_one(|moment| (moment.is_list() && moment.nth < 9).then(|| throttled(None)));
    assert_eq!(
        (account.run.requests.throttled, account.run.requests.retried, exit_code(&account)),
        (9, 0, 0)
    );
}

#[test]
fn nothing_listed_is_exit_8_unless_that_is_fine() {
    let account = play(spec(1), 0, &People::default(), |_| None);
    assert_eq!((account.run.exit_code(false), account.run.exit_code(true)), (8, 0));
}
