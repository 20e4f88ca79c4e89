//! The table with equal answers put together: a block a group, its targets folded into its heading.
//!
//! A line of output is led by a gutter, so that no line begins with remote text and none can pass for one of
//! rollcall's own: ` | ` is standard output, ` ! ` standard error, ` : ` the rest of a line too long for the
//! terminal. Against the answer of most, ` - ` is a line that only they have, ` + ` one that only these have.

use std::io;

use super::{
    Redactor, RunRecord, Style,
    apart::Kinds,
    column, difference,
    difference::Differences,
    finding::{self, Finding},
    groups::{self, By, Group},
    heading::{self, Heading, INDENT},
    inert, inert_lines, next, summary, table, words,
};
use crate::{
    engine::{Ran, Status, StepResult, Stream, TargetResult},
    fleet::fold_names,
    playbook::Severity,
};

/// Of so many groups it is said what sets them apart; beyond, hardly anybody reads on.
const EXPLAINED: usize = 20;

/// Where no answer is that of most, one in so many targets at most are few.
const SHARE_OF_FEW: usize = 10;

/// Writes the groups and the closing paragraph.
pub(super) fn write(
    record: &RunRecord,
    by: &By,
    redactor: &Redactor,
    style: Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let groups = groups::divide(record, by, redactor);
    let majority = groups::majority(&groups);
    let answers = || record.run.targets.iter().map(AsRef::as_ref).filter(|target| answered(target));
    let few = |group: &Group<'_>| group.members.len() * SHARE_OF_FEW <= record.run.targets.len();
    let may_be_explained = |group: &Group<'_>| {
        by.may_have_a_cause()
            && majority.map_or_else(|| few(group), |majority| !std::ptr::eq(majority, group))
    };
    let kinds = groups.iter().any(may_be_explained).then(|| Kinds::of(answers()));
    let mut writer = Writer { record, by, redactor, style, differences: Differences::new(), out };
    let mut explained = 0;
    for group in &groups {
        let model = majority.filter(|majority| !std::ptr::eq(*majority, group));
        writer.heading(group)?;
        if let Some(kinds) = kinds.as_ref().filter(|_| explained < EXPLAINED && may_be_explained(group)) {
            explained += 1;
            writer.apart(group, kinds)?;
        }
        writer.body(group, model)?;
    }
    if !groups.is_empty() {
        writeln!(writer.out)?;
    }
    summary::write(record, redactor, writer.out)?;
    next::write(&Vec::from_iter(next::go_on(record)), writer.out)
}

fn answered(target: &TargetResult) -> bool {
    target.status.answered()
}

struct Writer<'a> {
    record: &'a RunRecord,
    by: &'a By,
    redactor: &'a Redactor,
    style: Style,
    differences: Differences,
    out: &'a mut dyn io::Write,
}

impl Writer<'_> {
    fn clean(&self, text: &str) -> String {
        inert(&self.redactor.text(text)).into_owned()
    }

    /// A line of rollcall's own.
    fn say(&mut self, text: &str) -> io::Result<()> {
        let text = self.clean(text);
        match heading::terminal(self.style) {
            None => writeln!(self.out, "{INDENT}{text}"),
            Some(width) => heading::wrapped(&text, width - INDENT.len(), ' ')
                .iter()
                .try_for_each(|line| writeln!(self.out, "{INDENT}{}", line.trim_end())),
        }
    }

    fn heading(&mut self, group: &Group<'_>) -> io::Result<()> {
        let names: Vec<String> = names(group).into_iter().map(|name| self.clean(name)).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let severity = Finding::of(group.first()).map_or(Severity::Error, |finding| finding.severity);
        let (ending, why) = match self.by {
            By::Outcome => (ending(group.first()), self.why(group)),
            By::Column(column) if column.is_stream() => (tally(group), None),
            By::Column(column) if column.heading == "status" => (group.first().status.to_string(), None),
            By::Column(column) => {
                let shown = column.show(group.first(), self.redactor);
                (format!("{} {}", self.redactor.text(&column.heading), shown.text), None)
            }
        };
        let heading = Heading {
            count: group.members.len(),
            names: fold_names(&names),
            ending,
            why: why.map(|why| self.clean(&why)),
            colour: match self.by {
                By::Column(column) if column.heading != "status" => owo_colors::AnsiColors::Default,
                By::Outcome | By::Column(_) => {
                    ansi(table::colour(group.first().status, severity < self.record.run.fail_on))
                }
            },
        };
        heading.write(self.style, self.out)
    }

    /// Why they ended so. What does not hold is said with its step.
    fn why(&self, group: &Group<'_>) -> Option<String> {
        let first = group.first();
        let why = match first.status {
            Status::CheckFailed => None,
            Status::Failed => words::beyond_exit(first).map(str::to_owned),
            _ => words::why_after(first, self.record.run.stop.as_ref()),
        }?;
        Some(match group.members.len() {
            1 => why,
            _ => words::without_request(&why).into_owned(),
        })
    }

    fn apart(&mut self, group: &Group<'_>, kinds: &Kinds) -> io::Result<()> {
        let members: Vec<&TargetResult> = group.members.iter().copied().filter(|one| answered(one)).collect();
        let apart = match members.as_slice() {
            [] => kinds.apart(&group.members, false),
            members => kinds.apart(members, true),
        };
        let Some(apart) = apart else { return Ok(()) };
        let mut fields: Vec<String> =
            apart.traits.iter().map(|(path, value)| format!("{path} {value}")).collect();
        let last = fields.pop().unwrap_or_default();
        let fields = if fields.is_empty() { last } else { format!("{} and {last}", fields.join(", ")) };
        let differ = if group.members.len() == 1 { "differs" } else { "all differ" };
        self.say(&format!("{differ} in {fields} (of the others: {} of {})", apart.of_others, apart.others))
    }

    fn body(&mut self, group: &Group<'_>, majority: Option<&Group<'_>>) -> io::Result<()> {
        let target = group.first();
        let model = majority.filter(|_| answered(target));
        match self.by {
            By::Outcome if target.ran == Ran::No => Ok(()),
            By::Outcome => {
                self.say_whose(group)?;
                let several = target.steps.len() > 1;
                target.steps.iter().enumerate().try_for_each(|(index, step)| {
                    let theirs = model.and_then(|model| {
                        let step = model.first().steps.get(index)?;
                        Some(Model { step, target: model.first(), count: model.members.len() })
                    });
                    self.step(target, step, several, theirs)
                })
            }
            By::Column(column) if column.is_stream() => {
                self.say_whose(group)?;
                let step = |target| Finding::of(target).map(|finding| finding.step);
                let Some(mine) = step(target) else { return Ok(()) };
                let theirs = model.and_then(|model| {
                    let step = step(model.first())?;
                    Some(Model { step, target: model.first(), count: model.members.len() })
                });
                let kind = if column.is_stderr() { Kind::Errors } else { Kind::Output };
                if kind.of(mine).is_some_and(|stream| stream.text.is_empty()) {
                    self.say("nothing printed")?;
                }
                self.stream(target, mine, kind, theirs)
            }
            By::Column(column) if column.heading == "status" => Ok(()),
            By::Column(_) => match tally(group).as_str() {
                "ok" => Ok(()),
                mixed => self.say(mixed),
            },
        }
    }

    /// Where outputs are the same but for what is left out of the comparison: whose is shown.
    fn say_whose(&mut self, group: &Group<'_>) -> io::Result<()> {
        if self.record.normalize.is_nothing() || group.shared(streams).is_some() {
            return Ok(());
        }
        self.say(&format!("as it is on {}", group.first().vps.name_or_id()))
    }

    fn step(
        &mut self,
        target: &TargetResult,
        step: &StepResult,
        several: bool,
        theirs: Option<Model<'_>>,
    ) -> io::Result<()> {
        let same = |kind: Kind| {
            theirs.is_some_and(|theirs| self.compared(target, step, kind) == theirs.compared(self, kind))
        };
        let same = [Kind::Output, Kind::Errors].into_iter().all(same);
        let same_ending = theirs.is_some_and(|theirs| {
            (theirs.step.status, theirs.step.exit_code, theirs.step.signal)
                == (step.status, step.exit_code, step.signal)
        });
        if let Some(theirs) = theirs.filter(|_| same && same_ending && several) {
            return self.say(&format!("{}: as on the {}", words::short(&step.name), theirs.count));
        }
        if several {
            let exit = column::exit(Some(step)).map_or_else(String::new, |exit| format!(", {exit}"));
            let reason = step.reason.map_or_else(String::new, |reason| format!(" ({reason})"));
            self.say(&format!("{}: {}{reason}{exit}", words::short(&step.name), step.status))?;
        }
        for check in finding::failed(step) {
            let severity = match check.severity {
                Severity::Error => String::new(),
                milder => format!("{}: ", milder.word()),
            };
            self.say(&format!("{severity}does not hold: {}", words::failed_check_alone(check)))?;
        }
        let silent = |stream: &Option<Stream>| stream.as_ref().is_some_and(|stream| stream.text.is_empty());
        match theirs {
            _ if silent(&step.stdout) && silent(&step.stderr) => self.say("nothing printed"),
            Some(theirs) if same => self.say(&format!("printed the same as the {}", theirs.count)),
            _ => {
                self.stream(target, step, Kind::Output, theirs)?;
                self.stream(target, step, Kind::Errors, theirs)
            }
        }
    }

    /// A stream, or how it differs from that of most.
    fn stream(
        &mut self,
        target: &TargetResult,
        step: &StepResult,
        kind: Kind,
        theirs: Option<Model<'_>>,
    ) -> io::Result<()> {
        let Some(stream) = kind.of(step) else { return Ok(()) };
        let mine = self.compared(target, step, kind).unwrap_or_default();
        let other = theirs.and_then(|theirs| Some((theirs.count, theirs.compared(self, kind)?)));
        match other {
            Some((count, other)) if other == mine && !mine.is_empty() => {
                self.say(&format!("{} the same as on the {count}", kind.word()))?;
            }
            Some((count, other)) => match self.differences.between(&other, &mine) {
                Some(told) => {
                    self.say(&format!("{} as on the {count}, but for:", kind.word()))?;
                    told.into_iter().try_for_each(|line| self.line_of_difference(line, kind))?;
                }
                None => self.whole(stream, kind)?,
            },
            None => self.whole(stream, kind)?,
        }
        if stream.truncated {
            self.say(&format!("{} cut: it was too long to be kept whole", kind.word()))?;
        }
        Ok(())
    }

    fn whole(&mut self, stream: &Stream, kind: Kind) -> io::Result<()> {
        let text = stream.shown();
        let clean = self.redactor.text(&text);
        let clean = inert_lines(&clean);
        clean.split_terminator('\n').try_for_each(|line| self.remote(kind.gutter(), line))
    }

    fn line_of_difference(&mut self, line: difference::Line<'_>, kind: Kind) -> io::Result<()> {
        match line {
            difference::Line::At(number) => writeln!(self.out, " @ line {number}"),
            difference::Line::Both(line) => self.remote(kind.gutter(), &inert_lines(line)),
            difference::Line::Lacking(line) => self.remote('-', &inert_lines(line)),
            difference::Line::Added(line) => self.remote('+', &inert_lines(line)),
        }
    }

    /// A line of output. It is inert, and keeps its tabs in a pipe.
    fn remote(&mut self, gutter: char, line: &str) -> io::Result<()> {
        let Some(width) = heading::terminal(self.style) else {
            return writeln!(self.out, " {gutter} {line}");
        };
        let lines = heading::wrapped(&heading::without_tabs(line), width - INDENT.len(), '\n');
        let gutters = std::iter::once(gutter).chain(std::iter::repeat(':'));
        lines.iter().zip(gutters).try_for_each(|(line, gutter)| writeln!(self.out, " {gutter} {line}"))
    }

    /// What is compared of a stream: without secrets, and without what is left out of the comparison.
    fn compared(&self, target: &TargetResult, step: &StepResult, kind: Kind) -> Option<String> {
        let text = kind.of(step)?.shown();
        let clean = self.redactor.text(&text);
        Some(self.record.normalize.text(&clean, &target.vps).into_owned())
    }
}

/// A step as it was on most targets.
#[derive(Clone, Copy)]
struct Model<'a> {
    step: &'a StepResult,
    target: &'a TargetResult,
    /// How many they are.
    count: usize,
}

impl Model<'_> {
    fn compared(&self, writer: &Writer<'_>, kind: Kind) -> Option<String> {
        writer.compared(self.target, self.step, kind)
    }
}

/// Which of a step's streams.
#[derive(Clone, Copy)]
enum Kind {
    Output,
    Errors,
}

impl Kind {
    fn of(self, step: &StepResult) -> Option<&Stream> {
        match self {
            Self::Output => step.stdout.as_ref(),
            Self::Errors => step.stderr.as_ref(),
        }
    }

    fn gutter(self) -> char {
        match self {
            Self::Output => '|',
            Self::Errors => '!',
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Output => "output",
            Self::Errors => "error output",
        }
    }
}

/// All that a target printed.
fn streams(target: &TargetResult) -> Vec<[Option<&Stream>; 2]> {
    target.steps.iter().map(|step| [step.stdout.as_ref(), step.stderr.as_ref()]).collect()
}

/// `ok, exit 0`; the exit code where all the steps have the same.
fn ending(target: &TargetResult) -> String {
    let mut exits = target.steps.iter().map(|step| column::exit(Some(step)));
    let first = exits.next().flatten().filter(|first| exits.all(|exit| exit.as_ref() == Some(first)));
    first.map_or_else(|| target.status.to_string(), |exit| format!("{}, {exit}", target.status))
}

/// `ok`, or `147 ok · 1 failed`.
fn tally(group: &Group<'_>) -> String {
    if let Some(status) = group.shared(|target| target.status) {
        return status.to_string();
    }
    let count = |status| group.members.iter().filter(|target| target.status == status).count();
    let best_first = Status::ALL.into_iter().rev().map(|status| (count(status), status));
    let parts = best_first.filter(|&(count, _)| count > 0).map(|(count, status)| format!("{count} {status}"));
    parts.collect::<Vec<_>>().join(" · ")
}

/// What targets are called: by name, or by id where there is none or several have it.
fn names<'a>(group: &Group<'a>) -> Vec<&'a str> {
    let mut names: Vec<&str> = group.members.iter().map(|target| target.vps.name_or_id()).collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    let twice: Vec<&str> = sorted.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
    if !twice.is_empty() {
        for (name, target) in names.iter_mut().zip(&group.members) {
            if twice.binary_search(name).is_ok() {
                *name = target.vps.raw_id();
            }
        }
    }
    names
}

fn ansi(colour: comfy_table::Color) -> owo_colors::AnsiColors {
    use comfy_table::Color;
    use owo_colors::AnsiColors;
    match colour {
        Color::Green => AnsiColors::BrightGreen,
        Color::Red => AnsiColors::BrightRed,
        Color::Magenta => AnsiColors::BrightMagenta,
        Color::Yellow => AnsiColors::BrightYellow,
        _ => AnsiColors::BrightBlack,
    }
}
