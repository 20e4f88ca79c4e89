//! Why an expression does not hold: the part that decided it, with the values that it saw.
//!
//! `used < vars.threshold: 97 < 90`. A value is one short line, and no secret is in it: neither the text of one nor
//! anything that an expression made of one.

use minijinja::{Value, value::ValueKind};

use super::{
    super::{Span, Vars},
    brief,
    evaluation::{Evaluation, Stop},
    shortened,
    syntax::{Comparison, Kind, Node},
};

/// How many characters of a value are shown.
const MAX_VALUE: usize = 60;

/// How many parts of an `or`, or of a negated `and`, are explained.
const MAX_PARTS: usize = 3;

/// A part that decided, and what it saw.
struct Reason {
    part: Span,
    saw: String,
}

impl Reason {
    fn of(node: &Node, saw: String) -> Vec<Self> {
        vec![Self { part: node.span.clone(), saw }]
    }
}

/// Explains one expression in one context.
pub(super) struct Why<'a> {
    text: &'a str,
    vars: &'a Vars,
    evaluation: Evaluation<'a>,
}

impl<'a> Why<'a> {
    pub(super) fn new(text: &'a str, vars: &'a Vars, evaluation: Evaluation<'a>) -> Self {
        Self { text, vars, evaluation }
    }

    /// Why a node that can be judged does not hold.
    pub(super) fn not(&mut self, node: &Node) -> Result<String, Stop> {
        if self.truth(node)? {
            return Ok(format!("{}: it holds", self.written(&node.span)));
        }
        let reasons = self.reasons(node, false)?;
        let told: Vec<_> = reasons.iter().take(MAX_PARTS).map(|reason| self.told(reason)).collect();
        let more = if reasons.len() > MAX_PARTS { "; …" } else { "" };
        Ok(format!("{}{more}", told.join("; ")))
    }

    fn told(&self, reason: &Reason) -> String {
        let written = self.written(&reason.part);
        // Of literals there is nothing to add.
        if written == reason.saw { written } else { format!("{written}: {}", reason.saw) }
    }

    /// The parts that make a node true, or false. To be asked of what is so.
    fn reasons(&mut self, node: &Node, truth: bool) -> Result<Vec<Reason>, Stop> {
        match (&node.kind, truth) {
            (Kind::Not(of), _) => {
                let inner = self.reasons(of, !truth)?;
                let saw: Vec<_> = inner.into_iter().take(MAX_PARTS).map(|reason| reason.saw).collect();
                Ok(Reason::of(node, saw.join(" and ")))
            }
            // One part decides.
            (Kind::All(nodes), false) | (Kind::Any(nodes), true) => {
                for node in nodes {
                    if self.truth(node)? == truth {
                        return self.reasons(node, truth);
                    }
                }
                Ok(Vec::new())
            }
            (Kind::All(nodes) | Kind::Any(nodes), _) => {
                let mut reasons = Vec::new();
                // One more than is shown, to know that there are more.
                for node in nodes.iter().take(MAX_PARTS + 1) {
                    reasons.extend(self.reasons(node, truth)?);
                }
                Ok(reasons)
            }
            (Kind::Compare(first, rest), _) => self.compared(node, first, rest, truth),
            (Kind::Within(address, network), _) => {
                let verb = if truth { "is in" } else { "is not in" };
                let saw = format!("{} {verb} {}", self.value(address)?, self.value(network)?);
                Ok(Reason::of(node, saw))
            }
            (Kind::Defined(_), false) => Ok(Reason::of(node, "it is undefined".to_owned())),
            (Kind::Defined(of) | Kind::Matching(of, _) | Kind::Test(_, of, _), _) => {
                let saw = format!("it is {}", self.value(of)?);
                Ok(Reason::of(node, saw))
            }
            _ => {
                let saw = format!("it is {}", self.value(node)?);
                Ok(Reason::of(node, saw))
            }
        }
    }

    /// The first pair of a chain that does not hold, or the whole chain where it does.
    fn compared(
        &mut self,
        node: &Node,
        first: &Node,
        rest: &[(Comparison, Node)],
        truth: bool,
    ) -> Result<Vec<Reason>, Stop> {
        self.evaluation.refuel();
        let mut left = (first, self.evaluation.value(first)?);
        let mut saw = self.shown(first, &left.1);
        for (comparison, right_node) in rest {
            let right = self.evaluation.value(right_node)?;
            let shown = self.shown(right_node, &right);
            let sign = comparison.sign();
            if !truth && !self.evaluation.pair(*comparison, (left.0, &left.1), (right_node, &right))? {
                let part = left.0.span.start..right_node.span.end;
                let saw = format!("{} {sign} {shown}", self.shown(left.0, &left.1));
                return Ok(vec![Reason { part, saw }]);
            }
            saw = format!("{saw} {sign} {shown}");
            left = (right_node, right);
        }
        Ok(Reason::of(node, saw))
    }

    /// Each part is evaluated anew, with fuel of its own: what could be judged can be explained.
    fn truth(&mut self, node: &Node) -> Result<bool, Stop> {
        self.evaluation.refuel();
        self.evaluation.truth(node)
    }

    fn value(&mut self, node: &Node) -> Result<String, Stop> {
        self.evaluation.refuel();
        let value = self.evaluation.value(node)?;
        Ok(self.shown(node, &value))
    }

    /// A value as JSON, on one short line.
    fn shown(&self, node: &Node, value: &Value) -> String {
        if node.reads_secret(self.vars) {
            return "[redacted]".to_owned();
        }
        let mut shown = String::new();
        self.write(&mut shown, value, 0);
        if value.as_str().is_some() { shown } else { shortened(&shown, MAX_VALUE) }
    }

    fn write(&self, shown: &mut String, value: &Value, depth: usize) {
        if let Some(text) = value.as_str() {
            // Redacted before it is quoted and shortened: a half of a secret is one too.
            shown.push_str(&quoted(&self.vars.redacted(text)));
            return;
        }
        let entries = match value.kind() {
            ValueKind::Seq | ValueKind::Iterable | ValueKind::Map => value.try_iter().ok(),
            _ => None,
        };
        let Some(entries) = entries else {
            shown.push_str(&match value.kind() {
                ValueKind::Bool => value.is_true().to_string(),
                ValueKind::None | ValueKind::Undefined => "null".to_owned(),
                _ => value.to_string(),
            });
            return;
        };
        let is_map = value.kind() == ValueKind::Map;
        shown.push(if is_map { '{' } else { '[' });
        for (index, entry) in entries.enumerate() {
            if index > 0 {
                shown.push_str(", ");
            }
            // Nobody will see more.
            if depth > 4 || shown.len() > 4 * MAX_VALUE {
                shown.push('…');
                break;
            }
            self.write(shown, &entry, depth + 1);
            if is_map {
                shown.push_str(": ");
                self.write(shown, &value.get_item(&entry).unwrap_or_default(), depth + 1);
            }
        }
        shown.push(if is_map { '}' } else { ']' });
    }

    fn written(&self, part: &Span) -> String {
        brief(&self.vars.redacted(&self.text[part.clone()]))
    }
}

/// The beginning of a text in quotes, with what is no letter to a terminal as an escape.
fn quoted(text: &str) -> String {
    let start = shortened(text, MAX_VALUE);
    let quoted = serde_json::Value::from(start).to_string();
    // The escapes may have made it long again.
    match quoted.char_indices().nth(MAX_VALUE + 3) {
        Some((end, _)) => format!("{}…\"", quoted[..end].trim_end_matches('\\')),
        None => quoted,
    }
}
