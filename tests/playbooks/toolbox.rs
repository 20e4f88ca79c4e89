//! What a server has in its `PATH`: this machine's tools or busybox's, and before them what other systems have.

use std::{
    env,
    ffi::{OsStr, OsString},
    fmt::Write as _,
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

/// What every server has, whatever its family, as far as the playbooks and rollcall's own scripts use it.
const BASE: [&str; 29] = [
    "awk", "cat", "cut", "date", "df", "dmesg", "du", "find", "grep", "head", "id", "ls", "nproc", "printf",
    "readlink", "sed", "sh", "sleep", "sort", "stat", "tail", "test", "timeout", "tr", "true", "uname",
    "uniq", "wc", "getent",
];

/// A directory that is the whole `PATH` of a server.
pub(crate) struct Toolbox {
    directory: TempDir,
    /// The words of made-up tools.
    said: TempDir,
}

/// What a made-up tool says when its arguments contain a text.
pub(crate) struct Answer {
    pub(crate) to: &'static str,
    pub(crate) says: Says,
    pub(crate) code: u8,
}

pub(crate) enum Says {
    /// A file of `tests/fixtures/tools`.
    File(&'static str),
    /// This text and a line break; nothing where it is empty.
    Words(&'static str),
}

impl Toolbox {
    /// The base tools of this machine.
    pub(crate) fn of_this_machine() -> Self {
        let toolbox = Self::empty();
        for name in BASE {
            if let Some(path) = find(name) {
                symlink(path, toolbox.path().join(name)).unwrap();
            }
        }
        toolbox
    }

    /// All the applets of busybox and nothing else; `None`, said loudly, where there is no busybox. In CI it has to be
    /// there.
    #[expect(clippy::print_stderr, reason = "a test that was not made must not pass for one that was")]
    pub(crate) fn of_busybox() -> Option<Self> {
        let Some(busybox) = find("busybox") else {
            assert!(env::var_os("CI").is_none(), "busybox is not installed");
            eprintln!("SKIPPED, NOT TESTED: busybox is not installed");
            return None;
        };
        let toolbox = Self::empty();
        let applets = Command::new(&busybox).arg("--list").output().unwrap().stdout;
        for applet in String::from_utf8(applets).unwrap().lines() {
            symlink(&busybox, toolbox.path().join(applet)).unwrap();
        }
        Some(toolbox)
    }

    fn empty() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), said: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Puts a made-up tool in. What it has no answer for it refuses, so that a playbook that asks otherwise fails.
    pub(crate) fn put(&self, name: &str, answers: &[Answer]) {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tools");
        let mut script = "#!/bin/sh\ncase \" $* \" in\n".to_owned();
        for (number, Answer { to, says, code }) in answers.iter().enumerate() {
            let file = match says {
                Says::File(name) => fixtures.join(name),
                Says::Words(words) => {
                    let file = self.said.path().join(format!("{name}-{number}"));
                    let end = if words.is_empty() { "" } else { "\n" };
                    fs::write(&file, format!("{words}{end}")).unwrap();
                    file
                }
            };
            assert!(file.is_file(), "{} is missing", file.display());
            writeln!(script, "*\"{to}\"*) cat '{}'; exit {code} ;;", file.display()).unwrap();
        }
        script += "esac\necho \"not known to this test: $0 $*\" >&2\nexit 97\n";
        let file = self.path().join(name);
        if fs::remove_file(&file).is_ok() {
            // Debian's busybox is built to prefer its own applets to `PATH` wherever it starts a program
            // (FEATURE_PREFER_APPLETS). This machine's `sh` and `timeout` look into `PATH`, where the other applets
            // still are.
            for starter in ["sh", "timeout"] {
                let file = self.path().join(starter);
                fs::remove_file(&file).unwrap();
                symlink(find(starter).unwrap(), file).unwrap();
            }
        }
        fs::write(&file, script).unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

/// Where a program is that this machine's `PATH` has.
fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_else(|| OsString::from("/usr/bin:/bin"));
    env::split_paths::<OsStr>(&path).map(|directory| directory.join(name)).find(|file| file.is_file())
}
