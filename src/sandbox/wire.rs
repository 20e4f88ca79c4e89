//! The JSON of probe, start and poll, in every shape that `shape` offers.
//!
//! These are the server's own types: sharing the client's would hide a misreading of the documents from both.
//! Source: HostUp docs, get-exec and post-exec pages; the poll reply is not documented for v2 and follows v1.

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{
    guest::{Ended, Outcome, Output, Polled},
    problem::request_id,
    shape::{Bodies, Booleans, EmptyStream, Encoding, ExitCodeName, PidShape, PollUrl, Shape, Truncation},
};

/// A value of a flat JSON object.
pub(super) enum Value<'a> {
    Null,
    Bool(bool),
    Number(i64),
    Text(&'a str),
    Owned(String),
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_none(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(value) => serializer.serialize_i64(*value),
            Self::Text(value) => serializer.serialize_str(value),
            Self::Owned(value) => serializer.serialize_str(value),
        }
    }
}

/// A flat JSON object with its keys in order.
pub(super) struct Object<'a>(Vec<(&'static str, Value<'a>)>);

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

/// v1's wrapping of a success.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wrapped<'a, T> {
    success: bool,
    timestamp: &'a str,
    request_id: String,
    data: &'a T,
}

/// Writes a body, bare or wrapped.
pub(super) fn body<T: Serialize>(
    data: &T,
    bodies: Bodies,
    request: u64,
    timestamp: impl FnOnce() -> String,
) -> Vec<u8> {
    let written = match bodies {
        Bodies::Bare => serde_json::to_vec(data),
        Bodies::Wrapped => {
            let request_id = request_id(request);
            serde_json::to_vec(&Wrapped { success: true, timestamp: &timestamp(), request_id, data })
        }
    };
    written.unwrap_or_default()
}

/// The reply to a probe; `reason` is why the agent cannot be used.
pub(super) fn probe(reason: Option<&'static str>, vm_running: bool) -> Object<'static> {
    Object(vec![
        ("available", Value::Bool(reason.is_none())),
        ("reason", reason.map_or(Value::Null, Value::Text)),
        ("vmRunning", Value::Bool(vm_running)),
    ])
}

/// The reply to a start. `origin` is this server's own.
pub(super) fn started(shape: &Shape, origin: &str, id: &str, pid: u32) -> Object<'static> {
    let mut fields = Vec::with_capacity(2);
    match shape.pid {
        PidShape::Number => fields.push(("pid", Value::Number(pid.into()))),
        PidShape::Text => fields.push(("pid", Value::Owned(pid.to_string()))),
        PidShape::Absent => {}
    }
    let origin = match shape.poll_url {
        PollUrl::Relative => Some(""),
        PollUrl::Absolute => Some(origin),
        PollUrl::Foreign => Some("https://elsewhere.example"),
        PollUrl::Absent => None,
    };
    if let Some(origin) = origin {
        let url = format!("{origin}/api/v2/vps/{id}/agent/exec?pid={pid}");
        fields.push(("pollUrl", Value::Owned(url)));
    }
    Object(fields)
}

/// The reply to a poll that the agent answered.
pub(super) fn polled<'a>(shape: &Shape, polled: &'a Polled) -> Object<'a> {
    let boolean = |value: bool| match shape.booleans {
        Booleans::Json => Value::Bool(value),
        Booleans::Number => Value::Number(value.into()),
        Booleans::Text => Value::Text(if value { "true" } else { "false" }),
    };
    let Polled::Exited(Outcome { ended, stdout, stderr }) = polled else {
        return Object(vec![("exited", boolean(false))]);
    };
    let mut fields = vec![("exited", boolean(true))];
    fields.push(match ended {
        Ended::Exit(code) => {
            let name = match shape.exit_code_name {
                ExitCodeName::Camel => "exitCode",
                ExitCodeName::Lower => "exitcode",
                ExitCodeName::Snake => "exit_code",
            };
            (name, Value::Number((*code).into()))
        }
        Ended::Signal(signal) => ("signal", Value::Number((*signal).into())),
    });
    for (name, flag, output) in [("stdout", "stdoutTruncated", stdout), ("stderr", "stderrTruncated", stderr)]
    {
        if output.bytes.is_empty() {
            match shape.empty_stream {
                EmptyStream::Text => fields.push((name, Value::Text(""))),
                EmptyStream::Null => fields.push((name, Value::Null)),
                EmptyStream::Absent => {}
            }
        } else {
            fields.push((name, text(output, shape.encoding)));
        }
        match shape.truncation {
            Truncation::Honest if !output.bytes.is_empty() => fields.push((flag, boolean(output.truncated))),
            Truncation::Lying if output.truncated => fields.push((flag, boolean(false))),
            _ => {}
        }
    }
    Object(fields)
}

fn text(output: &Output, encoding: Encoding) -> Value<'_> {
    match encoding {
        Encoding::Utf8 => match String::from_utf8_lossy(&output.bytes) {
            std::borrow::Cow::Borrowed(text) => Value::Text(text),
            std::borrow::Cow::Owned(text) => Value::Owned(text),
        },
        Encoding::Latin1 => Value::Owned(output.bytes.iter().copied().map(char::from).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(object: &Object) -> String {
        serde_json::to_string(object).unwrap()
    }

    fn exited(ended: Ended) -> Polled {
        let stdout = Output { bytes: "å\n".into(), truncated: true };
        Polled::Exited(Outcome { ended, stdout, stderr: Output::default() })
    }

    #[test]
    fn the_default_shapes_are_the_documented_ones() {
        let shape = Shape::default();
        assert_eq!(
            json(&probe(Some("QEMU Guest Agent is not running"), true)),
            r#"{"available":false,"reason":"QEMU Guest Agent is not running","vmRunning":true}"#
        );
        assert_eq!(
            json(&started(&shape, "http://127.0.0.1:1", "vps_1", 5151)),
            r#"{"pid":5151,"pollUrl":"/api/v2/vps/vps_1/agent/exec?pid=5151"}"#
        );
        assert_eq!(json(&polled(&shape, &Polled::Running)), r#"{"exited":false}"#);
        assert_eq!(
            json(&polled(&shape, &exited(Ended::Exit(3)))),
            r#"{"exited":true,"exitCode":3,"stdout":"å\n","stdoutTruncated":true,"stderr":""}"#
        );
    }

    #[test]
    fn each_knob_changes_its_field() {
        let shape = Shape {
            exit_code_name: ExitCodeName::Lower,
            booleans: Booleans::Number,
            empty_stream: EmptyStream::Absent,
            truncation: Truncation::Lying,
            encoding: Encoding::Latin1,
            pid: PidShape::Text,
            poll_url: PollUrl::Foreign,
            ..Shape::default()
        };
        assert_eq!(
            json(&polled(&shape, &exited(Ended::Exit(3)))),
            r#"{"exited":1,"exitcode":3,"stdout":"Ã¥\n","stdoutTruncated":0}"#
        );
        assert_eq!(
            json(&started(&shape, "", "vps_1", 7)),
            r#"{"pid":"7","pollUrl":"https://elsewhere.example/api/v2/vps/vps_1/agent/exec?pid=7"}"#
        );
        let signalled = json(&polled(&Shape::default(), &exited(Ended::Signal(9))));
        assert!(signalled.contains(r#""signal":9"#) && !signalled.contains("exitCode"), "{signalled}");
        let wrapped = body(&probe(None, true), Bodies::Wrapped, 3, || "now".to_owned());
        let wrapped = String::from_utf8(wrapped).unwrap();
        assert!(
            wrapped.contains(r#""data":{"available":true,"reason":null,"vmRunning":true}}"#),
            "{wrapped}"
        );
    }
}
