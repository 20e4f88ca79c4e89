//! Small makers of results to report.

use std::{sync::Arc, time::Duration};

use serde_json::{Map, Value, json};

use crate::{
    budget::{Knowledge, LearnedFrom, LearnedLimit, Renewal, RunTime},
    engine::{
        Captured, CheckResult, FinishedRun, Pid, Ran, Reason, RequestCounts, RunTimes, Status, StepResult,
        Stream, TargetResult, TimeSpent,
    },
    fleet::{Tally, Vps},
    playbook::Severity,
    report::{Later, Normalize, RunRecord},
};

/// A result under construction: one target with one step.
pub(in crate::report) struct Target(TargetResult);

/// A target that answered `ok` with this output, exit code 0.
pub(in crate::report) fn ok(name: &str, stdout: &str) -> Target {
    ended(name, Status::Ok, 0, stdout, "")
}

/// A target whose command ended with an exit code.
pub(in crate::report) fn ended(name: &str, status: Status, exit: i64, stdout: &str, stderr: &str) -> Target {
    let mut target = other(name, status, None, None, Ran::Yes);
    let step = &mut target.0.steps[0];
    step.exit_code = Some(exit);
    step.stdout = Some(stream(stdout));
    step.stderr = Some(stream(stderr));
    step.pid = Pid::new(4242);
    step.duration = Some(Duration::from_millis(312));
    target
}

/// A target that did not bring an exit code.
pub(in crate::report) fn other(
    name: &str,
    status: Status,
    reason: Option<Reason>,
    message: Option<&str>,
    ran: Ran,
) -> Target {
    let step = StepResult {
        name: "root disk".into(),
        status,
        reason,
        message: message.map(str::to_owned),
        ran,
        exit_code: None,
        signal: None,
        stdout: None,
        stderr: None,
        late: false,
        pid: None,
        duration: None,
        checks: Vec::new(),
    };
    let started = !matches!(status, Status::Cancelled | Status::Skipped);
    Target(TargetResult {
        vps: Arc::new(Vps::new(fields(name))),
        status,
        reason,
        message: message.map(str::to_owned),
        ran,
        started_at: started.then(|| RunTime::from_start(Duration::from_millis(120))),
        duration: started.then(|| Duration::from_millis(412)),
        captured: Captured::default(),
        steps: vec![step],
    })
}

fn fields(name: &str) -> Map<String, Value> {
    let id = format!(
        "vps_{:04x}",
        name.bytes().fold(0_u16, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()))
    );
    let Value::Object(fields) = json!({
        "id": id, "name": name, "primaryIp": "192.0.2.7", "tags": ["web", "prod"],
        "operatingSystem": { "family": "linux" },
    }) else {
        panic!("an object is an object")
    };
    fields
}

fn stream(text: &str) -> Stream {
    Stream { text: text.into(), truncated: false, lossy: false }
}

impl Target {
    /// With a captured value.
    pub(in crate::report) fn captured(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.captured.insert(name.to_owned(), value.into());
        self
    }

    /// With an expectation of the last step that does not hold.
    pub(in crate::report) fn check(self, message: &str) -> Self {
        self.check_of(Severity::Error, None, message)
    }

    /// With an expectation of the last step, of this weight and name, that does not hold.
    pub(in crate::report) fn check_of(
        mut self,
        severity: Severity,
        name: Option<&str>,
        message: &str,
    ) -> Self {
        let step = self.0.steps.last_mut().unwrap();
        step.checks.push(CheckResult {
            name: name.map(Into::into),
            severity,
            holds: false,
            message: Some(message.to_owned()),
        });
        self
    }

    /// With another step after the ones it has: like the last one, but for this.
    pub(in crate::report) fn then(mut self, name: &str, change: impl FnOnce(&mut StepResult)) -> Self {
        let mut step = self.0.steps.last().unwrap().clone();
        step.name = name.into();
        step.checks.clear();
        change(&mut step);
        self.0.steps.push(step);
        self.0.status = self.0.steps.iter().map(|step| step.status).min().unwrap();
        self
    }

    /// With this field of the VPS.
    pub(in crate::report) fn field(mut self, name: &str, value: impl Into<Value>) -> Self {
        let mut fields = self.0.vps.fields().into_owned();
        fields.insert(name.to_owned(), value.into());
        self.0.vps = Arc::new(Vps::new(fields));
        self
    }

    /// With this change.
    pub(in crate::report) fn with(mut self, change: impl FnOnce(&mut TargetResult)) -> Self {
        change(&mut self.0);
        self
    }
}

/// The record of a run with these targets.
pub(in crate::report) fn record(targets: Vec<Target>) -> RunRecord {
    let targets: Vec<_> = targets.into_iter().map(|target| Arc::new(target.0)).collect();
    let many = |status: &dyn Fn(&TargetResult) -> bool| {
        targets.iter().filter(|target| status(target)).count() as u64
    };
    let requests = RequestCounts {
        list: 1,
        probe: many(&|target| target.started_at.is_some()),
        start: many(&|target| target.ran != Ran::No || target.reason == Some(Reason::Api)),
        poll: many(&|target| target.steps.iter().any(|step| step.exit_code.is_some())) + 1,
        throttled: 1,
        retried: 0,
    };
    RunRecord {
        run_id: "01JDX7".to_owned(),
        playbook_name: "disk-pressure".to_owned(),
        playbook_path: Some("playbooks/disk-pressure.yaml".to_owned()),
        playbook_sha256: "9f86d081".to_owned(),
        started_at: "2026-03-02T02:00:00Z".parse().unwrap(),
        api_url: "https://cloud.hostup.se".to_owned(),
        exit_code: 1,
        columns: None,
        group_by: None,
        normalize: Normalize::default(),
        secrets: Vec::new(),
        later: Later::default(),
        run: FinishedRun {
            ended: RunTime::from_start(Duration::from_millis(10_214)),
            selected: Vec::new(),
            tally: Tally { listed: 214, selected: targets.len(), ..Tally::default() },
            targets,
            stop: None,
            requests,
            time: TimeSpent {
                limit: Duration::from_millis(8_100),
                network: Duration::from_millis(2_114),
                ..TimeSpent::default()
            },
            duration: Duration::from_millis(10_214),
            batch: None,
            fail_on: Severity::default(),
            knowledge: Knowledge {
                limits: vec![LearnedLimit {
                    bucket: "default".to_owned(),
                    limit: 300,
                    window: Some(Duration::from_secs(5)),
                    renewal: Renewal::AtOnce,
                    learned_from: LearnedFrom::Header,
                }],
                let_through: None,
            },
            run_times: RunTimes::default(),
        },
    }
}
