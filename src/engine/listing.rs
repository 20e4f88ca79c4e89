//! Reading the inventory to its end, page by page.

use std::collections::HashSet;

use crate::fleet::{Vps, VpsId};

/// A listing longer than this is taken for a loop: a million VPSes at a hundred a page.
const MAX_PAGES: usize = 10_000;

/// Where the listing stands.
#[derive(Debug)]
pub(super) struct Listing {
    state: State,
    cursor: Option<String>,
    seen: HashSet<String>,
    /// Ids already listed.
    known: HashSet<VpsId>,
    /// VPSes without a usable one: all that the API said of each.
    nameless: HashSet<String>,
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
            known: HashSet::new(),
            nameless: HashSet::new(),
            pages: 0,
            restarted: false,
            failures: 0,
        }
    }

    /// One that was read to its end before.
    pub(super) fn complete() -> Self {
        Self { state: State::Complete, ..Self::new() }
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

    /// Whether this VPS has not been listed before: pages may overlap, and a listing may begin again.
    pub(super) fn is_new(&mut self, vps: &Vps) -> bool {
        match vps.id() {
            Ok(id) => self.known.insert(id.clone()),
            Err(_) => vps.json().read().map_or(true, |json| self.nameless.insert(json.into_owned())),
        }
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
            None => {
                self.state = State::Complete;
                // Nothing is listed from here on.
                self.known = HashSet::new();
            }
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn vps(fields: &Value) -> Vps {
        Vps::new(fields.as_object().unwrap().clone())
    }

    #[test]
    fn pages_follow_their_cursors_to_the_last() {
        let mut listing = Listing::new();
        assert!(listing.is_due() && !listing.is_complete());
        assert_eq!(listing.take(), None);
        assert!(!listing.is_due());
        assert_eq!(listing.page(Some("b".to_owned())), Ok(()));
        assert!(listing.is_due());
        assert_eq!(listing.take().as_deref(), Some("b"));
        assert_eq!(listing.page(None), Ok(()));
        assert!(listing.is_complete() && !listing.is_due());
    }

    #[test]
    fn a_page_asked_for_again_is_the_same_page() {
        let mut listing = Listing::new();
        listing.take();
        listing.page(Some("b".to_owned())).unwrap();
        listing.failures = 3;
        assert_eq!(listing.take().as_deref(), Some("b"));
        listing.again();
        assert_eq!(listing.take().as_deref(), Some("b"));
        listing.page(None).unwrap();
        assert_eq!(listing.failures, 0);
    }

    #[test]
    fn a_cursor_given_twice_is_a_loop_however_far_apart() {
        let mut listing = Listing::new();
        for cursor in ["b", "c", "d"] {
            listing.page(Some(cursor.to_owned())).unwrap();
        }
        assert!(listing.page(Some("b".to_owned())).unwrap_err().starts_with("cursor loop"));
    }

    #[test]
    fn a_listing_without_end_is_given_up() {
        let mut listing = Listing::new();
        let end = (1..=2 * MAX_PAGES).find(|page| listing.page(Some(page.to_string())).is_err());
        assert_eq!(end, Some(MAX_PAGES));
    }

    #[test]
    fn a_refused_cursor_begins_again_once_and_may_meet_its_cursors_again() {
        let mut listing = Listing::new();
        listing.page(Some("b".to_owned())).unwrap();
        listing.take();
        assert!(listing.restart());
        assert_eq!(listing.take(), None);
        assert_eq!(listing.page(Some("b".to_owned())), Ok(()));
        assert!(!listing.restart());
    }

    #[test]
    fn a_vps_is_new_once_also_without_a_usable_id() {
        let mut listing = Listing::new();
        let good = json!({ "id": "vps_1", "name": "before" });
        let renamed = json!({ "id": "vps_1", "name": "after" });
        let (bad, other) = (json!({ "name": "a" }), json!({ "name": "b" }));
        let new = [&good, &renamed, &bad, &bad, &other].map(|fields| listing.is_new(&vps(fields)));
        assert_eq!(new, [true, false, true, false, true]);
    }
}
