-- What wrk sends, one line of the file $REQUESTS after the other, and what it tells at the end.
-- A line is a method, a path and, where there is one, a JSON body, with tabs between. Before each
-- request a client pauses, $PAUSE_MS on average: any time up to twice as long.

local requests, at = {}, 0
local pause_ms = tonumber(os.getenv("PAUSE_MS"))

function init()
  for line in io.lines(os.getenv("REQUESTS")) do
    local method, path, body = line:match("^([^\t]*)\t([^\t]*)\t?(.*)$")
    local headers = {["Host"] = wrk.headers["Host"], ["Content-Type"] = "application/json"}
    requests[#requests + 1] = wrk.format(method, path, headers, body ~= "" and body or nil)
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

if pause_ms > 0 then
  function delay()
    return math.random(0, 2 * pause_ms)
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "seconds": %.6f, "status": %d, "broken": %d, "timeout": %d, ' ..
    '"p50_ms": %.3f, "p90_ms": %.3f, "p99_ms": %.3f}\n',
    summary.requests, summary.duration / 1e6, errors.status,
    errors.connect + errors.read + errors.write, errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(90) / 1e3, latency:percentile(99) / 1e3))
end
