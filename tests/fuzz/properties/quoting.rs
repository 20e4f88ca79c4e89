//! A shell prints back what a template inserted.

use std::sync::LazyLock;

use rollcall::playbook::{Playbook, Source, Template, quoted};
use serde_json::{Map, json};

use super::{guest, input::Input, playbook::Around, shell};

/// A field and a list, quoted by a template; the third is made by the function that `exec` uses.
static TEMPLATE: LazyLock<Playbook> = LazyLock::new(|| {
    let run = "printf '%s\\001' {{ target.name }} {{ target.words }}";
    Playbook::parse(&Source::new("fuzz.yaml", json!({ "run": run }).to_string()), &Around).unwrap()
});

/// **Property.** Of any text and any list of texts, `printf %s` on a POSIX shell prints just these, one word each; where
/// one holds a NUL or the command gets too long, there is no command.
pub fn holds(bytes: &[u8]) {
    let words: Vec<String> = Input::of_texts(bytes).rest().collect();
    let name = words.first().cloned().unwrap_or_default();
    let mut fields = guest::fields(1, &name, "");
    fields.insert("words".to_owned(), json!(words));
    let template: &Template = &TEMPLATE.steps[0].run;
    let expected = |words: &mut dyn Iterator<Item = &String>| -> Vec<u8> {
        words.flat_map(|word| [word.as_bytes(), b"\x01"].concat()).collect()
    };
    match template.render(&fields, &Map::new(), &TEMPLATE.vars) {
        Ok(command) => {
            let printed = shell::builtins_only(&command);
            assert_eq!(printed.stdout, expected(&mut std::iter::once(&name).chain(&words)), "{command}");
            assert!(printed.status.success() && printed.stderr.is_empty(), "{printed:?}");
        }
        Err(_) => assert!(bytes.contains(&0) || bytes.len() > 400, "{words:?}"),
    }
    if !bytes.contains(&0) && bytes.len() <= 4096 {
        let quoted: Vec<_> = words.iter().map(|word| quoted(word)).collect();
        let printed = shell::builtins_only(&format!("printf '%s\\001' {}", quoted.join(" ")));
        assert_eq!(printed.stdout, expected(&mut words.iter()), "{quoted:?}");
    }
}
