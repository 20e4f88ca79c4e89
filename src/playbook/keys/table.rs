//! The keys themselves, a mapping at a time.
//!
//! To add one: its entry here, the line in `schema` that reads it, and a field of the checked playbook for what it
//! becomes. Then `docs/playbook.md` and the snapshot of the JSON Schema are written anew (CONTRIBUTING.md says how).

use super::{Group, Key, Keys, Names, Needs, Shape};

/// All mappings, to say where a misplaced key belongs, and in the order of the reference.
pub(in super::super) static ALL: [&Keys; 6] = [&PLAYBOOK, &TARGETS, &VARIABLE, &STRATEGY, &STEP, &REPORT];

pub(in super::super) static PLAYBOOK: Keys = Keys {
    of: "a playbook",
    place: "at the top of the playbook",
    section: "playbook",
    meaning: "Which servers, how carefully, which steps, and what to show.",
    needs: Needs::ExactlyOneOf(&["run", "steps"]),
    stray: None,
    groups: &[
        Group {
            beside: None,
            keys: &[
                Key::new("name", Shape::Text, "What reports and the history of runs call this playbook.")
                    .otherwise("the file's name without its extension")
                    .example("disk-pressure"),
                Key::new("description", Shape::Text, "What it is for, in a sentence.")
                    .example("Which running servers have a root disk over 90 % full?"),
                Key::new("targets", Shape::Mapping(&TARGETS), "Which servers it is for.")
                    .otherwise("all active, running servers")
                    .example("{ match: { name: \"web-*\" } }")
                    .synonyms(&["hosts", "servers", "inventory"]),
                Key::new(
                    "vars",
                    Shape::Named(Names::Identifier, &VALUE),
                    "Values for its templates and expressions, read as vars.NAME. \
                     --var NAME=VALUE replaces one; one without a value must be given so.",
                )
                .example("{ mount: /, threshold: 90 }")
                .synonyms(&["variables", "env"]),
                Key::new(
                    "strategy",
                    Shape::Mapping(&STRATEGY),
                    "How fast, how many at a time, and when to give up.",
                )
                .example("{ batches: [1, 10%, 100%], max_failures: 5% }"),
                Key::new(
                    "steps",
                    Shape::List(&Shape::Mapping(&STEP)),
                    "What is run on each server, in this order.",
                )
                .example("[{ name: kernel, run: uname -r }]")
                .synonyms(&["tasks", "commands"]),
                Key::new(
                    "run",
                    Shape::Template,
                    "The command of a playbook with a single step: short for `steps`.",
                )
                .example("uptime")
                .synonyms(&["command", "cmd", "shell"]),
                Key::new("report", Shape::Mapping(&REPORT), "What the report shows.")
                    .example("{ columns: [name, primaryIp, stdout] }")
                    .synonyms(&["output"]),
            ],
        },
        Group { beside: Some("run"), keys: STEP_OPTIONS },
    ],
};

pub(in super::super) static TARGETS: Keys = Keys {
    of: "`targets`",
    place: "under `targets`",
    section: "targets",
    meaning: "Which servers a playbook is for. Fields have the API's own names (`powerState`, \
              `operatingSystem.family`, `resources.memoryGb`, `tags`). Flags narrow what it selects.",
    needs: Needs::Nothing,
    stray: Some("a field of the server stands under `match`: `match: { name: \"web-*\" }`"),
    groups: &[Group {
        beside: None,
        keys: &[
            Key::new(
                "match",
                RULES,
                "Fields and what they must be: a glob, a number, a boolean, or a list of them of which any will do. \
                 All the fields must match; a missing field matches nothing.",
            )
            .otherwise("{ serviceStatus: active, powerState: running }, unless `where` is given")
            .example("{ powerState: running, name: [\"web-*\", \"db-*\"] }")
            .synonyms(&["include", "select", "filter"]),
            Key::new(
                "exclude",
                RULES,
                "The same, and any field that matches throws the server out. A missing field keeps it.",
            )
            .example("{ operatingSystem.family: windows, tags: [decommissioned] }")
            .synonyms(&["skip", "except"]),
            Key::new(
                "where",
                Shape::Expression,
                "A condition over the server's fields, which are bare here, and vars. \
                 Comparing a missing field selects nothing, under `not` too.",
            )
            .example("resources.memoryGb >= 2 and not cidr(primaryIp, \"192.0.2.0/24\")"),
        ],
    }],
};

const RULES: Shape = Shape::Named(Names::Path, &Shape::OneOrMore(&Shape::Pattern));

pub(in super::super) static VARIABLE: Keys = Keys {
    of: "a variable",
    place: "in a variable",
    section: "vars",
    meaning: "A value that is taken from around the playbook. Where the value can be written down, it is written \
              instead: `threshold: 90`, `hosts: [a, b]`.",
    needs: Needs::ExactlyOneOf(&["from_env", "from_file"]),
    stray: Some(
        "a value that can be written down stands right after the name, and no secret belongs in a playbook",
    ),
    groups: &[Group {
        beside: None,
        keys: &[
            Key::new(
                "from_env",
                Shape::Text,
                "The environment variable of rollcall's own process that holds it.",
            )
            .example("AUDIT_TOKEN"),
            Key::new(
                "from_file",
                Shape::Text,
                "The file that holds it, at most 64 KiB. The line break at its end is left out.",
            )
            .example("/etc/rollcall/audit-token"),
            Key::new(
                "secret",
                Shape::Boolean,
                "Whether it is kept out of everything that is shown or stored: it reads [redacted] there.",
            )
            .default("false")
            .example("true"),
        ],
    }],
};

/// What may stand after a variable's name.
static VALUE: Shape = Shape::AnyOf(&[Shape::Literals, Shape::Mapping(&VARIABLE), Shape::Null]);

pub(in super::super) static STRATEGY: Keys = Keys {
    of: "`strategy`",
    place: "under `strategy`",
    section: "strategy",
    meaning: "How fast, how many at a time, and when to give up. Each has a flag that replaces it.",
    needs: Needs::Nothing,
    stray: None,
    groups: &[Group {
        beside: None,
        keys: &[
            Key::new(
                "concurrency",
                Shape::Concurrency,
                "How many targets are worked on at a time, from their probe to their last answer.",
            )
            .otherwise("as many as the API's limit feeds")
            .example("100")
            .synonyms(&["forks", "parallel", "fanout"]),
            Key::new(
                "rate",
                Shape::Rate,
                "A ceiling of your own on requests, under whatever the API allows: 300/1m is at most 300 in any minute.",
            )
            .otherwise("the API's limit alone")
            .example("300/1m")
            .synonyms(&["rate_limit", "throttle"]),
            Key::new(
                "batches",
                Shape::OneOrMore(&Shape::BatchSize),
                "How many targets are started before the outcome of all of them is awaited, a size a batch; \
                 the last size repeats. A percentage is of the selected targets, rounded up.",
            )
            .otherwise("all at once; one canary first where a step changes something")
            .example("[1, 10%, 100%]")
            .synonyms(&["serial", "batch", "batch_size", "canary"]),
            Key::new("pause", Shape::Duration, "How long to wait between two batches.")
                .otherwise("no wait")
                .example("5m"),
            Key::new(
                "max_failures",
                Shape::Portion,
                "How many targets of the whole run may fail before no new ones are started; 0 stops at the first. \
                 A percentage is of the selected targets, rounded down.",
            )
            .otherwise("0 during the first of several batches, unlimited otherwise")
            .example("5%")
            .synonyms(&["max_fail_percentage", "max_fail", "any_errors_fatal"]),
            Key::new(
                "order",
                Shape::Words(&[
                    ("listed", "as the API lists them"),
                    ("name", "by name, numbers inside names by value"),
                    ("random", "shuffled"),
                ]),
                "In which order targets are taken.",
            )
            .default("listed")
            .example("name"),
            Key::new(
                "deadline",
                Shape::Duration,
                "How long the whole run may take. After it nothing is started; what is still running then is timed_out.",
            )
            .otherwise("no limit")
            .example("30m"),
        ],
    }],
};

pub(in super::super) static STEP: Keys = Keys {
    of: "a step",
    place: "in a step",
    section: "steps",
    meaning: "One command, and what is thought of what it says. All but `name` may also stand beside a `run` at the \
              top of the playbook.",
    needs: Needs::One("run"),
    stray: None,
    groups: &[
        Group {
            beside: None,
            keys: &[
                Key::new("name", Shape::Text, "What the report calls this step. No two steps share one.")
                    .otherwise("the first line of its command")
                    .example("root disk"),
                Key::new(
                    "run",
                    Shape::Template,
                    "The command, for the server's shell. {{ x }} inserts a value as a quoted word, {{ x | raw }} as \
                     it stands. At most 4096 characters.",
                )
                .example("df -P {{ vars.mount }}")
                .synonyms(&["command", "cmd", "shell", "script"]),
            ],
        },
        Group { beside: None, keys: STEP_OPTIONS },
    ],
};

/// What a step may say besides its name and command; in the short form it stands beside `run` at the top.
const STEP_OPTIONS: &[Key] = &[
    Key::new(
        "when",
        Shape::Expression,
        "A condition over target, vars and earlier captures; where it is false, the step is skipped for that target.",
    )
    .otherwise("always")
    .example("target.operatingSystem.family == \"debian\"")
    .synonyms(&["if", "only_if"]),
    Key::new(
        "timeout",
        Shape::Duration,
        "How long to wait for it, from its start. The command itself goes on after that, unless `kill_on_timeout` is \
         set or it is a `read` step that shares a request with others.",
    )
    .default("60s")
    .example("30s")
    .synonyms(&["async", "time_limit"]),
    Key::new(
        "kill_on_timeout",
        Shape::Boolean,
        "Whether the server ends the command after its timeout, by `timeout` of coreutils.",
    )
    .default("false")
    .example("true"),
    Key::new(
        "accept",
        Shape::OneOrMore(&Shape::ExitCode),
        "The exit codes that count as success.",
    )
    .default("[0]")
    .example("[0, 1]")
    .synonyms(&["exit_codes", "success_codes"]),
    Key::new(
        "capture",
        Shape::Named(Names::Identifier, &Shape::Expression),
        "Values taken out of what it printed: names, each with an expression over stdout, stderr, exit_code, target, \
         vars and earlier captures. Later steps, `expect` and the report's columns can use them.",
    )
    .example("{ used: stdout | trim | trim(\"%\") | int }")
    .synonyms(&["register", "set_fact", "extract"]),
    Key::new(
        "expect",
        Shape::AnyOf(&[Shape::Expression, Shape::Named(Names::Free, &Shape::Expression)]),
        "What must hold of what it printed: one expression, or several with a name each. Where one does not, \
         the target is check_failed.",
    )
    .example("stdout | trim == \"active\"")
    .synonyms(&["failed_when", "assert", "check", "that"]),
    Key::new(
        "severity",
        Shape::Words(&[
            ("info", "worth knowing"),
            ("warning", "worth looking at"),
            ("error", "a failure"),
        ]),
        "How a failed `expect` counts. Below --fail-on it is shown but does not fail the run.",
    )
    .default("error")
    .example("warning"),
    Key::new(
        "on_failure",
        Shape::Words(&[
            ("stop", "the target's later steps are skipped"),
            ("continue", "they run all the same"),
        ]),
        "What an exit code that is not accepted, or a time-out, means for the target's later steps. \
         A failed `expect` skips only later steps that change something, unless this says continue.",
    )
    .default("stop")
    .example("continue")
    .synonyms(&["ignore_errors", "on_error"]),
    Key::new(
        "effects",
        Shape::Words(&[("read", "it only looks"), ("change", "it changes the server")]),
        "Whether it only looks or changes the server. A run with a step that changes something asks first, \
         and begins with one target unless `batches` says otherwise.",
    )
    .default("read")
    .example("change")
    .synonyms(&["changed_when", "mutates", "changes"]),
    Key::new(
        "idempotent",
        Shape::Boolean,
        "Whether it may be started again where the answer to its start was lost. Never without this.",
    )
    .default("false")
    .example("true"),
    Key::new(
        "bundle",
        Shape::Boolean,
        "Whether it may share a request with the steps beside it. Sharing costs fewer requests; outputs and exit \
         codes stay apart.",
    )
    .default("true")
    .example("false"),
];

pub(in super::super) static REPORT: Keys = Keys {
    of: "`report`",
    place: "under `report`",
    section: "report",
    meaning: "What the report shows, in every format that has columns.",
    needs: Needs::Nothing,
    stray: None,
    groups: &[Group {
        beside: None,
        keys: &[
            Key::new(
                "columns",
                Shape::OneOrMore(&Shape::Column),
                "The columns of the table, in this order: fields of the server, captures, and rollcall's own.",
            )
            .otherwise("name, exit code, time and output")
            .example("[name, primaryIp, stdout]"),
            Key::new(
                "group_by",
                Shape::Grouping,
                "Puts targets with the same value into one block: `outcome` (status, exit code and both outputs) or \
                 a column.",
            )
            .otherwise("a row a target")
            .example("outcome")
            .synonyms(&["group", "groupby"]),
        ],
    }],
};
