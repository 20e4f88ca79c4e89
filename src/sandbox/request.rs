//! What a request asks for: its operation, its VPS, its parameters.

use axum::{
    extract::Query,
    http::{Method, Uri},
};

/// The operations that faults, buckets and the journal tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    List,
    Probe,
    Start,
    Poll,
    Other,
}

impl Operation {
    pub(super) const COUNT: usize = 5;

    /// All of them, in the order of their numbers.
    pub(super) const ALL: [Self; Self::COUNT] =
        [Self::List, Self::Probe, Self::Start, Self::Poll, Self::Other];

    /// Its name in the journal and in fault files.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Probe => "probe",
            Self::Start => "start",
            Self::Poll => "poll",
            Self::Other => "other",
        }
    }
}

/// What a path and method lead to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route<'a> {
    List,
    One {
        id: &'a str,
    },
    Probe {
        id: &'a str,
    },
    Start {
        id: &'a str,
    },
    Poll {
        id: &'a str,
        pid: String,
    },
    Me,
    /// The path exists, but only for these methods.
    WrongMethod {
        allow: &'static str,
    },
    Nowhere,
}

impl<'a> Route<'a> {
    /// Reads where a request goes.
    pub(super) fn of(method: &Method, uri: &'a Uri, parameters: &[(String, String)]) -> Self {
        let Some(path) = uri.path().strip_prefix("/api/v2/") else { return Self::Nowhere };
        let mut parts = path.split('/');
        let place = (parts.next(), parts.next(), parts.next(), parts.next(), parts.next());
        match place {
            (Some("me"), None, ..) => get(method, Self::Me),
            (Some("vps"), None, ..) => get(method, Self::List),
            (Some("vps"), Some(id), None, ..) if !id.is_empty() => get(method, Self::One { id }),
            (Some("vps"), Some(id), Some("agent"), Some("exec"), None) => match *method {
                Method::POST => Self::Start { id },
                Method::GET => match parameter(parameters, "pid") {
                    None => Self::Probe { id },
                    Some(pid) => Self::Poll { id, pid: pid.to_owned() },
                },
                _ => Self::WrongMethod { allow: "GET, POST" },
            },
            _ => Self::Nowhere,
        }
    }

    /// The operation it counts as.
    pub(super) fn operation(&self) -> Operation {
        match self {
            Self::List => Operation::List,
            Self::Probe { .. } => Operation::Probe,
            Self::Start { .. } => Operation::Start,
            Self::Poll { .. } => Operation::Poll,
            Self::One { .. } | Self::Me | Self::WrongMethod { .. } | Self::Nowhere => Operation::Other,
        }
    }

    /// The VPS that it names, known or not.
    pub(super) fn id(&self) -> Option<&'a str> {
        match self {
            Self::One { id } | Self::Probe { id } | Self::Start { id } | Self::Poll { id, .. } => Some(id),
            Self::List | Self::Me | Self::WrongMethod { .. } | Self::Nowhere => None,
        }
    }
}

fn get<'a>(method: &Method, route: Route<'a>) -> Route<'a> {
    if method == Method::GET { route } else { Route::WrongMethod { allow: "GET" } }
}

/// Every parameter of the query, decoded; none where it cannot be read.
pub(super) fn parameters(uri: &Uri) -> Vec<(String, String)> {
    if uri.query().is_none_or(str::is_empty) {
        return Vec::new();
    }
    Query::try_from_uri(uri).map(|Query(parameters)| parameters).unwrap_or_default()
}

/// The first parameter of this name.
pub(super) fn parameter<'a>(parameters: &'a [(String, String)], name: &str) -> Option<&'a str> {
    parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(method: &Method, uri: &str) -> (Operation, Option<String>) {
        let uri: Uri = uri.parse().unwrap();
        let route = Route::of(method, &uri, &parameters(&uri));
        (route.operation(), route.id().map(str::to_owned))
    }

    #[test]
    fn each_path_leads_to_its_operation() {
        let vps = Some("vps_1".to_owned());
        assert_eq!(operation(&Method::GET, "/api/v2/vps?limit=2"), (Operation::List, None));
        assert_eq!(operation(&Method::GET, "/api/v2/vps/vps_1"), (Operation::Other, vps.clone()));
        assert_eq!(operation(&Method::GET, "/api/v2/vps/vps_1/agent/exec"), (Operation::Probe, vps.clone()));
        assert_eq!(operation(&Method::POST, "/api/v2/vps/vps_1/agent/exec"), (Operation::Start, vps.clone()));
        assert_eq!(operation(&Method::GET, "/api/v2/vps/vps_1/agent/exec?pid=3"), (Operation::Poll, vps));
        assert_eq!(operation(&Method::GET, "/api/v1/vps"), (Operation::Other, None));
    }

    #[test]
    fn a_known_path_with_a_wrong_method_says_which_are_right() {
        let uri: Uri = "/api/v2/vps/x/agent/exec".parse().unwrap();
        assert_eq!(Route::of(&Method::DELETE, &uri, &[]), Route::WrongMethod { allow: "GET, POST" });
        let uri: Uri = "/api/v2/vps".parse().unwrap();
        assert_eq!(Route::of(&Method::POST, &uri, &[]), Route::WrongMethod { allow: "GET" });
    }
}
