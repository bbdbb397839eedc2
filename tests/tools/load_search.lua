-- wrk -t2 -c1000 -d60s --timeout 60s -s tests/tools/load_search.lua http://127.0.0.1:8000/search -- FILE_OF_WORDS
-- Two words of the file for every search; one word a line, taken from what the store holds.
local words = {}
init = function(args)
  for word in io.lines(args[1]) do words[#words + 1] = word end
  math.randomseed(7)
end
request = function()
  local query = words[math.random(#words)] .. " " .. words[math.random(#words)]
  return wrk.format("POST", "/search", {["Content-Type"] = "application/json"}, '{"query": "' .. query .. '", "limit": 10}')
end
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format("%d answers, %.0f a second; errors: connect %d read %d write %d status %d timeout %d\n",
    summary.requests, summary.requests / (summary.duration / 1e6), e.connect, e.read, e.write, e.status, e.timeout))
  io.write(string.format("p50 %.1f ms, p99 %.1f ms, longest %.1f ms\n",
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, latency.max / 1000))
end
