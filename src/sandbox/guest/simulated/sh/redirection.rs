//! Redirections: `<`, `>`, `>>`, `<>`, `N>&M`, `N>&-`, here-documents.

use super::{
    interpreter::Shell,
    syntax::{Redirect, Target, Word},
};
use crate::sandbox::guest::simulated::{
    files::{Access, absolute},
    machine::Stop,
    stream::{Descriptor, OpenFile, Source},
};

impl Shell<'_, '_> {
    /// Puts redirections in place, one after the other.
    ///
    /// # Errors
    /// `Exit(2)` where one of them cannot be; the caller knows whether that ends the shell.
    pub(super) fn redirect(&mut self, redirects: &[Redirect]) -> Result<(), Stop> {
        for Redirect { descriptor, target } in redirects {
            let opened = match target {
                Target::Read(word) => Some(self.open(word, Access::Read)?),
                Target::Write(word) => Some(self.open(word, Access::Write)?),
                Target::Append(word) => Some(self.open(word, Access::Append)?),
                Target::ReadWrite(word) => Some(self.open(word, Access::Both)?),
                Target::Copy(word) => self.copy(word)?,
                Target::Here(text) => {
                    let text = text.get().map_or(Ok(String::new()), |word| self.word(word))?;
                    Some(Descriptor::source(Source::text(text.into_bytes())))
                }
            };
            self.state.descriptors[*descriptor] = opened;
        }
        Ok(())
    }

    fn copy(&mut self, word: &Word) -> Result<Option<Descriptor>, Stop> {
        let text = self.word(word)?;
        if text == "-" {
            return Ok(None);
        }
        let Some(number) = text.parse::<usize>().ok() else {
            let line = self.state.line;
            self.complain(&format!("{}: {line}: Syntax error: Bad fd number\n", self.state.name));
            return Err(Stop::Exit(2));
        };
        match self.state.descriptors.get(number).cloned().flatten() {
            Some(descriptor) => Ok(Some(descriptor)),
            None => {
                self.gripe(&format!("{number}: Bad file descriptor"));
                Err(Stop::Exit(2))
            }
        }
    }

    fn open(&mut self, word: &Word, access: Access) -> Result<Descriptor, Stop> {
        let name = self.word(word)?;
        let path = absolute(&self.state.directory, &name);
        let own = match path.as_str() {
            "/dev/null" => return Ok(Descriptor::Null),
            "/dev/stdin" => Some(0),
            "/dev/stdout" => Some(1),
            "/dev/stderr" => Some(2),
            path => path.strip_prefix("/dev/fd/").and_then(|number| number.parse().ok()),
        };
        if let Some(number) = own {
            let descriptor: Option<Descriptor> =
                self.state.descriptors.get::<usize>(number).cloned().flatten();
            return descriptor.ok_or(Stop::Exit(2));
        }
        let exists = self.machine.files.entry(&path).is_some_and(|entry| !entry.is_directory());
        let opened = if access == Access::Write && self.state.switches.no_clobber && exists {
            Err("File exists".to_owned())
        } else {
            self.machine.files.open(&path, access)?.map_err(str::to_owned)
        };
        match opened {
            Ok(contents) => Ok(Descriptor::File(std::rc::Rc::new(std::cell::RefCell::new(OpenFile {
                contents,
                at: 0,
                append: access == Access::Append,
                readable: matches!(access, Access::Read | Access::Both),
                writable: access != Access::Read,
            })))),
            Err(why) => {
                let verb = if access == Access::Read { "open" } else { "create" };
                let why = if why == "No such file or directory" {
                    if access == Access::Read { "No such file" } else { "Directory nonexistent" }.to_owned()
                } else {
                    why
                };
                self.gripe(&format!("cannot {verb} {name}: {why}"));
                Err(Stop::Exit(2))
            }
        }
    }
}
