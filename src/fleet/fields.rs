//! Dotted paths into a VPS's JSON.

use serde_json::{Map, Value};

/// Paths that the API's documents name: a VPS that lacks one of these is no sign of a typing mistake.
///
/// Source: HostUp docs, list and one-VPS pages.
const DOCUMENTED: [&str; 29] = [
    "availability",
    "bandwidth",
    "bandwidth.inboundGb",
    "bandwidth.limitGb",
    "bandwidth.outboundGb",
    "bandwidth.usagePercent",
    "bandwidth.usedGb",
    "billing",
    "billing.amount",
    "billing.billingCycle",
    "billing.currencyCode",
    "billing.isPayg",
    "billing.periodYears",
    "id",
    "name",
    "operatingSystem",
    "operatingSystem.displayName",
    "operatingSystem.family",
    "operatingSystem.variant",
    "operatingSystem.version",
    "pendingMaintenance",
    "pendingMaintenanceHasDeadline",
    "powerState",
    "primaryIp",
    "resources.cpuCores",
    "resources.memoryGb",
    "resources.storageGb",
    "serviceStatus",
    "tags",
];

/// Whether the documents know this path, or something above it whose inside they do not describe.
pub(super) fn is_documented(path: &str) -> bool {
    let undescribed = ["availability.", "pendingMaintenance.", "tags."];
    DOCUMENTED.contains(&path) || undescribed.iter().any(|above| path.starts_with(above))
}

/// The documented path that is most like this one, if any is.
pub(super) fn nearest_documented(path: &str) -> Option<&'static str> {
    let last = path.rsplit('.').next().unwrap_or(path);
    crate::playbook::nearest(path, DOCUMENTED).or_else(|| {
        // `memoryGb` for `resources.memoryGb`.
        DOCUMENTED
            .into_iter()
            .find(|known| known.rsplit('.').next().is_some_and(|name| name.eq_ignore_ascii_case(last)))
    })
}

/// Whether the path leads to anything but null.
pub(super) fn is_there(fields: &Map<String, Value>, path: &str) -> bool {
    any_at(fields, path, &mut |_| true)
}

/// Whether any value that the path leads to satisfies `wanted`. Lists on the way, and at its end, are visited
/// element by element; null, an empty list and an empty text are nothing.
pub(super) fn any_at(
    fields: &Map<String, Value>,
    path: &str,
    wanted: &mut impl FnMut(&Value) -> bool,
) -> bool {
    let mut names = path.split('.');
    let Some(value) = names.next().and_then(|first| fields.get(first)) else { return false };
    let rest: Vec<&str> = names.collect();
    any_below(value, &rest, wanted)
}

fn any_below(value: &Value, names: &[&str], wanted: &mut impl FnMut(&Value) -> bool) -> bool {
    match (value, names) {
        (Value::Array(elements), _) => elements.iter().any(|element| any_below(element, names, wanted)),
        (Value::Object(fields), [first, rest @ ..]) => {
            fields.get(*first).is_some_and(|value| any_below(value, rest, wanted))
        }
        (Value::Null, _) | (_, [_, ..]) => false,
        (Value::String(text), []) if text.is_empty() => false,
        (value, []) => wanted(value),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_visits_lists_and_passes_over_nothing() {
        let vps = json!({
            "tags": ["blue", null, ""], "nics": [{ "net": { "vlan": 4 } }, { "net": null }], "empty": [], "none": null,
        });
        let fields = vps.as_object().unwrap();
        assert!(any_at(fields, "tags", &mut |value| value == "blue"));
        assert!(!any_at(fields, "tags", &mut |value| value == "" || value.is_null()));
        assert!(any_at(fields, "nics.net.vlan", &mut |value| value == 4));
        for nothing in ["empty", "none", "nics.net.vlan.deeper", "tags.blue", "missing", ""] {
            assert!(!is_there(fields, nothing), "{nothing}");
        }
    }

    #[test]
    fn a_mistyped_path_is_near_a_documented_one() {
        assert_eq!(nearest_documented("powerstate"), Some("powerState"));
        assert_eq!(nearest_documented("operatingSystem.familiy"), Some("operatingSystem.family"));
        assert_eq!(nearest_documented("memoryGb"), Some("resources.memoryGb"));
        assert_eq!(nearest_documented("completely.else"), None);
    }
}
