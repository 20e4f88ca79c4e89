//! Reading the inventory to its end, page by page.

use std::collections::HashSet;

/// A listing longer than this is taken for a loop: a million VPSes at a hundred a page.
const MAX_PAGES: usize = 10_000;

/// Where the listing stands.
#[derive(Debug)]
pub(super) struct Listing {
    state: State,
    cursor: Option<String>,
    seen: HashSet<String>,
    pages: usize,
    restarted: bool,
    /// Failures in a row.
    pub(super) failures: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The next page may be asked for.
    Due,
    /// It has been, or waits for its time.
    Waiting,
    Complete,
}

impl Listing {
    pub(super) fn new() -> Self {
        Self {
            state: State::Due,
            cursor: None,
            seen: HashSet::new(),
            pages: 0,
            restarted: false,
            failures: 0,
        }
    }

    pub(super) fn is_due(&self) -> bool {
        self.state == State::Due
    }

    pub(super) fn is_complete(&self) -> bool {
        self.state == State::Complete
    }

    /// The page is being asked for; says where it begins.
    pub(super) fn take(&mut self) -> Option<String> {
        self.state = State::Waiting;
        self.cursor.clone()
    }

    /// The same page may be asked for again.
    pub(super) fn again(&mut self) {
        self.state = State::Due;
    }

    /// The cursor was refused: begins at the first page, once.
    pub(super) fn restart(&mut self) -> bool {
        let first_time = !self.restarted;
        self.restarted = true;
        self.cursor = None;
        self.seen.clear();
        self.state = State::Due;
        first_time
    }

    /// A page is here, and the next begins at `next`.
    ///
    /// # Errors
    /// What is wrong, if the listing cannot end this way.
    pub(super) fn page(&mut self, next: Option<String>) -> Result<(), String> {
        self.failures = 0;
        self.pages += 1;
        match next {
            None => self.state = State::Complete,
            Some(cursor) if !self.seen.insert(cursor.clone()) => {
                return Err("cursor loop: the API gave the same cursor twice".to_owned());
            }
            Some(_) if self.pages >= MAX_PAGES => {
                return Err(format!("no end after {MAX_PAGES} pages"));
            }
            Some(cursor) => {
                self.cursor = Some(cursor);
                self.state = State::Due;
            }
        }
        Ok(())
    }
}
