//! From a condition's tree and one VPS to a value, or to why there is none.

use std::{cmp::Ordering, net::IpAddr, str::FromStr, sync::LazyLock};

use minijinja::{
    Environment, Value,
    value::{Serde, ValueKind},
};
use serde_json::Map;

use super::read::{Arithmetic, Comparison, Node};
use crate::playbook::Vars;

/// The longest text that a part of a condition may become, in bytes.
const MAX_TEXT: usize = 64 * 1024;

/// For its filters only.
static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(Environment::new);

/// Why a condition cannot be judged for a VPS.
#[derive(Debug)]
pub(super) struct NotEvaluable(pub(super) String);

type Judged = Result<Value, NotEvaluable>;

/// Judges one VPS.
#[derive(Debug)]
pub(super) struct Judge<'a> {
    fields: &'a Map<String, serde_json::Value>,
    vars: &'a Vars,
}

impl<'a> Judge<'a> {
    pub(super) fn new(fields: &'a Map<String, serde_json::Value>, vars: &'a Vars) -> Self {
        Self { fields, vars }
    }

    /// The value of a part. The first thing that cannot be judged, from left to right, ends it.
    pub(super) fn value(&self, node: &Node) -> Judged {
        match node {
            Node::Constant(value) => Ok(value.clone()),
            Node::Path(path) => self.path(path),
            Node::Item(container, key) => {
                let (container, key) = (self.value(container)?, self.value(key)?);
                let item =
                    container.get_item(&key).ok().filter(|item| !item.is_undefined() && !item.is_none());
                item.ok_or_else(|| NotEvaluable(format!("there is no item {key}")))
            }
            Node::List(parts) => {
                Ok(Value::from(parts.iter().map(|part| self.value(part)).collect::<Result<Vec<_>, _>>()?))
            }
            Node::Not(part) => Ok(Value::from(!self.value(part)?.is_true())),
            Node::Negative(part) => Ok(Value::from(-number(&self.value(part)?)?)),
            Node::And(one, other) => Ok(Value::from(self.holds(one)? && self.holds(other)?)),
            Node::Or(one, other) => Ok(Value::from(self.holds(one)? || self.holds(other)?)),
            Node::Comparison(first, others) => self.comparison(first, others),
            Node::Arithmetic(operation, one, other) => {
                arithmetic(*operation, &self.value(one)?, &self.value(other)?)
            }
            Node::Choice { condition, yes, no } => self.value(if self.holds(condition)? { yes } else { no }),
            Node::Defined(part) => Ok(Value::from(self.value(part).is_ok())),
            Node::Default(part, other) => self.value(part).or_else(|_| self.value(other)),
            Node::Filter(name, parts) => self.filter(name, parts),
            Node::Matching(part, regex) => Ok(Value::from(regex.is_match(text(&self.value(part)?)?))),
            Node::Edge { end, text: part, edge } => {
                let (whole, edge) = (self.value(part)?, self.value(edge)?);
                let (whole, edge) = (text(&whole)?, text(&edge)?);
                Ok(Value::from(if *end { whole.ends_with(edge) } else { whole.starts_with(edge) }))
            }
            Node::Cidr(part, networks) => {
                let address = self.value(part)?;
                let address = text(&address)?;
                let parsed = IpAddr::from_str(address)
                    .map_err(|_| NotEvaluable(format!("`{address}` is not an address")))?;
                Ok(Value::from(networks.iter().any(|network| network.contains(&parsed))))
            }
        }
    }

    fn holds(&self, node: &Node) -> Result<bool, NotEvaluable> {
        Ok(self.value(node)?.is_true())
    }

    fn path(&self, path: &[String]) -> Judged {
        let missing = || NotEvaluable(format!("`{}` is not there", path.join(".")));
        let (first, rest) = path.split_first().expect("a path has a first name");
        let (mut value, rest) = if first == "vars" {
            let (name, rest) = rest.split_first().ok_or_else(missing)?;
            (self.vars.value(name).ok_or_else(missing)?, rest)
        } else {
            (self.fields.get(first).ok_or_else(missing)?, rest)
        };
        for name in rest {
            value = value.get(name).ok_or_else(missing)?;
        }
        if value.is_null() { Err(missing()) } else { Ok(Value::from(Serde(value))) }
    }

    fn comparison(&self, first: &Node, others: &[(Comparison, Node)]) -> Judged {
        let mut left = self.value(first)?;
        for (comparison, other) in others {
            let right = self.value(other)?;
            if !compare(*comparison, &left, &right)? {
                return Ok(Value::from(false));
            }
            left = right;
        }
        Ok(Value::from(true))
    }

    fn filter(&self, name: &str, parts: &[Node]) -> Judged {
        let values = parts.iter().map(|part| self.value(part)).collect::<Result<Vec<_>, _>>()?;
        let filtered = ENVIRONMENT.empty_state().apply_filter(name, &values).map_err(|error| {
            NotEvaluable(format!("`{name}`: {}", error.detail().unwrap_or("cannot be applied")))
        })?;
        if filtered.is_undefined() || filtered.is_none() {
            return Err(NotEvaluable(format!("`{name}` gives nothing")));
        }
        bounded(filtered)
    }
}

fn compare(comparison: Comparison, left: &Value, right: &Value) -> Result<bool, NotEvaluable> {
    let order = || same_kind(left, right).map(|()| left.cmp(right));
    Ok(match comparison {
        Comparison::Equal => order()? == Ordering::Equal,
        Comparison::Different => order()? != Ordering::Equal,
        Comparison::Less => order()? == Ordering::Less,
        Comparison::LessOrEqual => order()? != Ordering::Greater,
        Comparison::Greater => order()? == Ordering::Greater,
        Comparison::GreaterOrEqual => order()? != Ordering::Less,
        Comparison::In => is_in(left, right)?,
        Comparison::NotIn => !is_in(left, right)?,
    })
}

/// A text in a text, a value in a list, or a key in a mapping.
fn is_in(part: &Value, whole: &Value) -> Result<bool, NotEvaluable> {
    match whole.kind() {
        ValueKind::String => Ok(text(whole)?.contains(text(part)?)),
        ValueKind::Seq | ValueKind::Iterable => {
            let mut items = whole.try_iter().map_err(|_| NotEvaluable("not a list".to_owned()))?;
            // Of another kind is simply not that item; a list of the API's may be mixed.
            Ok(items.any(|item| same_kind(&item, part).is_ok() && item == *part))
        }
        ValueKind::Map => Ok(whole.get_item(part).is_ok_and(|item| !item.is_undefined())),
        _ => Err(NotEvaluable(format!("nothing can be in {}", kind(whole)))),
    }
}

fn same_kind(left: &Value, right: &Value) -> Result<(), NotEvaluable> {
    if kind(left) == kind(right) {
        Ok(())
    } else {
        Err(NotEvaluable(format!(
            "{} ({left}) cannot be compared with {} ({right})",
            kind(left),
            kind(right)
        )))
    }
}

fn kind(value: &Value) -> &'static str {
    match value.kind() {
        ValueKind::Bool => "true or false",
        ValueKind::Number => "a number",
        ValueKind::String => "a text",
        ValueKind::Seq | ValueKind::Iterable => "a list",
        ValueKind::Map => "a mapping",
        _ => "nothing",
    }
}

fn arithmetic(operation: Arithmetic, left: &Value, right: &Value) -> Judged {
    if operation == Arithmetic::Concatenate {
        return bounded(Value::from(format!("{}{}", text(left)?, text(right)?)));
    }
    let (left, right) = (number(left)?, number(right)?);
    let result = match operation {
        Arithmetic::Add => left + right,
        Arithmetic::Subtract => left - right,
        Arithmetic::Multiply => left * right,
        Arithmetic::Divide => left / right,
        Arithmetic::DivideWhole => (left / right).floor(),
        Arithmetic::Remainder => left.rem_euclid(right),
        Arithmetic::Concatenate => unreachable!("handled above"),
    };
    if result.is_finite() {
        Ok(Value::from(result))
    } else {
        Err(NotEvaluable("a division by zero, or a number that is too large".to_owned()))
    }
}

fn number(value: &Value) -> Result<f64, NotEvaluable> {
    match value.kind() {
        ValueKind::Number => f64::try_from(value.clone()).ok(),
        _ => None,
    }
    .ok_or_else(|| NotEvaluable(format!("{} ({value}) is not a number", kind(value))))
}

fn text(value: &Value) -> Result<&str, NotEvaluable> {
    value.as_str().ok_or_else(|| NotEvaluable(format!("{} ({value}) is not a text", kind(value))))
}

fn bounded(value: Value) -> Judged {
    if value.as_str().is_some_and(|text| text.len() > MAX_TEXT) {
        return Err(NotEvaluable("a text becomes too long".to_owned()));
    }
    Ok(value)
}
