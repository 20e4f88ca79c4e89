#!/bin/sh
# Prints the targets of an audit that are not ok: name, status, reason.
#
#   examples/ops/failed-names.sh playbooks/os-inventory.yaml --sandbox 200
#   ROLLCALL=target/release/rollcall examples/ops/failed-names.sh audit.yaml --match name='web-*'
#
# All arguments go to `rollcall run`. The exit code is rollcall's own, so that a timer or a pipeline can act on it;
# messages and progress stay on stderr. Needs jq.
set -eu

report=$(mktemp)
trap 'rm -f "$report"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

code=0
"${ROLLCALL:-rollcall}" run "$@" -o json >"$report" || code=$?

# Nothing was run (a mistake in the playbook or in the selection): the message is on stderr already.
[ -s "$report" ] || exit "$code"

jq -r '.targets[] | select(.status != "ok") | [.name, .status, .reason // .message // "-"] | @tsv' "$report"
exit "$code"
