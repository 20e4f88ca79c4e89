-- For wrk: a run's requests, for each target in turn a probe, a start and a poll. The file named after `--` has a line
-- for each target: its id, and the process that was started there.

local requests = {}
local number = 0

local function add(id, pid)
    local path = "/api/v2/vps/" .. id .. "/agent/exec"
    local headers = { ["Authorization"] = wrk.headers["Authorization"], ["Content-Type"] = "application/json" }
    requests[#requests + 1] = wrk.format("GET", path)
    requests[#requests + 1] = wrk.format("POST", path, headers, '{"command":"true"}')
    requests[#requests + 1] = wrk.format("GET", path .. "?pid=" .. pid)
end

function init(arguments)
    wrk.headers["Authorization"] = "Bearer sandbox"
    for line in io.lines(arguments[1]) do
        add(line:match("(%S+) (%S+)"))
    end
end

function request()
    number = number % #requests + 1
    return requests[number]
end

function done(summary)
    local errors = summary.errors
    local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
    print(string.format("measured %d %d %d", summary.requests, summary.duration, failed))
end
