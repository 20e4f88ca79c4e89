//! `rollcall exec`: one command on a selection, without a file.
//!
//! One word is shell text as it stands, several are an argument list whose words are quoted for the shell. Never a
//! template: what is typed is what is sent.

use clap::{Args, builder::ArgPredicate};

use super::{
    Failure, confirmation::ConfirmationArgs, connection::ConnectionArgs, execution::Execution,
    output::OutputArgs, pace::PaceArgs, selection::SelectionArgs, state::StoreArgs,
};
use crate::playbook::{Playbook, Severity, quoted};

const AFTER_HELP: &str = "\
One word is shell text, sent as it stands: -- 'df -P / | tail -1'. Several words are a command and its \
arguments, each quoted for the shell: -- grep -c 'a b' /etc/hosts.

Examples:
  rollcall exec --sandbox 200 -- uptime
  rollcall exec --match name='web-*' --group -- 'cat /etc/os-release'
  rollcall exec --group -- 'cat /etc/debian_version'           equal answers once, as a table
  rollcall exec --match tags=db --timeout 5m -o json -- 'apt-get -s upgrade | grep -c ^Inst'";

#[derive(Debug, Args)]
#[command(
    after_help = AFTER_HELP,
    override_usage = "rollcall exec [OPTIONS] -- <COMMAND>...",
    mut_arg("output", |output| {
        output.default_value("text").default_value_if("group", ArgPredicate::IsPresent, "table")
    })
)]
pub(super) struct ExecArgs {
    /// What stands where no `--` was written
    #[arg(hide = true)]
    stray: Vec<String>,

    /// The command: shell text in one word, or a program and its arguments
    #[arg(value_name = "COMMAND", last = true)]
    command: Vec<String>,

    #[command(flatten)]
    selection: SelectionArgs,

    #[command(flatten)]
    connection: ConnectionArgs,

    #[command(flatten)]
    store: StoreArgs,

    #[command(flatten)]
    pace: PaceArgs,

    #[command(flatten)]
    confirmation: ConfirmationArgs,

    #[command(flatten)]
    output: OutputArgs,
}

impl ExecArgs {
    pub(super) async fn execute(&self) -> Result<u8, Failure> {
        let mut playbook = Playbook::of_command(&self.text()?)?;
        self.pace.apply(&mut playbook);
        let execution = Execution {
            selection: self.selection.with_rules(playbook.targets.clone(), self.store.directory())?,
            allow_empty: self.selection.allow_empty(),
            confirmation: self.confirmation.of(&playbook.steps, self.connection.is_sandbox())?,
            connection: self.connection.open().await?,
            playbook,
            store: &self.store,
            timeout: self.pace.timeout(),
            reserve: self.pace.reserve().unwrap_or(0),
            // Without checks there is nothing to weigh.
            fail_on: Severity::default(),
            given: Vec::new(),
            output: &self.output,
        };
        execution.perform().await
    }

    /// The command as it is sent.
    fn text(&self) -> Result<String, Failure> {
        match (self.command.as_slice(), self.stray.as_slice()) {
            ([], []) => Err(Failure::usage("no command")
                .hint("write it after `--`: rollcall exec --match name='web-*' -- uptime")),
            ([], stray) => Err(Failure::usage("no `--` before the command")
                .hint(format!("write: rollcall exec … -- {}", quoted_words(stray)))),
            (_, [stray, ..]) => Err(Failure::usage(format!("`{stray}` stands before `--`"))
                .hint("what is to run goes after `--`; VPSes are picked with --match, --where or --target")),
            (command, []) => Ok(shell_text(command)),
        }
    }
}

fn shell_text(words: &[String]) -> String {
    match words {
        [text] => text.clone(),
        words => quoted_words(words),
    }
}

fn quoted_words(words: &[String]) -> String {
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_word_is_text_and_several_are_quoted_each() {
        let text =
            |words: &[&str]| shell_text(&words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>());
        assert_eq!(text(&["df -P / | tail -1"]), "df -P / | tail -1");
        assert_eq!(text(&["{{ 7*7 }}"]), "{{ 7*7 }}");
        assert_eq!(text(&["grep", "-c", "a b", "/etc/hosts"]), "grep -c 'a b' /etc/hosts");
        assert_eq!(text(&["echo", "$HOME", "", "it's"]), r"echo '$HOME' '' 'it'\''s'");
    }
}
