//! Comparing values of one sort, and refusing to compare those of two.

use std::cmp::Ordering;

use minijinja::{Value, value::ValueKind};

/// What sort of value it is, as far as comparing goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Sort {
    Number,
    Text,
    Boolean,
    List,
    Mapping,
    /// Null, inside of a list or a mapping.
    Nothing,
}

impl Sort {
    pub(super) fn of(value: &Value) -> Self {
        match value.kind() {
            ValueKind::Number => Self::Number,
            ValueKind::String => Self::Text,
            ValueKind::Bool => Self::Boolean,
            ValueKind::Seq | ValueKind::Iterable => Self::List,
            ValueKind::Map => Self::Mapping,
            _ => Self::Nothing,
        }
    }

    /// `None` for null, which is undefined.
    pub(in super::super) fn of_json(value: &serde_json::Value) -> Option<Self> {
        match value {
            serde_json::Value::Null => None,
            serde_json::Value::Bool(_) => Some(Self::Boolean),
            serde_json::Value::Number(_) => Some(Self::Number),
            serde_json::Value::String(_) => Some(Self::Text),
            serde_json::Value::Array(_) => Some(Self::List),
            serde_json::Value::Object(_) => Some(Self::Mapping),
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Number => "a number",
            Self::Text => "a text",
            Self::Boolean => "a boolean",
            Self::List => "a list",
            Self::Mapping => "a mapping",
            Self::Nothing => "null",
        }
    }
}

/// Two sorts that cannot be compared, left and right.
pub(super) type Mismatch = (Sort, Sort);

/// Whether two values are the same, element by element.
pub(super) fn equal(left: &Value, right: &Value) -> Result<bool, Mismatch> {
    match (Sort::of(left), Sort::of(right)) {
        (Sort::Number, Sort::Number) | (Sort::Text, Sort::Text) | (Sort::Boolean, Sort::Boolean) => {
            Ok(left == right)
        }
        (Sort::List, Sort::List) => {
            let (left, right) = (elements(left), elements(right));
            let mut same = left.len() == right.len();
            for (left, right) in left.iter().zip(&right) {
                same &= equal(left, right)?;
            }
            Ok(same)
        }
        (Sort::Mapping, Sort::Mapping) => {
            let keys = elements(left);
            let mut same = keys.len() == elements(right).len();
            for key in keys {
                let value = |mapping: &Value| mapping.get_item(&key).unwrap_or_default();
                match (value(left), value(right)) {
                    (_, missing) if missing.is_undefined() => same = false,
                    (left, right) => same &= equal(&left, &right)?,
                }
            }
            Ok(same)
        }
        mismatch => Err(mismatch),
    }
}

/// Which of two numbers or texts comes first.
pub(super) fn order(left: &Value, right: &Value) -> Result<Ordering, Mismatch> {
    match (Sort::of(left), Sort::of(right)) {
        (Sort::Number, Sort::Number) | (Sort::Text, Sort::Text) => Ok(left.cmp(right)),
        mismatch => Err(mismatch),
    }
}

/// Whether a list has an element, a text a part, a mapping a key. An element of another sort is in the way
/// only where none of the others is the one.
pub(super) fn holds(container: &Value, value: &Value) -> Result<bool, Mismatch> {
    match (Sort::of(container), Sort::of(value)) {
        (Sort::List, _) => {
            let mut mismatch = None;
            for element in elements(container) {
                match equal(value, &element) {
                    Ok(true) => return Ok(true),
                    Ok(false) => {}
                    Err(sorts) => mismatch = mismatch.or(Some(sorts)),
                }
            }
            mismatch.map_or(Ok(false), Err)
        }
        (Sort::Text, Sort::Text) => {
            Ok(container.as_str().unwrap_or_default().contains(value.as_str().unwrap_or_default()))
        }
        (Sort::Mapping, Sort::Text) => Ok(elements(container).contains(value)),
        (container, value) => Err((value, container)),
    }
}

fn elements(value: &Value) -> Vec<Value> {
    value.try_iter().map(Iterator::collect).unwrap_or_default()
}
