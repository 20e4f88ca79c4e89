//! A plan, for people and as JSON.

use std::{sync::Arc, time::Duration};

use rollcall::{
    engine::{Listed, RunSpec, forecast},
    fleet::{Selection, Tally, Vps},
    playbook::{Playbook, Source, bundle::Marker},
    report::{PlanRecord, write_plan, write_plan_json},
};
use serde_json::json;

use super::{display, guest, input::Input, playbook::Around};

/// **Property.** Whatever steps say and servers are called, the JSON is one document, and nothing in what people see acts
/// on a terminal, texts to be sent included.
pub fn holds(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let (count, show_text) = (usize::from(input.number() % 4), input.number() % 2 == 1);
    let bundle = input.number() % 2 == 1;
    let (name, command) = (input.text(), input.text());
    let steps = json!([
        { "name": name, "run": command, "bundle": bundle },
        { "run": "echo {{ target.name }}", "when": "target.name is defined" },
        { "run": "echo {{ target.tags }}", "capture": { "used": "stdout | trim" } },
        { "run": "echo {{ used }}" },
    ]);
    let source = Source::new(name.clone(), json!({ "name": name, "steps": steps }).to_string());
    let Ok(playbook) = Playbook::parse(&source, &Around) else { return };
    let selected: Vec<Arc<Vps>> =
        (0..count).map(|number| Arc::new(guest::vps(number, &input.text(), &input.text()))).collect();
    let spec = RunSpec::new(Selection::default(), playbook.steps.clone(), 1);
    let listed = Listed { requests: 1, round_trip: Duration::from_millis(30), limits: Vec::new() };
    let marker = Marker::new([0x5f_0c91_d2a7, 0xe4_1b77_30cc]);
    let forecast = forecast(&spec, &selected, &listed, &marker, true);
    let mut tally = Tally { listed: count, selected: count, ..Tally::default() };
    tally.lacking.insert(name.clone(), 1);
    let record = PlanRecord {
        playbook_name: &playbook.name,
        playbook_path: playbook.path.as_deref(),
        playbook_sha256: &playbook.sha256,
        api_url: "https://cloud.hostup.se",
        steps: &playbook.steps,
        tally: &tally,
        forecast: &forecast,
        show_text,
        secrets: &[],
    };

    let mut out = Vec::new();
    write_plan_json(&record, &mut out).unwrap();
    let json = display::read_json(&out);
    assert_eq!(json["playbook"]["name"], playbook.name);
    assert_eq!(json["steps"].as_array().unwrap().len(), 4);
    let mut out = Vec::new();
    write_plan(&record, &mut out).unwrap();
    let allowed: &[char] = if show_text { &['\n', '\t'] } else { &['\n'] };
    display::assert_inert(str::from_utf8(&out).unwrap(), allowed);
}
