//! One page of the inventory (HostUp docs, list page).

use serde_json::Value;

use super::Fields;
use crate::{
    engine::{Answer, Failure, Page},
    fleet::Vps,
    hostup::document::Document,
};

/// Reads one page. Whatever casts doubt on its being whole is a failure: a part of the fleet must not pass for all
/// of it.
pub(in crate::hostup) fn list(document: Document) -> Answer {
    read(document).map_or_else(|message| Answer::Failed(Failure::Unreadable { message }), Answer::Listed)
}

fn read(mut document: Document) -> Result<Page, String> {
    let page = Fields::of(&document)?;
    let next = match page.field("nextCursor") {
        None => None,
        Some(Value::String(cursor)) if cursor.is_empty() => None,
        Some(Value::String(cursor)) => Some(cursor.clone()),
        Some(Value::Number(cursor)) => Some(cursor.to_string()),
        Some(_) => return Err("its `nextCursor` is neither text nor null".to_owned()),
    };
    let place = format!("{}/data", page.pointer);
    let Some(Value::Array(items)) = document.value.pointer_mut(&place).map(Value::take) else {
        return Err("no list of VPSes in it: `data` is missing or no array".to_owned());
    };
    let listed = items.len();
    let described = items.into_iter().filter_map(|item| match item {
        Value::Object(fields) => Some(Vps::new(fields)),
        _ => None,
    });
    let vpses: Vec<Vps> = described.collect();
    let skipped = listed - vpses.len();
    if skipped > 0 {
        tracing::warn!(skipped, "the list of VPSes has entries that describe none");
    }
    Ok(Page { vpses, next })
}

#[cfg(test)]
mod tests {
    use super::{super::document, *};

    fn page(json: &str) -> Page {
        match list(document(json)) {
            Answer::Listed(page) => page,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_documented_page_is_read_whole() {
        let page = page(include_str!("../../../tests/fixtures/api/list.json"));
        assert_eq!(page.next.as_deref(), Some("eyJwIjoxfQ=="));
        let names: Vec<_> = page.vpses.iter().map(Vps::name).collect();
        assert_eq!(names, ["web-1", "db-1"]);
        assert_eq!(page.vpses[0].id().unwrap().as_str(), "vps_01jz0000000000000000000001");
        assert_eq!(page.vpses[0].fields()["resources"]["memoryGb"], 4);
        assert!(page.vpses[1].fields()["powerState"].is_null());
    }

    #[test]
    fn the_last_page_has_no_cursor() {
        for json in [
            r#"{"data":[]}"#,
            r#"{"data":[],"nextCursor":null}"#,
            r#"{"data":[],"nextCursor":""}"#,
            r#"{"success":true,"data":[]}"#,
            r#"{"success":true,"data":{"data":[],"nextCursor":null}}"#,
        ] {
            assert_eq!(page(json), Page::default(), "{json}");
        }
    }

    #[test]
    fn i12_an_empty_page_may_have_a_next_one() {
        assert_eq!(page(r#"{"data":[],"nextCursor":"c2"}"#).next.as_deref(), Some("c2"));
        assert_eq!(page(r#"{"data":[],"nextCursor":2}"#).next.as_deref(), Some("2"));
    }

    #[test]
    fn i9_an_item_without_a_usable_id_is_kept_and_what_is_no_item_skipped() {
        let page =
            page(r#"{"data":[{"id":"../x"},7,{"name":"no id"},null,{"id":"vps_1","serviceStatus":"new"}]}"#);
        let ids: Vec<_> = page.vpses.iter().map(|vps| vps.id().is_ok()).collect();
        assert_eq!(ids, [false, false, true]);
    }

    #[test]
    fn i8_a_body_without_a_list_is_no_empty_list() {
        for json in [
            "{}",
            "[]",
            "null",
            r#"{"data":null}"#,
            r#"{"data":{}}"#,
            r#"{"data":"none"}"#,
            r#"{"vps":[]}"#,
            r#"{"success":false,"data":[]}"#,
            r#"{"data":[],"nextCursor":true}"#,
            r#"{"data":[],"nextCursor":{"page":2}}"#,
        ] {
            let answer = list(document(json));
            assert!(matches!(answer, Answer::Failed(Failure::Unreadable { .. })), "{json}: {answer:?}");
        }
    }
}
