//! Any text is an expression that comes to an end, or a mistake with its place.

use rollcall::playbook::{Context, Expression, Judgement, MAX_CAPTURE, Vars};
use serde_json::{Map, json};

use super::{guest, input::Input};

/// **Property.** Compiling and judging end without a panic, whatever the fields of a VPS and the output of a command. A
/// mistake lies within the text; a captured value is no larger than it may be; what holds needs no reason why not, and
/// the reason is one line.
pub fn holds(bytes: &[u8]) {
    let mut input = Input::of_texts(bytes);
    let (text, stdout, stderr, name) = (input.text(), input.text(), input.text(), input.text());
    let expression = match Expression::compile(&text) {
        Ok(expression) => expression,
        Err(mistake) => {
            assert!(mistake.span.is_none_or(|span| text.get(span).is_some()));
            return;
        }
    };
    assert_eq!(expression.text(), text);
    let vars = Vars::from_values([("x".to_owned(), json!(stderr)), ("y".to_owned(), json!(90))]);
    let fields = guest::fields(1, &name, &stdout);
    let mut captured = Map::new();
    captured.insert("used".to_owned(), json!(stdout));
    let in_step = Context::of_step(&fields, &vars, &captured).with_output(Some(&stdout), Some(&stderr), 3);
    for context in [Context::of_fields(&fields, &vars), in_step, in_step.with_output(None, None, 0)] {
        let judgement = expression.judge(&context);
        assert_eq!(judgement, expression.judge(&context));
        if judgement != Judgement::Holds {
            let why = expression.why_not(&context);
            assert!(!why.contains('\n'), "{why:?}");
        }
        if let Ok(value) = expression.value(&context) {
            assert!(value.to_string().len() <= MAX_CAPTURE);
        }
    }
}
