//! The line above a group of targets, and how lines are fitted to a terminal.

use std::io;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::Style;

/// As wide as a heading is drawn where nothing has to fit.
const WIDTH: usize = 80;
/// A terminal narrower than this is not believed: nothing would fit.
const LEAST_WIDTH: usize = 30;
/// What leads rollcall's own lines below a heading.
pub(super) const INDENT: &str = "   ";
/// Lines of names below a heading, unless all are asked for.
const LINES_OF_NAMES: usize = 4;
/// Tab stops are this far apart.
const TAB: usize = 8;

/// Who is in a group, and how it ended. All of it is inert.
#[derive(Debug)]
pub(super) struct Heading {
    pub(super) count: usize,
    /// The targets, folded.
    pub(super) names: String,
    /// How they ended; the first word is coloured.
    pub(super) ending: String,
    /// Why, where there is more to say.
    pub(super) why: Option<String>,
    pub(super) colour: owo_colors::AnsiColors,
}

impl Heading {
    /// Writes it: on one line where that fits, or else the reason, and then the names, on lines below it.
    pub(super) fn write(&self, style: Style, out: &mut dyn io::Write) -> io::Result<()> {
        let width = terminal(style).unwrap_or(WIDTH);
        let in_a_pipe = style.width.is_none();
        let targets = if self.count == 1 { "target" } else { "targets" };
        let short = format!(" ── {} {targets}", self.count);
        let long = format!("{short}: {}", self.names);
        // Two spaces, and at least two strokes between them.
        let room = width.saturating_sub(short.width() + 4);
        let fits = |left: &str, right: &str| left.width() + right.width() + 4 <= width;
        let ending = if in_a_pipe { self.ending.clone() } else { cut(&self.ending, room) };
        let whole = self.why.as_ref().map_or_else(|| ending.clone(), |why| format!("{ending}: {why}"));

        let with_names = in_a_pipe || fits(&long, &ending);
        let left = if with_names { &long } else { &short };
        let with_why = in_a_pipe || fits(left, &whole);
        let right = if with_why { &whole } else { &ending };
        let strokes = width.saturating_sub(left.width() + right.width() + 2).max(2);
        writeln!(out, "{left} {} {}", "─".repeat(strokes), self.coloured(right, style))?;

        if !with_names {
            let lines = wrapped(&self.names, width - INDENT.len(), ',');
            let most = if style.all { usize::MAX } else { LINES_OF_NAMES };
            for line in lines.iter().take(most) {
                writeln!(out, "{INDENT}{line}")?;
            }
            if lines.len() > most {
                writeln!(out, "{INDENT}… (--all lists them)")?;
            }
        }
        if let Some(why) = self.why.as_ref().filter(|_| !with_why) {
            for line in wrapped(why, width - INDENT.len(), ' ') {
                writeln!(out, "{INDENT}{}", line.trim_end())?;
            }
        }
        Ok(())
    }

    fn coloured(&self, right: &str, style: Style) -> String {
        let end = right.find([',', ':']).unwrap_or(right.len());
        let (status, rest) = right.split_at(end);
        if style.colour {
            format!("{}{rest}", owo_colors::OwoColorize::color(&status, self.colour))
        } else {
            right.to_owned()
        }
    }
}

/// The width that lines are fitted to; `None` in a pipe.
pub(super) fn terminal(style: Style) -> Option<usize> {
    style.width.map(|width| usize::from(width).max(LEAST_WIDTH))
}

/// The text in so many columns at most.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let first = wrapped(text, width.saturating_sub(1), '\n').into_iter().next();
    first.unwrap_or_default() + "…"
}

/// The text in lines of so many columns, broken after the character `at`, where there is one.
pub(super) fn wrapped(text: &str, width: usize, at: char) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = text;
    while rest.width() > width {
        let mut columns = 0;
        let fits = rest.char_indices().find(|(_, character)| {
            columns += character.width().unwrap_or(0);
            columns > width
        });
        // A character wider than all there is must go somewhere.
        let end = fits.map_or(rest.len(), |(end, _)| end).max(rest.chars().next().map_or(0, char::len_utf8));
        let end = rest[..end].rfind(at).map_or(end, |place| place + at.len_utf8());
        let (line, left) = rest.split_at(end);
        lines.push(line.to_owned());
        rest = left;
    }
    lines.push(rest.to_owned());
    lines
}

/// The text with spaces for its tabs.
pub(super) fn without_tabs(text: &str) -> String {
    let mut new = String::with_capacity(text.len());
    let mut column = 0;
    for character in text.chars() {
        if character == '\t' {
            let spaces = TAB - column % TAB;
            new.extend(std::iter::repeat_n(' ', spaces));
            column += spaces;
        } else {
            new.push(character);
            column += character.width().unwrap_or(0);
        }
    }
    new
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_are_broken_where_told_and_else_anywhere() {
        assert_eq!(wrapped("web-[1,3,5],db", 8, ','), ["web-[1,", "3,5],db"]);
        assert_eq!(wrapped("数据库三", 4, ','), ["数据", "库三"]);
        assert_eq!(wrapped("abc", 3, ','), ["abc"]);
        assert_eq!(wrapped("数", 1, ','), ["数", ""]);
        assert_eq!(without_tabs("a\tb\t数\t|"), "a       b       数      |");
    }

    proptest! {
        #[test]
        fn wrapping_loses_nothing_and_fits(text in "\\PC{0,40}", width in 2_usize..20) {
            let lines = wrapped(&text, width, ' ');
            prop_assert_eq!(lines.concat(), text);
            prop_assert!(lines.iter().all(|line| line.width() <= width), "{lines:?}");
        }
    }
}
