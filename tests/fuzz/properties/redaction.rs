//! Secrets are taken out of every report.

use rollcall::report::{Format, Style, write, write_summary};
use serde_json::Value;

use super::{
    input::Input,
    report::record,
    secret::{base64, percent_encoded, spellings},
};

/// What every secret begins with, so that no word of a report is one.
const BEGINNING: &str = "Zq";

/// What stands in an input where a secret is to stand.
const PLACE: char = '\u{1a}';

/// **Property.** Wherever a server repeats a secret, plain, percent-encoded or in base64 of it and what stands around it,
/// its bytes are in no report.
pub fn holds(bytes: &[u8]) {
    let Some((&form, rest)) = bytes.split_first() else { return };
    let end = rest.iter().position(|&byte| byte == 0xff).unwrap_or(rest.len());
    let (secret, rest) = rest.split_at(end);
    let secret = format!("{BEGINNING}{}", String::from_utf8_lossy(secret));
    // What stands in a secret's place cannot be kept out.
    if secret.contains(['[', ']', PLACE]) {
        return;
    }
    let written = match form % 6 {
        0 => percent_encoded(&secret, true),
        1 => percent_encoded(&secret, false),
        2 if secret.len() >= 6 => base64(format!("{secret}:x").as_bytes()),
        3 if secret.len() >= 6 => base64(format!("a{secret}").as_bytes()),
        4 if secret.len() >= 6 => {
            base64(format!("ab{secret}c").as_bytes()).replace('+', "-").replace('/', "_")
        }
        _ => secret.clone(),
    };
    let echoed: Vec<u8> = rest
        .get(1..)
        .unwrap_or_default()
        .split(|&byte| byte == 0x1a)
        .collect::<Vec<_>>()
        .join(written.as_bytes());
    let mut record = record(&mut Input::new(&echoed));
    record.secrets = vec![secret.clone()];
    let spellings = spellings(&secret);
    let check = |out: &str| {
        for spelling in &spellings {
            assert!(!out.contains(spelling.as_str()), "{spelling:?} in {out}");
        }
    };
    for format in Format::ALL {
        let mut out = Vec::new();
        write(format, &record, Style::default(), &mut out).unwrap();
        check(str::from_utf8(&out).unwrap());
        if format == Format::Json {
            each_text(&serde_json::from_slice(&out).unwrap(), &check);
        }
    }
    let mut out = Vec::new();
    write_summary(&record, &mut out).unwrap();
    check(str::from_utf8(&out).unwrap());
    check(&format!("{record:?}"));
}

fn each_text(value: &Value, check: &dyn Fn(&str)) {
    match value {
        Value::String(text) => check(text),
        Value::Array(items) => items.iter().for_each(|item| each_text(item, check)),
        Value::Object(fields) => fields.iter().for_each(|(name, field)| {
            check(name);
            each_text(field, check);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
