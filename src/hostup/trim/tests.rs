//! Any JSON, in any chunks, comes out the same but for the strings that are too long.

use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::engine::Stream;
use crate::hostup::{document::Document, redact::Redactor};

const ROOMY: TrimLimits = TrimLimits { string: 1 << 20, json: 1 << 22, values: 1 << 16 };

fn trim(chunks: &[&[u8]], limits: TrimLimits) -> Result<String, TooLarge> {
    let mut trim = JsonTrim::new(limits);
    for chunk in chunks {
        trim.feed(chunk)?;
    }
    trim.finish()
}

fn document(chunks: &[&[u8]], limits: TrimLimits) -> Option<Document> {
    Document::read_trimmed(&trim(chunks, limits).unwrap(), &Redactor::default())
}

/// The string at `/s`, and what became of it.
fn string(body: &[u8]) -> (String, Change) {
    let document = document(&[body], ROOMY).unwrap_or_else(|| panic!("no JSON: {}", body.escape_ascii()));
    (document.value["s"].as_str().unwrap().to_owned(), document.change("/s"))
}

#[test]
fn l13_what_is_not_text_is_replaced_and_said() {
    for (body, expected, lossy) in [
        (&br#"{"s":"plain"}"#[..], "plain", false),
        (br#"{"s":"\u00e5\ud83d\ude00\n\u0000"}"#, "å😀\n\0", false),
        (b"{\"s\":\"a\xffb\"}", "a\u{fffd}b", true),
        (b"{\"s\":\"a\xe2\x82\"}", "a\u{fffd}", true),
        (br#"{"s":"\ud800"}"#, "\u{fffd}", true),
        (br#"{"s":"\ud800\ud83d\ude00"}"#, "\u{fffd}😀", true),
        (br#"{"s":"\ud83dx\ude00"}"#, "\u{fffd}x\u{fffd}", true),
        (br#"{"s":"\ud83d\n"}"#, "\u{fffd}\n", true),
        (br#"{"s":"\x41\u12"}"#, "\u{fffd}x41\u{fffd}", true),
        (b"{\"s\":\"raw\ttab\nand \x1b[0m\"}", "raw\ttab\nand \u{1b}[0m", false),
    ] {
        let expected = (expected.to_owned(), Change { cut: false, lossy });
        assert_eq!(string(body), expected, "{}", body.escape_ascii());
    }
}

#[test]
fn what_is_wrong_outside_strings_stays_wrong() {
    for body in [
        "",
        " ",
        "{",
        "{\"s\":",
        "{\"s\":\"cut",
        "{\"s\":\"cut\\",
        "{\"s\":\"cut\\u12",
        "1 2",
        "{} {}",
        "\"",
        "{'s':1}",
        "nul",
        "\u{fffd}",
        "<html></html>",
        "{\"s\":1}\"",
    ] {
        assert!(document(&[body.as_bytes()], ROOMY).is_none(), "{body}");
    }
    assert!(document(&[b"[\xff]"], ROOMY).is_none());
    assert!(document(&["[".repeat(10_000).as_bytes()], ROOMY).is_none());
    assert!(document(&[b"\xef\xbb\xbf [ 1 ]\r\n"], ROOMY).is_some());
}

#[test]
fn no_output_can_pass_for_a_mark() {
    for text in ["1cut?", "3", "", "\n[… 7 bytes left out …]\n"] {
        let body = json!({ "s": text }).to_string();
        assert_eq!(string(body.as_bytes()), (text.to_owned(), Change::default()));
    }
}

#[test]
fn l11_memory_is_bounded_however_long_a_string_is() {
    let limits = TrimLimits { string: 1 << 10, json: 1 << 13, values: 8 };
    let mut trim = JsonTrim::new(limits);
    trim.feed(br#"{"exitCode":3,"s":"begin "#).unwrap();
    let escaped = br"\u0000".repeat(1 << 10);
    for _ in 0..1 << 10 {
        trim.feed(&escaped).unwrap();
        assert!(trim.json.capacity() < 1 << 13);
    }
    trim.feed(br#" end"}"#).unwrap();
    let document = Document::read_trimmed(&trim.finish().unwrap(), &Redactor::default()).unwrap();
    assert_eq!(document.value["exitCode"], 3);
    let text = document.value["s"].as_str().unwrap();
    let left_out = (1 << 20) + "begin  end".len() - (1 << 10);
    assert!(text.contains(&Stream::left_out(left_out)), "{text:?}");
    assert!(text.starts_with("begin \0") && text.ends_with("\0 end"));
    assert!(document.change("/s").cut);
}

#[test]
fn many_short_things_are_bounded_too() {
    let limits = TrimLimits { string: 8, json: 64, values: 8 };
    for body in ["[0,0,0,0,0,0,0,0,0]".to_owned(), "9".repeat(65), "\"a\"".repeat(40), "[".repeat(9)] {
        assert_eq!(trim(&[body.as_bytes()], limits), Err(TooLarge), "{body}");
    }
    assert!(trim(&[" ".repeat(1000).as_bytes(), b"[0,0]"], limits).is_ok());
}

/// JSON of every kind, with strings of every length in bytes.
fn any_json() -> impl Strategy<Value = Value> {
    let text = prop_oneof!["[a-z\"\\\\/\n\0]{0,12}", "[åß€😀a]{0,12}", "\\PC{0,40}"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map("[a-zåß]{0,4}", inner, 0..5)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// The same JSON with `\uXXXX`, in pairs where needed, for all that is not ASCII.
fn escape_all(json: &str) -> String {
    let mut escaped = String::new();
    for character in json.chars() {
        if character.is_ascii() {
            escaped.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            write!(escaped, "\\u{unit:04x}").unwrap();
        }
    }
    escaped
}

/// Cuts at places drawn from `cuts`, which may repeat.
fn chunks<'a>(bytes: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

/// Holds `trimmed` against `original`: the same but for strings past the cap.
fn assert_trimmed(original: &Value, trimmed: &Value, cap: usize) {
    match (original, trimmed) {
        (Value::String(whole), Value::String(text)) if whole.len() > cap => {
            let (head, rest) = text.split_once("\n[… ").unwrap();
            let (left_out, tail) = rest.split_once(" bytes left out …]\n").unwrap();
            assert!(whole.starts_with(head) && whole.ends_with(tail), "{text:?} of {whole:?}");
            assert_eq!(left_out.parse::<usize>().unwrap(), whole.len() - head.len() - tail.len());
            for part in [head, tail] {
                assert!(part.len() <= cap / 2 && part.len() + 3 >= cap / 2, "{part:?}");
            }
        }
        (Value::Array(items), Value::Array(others)) => {
            assert_eq!(items.len(), others.len());
            items.iter().zip(others).for_each(|(item, other)| assert_trimmed(item, other, cap));
        }
        (Value::Object(fields), Value::Object(others)) => {
            assert!(fields.keys().eq(others.keys()));
            fields.values().zip(others.values()).for_each(|(field, other)| assert_trimmed(field, other, cap));
        }
        _ => assert_eq!(original, trimmed),
    }
}

proptest! {
    #[test]
    fn without_long_strings_nothing_changes(
        value in any_json(), pretty: bool, escaped: bool,
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let mut json = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        if escaped {
            json = escape_all(&json);
        }
        let document = document(&chunks(json.as_bytes(), &cuts), ROOMY).unwrap();
        prop_assert_eq!(&document.value, &serde_json::from_str::<Value>(&json).unwrap());
        prop_assert_eq!(document.change(""), Change::default());
    }

    #[test]
    fn with_a_small_cap_only_long_strings_change(
        value in any_json(), cap in 8_usize..40,
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let json = serde_json::to_string(&value).unwrap();
        let document = document(&chunks(json.as_bytes(), &cuts), TrimLimits { string: cap, ..ROOMY }).unwrap();
        assert_trimmed(&serde_json::from_str(&json).unwrap(), &document.value, cap);
    }

    #[test]
    fn any_bytes_in_any_chunks_give_the_same(
        bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..40),
            prop::collection::vec(prop::sample::select(b"\"\\ud83xe00{}[]:,\xe2\x82\xac\xff ".to_vec()), 0..40),
        ],
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        string in 0_usize..16,
    ) {
        let limits = TrimLimits { string, ..ROOMY };
        prop_assert_eq!(trim(&chunks(&bytes, &cuts), limits), trim(&[&bytes], limits));
    }
}
