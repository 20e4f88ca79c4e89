//! A server's files: a tree that is made when it is first looked at, and what a command has written over it.
//!
//! What stands in it is `tree`'s and `texts`'. Everything that a command writes is gone when that command is over.

mod texts;
mod tree;

use std::{
    cell::{OnceCell, RefCell},
    collections::BTreeMap,
    rc::Rc,
};

use jiff::Timestamp;

use super::{
    machine::{Stop, lost},
    sh::pattern::{Letter, Pattern},
    stream::Contents,
};
use crate::sandbox::fleet::Server;

/// Why a path leads nowhere.
pub(crate) const NONE: &str = "No such file or directory";

/// The most files that a command may write.
const MOST_WRITTEN: usize = 1000;

#[derive(Clone)]
struct Node {
    kind: Kind,
    mode: u32,
    owner: &'static str,
    modified: i64,
}

#[derive(Clone)]
enum Kind {
    Directory,
    /// A text that is made when it is read.
    Text(fn(&Server, Timestamp) -> String),
    /// Of this size, and nobody knows what is in it.
    Opaque(u64),
    Link(String),
    Device,
    Written(Contents),
}

/// What `stat` says of a path.
pub(crate) struct Entry {
    pub(crate) mode: u32,
    pub(crate) owner: &'static str,
    pub(crate) size: u64,
    /// In Unix seconds.
    pub(crate) modified: i64,
    letter: char,
}

impl Entry {
    pub(crate) fn is_directory(&self) -> bool {
        self.letter == 'd'
    }

    pub(crate) fn is_file(&self) -> bool {
        self.letter == '-'
    }

    pub(crate) fn is_device(&self) -> bool {
        self.letter == 'c'
    }

    /// The first letter of `ls -l`.
    pub(crate) fn letter(&self) -> char {
        self.letter
    }
}

/// What a file is opened for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    /// Emptied first.
    Write,
    Append,
    Both,
}

pub(crate) struct Files<'a> {
    server: &'a Server,
    wall: Timestamp,
    nodes: OnceCell<BTreeMap<String, Node>>,
    written: usize,
}

impl<'a> Files<'a> {
    pub(crate) fn new(server: &'a Server, wall: Timestamp) -> Self {
        Self { server, wall, nodes: OnceCell::new(), written: 0 }
    }

    fn nodes(&self) -> &BTreeMap<String, Node> {
        self.nodes.get_or_init(|| tree::tree(self.server, self.wall))
    }

    fn nodes_mut(&mut self) -> Option<&mut BTreeMap<String, Node>> {
        self.nodes();
        self.nodes.get_mut()
    }

    /// Follows links, in the path's directories too; the last part may lead nowhere yet.
    fn resolve(&self, path: &str) -> Option<String> {
        let mut path = path.to_owned();
        for _ in 0..16 {
            let ends = path.match_indices('/').map(|(at, _)| at).skip(1).chain([path.len()]);
            let link =
                ends.filter(|end| *end > 0).find_map(|end| match &self.nodes().get(&path[..end])?.kind {
                    Kind::Link(target) => Some((end, target)),
                    _ => None,
                });
            let Some((end, target)) = link else { return Some(path) };
            let directory = path[..end].rsplit_once('/').map_or("/", |(directory, _)| directory);
            path = absolute(directory, &(target.clone() + &path[end..]));
        }
        None
    }

    fn node(&self, path: &str) -> Option<&Node> {
        self.nodes().get(&self.resolve(path)?)
    }

    /// What is at a path, behind all links.
    pub(crate) fn entry(&self, path: &str) -> Option<Entry> {
        self.node(path).map(|node| self.describe(node))
    }

    /// What is at a path, be it a link.
    pub(crate) fn own_entry(&self, path: &str) -> Option<Entry> {
        match self.nodes().get(path) {
            Some(node) => Some(self.describe(node)),
            None => self.entry(path),
        }
    }

    fn describe(&self, node: &Node) -> Entry {
        let (letter, size) = match &node.kind {
            Kind::Directory => ('d', 4096),
            Kind::Text(text) => ('-', text(self.server, self.wall).len() as u64),
            Kind::Opaque(size) => ('-', *size),
            Kind::Link(target) => ('l', target.len() as u64),
            Kind::Device => ('c', 0),
            Kind::Written(contents) => ('-', contents.borrow().len() as u64),
        };
        Entry { mode: node.mode, owner: node.owner, size, modified: node.modified, letter }
    }

    pub(crate) fn is_link(&self, path: &str) -> bool {
        self.link(path).is_some()
    }

    /// Where a link leads.
    pub(crate) fn link(&self, path: &str) -> Option<&str> {
        match &self.nodes().get(path)?.kind {
            Kind::Link(target) => Some(target),
            _ => None,
        }
    }

    /// A path without links in it, if it leads somewhere.
    pub(crate) fn real_path(&self, path: &str) -> Option<String> {
        self.resolve(path).filter(|path| self.nodes().contains_key(path))
    }

    /// A file's bytes, or why there are none.
    ///
    /// # Errors
    /// Where the file is there, but nobody has made up what is in it.
    pub(crate) fn read(&self, path: &str) -> Result<Result<Vec<u8>, &'static str>, Stop> {
        let Some(node) = self.node(path) else { return Ok(Err(NONE)) };
        Ok(match &node.kind {
            Kind::Directory => Err("Is a directory"),
            Kind::Text(text) => Ok(text(self.server, self.wall).into_bytes()),
            Kind::Opaque(0) => Ok(Vec::new()),
            Kind::Opaque(_) => return Err(lost(format!("what is in {path} is not simulated"))),
            Kind::Link(_) => Err(NONE),
            Kind::Device if path == "/dev/null" => Ok(Vec::new()),
            Kind::Device => return Err(lost(format!("reading {path} is not simulated"))),
            Kind::Written(contents) => Ok(contents.borrow().clone()),
        })
    }

    /// Opens a file for reading or writing; what is written stays in memory.
    ///
    /// # Errors
    /// As [`read`](Self::read), and where a command writes very many files.
    pub(crate) fn open(
        &mut self,
        path: &str,
        access: Access,
    ) -> Result<Result<Contents, &'static str>, Stop> {
        let Some(path) = self.resolve(path) else { return Ok(Err("Too many levels of symbolic links")) };
        if let Some(Node { kind: Kind::Written(contents), .. }) = self.nodes().get(&path) {
            if access == Access::Write {
                contents.borrow_mut().clear();
            }
            return Ok(Ok(contents.clone()));
        }
        let before = match self.nodes().get(&path).map(|node| &node.kind) {
            None if access == Access::Read => return Ok(Err(NONE)),
            None => Vec::new(),
            Some(Kind::Directory) => return Ok(Err("Is a directory")),
            Some(_) if access == Access::Write => Vec::new(),
            Some(_) => match self.read(&path)? {
                Ok(bytes) => bytes,
                Err(why) => return Ok(Err(why)),
            },
        };
        let contents = Rc::new(RefCell::new(before));
        if access == Access::Read {
            return Ok(Ok(contents));
        }
        Ok(self.put(&path, Kind::Written(contents.clone()), 0o644)?.map(|()| contents))
    }

    fn put(&mut self, path: &str, kind: Kind, mode: u32) -> Result<Result<(), &'static str>, Stop> {
        let parent =
            path.rsplit_once('/').map_or("/", |(parent, _)| if parent.is_empty() { "/" } else { parent });
        if !self.entry(parent).is_some_and(|entry| entry.is_directory()) {
            return Ok(Err(NONE));
        }
        if ["/proc", "/sys", "/dev"].iter().any(|place| parent.starts_with(place)) {
            return Ok(Err("Permission denied"));
        }
        self.written += 1;
        if self.written > MOST_WRITTEN {
            return Err(lost("this writes too many files"));
        }
        let modified = self.wall.as_second();
        if let Some(nodes) = self.nodes_mut() {
            nodes.insert(path.to_owned(), Node { kind, mode, owner: "root", modified });
        }
        Ok(Ok(()))
    }

    /// Makes a directory.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(crate) fn make_directory(&mut self, path: &str) -> Result<Result<(), &'static str>, Stop> {
        if self.entry(path).is_some() {
            Ok(Err("File exists"))
        } else {
            self.put(path, Kind::Directory, 0o755)
        }
    }

    /// Sets the mode of what is at a path.
    pub(crate) fn set_mode(&mut self, path: &str, mode: u32) -> bool {
        let resolved = self.resolve(path);
        let node = resolved.and_then(|path| self.nodes_mut()?.get_mut(&path));
        node.map(|node| node.mode = mode).is_some()
    }

    /// Removes what is at a path and all below it.
    pub(crate) fn remove(&mut self, path: &str) {
        let below = path.to_owned() + "/";
        if let Some(nodes) = self.nodes_mut() {
            nodes.retain(|name, _| name != path && !name.starts_with(&below));
        }
    }

    /// The names in a directory, in order.
    pub(crate) fn names(&self, path: &str) -> Vec<String> {
        let Some(path) = self.resolve(path) else { return Vec::new() };
        let below = if path == "/" { path } else { path + "/" };
        let inside = self.nodes().range(below.clone()..).take_while(|(name, _)| name.starts_with(&below));
        let names = inside.map(|(name, _)| &name[below.len()..]);
        names.filter(|name| !name.is_empty() && !name.contains('/')).map(str::to_owned).collect()
    }

    /// The paths that a pattern stands for, in order.
    pub(crate) fn glob(&self, directory: &str, letters: &[Letter]) -> Vec<String> {
        let is_absolute = letters.first().is_some_and(|(letter, _)| *letter == '/');
        let mut found = vec![String::from(if is_absolute { "/" } else { "" })];
        for part in letters.split(|(letter, _)| *letter == '/').filter(|part| !part.is_empty()) {
            let wild = Pattern::is_wild(part);
            let pattern = Pattern::new(part);
            let literal: String = part.iter().map(|(letter, _)| letter).collect();
            let dotted = literal.starts_with('.');
            let mut next = Vec::new();
            for base in found {
                let join = |name: &str| {
                    let between = if base.is_empty() || base.ends_with('/') { "" } else { "/" };
                    format!("{base}{between}{name}")
                };
                if wild {
                    let names = self.names(&absolute(directory, &base));
                    let names =
                        names.iter().filter(|name| dotted == name.starts_with('.') && pattern.matches(name));
                    next.extend(names.map(|name| join(name)));
                } else if self.own_entry(&absolute(directory, &join(&literal))).is_some() {
                    next.push(join(&literal));
                }
            }
            found = next;
        }
        found.sort();
        found
    }
}

/// A path from the root, without `.` and `..`.
pub(crate) fn absolute(directory: &str, path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    let base = if path.starts_with('/') { "" } else { directory };
    for part in base.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::{
        fleet::Fleet,
        options::{Agents, Variety},
    };

    #[test]
    fn links_lead_on_and_writing_stays_in_memory() {
        let fleet = Fleet::new(7, 1, Variety::Uniform, Agents::All);
        let mut files = Files::new(fleet.server(0), Timestamp::UNIX_EPOCH);
        assert_eq!(files.real_path("/bin/sh").as_deref(), Some("/usr/bin/sh"));
        assert!(files.entry("/var/run").unwrap().is_directory());
        assert!(files.names("/etc").contains(&"passwd".to_owned()));
        let written = files.open("/tmp/x", Access::Write).unwrap().unwrap();
        written.borrow_mut().extend(b"abc");
        assert_eq!(files.read("/tmp/x").unwrap().unwrap(), b"abc");
        assert_eq!(files.entry("/tmp/x").unwrap().size, 3);
        files.remove("/tmp/x");
        assert!(files.entry("/tmp/x").is_none());
        assert_eq!(files.open("/nowhere/x", Access::Write).unwrap().err(), Some(NONE));
        assert_eq!(files.open("/proc/x", Access::Write).unwrap().err(), Some("Permission denied"));
    }

    #[test]
    fn paths_are_put_together() {
        assert_eq!(absolute("/var/log", "../lib/./x"), "/var/lib/x");
        assert_eq!(absolute("/var", "/etc//passwd/"), "/etc/passwd");
        assert_eq!(absolute("/", "../.."), "/");
    }
}
