//! What an expression says of one VPS, or of what a step printed on it.

use std::{cmp::Ordering, collections::HashMap, net::IpAddr};

use minijinja::{State, Value, value::Serde};
use regex::Regex;

use super::{
    super::language,
    brief,
    comparison::{self, Mismatch, Sort},
    context::{Bare, Context},
    matcher::Matcher,
    syntax::{Comparison, Kind, Node, Operator},
};

/// The longest text that `+` makes, in bytes.
const MAX_TEXT: usize = 1024 * 1024;

/// How many characters or elements make a value a larger one.
const LARGE: usize = 100;

/// Why an evaluation ended without a value.
#[derive(Debug)]
pub(super) enum Stop {
    /// Something is not there; `is defined` and `default` see it.
    Undefined(String),
    /// The values do not fit together.
    Unfit(String),
}

impl Stop {
    pub(super) fn reason(&self) -> &str {
        match self {
            Self::Undefined(reason) | Self::Unfit(reason) => reason,
        }
    }
}

/// One evaluation: of an expression with this text, in this context.
pub(super) struct Evaluation<'a> {
    text: &'a str,
    context: &'a Context<'a>,
    /// Holds the fuel of the filters; made when the first one runs.
    state: Option<State<'static, 'static>>,
    /// What was made of larger values, by what they are and their paths: an expression that names an output a
    /// thousand times has it in memory once.
    large: HashMap<bool, HashMap<Vec<String>, Value>>,
}

impl<'a> Evaluation<'a> {
    pub(super) fn new(text: &'a str, context: &'a Context<'a>) -> Self {
        Self { text, context, state: None, large: HashMap::new() }
    }

    /// Fills the fuel up again.
    pub(super) fn refuel(&mut self) {
        self.state = None;
    }

    /// Whether a node's value counts as true: not `false`, 0, an empty text or an empty list.
    pub(super) fn truth(&mut self, node: &Node) -> Result<bool, Stop> {
        Ok(match &node.kind {
            Kind::Not(of) => !self.truth(of)?,
            Kind::All(nodes) => {
                for node in nodes {
                    if !self.truth(node)? {
                        return Ok(false);
                    }
                }
                true
            }
            Kind::Any(nodes) => {
                for node in nodes {
                    if self.truth(node)? {
                        return Ok(true);
                    }
                }
                false
            }
            Kind::Compare(first, rest) => self.compare(first, rest)?,
            Kind::Defined(of) => match self.value(of) {
                Ok(_) => true,
                Err(Stop::Undefined(_)) => false,
                Err(unfit) => return Err(unfit),
            },
            Kind::Matching(of, matcher) => self.search(of, matcher, Regex::is_match)?,
            Kind::Within(address, network) => self.within(address, network)?,
            Kind::Test(name, of, arguments) => {
                let arguments = self.arguments(of, arguments)?;
                let test = self.state().perform_test(name, &arguments);
                test.map_err(|error| self.failed(node, &error))?
            }
            _ => self.value(node)?.is_true(),
        })
    }

    pub(super) fn value(&mut self, node: &Node) -> Result<Value, Stop> {
        match &node.kind {
            Kind::Literal(value) => Ok(value.clone()),
            Kind::Field(path) | Kind::Variable(path) => {
                let is_variable = matches!(node.kind, Kind::Variable(_));
                if let Some(known) = self.large.get(&is_variable).and_then(|large| large.get(path)) {
                    return Ok(known.clone());
                }
                let value = self.read(node, path)?;
                if value.len().is_some_and(|length| length > LARGE) {
                    self.large.entry(is_variable).or_default().insert(path.clone(), value.clone());
                }
                Ok(value)
            }
            Kind::Item(of, index) => {
                let (of, index) = (self.value(of)?, self.value(index)?);
                self.defined(node, of.get_item(&index).unwrap_or_default())
            }
            Kind::List(nodes) => nodes.iter().map(|node| self.value(node)).collect::<Result<Value, _>>(),
            Kind::Negative(of) => {
                let value = self.value(of)?;
                self.arithmetic(node, Operator::Subtract, (of, &Value::from(0)), (of, &value))
            }
            Kind::Arithmetic(operator, left, right) => {
                let (left_value, right_value) = (self.value(left)?, self.value(right)?);
                self.arithmetic(node, *operator, (left, &left_value), (right, &right_value))
            }
            Kind::Default(of, otherwise) => match self.value(of) {
                Err(Stop::Undefined(_)) => self.value(otherwise),
                other => other,
            },
            Kind::Extract(of, matcher) => {
                let found = self.search(of, matcher, language::found)?;
                self.defined(node, found)
            }
            Kind::Filter(name, of, arguments) => {
                let arguments = self.arguments(of, arguments)?;
                let read = arguments.iter().map(|value| size(value) / 8).sum();
                let made = self.state().consume_fuel(read).and_then(|()| {
                    let state = self.state();
                    let made = state.apply_filter(name, &arguments)?;
                    // The engine charges for what a filter makes where a template runs it, not here.
                    state.consume_fuel(size(&made)).map(|()| made)
                });
                self.defined(node, made.map_err(|error| self.failed(node, &error))?)
            }
            _ => self.truth(node).map(Value::from),
        }
    }

    /// What stands under a name and below it.
    fn read(&self, node: &Node, path: &[String]) -> Result<Value, Stop> {
        let (first, rest) = path.split_first().expect("a path has a name");
        if let Kind::Variable(_) = node.kind {
            return self.found(node, self.context.vars.value(first), rest);
        }
        match (self.context.bare(first), rest) {
            (Bare::Value(value), rest) => self.found(node, Some(value), rest),
            (Bare::Mapping(mapping), []) => Ok(Value::from(Serde(mapping))),
            (Bare::Mapping(mapping), [first, rest @ ..]) => self.found(node, mapping.get(first), rest),
            (Bare::Text(text), []) => Ok(Value::from(text)),
            (Bare::Number(number), []) => Ok(Value::from(number)),
            (Bare::Cut, _) => Err(Stop::Undefined(format!("`{first}` is cut: not all of it was kept"))),
            (Bare::NotCaptured, _) => Err(Stop::Undefined(format!("`{first}` was not captured"))),
            (Bare::Text(_) | Bare::Number(_) | Bare::Missing, _) => Err(self.undefined(node)),
        }
    }

    fn arguments(&mut self, of: &Node, arguments: &[Node]) -> Result<Vec<Value>, Stop> {
        std::iter::once(of).chain(arguments).map(|node| self.value(node)).collect()
    }

    /// Follows the rest of a path. Null is as good as missing.
    fn found(&self, node: &Node, first: Option<&serde_json::Value>, rest: &[String]) -> Result<Value, Stop> {
        let found = first.and_then(|first| rest.iter().try_fold(first, |value, name| value.get(name)));
        match found {
            None | Some(serde_json::Value::Null) => Err(self.undefined(node)),
            Some(value) => Ok(Value::from(Serde(value))),
        }
    }

    fn defined(&self, node: &Node, value: Value) -> Result<Value, Stop> {
        if value.is_undefined() || value.is_none() { Err(self.undefined(node)) } else { Ok(value) }
    }

    fn compare(&mut self, first: &Node, rest: &[(Comparison, Node)]) -> Result<bool, Stop> {
        let mut left = (first, self.value(first)?);
        for (comparison, node) in rest {
            let right = (node, self.value(node)?);
            if !self.pair(*comparison, (left.0, &left.1), (node, &right.1))? {
                return Ok(false);
            }
            left = right;
        }
        Ok(true)
    }

    /// One comparison, of values that are known.
    pub(super) fn pair(
        &self,
        comparison: Comparison,
        (left_node, left): (&Node, &Value),
        (right_node, right): (&Node, &Value),
    ) -> Result<bool, Stop> {
        let holds = match comparison {
            Comparison::Equal => comparison::equal(left, right),
            Comparison::Unequal => comparison::equal(left, right).map(|equal| !equal),
            Comparison::Less => comparison::order(left, right).map(Ordering::is_lt),
            Comparison::LessOrEqual => comparison::order(left, right).map(Ordering::is_le),
            Comparison::Greater => comparison::order(left, right).map(Ordering::is_gt),
            Comparison::GreaterOrEqual => comparison::order(left, right).map(Ordering::is_ge),
            Comparison::In => comparison::holds(right, left),
            Comparison::NotIn => comparison::holds(right, left).map(|holds| !holds),
        };
        holds.map_err(|mismatch| self.mismatch(left_node, right_node, mismatch))
    }

    /// Looks for a pattern in a text.
    fn search<T>(&mut self, of: &Node, matcher: &Matcher, look: fn(&Regex, &str) -> T) -> Result<T, Stop> {
        let value = self.value(of)?;
        let text = value.as_str().ok_or_else(|| self.wrong_sort(of, &value, "a text"))?;
        match matcher {
            Matcher::Fixed(regex) => Ok(look(regex, text)),
            Matcher::Variable(node, latest) => {
                let pattern = self.value(node)?;
                let pattern = pattern.as_str().ok_or_else(|| self.wrong_sort(node, &pattern, "a text"))?;
                let regex = latest.compiled(pattern);
                let regex =
                    regex.map_err(|reason| Stop::Unfit(format!("`{}`: {reason}", self.written(node))))?;
                Ok(look(&regex, text))
            }
        }
    }

    fn within(&mut self, address: &Node, network: &Node) -> Result<bool, Stop> {
        let unfit = |text: &str, reason: &str| Stop::Unfit(format!("`{text}`: {reason}"));
        let value = self.value(address)?;
        let parsed = value.as_str().and_then(|text| text.parse().ok());
        let parsed = parsed.ok_or_else(|| unfit(&self.written(address), language::NOT_AN_ADDRESS))?;
        let range = self.value(network)?;
        let range = language::network(range.as_str().unwrap_or_default());
        let range = range.map_err(|reason| unfit(&self.written(network), &reason))?;
        Ok(range.contains::<&IpAddr>(&parsed))
    }

    /// Whole numbers stay whole until they are divided.
    fn arithmetic(
        &mut self,
        node: &Node,
        operator: Operator,
        (left_node, left): (&Node, &Value),
        (right_node, right): (&Node, &Value),
    ) -> Result<Value, Stop> {
        let sorts = (Sort::of(left), Sort::of(right));
        if let (Operator::Add, Some(left), Some(right)) = (operator, left.as_str(), right.as_str()) {
            let length = left.len() + right.len();
            let fuel = u64::try_from(length / 64).unwrap_or(u64::MAX);
            return if length <= MAX_TEXT && self.state().consume_fuel(fuel).is_ok() {
                Ok(Value::from([left, right].concat()))
            } else {
                Err(Stop::Unfit(format!("`{}` is too long", self.written(node))))
            };
        }
        for (node, value) in [(left_node, left), (right_node, right)] {
            if Sort::of(value) != Sort::Number {
                return Err(if operator == Operator::Add && sorts.0 != sorts.1 {
                    self.mismatch(left_node, right_node, sorts)
                } else {
                    self.wrong_sort(node, value, "a number")
                });
            }
        }
        let whole = |value: &Value| i128::try_from(value.clone()).ok().filter(|_| value.is_integer());
        let exact = match (whole(left), whole(right)) {
            (Some(left), Some(right)) => match operator {
                Operator::Add => left.checked_add(right),
                Operator::Subtract => left.checked_sub(right),
                Operator::Multiply => left.checked_mul(right),
                Operator::Divide => None,
                Operator::DivideWhole => divided_whole(left, right).map(|(quotient, _)| quotient),
                Operator::Remainder => divided_whole(left, right).map(|(_, remainder)| remainder),
            },
            _ => None,
        };
        if let Some(exact) = exact {
            return Ok(Value::from(exact));
        }
        let float = |value: &Value| f64::try_from(value.clone()).unwrap_or(f64::NAN);
        let (left, right) = (float(left), float(right));
        let result = match operator {
            Operator::Add => left + right,
            Operator::Subtract => left - right,
            Operator::Multiply => left * right,
            Operator::Divide => left / right,
            Operator::DivideWhole => (left / right).floor(),
            Operator::Remainder => left - right * (left / right).floor(),
        };
        if result.is_finite() {
            Ok(Value::from(result))
        } else {
            let why = if right == 0.0 { "divides by zero" } else { "is too large a number" };
            Err(Stop::Unfit(format!("`{}` {why}", self.written(node))))
        }
    }

    fn state(&mut self) -> &mut State<'static, 'static> {
        self.state.get_or_insert_with(|| language::ENVIRONMENT.empty_state())
    }

    fn written(&self, node: &Node) -> String {
        brief(&self.text[node.span.clone()])
    }

    fn undefined(&self, node: &Node) -> Stop {
        let name = match &node.kind {
            Kind::Field(path) => path.join("."),
            _ => self.written(node),
        };
        Stop::Undefined(format!("`{name}` is undefined"))
    }

    fn mismatch(&self, left: &Node, right: &Node, (left_sort, right_sort): Mismatch) -> Stop {
        let text = brief(&self.text[left.span.start..right.span.end]);
        Stop::Unfit(match (left_sort, right_sort) {
            (Sort::Nothing, _) | (_, Sort::Nothing) => format!("in `{text}`, an element is undefined"),
            _ if left_sort == right_sort => format!("`{text}` compares {} with another", left_sort.name()),
            _ => format!("`{text}` compares {} with {}", left_sort.name(), right_sort.name()),
        })
    }

    fn wrong_sort(&self, node: &Node, value: &Value, wanted: &str) -> Stop {
        Stop::Unfit(format!("`{}` is {}, not {wanted}", self.written(node), Sort::of(value).name()))
    }

    fn failed(&self, node: &Node, error: &minijinja::Error) -> Stop {
        let vars = self.context.vars;
        let detail = error.detail().filter(|_| !node.reads_secret(vars));
        let reason = detail.map_or_else(|| error.kind().to_string(), str::to_owned);
        // Redacted before it is shortened: a half of a secret is one too.
        Stop::Unfit(format!("`{}`: {}", self.written(node), brief(&vars.redacted(&reason))))
    }
}

/// What a value is in fuel: one for 64 bytes of text, or for an element.
fn size(value: &Value) -> u64 {
    let bytes = value.as_str().map(|text| text.len() / 64);
    u64::try_from(bytes.or_else(|| value.len()).unwrap_or(0)).unwrap_or(u64::MAX)
}

/// Quotient and remainder, rounded down as in Jinja: a remainder has the sign of what divides.
fn divided_whole(left: i128, right: i128) -> Option<(i128, i128)> {
    let (quotient, remainder) = (left.checked_div(right)?, left.checked_rem(right)?);
    if remainder != 0 && (remainder < 0) != (right < 0) {
        Some((quotient - 1, remainder + right))
    } else {
        Some((quotient, remainder))
    }
}
