//! Carries an awk program out, line by line.

use std::collections::HashMap;

use super::{
    syntax::{Expression, Pattern, Program, Statement},
    value::{Value, written},
};
use crate::sandbox::guest::simulated::{
    machine::{Stop, lost},
    programs::regular::{Notation, Regular},
    sh::Shell,
};

/// Why the next statement is not carried out.
pub(super) enum Leave {
    Next,
    Exit,
    Break,
    Continue,
    /// The program cannot go on: awk says this and exits with 2.
    Broken(String),
    Stop(Stop),
}

impl From<Stop> for Leave {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

pub(super) type Done<T = ()> = Result<T, Leave>;

/// An array that remembers the order in which its elements came: the order in which `for (i in a)` gives them.
#[derive(Default)]
pub(super) struct Array {
    pub(super) values: HashMap<String, Value>,
    pub(super) order: Vec<String>,
}

impl Array {
    pub(super) fn element(&mut self, index: &str) -> &mut Value {
        if !self.values.contains_key(index) {
            self.order.push(index.to_owned());
        }
        self.values.entry(index.to_owned()).or_insert(Value::Unset)
    }
}

pub(super) struct Run<'r, 's, 'm> {
    pub(super) shell: &'r mut Shell<'s, 'm>,
    variables: HashMap<String, Value>,
    pub(super) arrays: HashMap<String, Array>,
    line: String,
    fields: Vec<String>,
    status: i32,
    open_ranges: Vec<usize>,
    /// Patterns made out of texts, which loops use again and again.
    compiled: HashMap<String, Regular>,
}

impl<'r, 's, 'm> Run<'r, 's, 'm> {
    pub(super) fn new(shell: &'r mut Shell<'s, 'm>) -> Self {
        let mut variables = HashMap::new();
        for (name, value) in
            [("FS", " "), ("OFS", " "), ("ORS", "\n"), ("RS", "\n"), ("SUBSEP", "\x1c"), ("OFMT", "%.6g")]
        {
            variables.insert(name.to_owned(), Value::Text(value.to_owned()));
        }
        let (line, fields, open_ranges) = (String::new(), Vec::new(), Vec::new());
        Self {
            shell,
            variables,
            arrays: HashMap::new(),
            line,
            fields,
            status: 0,
            open_ranges,
            compiled: HashMap::new(),
        }
    }

    pub(super) fn whole(
        mut self,
        program: &Program,
        assigned: &[(String, String)],
        files: &[String],
    ) -> Result<i32, Stop> {
        for (name, value) in assigned {
            let value = super::lexer::unescaped(value);
            let value = if name == "FS" && value == "t" { "\t".to_owned() } else { value };
            self.variables.insert(name.clone(), Value::Input(value));
        }
        let mut done = self.block(&program.begin);
        if done.is_ok() && (!program.rules.is_empty() || program.has_end) {
            done = self.read(program, files);
        }
        if matches!(done, Ok(()) | Err(Leave::Exit)) {
            let ended = self.block(&program.end);
            // An `exit` before the end still comes by here, and stays one.
            done = if ended.is_ok() { done } else { ended };
        }
        match done {
            Err(Leave::Stop(stop)) => Err(stop),
            Err(Leave::Broken(what)) => {
                self.shell.complain(&format!("awk: {what}\n"));
                Ok(2)
            }
            _ => Ok(self.status),
        }
    }

    fn read(&mut self, program: &Program, files: &[String]) -> Done {
        let (settings, names): (Vec<&String>, Vec<&String>) = files.iter().partition(|file| {
            file.split_once('=').is_some_and(|(name, _)| crate::sandbox::guest::simulated::sh::is_name(name))
        });
        for setting in settings {
            if let Some((name, value)) = setting.split_once('=') {
                self.variables.insert(name.to_owned(), Value::Input(value.to_owned()));
            }
        }
        let names: Vec<String> = names.into_iter().cloned().collect();
        let (inputs, failed) = self.shell.inputs("awk", &names)?;
        let separator = self.variable("RS").text();
        if separator != "\n" {
            return Err(lost("awk's RS is not simulated").into());
        }
        if failed {
            self.status = 2;
        }
        let mut number = 0.0;
        for (name, bytes) in inputs {
            let name = if name == "-" { String::new() } else { name };
            self.variables.insert("FILENAME".to_owned(), Value::Text(name));
            let text = String::from_utf8_lossy(&bytes).into_owned();
            for (line, own) in text.lines().zip(1_u32..) {
                number += 1.0;
                self.shell.machine.spend_bytes(line.len())?;
                self.variables.insert("NR".to_owned(), Value::Number(number));
                self.variables.insert("FNR".to_owned(), Value::Number(own.into()));
                self.set_line(line.to_owned())?;
                match self.rules(program) {
                    Ok(()) | Err(Leave::Next) => {}
                    leave => return leave,
                }
            }
        }
        Ok(())
    }

    fn rules(&mut self, program: &Program) -> Done {
        for rule in &program.rules {
            let holds = match &rule.pattern {
                Pattern::Always => true,
                Pattern::When(condition) => self.value(condition)?.is_true(),
                Pattern::Range(from, to, number) => {
                    let inside = self.open_ranges.contains(number) || self.value(from)?.is_true();
                    self.open_ranges.retain(|open| open != number);
                    if inside && !self.value(to)?.is_true() {
                        self.open_ranges.push(*number);
                    }
                    inside
                }
            };
            match &rule.action {
                _ if !holds => {}
                Some(action) => self.block(action)?,
                None => {
                    let text = self.line.clone() + &self.variable("ORS").text();
                    self.shell.say(text);
                }
            }
        }
        Ok(())
    }

    fn block(&mut self, statements: &[Statement]) -> Done {
        statements.iter().try_for_each(|statement| self.statement(statement))
    }

    fn statement(&mut self, statement: &Statement) -> Done {
        self.shell.machine.spend(2)?;
        match statement {
            Statement::Print(list) => {
                let mut texts = Vec::new();
                for expression in list {
                    texts.push(self.printed(expression)?);
                }
                let text = if list.is_empty() {
                    self.line.clone()
                } else {
                    texts.join(&self.variable("OFS").text())
                };
                let end = self.variable("ORS").text();
                self.shell.say(text + &end);
            }
            Statement::Printf(list) => {
                let text = self.formatted(list)?;
                self.shell.say(text);
            }
            Statement::Do(expression) => drop(self.value(expression)?),
            Statement::If(condition, then, otherwise) => {
                let chosen = if self.value(condition)?.is_true() { then } else { otherwise };
                self.block(chosen)?;
            }
            Statement::While(condition, body) => {
                while self.value(condition)?.is_true() {
                    if self.turn(body)? {
                        break;
                    }
                }
            }
            Statement::DoWhile(body, condition) => loop {
                if self.turn(body)? || !self.value(condition)?.is_true() {
                    break;
                }
            },
            Statement::For(first, condition, step, body) => {
                self.statement(first)?;
                while condition
                    .as_ref()
                    .map_or(Ok(true), |condition| self.value(condition).map(|value| value.is_true()))?
                {
                    if self.turn(body)? {
                        break;
                    }
                    self.statement(step)?;
                }
            }
            Statement::ForIn(name, array, body) => {
                let indices = self.arrays.get(array).map(|array| array.order.clone()).unwrap_or_default();
                for index in indices {
                    self.variables.insert(name.clone(), Value::Input(index));
                    if self.turn(body)? {
                        break;
                    }
                }
            }
            Statement::Delete(name, None) => drop(self.arrays.remove(name)),
            Statement::Delete(name, Some(indices)) => {
                let index = self.index(indices)?;
                let array = self.arrays.entry(name.clone()).or_default();
                array.values.remove(&index);
                array.order.retain(|known| *known != index);
            }
            Statement::Block(statements) => self.block(statements)?,
            Statement::Next => return Err(Leave::Next),
            Statement::Break => return Err(Leave::Break),
            Statement::Continue => return Err(Leave::Continue),
            Statement::Exit(code) => {
                if let Some(code) = code {
                    let code = self.value(code)?.number();
                    #[expect(clippy::cast_possible_truncation, reason = "an exit code is taken modulo 256")]
                    let code = code as i64;
                    self.status = i32::try_from(code & 255).unwrap_or(0);
                }
                return Err(Leave::Exit);
            }
        }
        Ok(())
    }

    /// One turn of a loop; `true` where it was the last.
    fn turn(&mut self, body: &[Statement]) -> Done<bool> {
        self.shell.machine.spend(2)?;
        match self.block(body) {
            Ok(()) | Err(Leave::Continue) => Ok(false),
            Err(Leave::Break) => Ok(true),
            Err(leave) => Err(leave),
        }
    }

    pub(super) fn variable(&self, name: &str) -> Value {
        match name {
            #[expect(clippy::cast_precision_loss, reason = "a line has fewer than 2^52 fields")]
            "NF" => Value::Number(self.fields.len() as f64),
            name => self.variables.get(name).cloned().unwrap_or(Value::Unset),
        }
    }

    pub(super) fn line(&self) -> &str {
        &self.line
    }

    fn set_line(&mut self, line: String) -> Done {
        self.fields = self.split(&line, None)?;
        self.line = line;
        Ok(())
    }

    /// A text's parts by a separator, or by `FS`.
    pub(super) fn split(&mut self, text: &str, separator: Option<String>) -> Done<Vec<String>> {
        let separator = separator.unwrap_or_else(|| self.variable("FS").text());
        if separator == " " {
            return Ok(text.split_ascii_whitespace().map(str::to_owned).collect());
        }
        if text.is_empty() {
            return Ok(Vec::new());
        }
        if separator.is_empty() {
            return Ok(text.chars().map(String::from).collect());
        }
        let mut letters = separator.chars();
        if let (Some(letter), None) = (letters.next(), letters.next())
            && letter != '\\'
        {
            return Ok(text.split(letter).map(str::to_owned).collect());
        }
        let pattern = self.pattern(&separator)?;
        let (mut parts, mut start, mut at) = (Vec::new(), 0, 0);
        while let Some((from, to)) =
            pattern.find(text, at).and_then(|groups| groups.first().copied().flatten())
        {
            if from == to {
                at = to + text[to..].chars().next().map_or(1, char::len_utf8);
                if at > text.len() {
                    break;
                }
                continue;
            }
            parts.push(text[start..from].to_owned());
            (start, at) = (to, to);
        }
        parts.push(text[start..].to_owned());
        Ok(parts)
    }

    /// A pattern out of a text.
    pub(super) fn pattern(&mut self, text: &str) -> Done<Regular> {
        if let Some(pattern) = self.compiled.get(text) {
            return Ok(pattern.clone());
        }
        self.shell.machine.spend_bytes(text.len() * 16 + 1000)?;
        let pattern = Regular::new(text, Notation::Awk, false)?.map_err(Leave::Broken)?;
        self.compiled.insert(text.to_owned(), pattern.clone());
        Ok(pattern)
    }

    pub(super) fn index(&mut self, indices: &[Expression]) -> Done<String> {
        let mut texts = Vec::new();
        for index in indices {
            texts.push(self.value(index)?.text());
        }
        Ok(texts.join(&self.variable("SUBSEP").text()))
    }

    fn printed(&mut self, expression: &Expression) -> Done<String> {
        let value = self.value(expression)?;
        Ok(match value {
            Value::Number(number) => written(number, &self.variable("OFMT").text()),
            value => value.text(),
        })
    }

    pub(super) fn value(&mut self, expression: &Expression) -> Done<Value> {
        self.shell.machine.spend(1)?;
        Ok(match expression {
            Expression::Number(number) => Value::Number(*number),
            Expression::Text(text) => Value::Text(text.clone()),
            Expression::Pattern(pattern) => truth(pattern.is_match(&self.line)),
            Expression::Variable(name) => self.variable(name),
            Expression::Field(number) => {
                let number = self.field_number(number)?;
                self.field(number)
            }
            Expression::Element(name, indices) => {
                let index = self.index(indices)?;
                self.arrays.entry(name.clone()).or_default().element(&index).clone()
            }
            Expression::Assign(place, operator, right) => {
                let right = self.value(right)?;
                let value = match operator {
                    None => right,
                    Some(operator) => {
                        let left = self.value(place)?.number();
                        Value::Number(calculate(operator, left, right.number())?)
                    }
                };
                self.assign(place, value.clone())?;
                value
            }
            Expression::Step(place, change, old_counts) => {
                let old = self.value(place)?.number();
                self.assign(place, Value::Number(old + change))?;
                Value::Number(if *old_counts { old } else { old + change })
            }
            Expression::Binary("()", inner, _) => self.value(inner)?,
            Expression::Binary(" ", left, right) => {
                let text = self.value(left)?.text() + &self.value(right)?.text();
                self.shell.machine.spend_bytes(text.len())?;
                if text.len() > 1 << 18 {
                    return Err(lost("an awk text grew too long").into());
                }
                Value::Text(text)
            }
            Expression::Binary(operator @ ("<" | "<=" | ">" | ">=" | "==" | "!="), left, right) => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                let order = left.compare(&right);
                truth(match *operator {
                    "<" => order.is_lt(),
                    "<=" => order.is_le(),
                    ">" => order.is_gt(),
                    ">=" => order.is_ge(),
                    "==" => order.is_eq(),
                    _ => order.is_ne(),
                })
            }
            Expression::Binary(operator, left, right) => {
                let (left, right) = (self.value(left)?.number(), self.value(right)?.number());
                Value::Number(calculate(operator, left, right)?)
            }
            Expression::Negative(inner) => Value::Number(-self.value(inner)?.number()),
            Expression::Positive(inner) => Value::Number(self.value(inner)?.number()),
            Expression::Not(inner) => truth(!self.value(inner)?.is_true()),
            Expression::And(left, right) => {
                truth(self.value(left)?.is_true() && self.value(right)?.is_true())
            }
            Expression::Or(left, right) => truth(self.value(left)?.is_true() || self.value(right)?.is_true()),
            Expression::Match(text, pattern, holds) => {
                let text = self.value(text)?.text();
                let matches = self.pattern_of(pattern)?.is_match(&text);
                truth(matches == *holds)
            }
            Expression::In(indices, array) => {
                let index = self.index(indices)?;
                truth(self.arrays.get(array).is_some_and(|array| array.values.contains_key(&index)))
            }
            Expression::Choice(condition, yes, no) => {
                let chosen = if self.value(condition)?.is_true() { yes } else { no };
                self.value(chosen)?
            }
            Expression::Call(name, arguments) => self.call(name, arguments)?,
        })
    }

    /// The pattern that an expression is, or whose text it makes.
    pub(super) fn pattern_of(&mut self, expression: &Expression) -> Done<Regular> {
        if let Expression::Pattern(pattern) = expression {
            return Ok(pattern.clone());
        }
        let text = self.value(expression)?.text();
        self.pattern(&text)
    }

    fn field_number(&mut self, number: &Expression) -> Done<usize> {
        let number = self.value(number)?.number();
        if !(0.0..=10_000.0).contains(&number) {
            return Err(Leave::Broken(format!(
                "trying to access out of range field {}",
                written(number, "%.6g")
            )));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "in range, as was just seen"
        )]
        Ok(number as usize)
    }

    fn field(&self, number: usize) -> Value {
        match number.checked_sub(1) {
            None => Value::Input(self.line.clone()),
            Some(place) => self.fields.get(place).map_or(Value::Unset, |text| Value::Input(text.clone())),
        }
    }

    pub(super) fn assign(&mut self, place: &Expression, value: Value) -> Done {
        match place {
            Expression::Variable(name) if name == "NF" => {
                let count = self.field_number(&Expression::Number(value.number()))?;
                self.fields.resize(count, String::new());
                self.join_fields();
            }
            Expression::Variable(name) => drop(self.variables.insert(name.clone(), value)),
            Expression::Element(name, indices) => {
                let index = self.index(indices)?;
                *self.arrays.entry(name.clone()).or_default().element(&index) = value;
            }
            Expression::Field(number) => match self.field_number(number)? {
                0 => self.set_line(value.text())?,
                number => {
                    if self.fields.len() < number {
                        self.fields.resize(number, String::new());
                    }
                    self.fields[number - 1] = value.text();
                    self.join_fields();
                }
            },
            _ => return Err(Leave::Broken("syntax error: not a place to assign to".to_owned())),
        }
        Ok(())
    }

    fn join_fields(&mut self) {
        self.line = self.fields.join(&self.variable("OFS").text());
    }
}

pub(super) fn truth(holds: bool) -> Value {
    Value::Number(if holds { 1.0 } else { 0.0 })
}

fn calculate(operator: &str, left: f64, right: f64) -> Done<f64> {
    Ok(match operator {
        "+" => left + right,
        "-" => left - right,
        "*" => left * right,
        "^" => left.powf(right),
        _ if right == 0.0 => return Err(Leave::Broken("division by zero".to_owned())),
        "/" => left / right,
        _ => left % right,
    })
}
