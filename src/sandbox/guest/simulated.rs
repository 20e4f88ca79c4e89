//! The simulated guest: carries out a script of the toy shell with `answers`' programs. Nothing runs for real.

use std::{collections::HashMap, time::Duration};

use jiff::Timestamp;

use super::{
    Ended,
    answers::{Answer, Call, answer},
    script::{Command, Joint, List, Piece, Pipeline, Redirect, Word, parse},
};
use crate::sandbox::fleet::Server;

/// What a simulated command did.
#[derive(Debug)]
pub(in crate::sandbox) struct Simulated {
    pub(in crate::sandbox) ended: Ended,
    pub(in crate::sandbox) stdout: Vec<u8>,
    pub(in crate::sandbox) stderr: Vec<u8>,
    /// How long it slept, and how long something in its background kept its pipes open.
    pub(in crate::sandbox) took: Duration,
}

/// How deep scripts may stand in scripts (`$(…)`, `sh -c`).
const DEEPEST: u32 = 12;

/// How many bytes a word may grow to, so that `x=$x$x` written a hundred times is no bomb.
const LONGEST: usize = 64 << 10;

/// Carries out a command as this server would at this wall time.
pub(in crate::sandbox) fn run(server: &Server, command: &str, wall: Timestamp) -> Simulated {
    let mut shell = Shell {
        server,
        wall,
        variables: HashMap::new(),
        stderr: Vec::new(),
        status: 0,
        ends: None,
        took: Duration::ZERO,
        held: Duration::ZERO,
        depth: 0,
    };
    let stdout = shell.script(command);
    Simulated {
        ended: shell.ends.unwrap_or(Ended::Exit(shell.status)),
        stdout: stdout.into_bytes(),
        stderr: shell.stderr,
        took: shell.took.max(shell.held),
    }
}

struct Shell<'a> {
    server: &'a Server,
    wall: Timestamp,
    variables: HashMap<String, String>,
    stderr: Vec<u8>,
    status: i32,
    /// Set once the shell has ended, by `exit` or a signal.
    ends: Option<Ended>,
    took: Duration,
    held: Duration,
    depth: u32,
}

impl Shell<'_> {
    fn script(&mut self, script: &str) -> String {
        let list = if self.depth < DEEPEST { parse(script) } else { None };
        let Some(list) = list else {
            self.stderr.extend(b"sh: 1: not a script that the simulated guest can follow; see guest=shell\n");
            self.ends = Some(Ended::Exit(2));
            return String::new();
        };
        self.depth += 1;
        let stdout = self.list(&list, "");
        self.depth -= 1;
        stdout
    }

    /// A script in a shell of its own: its `exit` ends only itself.
    fn subshell(&mut self, script: &str) -> String {
        let stdout = self.script(script);
        match self.ends.take() {
            Some(Ended::Exit(code)) => self.status = code,
            Some(Ended::Signal(signal)) => self.status = 128 + signal,
            None => {}
        }
        stdout
    }

    fn list(&mut self, list: &List, input: &str) -> String {
        let mut stdout = String::new();
        let mut before_it = Joint::Then;
        for (pipeline, joint) in &list.0 {
            let due = match before_it {
                Joint::And => self.status == 0,
                Joint::Or => self.status != 0,
                Joint::Then | Joint::Background => true,
            };
            if due && self.ends.is_none() {
                let took = self.took;
                stdout += &self.pipeline(pipeline, input);
                if *joint == Joint::Background {
                    self.held = self.held.max(self.took);
                    (self.took, self.status) = (took, 0);
                }
            }
            before_it = *joint;
        }
        stdout
    }

    fn pipeline(&mut self, pipeline: &Pipeline, input: &str) -> String {
        let ended = self.ends;
        let mut stream = input.to_owned();
        for command in &pipeline.commands {
            stream = self.command(command, &stream);
            if pipeline.commands.len() > 1 {
                self.ends = ended;
            }
        }
        if pipeline.not {
            self.status = i32::from(self.status == 0);
        }
        stream
    }

    fn command(&mut self, command: &Command, input: &str) -> String {
        match command {
            Command::Simple { words, redirects } => self.simple(words, redirects, input),
            Command::If { arms, otherwise } => {
                let mut stdout = String::new();
                for (condition, then) in arms {
                    stdout += &self.list(condition, input);
                    if self.status == 0 {
                        return stdout + &self.list(then, input);
                    }
                }
                self.status = 0;
                otherwise.as_ref().map_or_else(String::new, |list| self.list(list, input))
            }
        }
    }

    fn simple(&mut self, words: &[Word], redirects: &[Redirect], input: &str) -> String {
        let words: Vec<String> = words.iter().flat_map(|word| self.expand(word)).collect();
        let Some((program, arguments)) = words.split_first() else { return String::new() };
        if let Some((name, value)) = assignment(program).filter(|_| arguments.is_empty()) {
            self.variables.insert(name.to_owned(), value.to_owned());
            self.status = 0;
            return String::new();
        }
        let call = Call { server: self.server, wall: self.wall, program, arguments, input };
        let answered = answer(&call);
        let Answer { mut stdout, mut stderr, status, took, ends, script, variables } = answered;
        self.status = status;
        self.took += took;
        self.ends = ends;
        self.variables.extend(variables);
        if let Some(script) = script {
            let before = std::mem::take(&mut self.stderr);
            stdout += &self.subshell(&script);
            stderr += &String::from_utf8_lossy(&std::mem::replace(&mut self.stderr, before));
        }
        for redirect in redirects {
            match redirect {
                Redirect::Out => stdout.clear(),
                Redirect::Err => stderr.clear(),
                Redirect::ErrToOut => stdout.insert_str(0, &std::mem::take(&mut stderr)),
                Redirect::OutToErr => stderr.push_str(&std::mem::take(&mut stdout)),
                Redirect::In => {}
            }
        }
        self.stderr.extend(stderr.into_bytes());
        stdout
    }

    /// The words that a word becomes: none or several where an unquoted value has blanks in it.
    fn expand(&mut self, word: &Word) -> Vec<String> {
        let mut words = Vec::new();
        let mut current = None;
        for piece in &word.0 {
            let (value, quoted) = match piece {
                Piece::Text(text) => (text.clone(), &true),
                Piece::Variable { name, quoted } => (self.variable(name), quoted),
                Piece::Output { script, quoted } => {
                    (self.subshell(script).trim_end_matches('\n').to_owned(), quoted)
                }
            };
            if words.len() + current.as_ref().map_or(0, String::len) + value.len() > LONGEST {
                continue;
            }
            if *quoted {
                current.get_or_insert_with(String::new).push_str(&value);
                continue;
            }
            for (number, part) in value.split_whitespace().enumerate() {
                if number > 0 {
                    words.extend(current.take());
                }
                current.get_or_insert_with(String::new).push_str(part);
            }
        }
        words.extend(current);
        words
    }

    fn variable(&self, name: &str) -> String {
        match name {
            "?" => self.status.to_string(),
            "$" => "4711".to_owned(),
            "HOSTNAME" => self.server.name(),
            _ => self.variables.get(name).cloned().unwrap_or_default(),
        }
    }
}

/// Splits `NAME=value`.
fn assignment(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (plain && !name.is_empty() && !name.as_bytes()[0].is_ascii_digit()).then_some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::{
        fleet::{Fleet, Oddity},
        options::{Agents, Variety},
    };

    fn fleet() -> Fleet {
        Fleet::new(7, 200, Variety::Mixed, Agents::Most)
    }

    fn on(server: &Server, command: &str) -> (Ended, String, String) {
        let done = run(server, command, "2026-03-04T05:06:07Z".parse().unwrap());
        (done.ended, String::from_utf8(done.stdout).unwrap(), String::from_utf8(done.stderr).unwrap())
    }

    fn first(command: &str) -> (Ended, String, String) {
        on(fleet().server(0), command)
    }

    fn stdout(command: &str) -> String {
        first(command).1
    }

    #[test]
    fn the_disk_pressure_playbook_gets_each_servers_own_percentage() {
        let fleet = fleet();
        for (_, server) in fleet.iter().take(20).filter(|(_, server)| server.oddity != Some(Oddity::Windows))
        {
            let (ended, stdout, stderr) = on(server, "df -P / | awk 'NR==2 { print $5 }'");
            assert_eq!(
                (ended, stdout, stderr),
                (Ended::Exit(0), format!("{}%\n", server.disk_used), String::new())
            );
        }
    }

    #[test]
    fn common_diagnostics_answer_on_every_linux_server() {
        let fleet = fleet();
        for (_, server) in fleet.iter().filter(|(_, server)| server.oddity != Some(Oddity::Windows)) {
            for command in [
                "uptime",
                "uname -a",
                "uname -r",
                "cat /etc/os-release",
                "free -m",
                "hostname",
                "id",
                "date",
                "df -h",
                ". /etc/os-release && echo \"$ID $VERSION_ID\"",
                "cat /proc/loadavg",
                "nproc",
                "if [ -f /var/run/reboot-required ]; then echo yes; else echo no; fi",
            ] {
                let (ended, stdout, stderr) = on(server, command);
                assert_eq!((ended, stderr.as_str()), (Ended::Exit(0), ""), "{command} on {}", server.name());
                assert!(stdout.trim().len() > 1 || command == "nproc", "{command}: {stdout}");
            }
        }
        let uptimes: std::collections::HashSet<_> =
            fleet.iter().take(50).map(|(_, server)| on(server, "uptime").1).collect();
        assert!(uptimes.len() > 45);
    }

    #[test]
    fn lists_conditions_and_exit_codes_behave_as_in_a_shell() {
        for (command, ended, output) in [
            ("true", Ended::Exit(0), ""),
            ("false", Ended::Exit(1), ""),
            ("exit 7; echo never", Ended::Exit(7), ""),
            ("false && echo a || echo b", Ended::Exit(0), "b\n"),
            ("false; echo $?", Ended::Exit(0), "1\n"),
            ("! false", Ended::Exit(0), ""),
            ("echo a; echo b | wc -l", Ended::Exit(0), "a\n1\n"),
            ("x='1  2'; echo $x \"$x\"", Ended::Exit(0), "1 2 1  2\n"),
            ("echo $(exit 3) $?", Ended::Exit(0), "3\n"),
            ("echo -n a; echo", Ended::Exit(0), "a\n"),
            ("sh -c 'exit 4'", Ended::Exit(4), ""),
            ("exit 3 | true", Ended::Exit(0), ""),
            ("kill -9 $$", Ended::Signal(9), ""),
            ("uptime >/dev/null 2>&1", Ended::Exit(0), ""),
        ] {
            let (got, stdout, _) = first(command);
            assert_eq!((got, stdout.as_str()), (ended, output), "{command}");
        }
        assert_eq!(
            first("frobnicate --now"),
            (Ended::Exit(127), String::new(), "sh: 1: frobnicate: not found\n".to_owned())
        );
    }

    #[test]
    fn sleeping_takes_time_and_so_does_a_background_that_holds_the_pipes() {
        let took = |command| run(fleet().server(0), command, Timestamp::UNIX_EPOCH).took;
        assert_eq!(took("sleep 2; sleep 0.5"), Duration::from_millis(2500));
        assert_eq!(took("sleep 60 & echo started"), Duration::from_mins(1));
        assert_eq!(took("uptime"), Duration::ZERO);
    }

    #[test]
    fn hostile_scripts_end() {
        let deep = format!("{}true{}", "$(".repeat(1000), ")".repeat(1000));
        assert_eq!(first(&format!("echo {deep}")).0, Ended::Exit(0), "the depth is bounded");
        assert_eq!(first("for i in 1; do echo; done").0, Ended::Exit(2));
        let doubled = format!("x=aaaaaaaa;{} echo $x | wc -c", "x=$x$x;".repeat(400));
        assert!(stdout(&doubled).trim().parse::<usize>().unwrap() < 100_000);
        assert_eq!(stdout("echo 'å 日本'"), "å 日本\n");
    }
}
