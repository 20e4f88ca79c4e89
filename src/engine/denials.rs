//! Is it the token, or only this target, that the API forbids?

/// 403s to each kind of call, which stop the run if the first few get nothing else.
#[derive(Debug, Default)]
pub(super) struct Denials {
    pub(super) probe: Refusals,
    pub(super) start: Refusals,
    pub(super) poll: Refusals,
}

/// How often the first calls of a kind were forbidden.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    accepted: bool,
    forbidden: u32,
}

impl Refusals {
    pub(super) fn accepted(&mut self) {
        self.accepted = true;
    }

    /// One more 403; true if it is the token and not the target.
    pub(super) fn forbidden(&mut self) -> bool {
        self.forbidden += 1;
        !self.accepted && self.forbidden >= 3
    }
}
