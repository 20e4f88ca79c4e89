//! What is known of limits, as a table and as JSON.

use std::time::Duration;

use rollcall::{
    budget::{Knowledge, LetThrough},
    hostup::{ApiKey, ApiUrl},
    report::{Style, write_limits_json, write_limits_table},
    store::{Account, Learned},
};

use super::{display, input::Input, report::limit};

/// **Property.** Whatever limits and runs are called, the JSON is one document that has those names, and nothing in the
/// table acts on a terminal.
pub fn holds(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let style = Style { width: input.choose(&[None, Some(0), Some(20), Some(80)]), ..Style::default() };
    let account = Account::new(&ApiUrl::default(), &ApiKey::from_text("hup_1234").unwrap());
    let now = "2026-03-09T12:00:00Z".parse().unwrap();
    let through = LetThrough { requests: input.number().into(), span: Duration::from_millis(5_200) };
    let count = usize::from(input.number() % 4);
    let at = input.choose(&["2026-03-09T11:58:07.123Z", "2026-02-01T00:00:00Z"]).parse().unwrap();
    let run_id = input.text();
    let limits: Vec<_> = (0..count).map(|_| limit(input.text())).collect();
    let names: Vec<_> = limits.iter().map(|limit| limit.bucket.clone()).collect();
    let knowledge = Knowledge { limits, let_through: Some(through) };
    let learned = [Learned { account: account.clone(), at, run_id: Some(run_id.clone()), knowledge }];

    let mut out = Vec::new();
    write_limits_json(&learned, now, &mut out).unwrap();
    let json = &display::read_json(&out)["accounts"][0];
    assert_eq!(json["runId"], run_id);
    let told: Vec<_> = json["limits"].as_array().unwrap().iter().map(|limit| &limit["bucket"]).collect();
    assert_eq!(told, names.iter().collect::<Vec<_>>());

    let mut out = Vec::new();
    write_limits_table(&learned, Some(&account), now, style, &mut out).unwrap();
    display::assert_inert(str::from_utf8(&out).unwrap(), &['\n']);
}
