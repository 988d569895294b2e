-- SPDX-License-Identifier: MIT
--
-- load.lua -- wrk's script: pipelines as deep as it is told, and reports in one line for bench.py.
--
-- In: wrk ... -s load.lua URL -- DEPTH. Out: "jot-load REQUESTS SECONDS P50_US P99_US ERRORS".

function init(args)
  local depth = tonumber(args[1] or "1")
  if depth == 1 then return end -- without `request` wrk sends a constant, at no cost of Lua
  local one = wrk.format()
  local all = string.rep(one, depth)
  request = function() return all end
end

function done(summary, latency, requests)
  local e = summary.errors
  print(string.format("jot-load %d %.6f %.0f %.0f %d",
    summary.requests, summary.duration / 1e6, latency:percentile(50), latency:percentile(99),
    e.connect + e.read + e.write + e.status + e.timeout))
end
