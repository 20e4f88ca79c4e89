//! Fields of a VPS by their dotted path.
//!
//! A path that goes through a list visits the list's elements.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// How many different paths are remembered for "did you mean".
const MAX_SEEN: usize = 500;

/// All values at a path, null among them; none where the path leads nowhere.
fn values<'a>(fields: &'a Map<String, Value>, path: &str) -> Vec<&'a Value> {
    let mut names = path.split('.');
    let mut values: Vec<&Value> = names.next().and_then(|name| fields.get(name)).into_iter().collect();
    for name in names {
        values = values.into_iter().flat_map(elements).filter_map(|value| value.get(name)).collect();
    }
    values
}

/// The elements of a list, at any depth; another value is its own element.
fn elements(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(values) => values.iter().flat_map(elements).collect(),
        value => vec![value],
    }
}

/// Whether any value at a path, or any element of a list there, is as wanted.
pub(super) fn any(fields: &Map<String, Value>, path: &str, wanted: impl Fn(&Value) -> bool) -> bool {
    values(fields, path).into_iter().flat_map(elements).any(wanted)
}

/// The values at a path that say anything: no null, no empty text, and of a list its elements.
pub(super) fn given<'a>(fields: &'a Map<String, Value>, path: &str) -> Vec<&'a Value> {
    let says = |value: &&Value| !value.is_null() && value.as_str() != Some("");
    values(fields, path).into_iter().flat_map(elements).filter(says).collect()
}

/// Whether the path leads somewhere, if only to null.
pub(super) fn exists(fields: &Map<String, Value>, path: &str) -> bool {
    !values(fields, path).is_empty()
}

/// Whether there is anything but null at the path.
pub(super) fn is_defined(fields: &Map<String, Value>, path: &str) -> bool {
    values(fields, path).into_iter().any(|value| !value.is_null())
}

/// Adds the paths that a VPS has.
pub(super) fn collect_paths(fields: &Map<String, Value>, paths: &mut BTreeSet<String>) {
    let mut rest: Vec<(String, &Value)> = fields.iter().map(|(name, value)| (name.clone(), value)).collect();
    while let Some((path, value)) = rest.pop() {
        if paths.len() >= MAX_SEEN {
            return;
        }
        for element in elements(value) {
            if let Value::Object(inner) = element {
                rest.extend(inner.iter().map(|(name, value)| (format!("{path}.{name}"), value)));
            }
        }
        paths.insert(path);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn vps() -> Map<String, Value> {
        let vps = json!({
            "name": "web", "powerState": null, "tags": ["a", "b"], "none": [],
            "interfaces": [{ "ip": "192.0.2.1" }, { "ip": null }, { "other": [[1]] }],
        });
        vps.as_object().unwrap().clone()
    }

    #[test]
    fn a_path_visits_the_elements_of_lists() {
        for (path, text) in [("name", "web"), ("tags", "b"), ("interfaces.ip", "192.0.2.1")] {
            assert!(any(&vps(), path, |value| value == text), "{path}");
        }
        assert!(any(&vps(), "interfaces.other", |value| value == 1));
        for path in ["missing", "name.deeper", "powerState.x", "none", "tags.x", ""] {
            assert!(!any(&vps(), path, |_| true), "{path}");
        }
    }

    #[test]
    fn null_is_there_but_not_defined() {
        for (path, there, defined) in [
            ("name", true, true),
            ("powerState", true, false),
            ("missing", false, false),
            ("powerState.x", false, false),
            ("none", true, true),
            ("interfaces.ip", true, true),
        ] {
            assert_eq!((exists(&vps(), path), is_defined(&vps(), path)), (there, defined), "{path}");
        }
    }

    #[test]
    fn paths_are_collected_through_lists() {
        let mut paths = BTreeSet::new();
        collect_paths(&vps(), &mut paths);
        assert!(paths.contains("interfaces.ip") && paths.contains("tags") && paths.contains("interfaces"));
    }
}
