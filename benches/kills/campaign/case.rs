//! What a round can be like.

use super::{attempt::PLACES, playbook::Shape};

/// What a round is like.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// Runs that go on at once, with one store.
    pub(super) runs: usize,
    /// How few servers there may be, and how many.
    pub(super) servers: (usize, usize),
    pub(super) faults: Option<Faults>,
    /// `None`: each in turn.
    shape: Option<Shape>,
    /// The only place at which it is killed; `None`: any, and at any time.
    pub(super) place: Option<&'static str>,
    /// How often each run is killed; `None`: drawn.
    pub(super) kills: Option<u32>,
}

/// What goes wrong in the servers' API.
#[derive(Debug, Clone)]
pub(super) struct Faults {
    /// The faults file.
    pub(super) text: String,
    /// Whether the API says that something began which did not, or how something ended of which it does not know.
    pub(super) lies: bool,
}

/// Faults, and the requests that they are for.
const FAULTS: [(&str, &str); 26] = [
    ("probe, start, poll", "503"),
    ("probe, start, poll", "500"),
    ("probe, start, poll", "status 409 upstream_failed"),
    ("probe, start, poll", "403"),
    ("probe, start, poll", "404"),
    ("probe, start, poll", "429"),
    ("probe, start, poll", "html 502"),
    ("probe, start, poll", "redirect"),
    ("probe, start, poll", "reply 200 {}"),
    ("probe, start, poll", "reply 200 {\"exited\":1}"),
    ("probe, start, poll", "reset-before"),
    ("probe, start, poll", "reset-after"),
    ("probe, start, poll", "hang"),
    ("probe, start, poll", "delay 300ms"),
    ("probe, start, poll", "truncate"),
    ("probe, start, poll", "wrong-type"),
    ("probe, start, poll", "trickle 1ms"),
    ("probe, start, poll", "agent-off"),
    ("probe, start, poll", "stopped"),
    ("start", "blocked"),
    ("start", "exec-forbidden"),
    ("start, poll", "freeze 1s"),
    ("start, poll", "forget"),
    ("list", "empty-page"),
    ("list", "repeat-cursor"),
    ("list", "overlap"),
];

impl Case {
    /// One without faults, two runs at once, one death at each named place if there are any, and each fault rarely and
    /// often.
    pub(crate) fn all(points: bool) -> Vec<Self> {
        let plain = |name: &str, runs| Self {
            name: name.to_owned(),
            runs,
            servers: (20, 60),
            faults: None,
            shape: None,
            place: None,
            kills: None,
        };
        let mut cases = vec![plain("no faults", 1), plain("two runs, one store", 2)];
        if points {
            cases.extend(PLACES.map(|place| Self {
                shape: Some(Shape::Everything),
                place: Some(place),
                kills: Some(1),
                ..plain(&format!("killed at {place}"), 1)
            }));
        }
        for percent in [2, 20] {
            cases.extend(FAULTS.iter().map(|(on, fault)| Self {
                // A limit that is met at random, however slowly requests come, makes them ever slower.
                servers: if *fault == "429" { (4, 8) } else { (20, 60) },
                faults: Some(Faults {
                    text: format!("- {{ on: [{on}], percent: {percent}, fault: '{fault}' }}\n"),
                    lies: fault.starts_with("reply"),
                }),
                ..plain(&format!("{fault} at {percent} %"), 1)
            }));
        }
        cases
    }

    pub(crate) fn has_faults(&self) -> bool {
        self.faults.is_some()
    }

    pub(super) fn shape(&self, seed: u64) -> Shape {
        let turn = usize::try_from(seed % 97).unwrap_or_default();
        self.shape.unwrap_or(Shape::ALL[turn % Shape::ALL.len()])
    }
}
