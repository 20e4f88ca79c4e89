//! The API's open questions as knobs: where HostUp's documents leave a shape open, both answers can be served.
//!
//! Each default is the documented or likeliest behaviour. Only the shapes are here; `wire` writes them.

use super::choice::choices;

choices! {
    /// Whether probe, start and poll answer with a bare object or with v1's `{"success":true,"data":{…}}`.
    pub enum Bodies {
        /// As v2 documents.
        #[default]
        Bare = "bare",
        /// As v1 did.
        Wrapped = "wrapped",
    }

    /// What the exit code of a finished command is called.
    pub enum ExitCodeName {
        /// HostUp's post-exec page.
        #[default]
        Camel = "exitCode",
        /// v1 and Proxmox.
        Lower = "exitcode",
        /// Nobody yet.
        Snake = "exit_code",
    }

    /// How the poll reply writes its booleans.
    pub enum Booleans {
        /// `true`.
        #[default]
        Json = "bool",
        /// `1`, as Proxmox does.
        Number = "int",
        /// `"true"`.
        Text = "text",
    }

    /// What `pollUrl` of a start's answer is.
    pub enum PollUrl {
        /// A path, as documented.
        #[default]
        Relative = "relative",
        /// The same with this server's scheme, host and port.
        Absolute = "absolute",
        /// The same on another origin, which must never be asked.
        Foreign = "foreign",
        /// Not there.
        Absent = "absent",
    }

    /// How a start's answer gives the pid.
    pub enum PidShape {
        /// As a number, as documented.
        #[default]
        Number = "number",
        /// As a numeric string.
        Text = "text",
        /// Not at all (it is still in `pollUrl`, unless that is absent too).
        Absent = "absent",
    }

    /// What a stream without output is in a poll reply.
    pub enum EmptyStream {
        /// `""`.
        #[default]
        Text = "text",
        /// `null`.
        Null = "null",
        /// Not there, as qemu-ga does it.
        Absent = "absent",
    }

    /// What a poll gets for a pid that the guest agent does not know, or no longer.
    pub enum GonePid {
        /// 500, as Proxmox answers.
        #[default]
        InternalError = "500",
        /// 404.
        NotFound = "404",
        /// 400.
        BadRequest = "400",
        /// 410.
        Gone = "410",
        /// A finished command's reply is kept and given again (unknown pids get 500).
        Cached = "cached",
    }

    /// Which flags tell of cut streams.
    pub enum Truncation {
        /// `stdoutTruncated` and `stderrTruncated` beside every stream that has data, and right (qemu-ga since 2025-08).
        #[default]
        Honest = "new",
        /// Present only when cut, and then `false` (qemu-ga before that).
        Lying = "old",
        /// None.
        Absent = "none",
    }

    /// How output bytes become JSON text.
    pub enum Encoding {
        /// UTF-8, invalid bytes as U+FFFD.
        #[default]
        Utf8 = "utf8",
        /// Each byte taken for a character, as Proxmox leaves it.
        Latin1 = "latin1",
    }

    /// What the last page of a listing says of the next.
    pub enum LastCursor {
        /// `"nextCursor": null`.
        #[default]
        Null = "null",
        /// No `nextCursor`.
        Absent = "absent",
        /// `"nextCursor": ""`.
        Empty = "empty",
    }

    /// What a listing does with a `limit` above 100.
    pub enum OverLimit {
        /// 400 `invalid_request`.
        #[default]
        Reject = "reject",
        /// Takes 100.
        Clamp = "clamp",
    }

    /// What a start or poll gets when the VPS is stopped or its agent is dead.
    pub enum NoAgent {
        /// 500 `internal_error`, as Proxmox answers.
        #[default]
        InternalError = "500",
        /// 409 `vps_not_ready`.
        NotReady = "409",
    }

    /// How errors are written.
    pub enum Errors {
        /// RFC 7807 objects as `application/problem+json`.
        #[default]
        Problem = "problem",
        /// The same as `application/json`.
        Json = "json",
        /// v1's `{error,message,code}`.
        Legacy = "legacy",
    }

    /// What a refused command's error is coded.
    pub enum BlockCode {
        /// A documented code.
        #[default]
        InvalidRequest = "invalid_request",
        /// One that no client has heard of.
        CommandBlocked = "command_blocked",
    }

    /// What the key may do.
    pub enum Scopes {
        /// `read:vm` and `write:vm`.
        #[default]
        Both = "read+write",
        /// `read:vm` alone: list and probe.
        Read = "read",
        /// `write:vm` alone: start and poll.
        Write = "write",
        /// `write:vm` alone, where it implies `read:vm`.
        WriteImpliesRead = "write-implies-read",
        /// Neither.
        None = "none",
    }
}

/// Every knob of the API's shape.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is named after its type, which says it")]
pub struct Shape {
    pub bodies: Bodies,
    pub exit_code_name: ExitCodeName,
    pub booleans: Booleans,
    pub poll_url: PollUrl,
    pub pid: PidShape,
    pub empty_stream: EmptyStream,
    pub gone_pid: GonePid,
    pub truncation: Truncation,
    pub encoding: Encoding,
    pub last_cursor: LastCursor,
    pub over_limit: OverLimit,
    pub no_agent: NoAgent,
    pub errors: Errors,
    pub block_code: BlockCode,
    pub scopes: Scopes,
}
