//! Any text is a command template, or a mistake with its place.

use rollcall::playbook::{MAX_COMMAND_CHARS, Playbook, Source};
use serde_json::{Map, json};

use super::{guest, input::Input, playbook::Around};

/// **Property.** Compiling and rendering end without a panic. A text without braces is sent as it stands, but for the
/// line break that ends it; a rendering is what the API takes, the same each time, and holds nothing of a field that
/// was a template itself.
pub fn holds(bytes: &[u8]) {
    let mut input = Input::of_texts(bytes);
    let (text, name, other) = (input.text(), input.text(), input.text());
    // JSON is YAML in which any text can be written.
    let source = json!({ "vars": { "x": other }, "run": text }).to_string();
    let Ok(playbook) = Playbook::parse(&Source::new("fuzz.yaml", source), &Around) else { return };
    let template = &playbook.steps[0].run;
    let render = |name: &str| template.render(&guest::fields(1, name, &other), &Map::new(), &playbook.vars);
    let rendered = render(&name);
    assert_eq!(rendered, render(&name));
    if let Ok(command) = &rendered {
        assert!(command.chars().count() <= MAX_COMMAND_CHARS && !command.contains('\0'), "{command:?}");
        if !text.contains('{') {
            assert_eq!(command, text.strip_suffix('\n').unwrap_or(&text));
        }
    }
    if let Ok(command) = render("{{ 6 * 111 }}") {
        assert!(!command.contains("666") || text.contains('6') || other.contains('6'), "{command}");
    }
}
