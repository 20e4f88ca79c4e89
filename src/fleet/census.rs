//! How many VPSes have which value in a field.

use std::{cmp::Reverse, collections::HashMap, sync::Arc};

use serde_json::Value;

use super::{UnknownField, Vps, field};
use crate::playbook::{documented, nearest};

/// The VPSes that share a value.
#[derive(Debug, Clone, PartialEq)]
pub struct Share {
    /// The value; `None`: the field is missing, null or empty.
    pub value: Option<Value>,
    /// Those that have it, in the order given.
    pub vpses: Vec<Arc<Vps>>,
}

/// Divides VPSes by the value of a field, the most frequent value first.
///
/// `path` is dotted, in the API's names. Of a list each different element counts, so that a VPS may be in several
/// shares; a path through a list visits its elements.
///
/// # Errors
/// A field that none of these VPSes has and the API's documents do not know.
pub fn census(vpses: &[Arc<Vps>], path: &str) -> Result<Vec<Share>, UnknownField> {
    let mut shares: Vec<Share> = Vec::new();
    let mut places: HashMap<Option<String>, usize> = HashMap::new();
    let mut known = documented::is_documented(path) || vpses.is_empty();
    for vps in vpses {
        let fields = vps.fields();
        known = known || field::exists(&fields, path);
        let mut values: Vec<Option<Value>> =
            field::given(&fields, path).into_iter().cloned().map(Some).collect();
        if values.is_empty() {
            values.push(None);
        }
        let mut counted: Vec<usize> = Vec::new();
        for value in values {
            let key = value.as_ref().map(Value::to_string);
            let place = *places.entry(key).or_insert_with(|| {
                shares.push(Share { value, vpses: Vec::new() });
                shares.len() - 1
            });
            if !counted.contains(&place) {
                counted.push(place);
                shares[place].vpses.push(Arc::clone(vps));
            }
        }
    }
    if !known {
        return Err(unknown(vpses, path));
    }
    shares.sort_by_cached_key(|share| {
        let word =
            share.value.as_ref().map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        (Reverse(share.vpses.len()), word.is_none(), word)
    });
    Ok(shares)
}

fn unknown(vpses: &[Arc<Vps>], path: &str) -> UnknownField {
    let mut seen = std::collections::BTreeSet::new();
    for vps in vpses {
        field::collect_paths(&vps.fields(), &mut seen);
    }
    let known = documented::paths().chain(seen.iter().map(String::as_str));
    UnknownField { path: path.to_owned(), nearest: nearest(path, known).map(str::to_owned) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fleet() -> Vec<Arc<Vps>> {
        [
            json!({ "id": "a", "os": "debian", "tags": ["web", "prod", "web"], "gb": 4, "net": [{ "z": "s" }] }),
            json!({ "id": "b", "os": "alpine", "tags": ["web"], "gb": 16, "net": [{ "z": "s" }, { "z": "t" }] }),
            json!({ "id": "c", "os": "debian", "tags": [], "gb": "4" }),
            json!({ "id": "d", "os": null, "gb": 4 }),
            json!({ "id": "e", "os": "", "gb": true }),
        ]
        .map(|fields| Arc::new(Vps::new(fields.as_object().unwrap().clone())))
        .to_vec()
    }

    fn counted(path: &str) -> Vec<(Option<Value>, String)> {
        let ids = |share: &Share| share.vpses.iter().map(|vps| vps.raw_id()).collect();
        census(&fleet(), path).unwrap().iter().map(|share| (share.value.clone(), ids(share))).collect()
    }

    #[test]
    fn values_are_counted_the_most_frequent_first_and_what_is_missing_as_such() {
        let expected = [(Some(json!("debian")), "ac"), (None, "de"), (Some(json!("alpine")), "b")];
        assert_eq!(counted("os"), expected.map(|(value, ids)| (value, ids.to_owned())));
    }

    #[test]
    fn each_element_of_a_list_counts_once_a_vps() {
        let expected = [(None, "cde"), (Some(json!("web")), "ab"), (Some(json!("prod")), "a")];
        assert_eq!(counted("tags"), expected.map(|(value, ids)| (value, ids.to_owned())));
        let expected = [(None, "cde"), (Some(json!("s")), "ab"), (Some(json!("t")), "b")];
        assert_eq!(counted("net.z"), expected.map(|(value, ids)| (value, ids.to_owned())));
    }

    #[test]
    fn a_number_and_a_text_that_look_alike_are_two_values() {
        let values: Vec<_> = counted("gb").into_iter().map(|(value, _)| value.unwrap()).collect();
        assert_eq!(values, [json!(4), json!(16), json!("4"), json!(true)]);
    }

    #[test]
    fn a_field_that_nobody_knows_is_an_error_with_its_nearest() {
        let error = census(&fleet(), "operatingSystem.famly").unwrap_err();
        assert_eq!(error.nearest.as_deref(), Some("operatingSystem.family"));
        assert_eq!(census(&[], "whatever"), Ok(vec![]));
        assert_eq!(counted("primaryIp").len(), 1, "documented, and missing everywhere");
    }
}
