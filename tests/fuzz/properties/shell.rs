//! Commands on a real POSIX shell.

use std::process::{Command, Output, Stdio};

/// Runs a script that is known to run no program and to touch no file, and finds none should it try.
pub(super) fn builtins_only(script: &str) -> Output {
    // A directory in which nobody may make a file, should a quote have been missed.
    let mut command = Command::new("/bin/sh");
    command.env_clear().env("PATH", "/proc/self/nowhere").current_dir("/proc/self");
    output(command.arg("-c").arg(script))
}

/// Runs a script that may use the tools of this machine.
pub(super) fn with_tools(script: &str) -> Output {
    output(Command::new("/bin/sh").arg("-c").arg(script).arg("/bin/sh"))
}

fn output(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap()
}
