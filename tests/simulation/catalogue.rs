//! Cases of the failure model by their numbers, each scripted.

use std::time::Duration;

use rollcall::{
    budget::{RetryAfter, RunTime, Signals},
    engine::{
        Answer, Availability, Call, CallId, Exited, Failure, Pid, PollAnswer, Problem, Purpose, Ran, Reason,
        Reply, RunSpec, Started, Status, StepResult, Stop,
    },
    fleet::Selection,
    playbook::{OnFailure, Order, Step, Template, Vars},
};
use serde_json::json;

use crate::harness::{self, Account, Outside, Provider};

/// Answers each kind of call from a list, the last entry for ever after.
struct Script {
    list: Vec<Answer>,
    probe: Vec<Answer>,
    start: Vec<Answer>,
    poll: Vec<Answer>,
    /// How long an answer takes.
    latency: Duration,
}

impl Provider for Script {
    fn answer(&mut self, now: RunTime, _: CallId, call: &Call) -> (RunTime, Reply) {
        let answers = match call {
            Call::List { .. } => &mut self.list,
            Call::Probe { .. } => &mut self.probe,
            Call::Start { .. } => &mut self.start,
            Call::Poll { .. } => &mut self.poll,
        };
        let answer = if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() };
        let throttled = matches!(answer, Answer::Failed(Failure::Throttled(_)));
        let retry_after = throttled.then_some(RetryAfter::In(Duration::from_secs(2)));
        let signals = Signals { throttled, retry_after, ..Signals::default() };
        (now + self.latency, Reply { signals, answer })
    }
}

fn script() -> Script {
    Script {
        list: vec![listed(1)],
        probe: vec![Answer::Probed(Availability { available: true, reason: None })],
        start: vec![started()],
        poll: vec![exited(Some(0), None)],
        latency: Duration::from_millis(50),
    }
}

fn listed(vpses: usize) -> Answer {
    Answer::page(
        (0..vpses).map(|number| {
            json!({ "id": format!("vps_{number}"), "name": "web", "serviceStatus": "active", "powerState": "running" })
        }),
        None,
    )
}

fn started() -> Answer {
    Answer::Started(Started { pid: Pid::new(7), url: None, raw: None, foreign_url: false })
}

fn exited(exit_code: Option<i64>, signal: Option<i64>) -> Answer {
    Answer::Polled(PollAnswer::Exited(Exited { exit_code, signal, ..Exited::default() }))
}

fn running() -> Answer {
    Answer::Polled(PollAnswer::Running)
}

fn status(status: u16, code: &str) -> Answer {
    let problem = Problem { status, code: Some(code.to_owned()), ..Problem::default() };
    Answer::Failed(if status == 429 { Failure::Throttled(problem) } else { Failure::Refused(problem) })
}

fn no_reply() -> Answer {
    Answer::Failed(Failure::NoReply { message: "reset".to_owned() })
}

fn unsent() -> Answer {
    Answer::Failed(Failure::Unsent { message: "refused".to_owned() })
}

fn spec() -> RunSpec {
    let step = Step {
        name: "step".to_owned(),
        run: Template::verbatim("true"),
        timeout: None,
        accept: vec![0],
        on_failure: OnFailure::Stop,
        idempotent: false,
    };
    RunSpec {
        purpose: Purpose::Run,
        selection: Selection::default(),
        vars: Vars::default(),
        steps: vec![step],
        order: Order::Listed,
        concurrency: None,
        connections: 8,
        rate: None,
        deadline: None,
        confirm_over: None,
        seed: 1,
    }
}

fn run(mut script: Script) -> Account {
    harness::run(spec(), &mut script, &Outside::default())
}

/// The only step of the only target.
fn only(account: &Account) -> &StepResult {
    assert_eq!(account.run.targets.len(), 1);
    &account.run.targets[0].steps[0]
}

fn assert_only(account: &Account, status: Status, reason: Option<Reason>, ran: Ran) {
    let step = only(account);
    assert_eq!((step.status, step.reason, step.ran), (status, reason, ran), "{:?}", step.message);
}

#[test]
fn i1_i2_a_rejected_token_ends_the_run_at_once() {
    for code in [401, 403] {
        let account = run(Script { list: vec![status(code, "unauthorized")], ..script() });
        assert!(matches!(account.run.stop, Some(Stop::Auth(_))));
        assert_eq!((account.run.exit_code(false), account.sent.len()), (4, 1));
    }
}

#[test]
fn i3_a_listing_that_recovers_goes_on() {
    let list = vec![status(500, ""), status(500, ""), listed(1)];
    assert_only(&run(Script { list, ..script() }), Status::Ok, None, Ran::Yes);
}

#[test]
fn i4_i7_i8_a_listing_that_fails_for_good_starts_nothing() {
    let unreadable = Answer::Failed(Failure::Unreadable { message: "not JSON".to_owned() });
    for broken in [status(500, ""), status(302, ""), unreadable, no_reply()] {
        let page = Answer::page(
            [json!({ "id": "vps_0", "serviceStatus": "active", "powerState": "running" })],
            Some("2".to_owned()),
        );
        let account = run(Script { list: vec![page, broken], ..script() });
        assert!(matches!(account.run.stop, Some(Stop::Inventory(_))));
        assert_eq!((account.run.exit_code(false), account.run.requests.start), (4, 0));
        assert!(account.run.targets.is_empty());
    }
}

#[test]
fn i5_a_cursor_loop_is_found() {
    let page = Answer::page([], Some("same".to_owned()));
    let account = run(Script { list: vec![page], ..script() });
    assert!(matches!(&account.run.stop, Some(Stop::Inventory(why)) if why.contains("cursor loop")));
    assert_eq!(account.run.requests.list, 2);
}

#[test]
fn p1_an_agent_that_says_no_is_asked_once_more() {
    let no = || Answer::Probed(Availability { available: false, reason: Some("off".to_owned()) });
    let account = run(Script { probe: vec![no()], ..script() });
    assert_only(&account, Status::Unavailable, Some(Reason::Agent), Ran::No);
    assert_eq!((account.run.requests.probe, account.run.exit_code(false)), (2, 3));
    let yes = Answer::Probed(Availability { available: true, reason: None });
    assert_only(&run(Script { probe: vec![no(), yes], ..script() }), Status::Ok, None, Ran::Yes);
}

#[test]
fn p2_p3_p4_probes_that_fail_leave_the_target_unavailable() {
    let unreadable = Answer::Failed(Failure::Unreadable { message: "no `available`".to_owned() });
    for (probe, reason, probes) in [
        (status(404, "vps_not_found"), Reason::Gone, 1),
        (status(503, ""), Reason::ProbeFailed, 6),
        (unreadable, Reason::ProbeFailed, 1),
        (unsent(), Reason::Unreachable, 6),
    ] {
        let account = run(Script { probe: vec![probe], ..script() });
        assert_only(&account, Status::Unavailable, Some(reason), Ran::No);
        assert_eq!(account.run.requests.probe, probes);
    }
}

#[test]
fn s2_s15_a_429_is_not_a_start() {
    let account = run(Script { start: vec![status(429, ""), status(429, ""), started()], ..script() });
    assert_only(&account, Status::Ok, None, Ran::Yes);
    assert_eq!((account.run.requests.start, account.run.requests.throttled), (3, 2));
}

#[test]
fn s3_a_4xx_is_a_refusal_and_is_not_sent_again() {
    for code in [400, 404, 409, 410, 413, 415, 422] {
        let account = run(Script { start: vec![status(code, "no")], ..script() });
        assert_only(&account, Status::Refused, Some(Reason::Api), Ran::No);
        assert_eq!((account.run.requests.start, account.run.exit_code(false)), (1, 3));
    }
}

#[test]
fn s4_n9_an_unsent_start_is_tried_again_and_then_given_up() {
    let start = vec![unsent(), unsent(), unsent(), started()];
    assert_only(&run(Script { start, ..script() }), Status::Ok, None, Ran::Yes);
    let account = run(Script { start: vec![unsent()], ..script() });
    assert_only(&account, Status::Unavailable, Some(Reason::Unreachable), Ran::No);
}

#[test]
fn s5_s6_s7_an_unclear_start_is_unknown_and_never_sent_again() {
    for (answer, reason) in [
        (no_reply(), Reason::NoReply),
        (status(500, ""), Reason::Http5xx),
        (status(503, ""), Reason::Http5xx),
        (status(408, ""), Reason::Http5xx),
        (status(409, "upstream_failed"), Reason::Http5xx),
        (status(307, ""), Reason::Redirect),
    ] {
        let account = run(Script { start: vec![answer], ..script() });
        assert_only(&account, Status::Unknown, Some(reason), Ran::Maybe);
        assert_eq!((account.run.requests.start, account.run.exit_code(false)), (1, 6));
    }
}

#[test]
fn s8_s14_a_start_without_a_pid_has_run_and_is_unknown() {
    let start =
        Answer::Started(Started { pid: None, url: None, raw: Some("{}".to_owned()), foreign_url: false });
    assert_only(
        &run(Script { start: vec![start], ..script() }),
        Status::Unknown,
        Some(Reason::NoPid),
        Ran::Yes,
    );
}

#[test]
fn s11_an_idempotent_step_is_sent_again_at_most_twice() {
    let mut spec = spec();
    spec.steps[0].idempotent = true;
    let mut always_lost = Script { start: vec![no_reply()], ..script() };
    let account = harness::run(spec.clone(), &mut always_lost, &Outside::default());
    assert_only(&account, Status::Unknown, Some(Reason::NoReply), Ran::Maybe);
    assert_eq!(account.run.requests.start, 3);
    assert!(
        only(&account).message.as_ref().is_some_and(|words| words.contains("may have run up to 3 times"))
    );
    // That the second was refused, or never left, proves nothing of the first.
    for second in [status(400, "no"), unsent()] {
        let mut refused = Script { start: vec![no_reply(), second], ..script() };
        let account = harness::run(spec.clone(), &mut refused, &Outside::default());
        assert_only(&account, Status::Unknown, Some(Reason::NoReply), Ran::Maybe);
    }
    let mut lost_once = Script { start: vec![no_reply(), started()], ..script() };
    assert_only(&harness::run(spec, &mut lost_once, &Outside::default()), Status::Ok, None, Ran::Yes);
}

#[test]
fn s12_r3_429s_for_an_hour_give_up_and_say_so() {
    let account = run(Script { start: vec![status(429, "")], ..script() });
    assert_only(&account, Status::Unavailable, Some(Reason::RateLimited), Ran::No);
    assert!(matches!(account.run.stop, Some(Stop::Patience(_))));
}

#[test]
fn s13_three_403s_to_the_first_starts_end_the_run() {
    let account = run(Script { list: vec![listed(20)], start: vec![status(403, "forbidden")], ..script() });
    assert!(matches!(account.run.stop, Some(Stop::Auth(_))));
    assert_eq!(account.run.exit_code(false), 4);
    assert!(account.run.requests.start < 20);
}

#[test]
fn l1_l2_l3_l4_l14_ends_are_told_as_they_are() {
    for (poll, end, reason, code) in [
        (exited(Some(0), None), Status::Ok, None, 0),
        (exited(Some(3), None), Status::Failed, None, 1),
        (exited(Some(-1), None), Status::Failed, None, 1),
        (exited(Some(3_221_225_477), None), Status::Failed, None, 1),
        (exited(None, Some(9)), Status::Failed, None, 1),
        (exited(None, None), Status::Unknown, Some(Reason::NoExitCode), 6),
    ] {
        let account = run(Script { poll: vec![running(), running(), poll], ..script() });
        assert_only(&account, end, reason, Ran::Yes);
        assert_eq!((account.run.exit_code(false), account.run.requests.poll), (code, 3));
    }
}

#[test]
fn l5_polls_that_fail_past_the_limit_are_unknown() {
    for poll in [status(503, ""), no_reply()] {
        let account = run(Script { poll: vec![running(), poll], ..script() });
        assert_only(&account, Status::Unknown, Some(Reason::PollLost), Ran::Yes);
    }
    // A network that is away for a while loses nothing.
    let poll = vec![no_reply(), no_reply(), no_reply(), running(), exited(Some(0), None)];
    assert_only(&run(Script { poll, ..script() }), Status::Ok, None, Ran::Yes);
}

#[test]
fn l6_a_command_past_its_limit_is_timed_out_by_a_poll_at_the_limit() {
    let account = run(Script { poll: vec![running()], ..script() });
    assert_only(&account, Status::TimedOut, None, Ran::Yes);
    let last = account.sent.last().expect("polls").at.since_start();
    assert!((60.0..61.0).contains(&last.as_secs_f64()), "{last:?}");
    assert_eq!(account.run.exit_code(false), 1);
}

#[test]
fn l8_answers_in_the_probes_shape_are_not_polled_for_ever() {
    let account = run(Script { poll: vec![Answer::Polled(PollAnswer::Probe)], ..script() });
    assert_only(&account, Status::Unknown, Some(Reason::PollLost), Ran::Yes);
    assert_eq!(account.run.requests.poll, 3);
}

#[test]
fn l9_a_forgotten_pid_after_a_lost_answer_is_unknown_and_not_failed() {
    for code in [400, 404, 410] {
        let account = run(Script { poll: vec![running(), no_reply(), status(code, "")], ..script() });
        assert_only(&account, Status::Unknown, Some(Reason::ResultLost), Ran::Yes);
    }
    let mut spec = spec();
    spec.steps[0].timeout = Some(Duration::from_hours(2));
    let mut lost = Script { poll: vec![no_reply(), status(500, "")], ..script() };
    let account = harness::run(spec, &mut lost, &Outside::default());
    assert_only(&account, Status::Unknown, Some(Reason::ResultLost), Ran::Yes);
    assert!(account.ended.since_start() < Duration::from_mins(8));
}

#[test]
fn l10_a_pid_that_is_not_known_yet_is_asked_for_again() {
    let account = run(Script { poll: vec![status(404, ""), exited(Some(0), None)], ..script() });
    assert_only(&account, Status::Ok, None, Ran::Yes);
}

#[test]
fn l12_l17_an_answer_too_large_or_about_another_process_is_unknown() {
    for (poll, reason) in [
        (Answer::Failed(Failure::TooLarge), Reason::ResultTooLarge),
        (Answer::Polled(PollAnswer::OtherPid), Reason::Mismatch),
    ] {
        assert_only(&run(Script { poll: vec![poll], ..script() }), Status::Unknown, Some(reason), Ran::Yes);
    }
}

#[test]
fn r5_r6_a_429_on_a_poll_is_no_failure_and_pauses_do_not_eat_the_time_limit() {
    let mut poll = vec![status(429, ""); 40];
    poll.push(exited(Some(0), None));
    // The 80 s of pauses are longer than the time limit: one more poll comes before a verdict.
    let account = run(Script { poll, ..script() });
    assert_eq!(only(&account).status, Status::Ok);
    assert!(only(&account).late);
}

#[test]
fn k5_a_signal_cancels_what_waits_and_leaves_what_runs_as_running() {
    let signals = vec![(RunTime::from_start(Duration::from_secs(5)), 15)];
    let mut spec = spec();
    spec.concurrency = Some(2);
    let mut forever = Script { list: vec![listed(4)], poll: vec![running()], ..script() };
    let account = harness::run(spec, &mut forever, &Outside { signals, confirms: true });
    let statuses: Vec<Status> = account.run.targets.iter().map(|target| target.status).collect();
    assert_eq!(statuses, [Status::Running, Status::Running, Status::Cancelled, Status::Cancelled]);
    assert_eq!(account.run.exit_code(false), 143);
    assert_eq!(account.ended.since_start(), Duration::from_secs(15));
}

#[test]
fn k6_a_second_signal_ends_the_run_at_once() {
    let at = |seconds| RunTime::from_start(Duration::from_secs(seconds));
    let mut forever = Script { poll: vec![running()], ..script() };
    let outside = Outside { signals: vec![(at(5), 2), (at(6), 2)], confirms: true };
    let account = harness::run(spec(), &mut forever, &outside);
    assert_only(&account, Status::Running, None, Ran::Yes);
    assert_eq!((account.ended, account.run.exit_code(false)), (at(6), 130));
}

#[test]
fn k7_a_start_in_flight_is_awaited_and_never_called_cancelled() {
    let slow = Script { latency: Duration::from_secs(4), ..script() };
    let outside =
        Outside { signals: vec![(RunTime::from_start(Duration::from_secs(10)), 2)], confirms: true };
    // Listed at 4 s, probed at 8 s, started at 12 s: the signal comes while the start is on its way.
    let account = harness::run(spec(), &mut { slow }, &outside);
    assert_only(&account, Status::Ok, None, Ran::Yes);
    let slower = Script { latency: Duration::from_secs(30), ..script() };
    let outside =
        Outside { signals: vec![(RunTime::from_start(Duration::from_secs(70)), 2)], confirms: true };
    let account = harness::run(spec(), &mut { slower }, &outside);
    assert_only(&account, Status::Unknown, Some(Reason::NoReply), Ran::Maybe);
}

#[test]
fn f3_no_to_the_question_sends_nothing_but_the_listing() {
    let spec = RunSpec { confirm_over: Some(2), ..spec() };
    let mut fleet = Script { list: vec![listed(3)], ..script() };
    let account = harness::run(spec, &mut fleet, &Outside { signals: Vec::new(), confirms: false });
    assert_eq!(account.run.stop, Some(Stop::Declined));
    assert_eq!((account.run.exit_code(false), account.sent.len()), (2, 1));
}

#[test]
fn a_deadline_skips_what_waits_and_polls_what_runs_once_more() {
    let spec = RunSpec { deadline: Some(Duration::from_secs(20)), concurrency: Some(1), ..spec() };
    let mut forever = Script { list: vec![listed(2)], poll: vec![running()], ..script() };
    let account = harness::run(spec, &mut forever, &Outside::default());
    let statuses: Vec<Status> = account.run.targets.iter().map(|target| target.status).collect();
    assert_eq!(statuses, [Status::TimedOut, Status::Skipped]);
    assert_eq!(account.run.targets[1].reason, Some(Reason::Deadline));
    assert_eq!(account.run.exit_code(false), 1);
}
