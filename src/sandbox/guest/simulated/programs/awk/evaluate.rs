//! What awk's expressions are worth, and assigning to variables, fields and elements.

use super::{
    run::{Done, Leave, Run},
    syntax::Expression,
    value::{Value, written},
};
use crate::sandbox::guest::simulated::{machine::lost, programs::regular::Regular};

impl Run<'_, '_, '_> {
    pub(super) fn index(&mut self, indices: &[Expression]) -> Done<String> {
        let mut texts = Vec::new();
        for index in indices {
            texts.push(self.value(index)?.text());
        }
        Ok(texts.join(&self.variable("SUBSEP").text()))
    }

    pub(super) fn printed(&mut self, expression: &Expression) -> Done<String> {
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
