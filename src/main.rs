//! The rollcall binary: arguments in, exit code out.

use std::{panic::catch_unwind, process::ExitCode};

/// A defect of rollcall's own. What happened is on stderr by then.
const INTERNAL: u8 = 70;

fn main() -> ExitCode {
    catch_unwind(|| rollcall::cli::main(std::env::args_os())).unwrap_or(ExitCode::from(INTERNAL))
}
