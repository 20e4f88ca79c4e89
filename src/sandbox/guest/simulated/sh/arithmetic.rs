//! `$((…))`: whole numbers of 64 bits that wrap, with C's operators, as dash has them.

/// How deep parentheses and signs may stand in each other.
const DEEPEST: u32 = 60;

/// The variables that an expression reads and sets.
pub(crate) trait Variables {
    /// The value of a variable, `None` where there is none.
    fn value(&self, name: &str) -> Option<String>;
    fn assign(&mut self, name: &str, value: i64);
}

/// Works an expression out.
///
/// # Errors
/// What dash says of it.
pub(crate) fn evaluate(text: &str, variables: &mut dyn Variables) -> Result<i64, String> {
    let letters: Vec<char> = text.chars().collect();
    let mut sum = Sum { letters: &letters, at: 0, variables, idle: 0, depth: 0 };
    sum.blank();
    if sum.at == letters.len() {
        return Err(sum.expecting("primary"));
    }
    let value = sum.assignment()?;
    if sum.at < letters.len() { Err(sum.expecting("EOF")) } else { Ok(value) }
}

/// Reads a number as C writes it: decimal, `0x…`, or `0…` for octal.
pub(crate) fn number(text: &str) -> Option<i64> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix(['-', '+']) {
        Some(digits) => (text.starts_with('-'), digits),
        None => (false, text),
    };
    let value = if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        i64::from_str_radix(hex, 16).ok()?
    } else if digits.len() > 1 && digits.starts_with('0') {
        i64::from_str_radix(digits, 8).ok()?
    } else {
        // `parse` would take a second sign.
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())??
    };
    Some(if negative { -value } else { value })
}

struct Sum<'a> {
    letters: &'a [char],
    at: usize,
    variables: &'a mut dyn Variables,
    /// Above 0 while a side is read that does not count: `0 && x`.
    idle: u32,
    depth: u32,
}

/// Binary operators with their rank, each before those that it begins with.
const BINARY: [(&str, u8); 18] = [
    ("||", 1),
    ("&&", 2),
    ("==", 6),
    ("!=", 6),
    ("<<", 8),
    (">>", 8),
    ("<=", 7),
    (">=", 7),
    ("|", 3),
    ("^", 4),
    ("&", 5),
    ("<", 7),
    (">", 7),
    ("+", 9),
    ("-", 9),
    ("*", 10),
    ("/", 10),
    ("%", 10),
];

impl Sum<'_> {
    fn expecting(&self, wanted: &str) -> String {
        let text: String = self.letters.iter().collect();
        format!("arithmetic expression: expecting {wanted}: \"{text}\"")
    }

    fn blank(&mut self) {
        while self.letters.get(self.at).is_some_and(|letter| letter.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn sees(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(index, letter)| self.letters.get(self.at + index) == Some(&letter))
    }

    fn takes(&mut self, text: &str) -> bool {
        let there = self.sees(text);
        if there {
            self.at += text.len();
            self.blank();
        }
        there
    }

    fn name(&mut self) -> Option<String> {
        let rest = &self.letters[self.at..];
        if !rest.first().is_some_and(|letter| letter.is_ascii_alphabetic() || *letter == '_') {
            return None;
        }
        let name: String =
            rest.iter().take_while(|letter| letter.is_ascii_alphanumeric() || **letter == '_').collect();
        self.at += name.len();
        self.blank();
        Some(name)
    }

    /// `x = …`, `x += …`, or a choice.
    fn assignment(&mut self) -> Result<i64, String> {
        let before = self.at;
        if let Some(name) = self.name() {
            let operators = ["<<=", ">>=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "="];
            let operator = operators.into_iter().find(|operator| self.sees(operator));
            if let Some(operator) = operator.filter(|operator| *operator != "=" || !self.sees("==")) {
                self.takes(operator);
                let right = self.deeper(Self::assignment)?;
                let value = match operator.trim_end_matches('=') {
                    "" => right,
                    operator => {
                        let left = self.variable(&name)?;
                        self.combine(operator, left, right)?
                    }
                };
                if self.idle == 0 {
                    self.variables.assign(&name, value);
                }
                return Ok(value);
            }
            self.at = before;
        }
        self.choice()
    }

    fn choice(&mut self) -> Result<i64, String> {
        let condition = self.binary(1)?;
        if !self.takes("?") {
            return Ok(condition);
        }
        let yes = self.idle_if(condition == 0, Self::assignment)?;
        if !self.takes(":") {
            return Err(self.expecting("':'"));
        }
        let no = self.idle_if(condition != 0, Self::choice)?;
        Ok(if condition == 0 { no } else { yes })
    }

    fn idle_if(
        &mut self,
        idle: bool,
        part: impl FnOnce(&mut Self) -> Result<i64, String>,
    ) -> Result<i64, String> {
        self.idle += u32::from(idle);
        let value = self.deeper(part);
        self.idle -= u32::from(idle);
        value
    }

    fn deeper(&mut self, part: impl FnOnce(&mut Self) -> Result<i64, String>) -> Result<i64, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("arithmetic expression: nested too deep".to_owned());
        }
        let value = part(self);
        self.depth -= 1;
        value
    }

    fn binary(&mut self, rank: u8) -> Result<i64, String> {
        let mut left = self.unary()?;
        loop {
            let found = BINARY.into_iter().find(|(operator, _)| self.sees(operator));
            let Some((operator, own)) = found.filter(|(_, own)| *own >= rank) else { return Ok(left) };
            // `x -= 1` is no subtraction; here it can only be a mistake.
            if !matches!(operator, "==" | "!=" | "<=" | ">=") && self.sees(&format!("{operator}=")) {
                return Ok(left);
            }
            self.takes(operator);
            let idle = (operator == "&&" && left == 0) || (operator == "||" && left != 0);
            let right = self.idle_if(idle, |sum| sum.binary(own + 1))?;
            left = self.combine(operator, left, right)?;
        }
    }

    fn combine(&self, operator: &str, left: i64, right: i64) -> Result<i64, String> {
        let shift = u32::try_from(right & 63).unwrap_or(0);
        Ok(match operator {
            "||" => i64::from(left != 0 || right != 0),
            "&&" => i64::from(left != 0 && right != 0),
            "|" => left | right,
            "^" => left ^ right,
            "&" => left & right,
            "==" => i64::from(left == right),
            "!=" => i64::from(left != right),
            "<" => i64::from(left < right),
            "<=" => i64::from(left <= right),
            ">" => i64::from(left > right),
            ">=" => i64::from(left >= right),
            "<<" => left.wrapping_shl(shift),
            ">>" => left.wrapping_shr(shift),
            "+" => left.wrapping_add(right),
            "-" => left.wrapping_sub(right),
            "*" => left.wrapping_mul(right),
            _ if right == 0 && self.idle > 0 => 0,
            _ if right == 0 => return Err("arithmetic expression: division by zero".to_owned()),
            "/" => left.wrapping_div(right),
            _ => left.wrapping_rem(right),
        })
    }

    fn unary(&mut self) -> Result<i64, String> {
        if self.takes("!") {
            return Ok(i64::from(self.deeper(Self::unary)? == 0));
        }
        if self.takes("~") {
            return Ok(!self.deeper(Self::unary)?);
        }
        if self.takes("-") {
            return Ok(self.deeper(Self::unary)?.wrapping_neg());
        }
        if self.takes("+") {
            return self.deeper(Self::unary);
        }
        if self.takes("(") {
            let value = self.deeper(Self::assignment)?;
            return if self.takes(")") { Ok(value) } else { Err(self.expecting("')'")) };
        }
        if let Some(name) = self.name() {
            return self.variable(&name);
        }
        let rest = &self.letters[self.at..];
        let digits: String = rest.iter().take_while(|letter| letter.is_ascii_alphanumeric()).collect();
        match number(&digits).filter(|_| !digits.is_empty()) {
            Some(value) => {
                self.at += digits.len();
                self.blank();
                Ok(value)
            }
            None => Err(self.expecting("primary")),
        }
    }

    fn variable(&self, name: &str) -> Result<i64, String> {
        match self.variables.value(name).filter(|value| !value.is_empty()) {
            None => Ok(0),
            Some(value) => number(&value).ok_or_else(|| format!("Illegal number: {value}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    impl Variables for HashMap<String, String> {
        fn value(&self, name: &str) -> Option<String> {
            self.get(name).cloned()
        }

        fn assign(&mut self, name: &str, value: i64) {
            self.insert(name.to_owned(), value.to_string());
        }
    }

    #[test]
    fn operators_rank_as_in_c() {
        let mut variables = HashMap::from([("x".to_owned(), "7".to_owned())]);
        for (text, value) in [
            ("1+2*3", 7),
            ("(1+2)*3", 9),
            ("10-2-3", 5),
            ("-3%2", -1),
            ("1<<4|1", 17),
            ("x>5&&x<9", 1),
            ("x==7?10:20", 10),
            ("0&&1/0", 0),
            ("1||1/0", 1),
            ("!0+~0", 0),
            ("0x1f + 010", 39),
            ("y=x+1", 8),
            ("y*=2", 16),
            ("unset + 1", 1),
            ("9223372036854775807+1", i64::MIN),
        ] {
            assert_eq!(evaluate(text, &mut variables), Ok(value), "{text}");
        }
        assert_eq!(variables["y"], "16");
        for text in ["", "1+", "1 2", "1/0", "(1", "08", "x++", "a b", &"(".repeat(500)] {
            assert!(evaluate(text, &mut variables).is_err(), "{text}");
        }
    }
}
