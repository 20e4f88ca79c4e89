//! The rollcall binary: arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    rollcall::cli::main(std::env::args_os())
}
