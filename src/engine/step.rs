//! What goes into a step of the engine, and what comes out.

use super::{Call, CallId, Duty, Entry, Event, Reply};
use crate::budget::{RunTime, Signals};

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// The run begins. Comes once, first.
    Begin,
    /// A start's intent is on the disk, and it leaves. Comes for each start of an engine that is
    /// [writing ahead](super::Engine::writing_ahead) that does leave, and for no other call.
    Leaves(CallId),
    /// A call came back, and what it brought is being written down: it is in nobody's way any more. What it means comes
    /// with [`Input::Answered`], once that is on the disk. Where nothing is written, this is left out.
    Landed {
        /// Which.
        call: CallId,
        /// For the budget.
        signals: Signals,
    },
    /// A call came back.
    Answered {
        /// Which.
        call: CallId,
        /// With what.
        reply: Reply,
    },
    /// The time that was asked for by [`Effect::WakeAt`] is here.
    Tick,
    /// The answer to [`Effect::Ask`].
    Confirmed(bool),
    /// A signal, by its number. The second one ends the run at once.
    Interrupted(i32),
    /// What happened cannot be written down any more, for this reason.
    Unrecorded(String),
}

/// Something to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Send this call, and bring back what comes of it. A start must be brought back whatever happens.
    Send {
        /// To be given back with the answer.
        id: CallId,
        /// What to send.
        call: Call,
        /// What must be written down of it.
        duty: Duty,
    },
    /// Write this down. Nothing waits for it, but what is written later is written after it.
    Record(Entry),
    /// Step with [`Input::Tick`] at this time, unless something else happens before; replaces what was asked
    /// before.
    WakeAt(RunTime),
    /// Ask the user whether to go on with this many targets.
    Ask {
        /// Targets selected.
        targets: usize,
    },
    /// Tell whoever watches.
    Tell(Event),
    /// The run is over; calls still in flight matter no more.
    Finish,
}
