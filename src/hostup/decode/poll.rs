//! Whether a process has ended, and how.
//!
//! HostUp does not publish the schema of this answer. The names are those of the post-exec page's prose and of v1;
//! the rest follows Proxmox and QEMU's guest agent, which the answer comes from.

use serde_json::Value;

use super::{Fields, boolean, integer};
use crate::{
    engine::{Answer, Exited, Failure, Pid, PollAnswer, Stream},
    hostup::document::Document,
};

/// At just this length a stream is taken to be cut: the agent's cap, whose flag is not to be relied upon (QEMU qga,
/// `GUEST_EXEC_MAX_OUTPUT`; agents before 2025-08 sent the flag as false).
const AGENT_CAP: usize = 16 * 1024 * 1024;

/// Reads the answer to a poll for `pid`.
pub(in crate::hostup) fn poll(document: &Document, pid: Pid) -> Answer {
    read(document, pid).map_or_else(|message| Answer::Failed(Failure::Unreadable { message }), Answer::Polled)
}

/// | `pid` | `exited` | `available` | so |
/// |---|---|---|---|
/// | another | | | another process |
/// | | true | | ended |
/// | | false | | running |
/// | | unreadable | | no answer |
/// | absent | absent | there | the pid was not looked at |
/// | | absent | | running |
fn read(document: &Document, pid: Pid) -> Result<PollAnswer, String> {
    let answer = Fields::of(document)?;
    let named = answer.field("pid").and_then(integer);
    if named.is_some_and(|named| u64::try_from(named) != Ok(pid.number())) {
        return Ok(PollAnswer::OtherPid);
    }
    match answer.field("exited").map(boolean) {
        Some(Some(true)) => Ok(PollAnswer::Exited(exited(document, &answer))),
        Some(None) => Err("its `exited` is neither true nor false".to_owned()),
        None if named.is_none() && answer.field("available").is_some() => Ok(PollAnswer::Probe),
        Some(Some(false)) | None => Ok(PollAnswer::Running),
    }
}

fn exited(document: &Document, answer: &Fields<'_>) -> Exited {
    Exited {
        exit_code: exit_code(answer),
        // No signal has the number 0; who sends it means none.
        signal: answer.field("signal").and_then(integer).filter(|&signal| signal != 0),
        stdout: stream(document, answer, "stdout", ["stdoutTruncated", "outTruncated"]),
        stderr: stream(document, answer, "stderr", ["stderrTruncated", "errTruncated"]),
    }
}

/// The exit code, if all the spellings that are there say the same.
fn exit_code(answer: &Fields<'_>) -> Option<i64> {
    let mut codes = answer.spellings("exitCode").map(integer);
    let first = codes.next()??;
    if codes.all(|code| code == Some(first)) { Some(first) } else { None }
}

fn stream(document: &Document, answer: &Fields<'_>, name: &str, flags: [&str; 2]) -> Stream {
    let text = match answer.field(name) {
        None => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let change = document.change(&format!("{}/{name}", answer.pointer));
    // Only a yes is proof: old agents say no to a cut stream, and most say nothing.
    let flagged = flags
        .into_iter()
        .chain(["truncated"])
        .any(|flag| answer.spellings(flag).any(|value| boolean(value) == Some(true)));
    let truncated = change.cut || flagged || text.len() == AGENT_CAP;
    Stream { truncated, lossy: change.lossy, text: text.into() }
}

#[cfg(test)]
mod tests {
    use super::{super::document, *};

    fn polled(json: &str) -> Option<PollAnswer> {
        match poll(&document(json), Pid::new(5).unwrap()) {
            Answer::Polled(answer) => Some(answer),
            Answer::Failed(Failure::Unreadable { .. }) => None,
            other => panic!("{other:?}"),
        }
    }

    fn ended(json: &str) -> Exited {
        match polled(json) {
            Some(PollAnswer::Exited(exited)) => exited,
            other => panic!("{json}: {other:?}"),
        }
    }

    fn text(text: &str) -> Stream {
        Stream { text: text.into(), ..Stream::default() }
    }

    #[test]
    fn l1_the_expected_answers_are_read() {
        let running = include_str!("../../../tests/fixtures/api/poll_running.json");
        assert_eq!(polled(running), Some(PollAnswer::Running));
        let exited = Exited { exit_code: Some(0), signal: None, stdout: text("ok\n"), stderr: text("") };
        assert_eq!(ended(include_str!("../../../tests/fixtures/api/poll_exited.json")), exited);
        assert_eq!(ended(include_str!("../../../tests/fixtures/api/poll_exited_legacy.json")), exited);
    }

    #[test]
    fn whether_it_has_ended_is_said_in_many_ways() {
        let exited = Some(PollAnswer::Exited(Exited::default()));
        for (json, expected) in [
            (r#"{"exited":true}"#, exited.clone()),
            (r#"{"exited":1}"#, exited.clone()),
            (r#"{"exited":"true"}"#, exited.clone()),
            (r#"{"success":1,"data":{"exited":true,"available":true}}"#, exited.clone()),
            (r#"{"exited":true,"pid":5}"#, exited.clone()),
            (r#"{"exited":true,"pid":"5"}"#, exited),
            (r#"{"exited":false}"#, Some(PollAnswer::Running)),
            (r#"{"exited":0,"available":true}"#, Some(PollAnswer::Running)),
            (r#"{"pid":5,"available":true}"#, Some(PollAnswer::Running)),
            (r#"{"exited":null}"#, Some(PollAnswer::Running)),
            ("{}", Some(PollAnswer::Running)),
            (r#"{"exited":"perhaps"}"#, None),
            (r#"{"success":false,"message":"no such process"}"#, None),
            ("[]", None),
        ] {
            assert_eq!(polled(json), expected, "{json}");
        }
    }

    #[test]
    fn l3_l4_an_exit_code_and_a_signal_exclude_each_other_and_may_both_be_missing() {
        for (json, exit_code, signal) in [
            (r#"{"exited":true,"exitCode":null,"signal":9}"#, None, Some(9)),
            (r#"{"exited":true,"signal":-1073741819}"#, None, Some(-1_073_741_819)),
            (r#"{"exited":true,"exitCode":3,"signal":null}"#, Some(3), None),
            (r#"{"exited":true,"exitCode":3,"signal":0}"#, Some(3), None),
            (r#"{"exited":true}"#, None, None),
        ] {
            let exited = ended(json);
            assert_eq!((exited.exit_code, exited.signal), (exit_code, signal), "{json}");
        }
    }

    #[test]
    fn l8_the_probes_shape_is_no_news_of_the_process() {
        for json in [r#"{"available":true}"#, r#"{"available":false,"reason":"x","vmRunning":true}"#] {
            assert_eq!(polled(json), Some(PollAnswer::Probe), "{json}");
        }
    }

    #[test]
    fn l14_l15_an_exit_code_is_a_whole_number_in_any_spelling_or_missing() {
        for (fields, expected) in [
            (r#""exitCode":0"#, Some(0)),
            (r#""exitCode":256"#, Some(256)),
            (r#""exitCode":-1"#, Some(-1)),
            (r#""exitCode":3221225477"#, Some(3_221_225_477)),
            (r#""exitCode":"0""#, Some(0)),
            (r#""exitcode":0"#, Some(0)),
            (r#""exit_code":"7""#, Some(7)),
            (r#""exitCode":null,"exitcode":4"#, Some(4)),
            (r#""exitCode":4,"exitcode":"4""#, Some(4)),
            (r#""exitCode":0,"exitcode":1"#, None),
            (r#""exitCode":0,"exitcode":true"#, None),
            (r#""exitCode":"""#, None),
            (r#""exitCode":0.5"#, None),
            (r#""exitCode":true"#, None),
            (r#""exitCode":{}"#, None),
        ] {
            let json = format!(r#"{{"exited":true,{fields}}}"#);
            assert_eq!(ended(&json).exit_code, expected, "{json}");
        }
    }

    #[test]
    fn l16_exited_decides_over_an_exit_code() {
        assert_eq!(polled(r#"{"exited":false,"exitCode":0,"stdout":"x"}"#), Some(PollAnswer::Running));
    }

    #[test]
    fn l17_another_pid_is_another_process() {
        for json in
            [r#"{"pid":6,"exited":true,"exitCode":0}"#, r#"{"pid":"6"}"#, r#"{"pid":-5,"exited":false}"#]
        {
            assert_eq!(polled(json), Some(PollAnswer::OtherPid), "{json}");
        }
    }

    #[test]
    fn a_stream_that_is_null_or_absent_is_empty() {
        let exited = ended(r#"{"exited":true,"exitCode":0,"stdout":null}"#);
        assert_eq!((exited.stdout, exited.stderr), (text(""), text("")));
        assert_eq!(ended(r#"{"exited":true,"stdout":17}"#).stdout, text("17"));
    }

    #[test]
    fn only_a_yes_says_that_a_stream_is_cut() {
        for (fields, stdout, stderr) in [
            (r#""stdoutTruncated":true"#, true, false),
            (r#""stdout_truncated":1"#, true, false),
            (r#""out-truncated":"true""#, true, false),
            (r#""outTruncated":true,"errTruncated":true"#, true, true),
            (r#""err-truncated":1"#, false, true),
            (r#""truncated":true"#, true, true),
            (r#""stdoutTruncated":false,"out-truncated":true"#, true, false),
            (r#""stdoutTruncated":false"#, false, false),
            (r#""stdoutTruncated":"maybe""#, false, false),
            (r#""stdoutTruncated":null"#, false, false),
        ] {
            let exited = ended(&format!(r#"{{"exited":true,"stdout":"a","stderr":"b",{fields}}}"#));
            assert_eq!((exited.stdout.truncated, exited.stderr.truncated), (stdout, stderr), "{fields}");
        }
    }

    #[test]
    fn l11_l13_a_cut_or_mended_stream_says_so_and_its_exit_code_stands() {
        let long = "x".repeat(1 << 17);
        let exited = ended(&format!(
            r#"{{"success":true,"data":{{"exited":true,"exitCode":0,"stdout":"{long}","stderr":"\udc00"}}}}"#
        ));
        assert_eq!(exited.exit_code, Some(0));
        assert!(exited.stdout.truncated && !exited.stdout.lossy);
        assert!(exited.stdout.text.len() < long.len());
        assert_eq!(exited.stderr, Stream { text: "\u{fffd}".into(), truncated: false, lossy: true });
    }

    #[test]
    fn a_stream_that_is_no_text_says_so_of_its_parts() {
        let long = "x".repeat(1 << 17);
        let exited = ended(&format!(
            r#"{{"exited":true,"stdout":["a",{{"b":"{long}"}}],"stderr":{{"{long}":1,"stdout":"\udc00"}}}}"#
        ));
        assert_eq!((exited.stdout.truncated, exited.stdout.lossy), (true, false));
        assert_eq!((exited.stderr.truncated, exited.stderr.lossy), (true, true));
    }

    #[test]
    fn a_stream_of_just_the_agents_cap_is_taken_to_be_cut() {
        for (length, expected) in [(AGENT_CAP, true), (AGENT_CAP - 1, false)] {
            let fields = serde_json::json!({ "exited": true, "stdout": "x".repeat(length) });
            let whole = Document::untrimmed(fields);
            let Answer::Polled(PollAnswer::Exited(exited)) = poll(&whole, Pid::new(5).unwrap()) else {
                panic!("it has ended");
            };
            assert_eq!(exited.stdout.truncated, expected);
        }
    }
}
