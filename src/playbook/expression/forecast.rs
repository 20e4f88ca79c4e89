//! What is known of an expression before anything is evaluated: what it reads and where, what sort of value it gives,
//! and that it can never work.

use super::{
    super::Span,
    Expression,
    comparison::Sort,
    syntax::{Comparison, Kind, Node, Operator},
};

/// What sort of value a dotted name has (`exit_code`, `vars.threshold`), where that is known.
pub(in super::super) type Known<'k> = dyn Fn(&str) -> Option<Sort> + 'k;

/// A name that an expression reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Read<'e> {
    /// A bare name, with or without a path below it.
    Bare(&'e str, Span),
    /// `vars.<name>`.
    Variable(&'e str, Span),
}

/// A part that can never work, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Misfit {
    pub(in super::super) span: Span,
    pub(in super::super) message: String,
    pub(in super::super) help: Option<String>,
}

impl Expression {
    /// The names that it reads, in the order of the text.
    pub(in super::super) fn reads(&self) -> impl Iterator<Item = Read<'_>> {
        let mut names = Vec::new();
        self.root.collect_names(&mut names);
        names.into_iter().filter_map(|(_, node)| match &node.kind {
            Kind::Field(path) => path.first().map(|name| Read::Bare(name, self.place_of(node, name, 0))),
            Kind::Variable(path) => {
                path.first().map(|name| Read::Variable(name, self.place_of(node, name, "vars".len())))
            }
            _ => None,
        })
    }

    /// Where a name stands in the node that reads it; parentheses and blanks may come before it.
    fn place_of(&self, node: &Node, name: &str, skip: usize) -> Span {
        let written = &self.text[node.span.clone()];
        let skipped = written.find(|c: char| c != '(' && !c.is_whitespace()).unwrap_or(0) + skip;
        match written.get(skipped..).and_then(|rest| rest.find(name)) {
            Some(offset) => {
                let start = node.span.start + skipped + offset;
                start..start + name.len()
            }
            None => node.span.clone(),
        }
    }

    /// What sort of value it gives, where that is the same for every target.
    pub(in super::super) fn sort(&self, known: &Known<'_>) -> Option<Sort> {
        sort(&self.root, known)
    }

    /// The first part that fits no target: values of two sorts that are always compared, and the like.
    pub(in super::super) fn misfit(&self, known: &Known<'_>) -> Option<Misfit> {
        self.misfit_in(&self.root, known)
    }

    /// The first part of a condition that says nothing of a target: a value that is compared with nothing, or
    /// something that is the same for all.
    pub(in super::super) fn idle(&self, known: &Known<'_>) -> Option<Misfit> {
        let node = idle(&self.root, known)?;
        let written = self.written(&node.span);
        let (message, help) = if reads_nothing(node) {
            let help = "compare what the command printed: `exit_code == 0`, `\"active\" in stdout`";
            (format!("`{written}` is the same for every server, so it checks nothing"), help.to_owned())
        } else if sort(node, known) == Some(Sort::Text) {
            let help =
                format!("compare it: `{written} == \"…\"`, or, for any text at all, `{written} != \"\"`");
            (format!("`{written}` is a value, not a condition"), help)
        } else {
            let help = format!("compare it: `{written} == …`, or test it: `{written} is defined`");
            (format!("`{written}` is a value, not a condition"), help)
        };
        Some(Misfit { span: node.span.clone(), message, help: Some(help) })
    }

    fn written(&self, span: &Span) -> String {
        super::brief(&self.text[span.clone()])
    }

    fn misfit_in(&self, node: &Node, known: &Known<'_>) -> Option<Misfit> {
        if let Some(inner) = node.children().into_iter().find_map(|child| self.misfit_in(child, known)) {
            return Some(inner);
        }
        match &node.kind {
            Kind::Compare(first, rest) => {
                let mut left = &**first;
                for (comparison, right) in rest {
                    if let Some(misfit) = self.compared(*comparison, left, right, known) {
                        return Some(misfit);
                    }
                    left = right;
                }
                None
            }
            Kind::Arithmetic(operator, left, right) => {
                let sorts = (sort(left, known), sort(right, known));
                match sorts {
                    (Some(left_sort), Some(right_sort)) if *operator == Operator::Add => {
                        let fits = left_sort == right_sort && matches!(left_sort, Sort::Number | Sort::Text);
                        (!fits).then(|| self.two_sorts(left, right, left_sort, right_sort))
                    }
                    _ if *operator == Operator::Add => None,
                    _ => self
                        .unless(left, Sort::Number, known)
                        .or_else(|| self.unless(right, Sort::Number, known)),
                }
            }
            Kind::Negative(of) => self.unless(of, Sort::Number, known),
            Kind::Matching(of, _) | Kind::Extract(of, _) => self.unless(of, Sort::Text, known),
            _ => None,
        }
    }

    /// Says so where a part is known to be of another sort.
    fn unless(&self, node: &Node, wanted: Sort, known: &Known<'_>) -> Option<Misfit> {
        let sort = sort(node, known).filter(|sort| *sort != wanted)?;
        let written = self.written(&node.span);
        let help = (wanted == Sort::Number && sort == Sort::Text).then(|| number_of(&written));
        let message = format!("`{written}` is {}, not {}", sort.name(), wanted.name());
        Some(Misfit { span: node.span.clone(), message, help })
    }

    fn compared(
        &self,
        comparison: Comparison,
        left: &Node,
        right: &Node,
        known: &Known<'_>,
    ) -> Option<Misfit> {
        let (left_sort, right_sort) = (sort(left, known)?, sort(right, known)?);
        let fits = match comparison {
            Comparison::Equal | Comparison::Unequal => left_sort == right_sort,
            Comparison::In | Comparison::NotIn => match (right_sort, &right.kind) {
                // Of another list the elements are not known.
                (Sort::List, Kind::List(elements)) => {
                    let of_other_sort = |element| sort(element, known).is_some_and(|sort| sort != left_sort);
                    elements.is_empty() || !elements.iter().all(of_other_sort)
                }
                (Sort::List, _) => true,
                (Sort::Text | Sort::Mapping, _) => left_sort == Sort::Text,
                _ => false,
            },
            _ => left_sort == right_sort && matches!(left_sort, Sort::Number | Sort::Text),
        };
        (!fits).then(|| self.two_sorts(left, right, left_sort, right_sort))
    }

    fn two_sorts(&self, left: &Node, right: &Node, left_sort: Sort, right_sort: Sort) -> Misfit {
        let span = left.span.start..right.span.end;
        let written = self.written(&span);
        let message = if left_sort == right_sort {
            format!("`{written}` compares {} with another", left_sort.name())
        } else if let Kind::List(_) = right.kind
            && left_sort != Sort::List
        {
            format!("`{written}` looks for {} among values of another type", left_sort.name())
        } else {
            format!("`{written}` compares {} with {}", left_sort.name(), right_sort.name())
        };
        let help = match (left_sort, right_sort) {
            (Sort::Number, Sort::Text) => Some(self.number_help(right)),
            (Sort::Text, Sort::Number) => Some(self.number_help(left)),
            _ => None,
        };
        Misfit { span, message, help }
    }

    /// How the text of a comparison becomes a number.
    fn number_help(&self, text: &Node) -> String {
        match &text.kind {
            Kind::Literal(value) => match value.as_str().map(str::trim) {
                Some(number) if number.parse::<f64>().is_ok() => {
                    format!("without the quotes it is a number: `{number}`")
                }
                _ => "write a number there, without quotes".to_owned(),
            },
            Kind::Variable(_) => {
                let written = self.written(&text.span);
                format!("give `{written}` a number, without quotes, or make one of it: `{written} | int`")
            }
            _ => number_of(&self.written(&text.span)),
        }
    }
}

fn number_of(written: &str) -> String {
    format!("make a number of it: `{written} | int`, or `float`, `bytes`, `duration`")
}

fn sort(node: &Node, known: &Known<'_>) -> Option<Sort> {
    match &node.kind {
        Kind::Literal(value) => Some(Sort::of(value)),
        Kind::Field(path) => known(&path.join(".")),
        Kind::Variable(path) => known(&format!("vars.{}", path.join("."))),
        Kind::Item(..) => None,
        Kind::List(_) => Some(Sort::List),
        Kind::Not(_)
        | Kind::All(_)
        | Kind::Any(_)
        | Kind::Compare(..)
        | Kind::Defined(_)
        | Kind::Matching(..)
        | Kind::Within(..)
        | Kind::Test(..) => Some(Sort::Boolean),
        // It has no other result than one of its operands' sort.
        Kind::Arithmetic(Operator::Add, left, right) => sort(left, known).or_else(|| sort(right, known)),
        Kind::Negative(_) | Kind::Arithmetic(..) => Some(Sort::Number),
        Kind::Default(of, otherwise) => sort(of, known).filter(|of| sort(otherwise, known) == Some(*of)),
        Kind::Extract(..) => Some(Sort::Text),
        Kind::Filter(name, ..) => match *name {
            "int" | "float" | "bytes" | "duration" | "length" | "sum" | "abs" | "round" => Some(Sort::Number),
            "trim" | "lower" | "upper" | "replace" | "join" => Some(Sort::Text),
            "lines" | "split" | "sort" | "unique" => Some(Sort::List),
            "from_kv" => Some(Sort::Mapping),
            _ => None,
        },
    }
}

fn idle<'n>(node: &'n Node, known: &Known<'_>) -> Option<&'n Node> {
    match &node.kind {
        Kind::All(nodes) | Kind::Any(nodes) => nodes.iter().find_map(|node| idle(node, known)),
        _ => (reads_nothing(node) || sort(node, known) != Some(Sort::Boolean)).then_some(node),
    }
}

fn reads_nothing(node: &Node) -> bool {
    let mut names = Vec::new();
    node.collect_names(&mut names);
    names.is_empty()
}
