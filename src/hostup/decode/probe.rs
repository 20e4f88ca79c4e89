//! Whether the guest agent is there (HostUp docs, get-exec page).

use serde_json::Value;

use super::{Fields, boolean_or_bit};
use crate::{
    engine::{Answer, Availability, Failure},
    hostup::document::Document,
};

/// Reads a probe's answer. It must say yes or no in so many words; anything else is no answer.
pub(in crate::hostup) fn probe(document: &Document) -> Answer {
    read(document).map_or_else(|message| Answer::Failed(Failure::Unreadable { message }), Answer::Probed)
}

fn read(document: &Document) -> Result<Availability, String> {
    let answer = Fields::of(document)?;
    let available = answer.field("available").and_then(boolean_or_bit).ok_or(
        "it does not say whether commands can be run: `available` is missing or neither true nor false",
    )?;
    let reason = ["reason", "message"].iter().find_map(|name| answer.field(name)?.as_str());
    let stopped = answer.field("vmRunning").and_then(Value::as_bool) == Some(false);
    let reason = reason.or(if stopped { Some("the VPS is not running") } else { None });
    Ok(Availability { available, reason: reason.filter(|_| !available).map(str::to_owned) })
}

#[cfg(test)]
mod tests {
    use super::{super::document, *};

    fn probed(json: &str) -> Option<(bool, Option<String>)> {
        match probe(&document(json)) {
            Answer::Probed(availability) => Some((availability.available, availability.reason)),
            Answer::Failed(Failure::Unreadable { .. }) => None,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_documented_answer_is_read() {
        let unavailable = include_str!("../../../tests/fixtures/api/probe.json");
        assert_eq!(probed(unavailable), Some((false, Some("QEMU Guest Agent is not running".to_owned()))));
    }

    #[test]
    fn p4_only_a_clear_yes_is_one() {
        for (json, expected) in [
            (r#"{"available":true}"#, Some(true)),
            (r#"{"available":1,"reason":null}"#, Some(true)),
            (r#"{"success":true,"data":{"available":true}}"#, Some(true)),
            (r#"{"available":false}"#, Some(false)),
            (r#"{"available":0}"#, Some(false)),
            (r#"{"available":"true"}"#, None),
            (r#"{"available":null}"#, None),
            (r#"{"available":2}"#, None),
            (r#"{"available":[true]}"#, None),
            (r#"{"vmRunning":true}"#, None),
            (r#"{"success":false,"data":{"available":true}}"#, None),
            ("{}", None),
            ("true", None),
            ("[]", None),
        ] {
            assert_eq!(probed(json).map(|(available, _)| available), expected, "{json}");
        }
    }

    #[test]
    fn a_stopped_vps_is_the_reason_where_none_is_given() {
        let (_, reason) = probed(r#"{"available":false,"vmRunning":false}"#).unwrap();
        assert_eq!(reason.as_deref(), Some("the VPS is not running"));
    }
}
