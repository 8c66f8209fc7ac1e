-- Keeps the last word on an anomaly, unless a later one is known.
-- KEYS: verdicts (hash). ARGV: anomaly, verdict with the time it was given in its first 15 digits,
-- lifetime (ms), how many are kept: beyond that the one given first goes.
local call = redis.call
local lifetime, most = tonumber(ARGV[3]), tonumber(ARGV[4])
local given = #ARGV == 4 and tonumber(string.sub(ARGV[2], 1, 15))
if not given or not lifetime or lifetime <= 0 or not most then
  return redis.error_reply('add_verdict: arguments')
end
local known = call('HGET', KEYS[1], ARGV[1])
if known and tonumber(string.sub(known, 1, 15)) >= given then
  return 0
end
call('HSET', KEYS[1], ARGV[1], ARGV[2])
call('PEXPIRE', KEYS[1], ARGV[3])
local excess = call('HLEN', KEYS[1]) - most
if excess > 0 then
  local all, first = call('HGETALL', KEYS[1]), {}
  for at = 1, #all, 2 do
    first[#first + 1] = { tonumber(string.sub(all[at + 1], 1, 15)), all[at] }
  end
  table.sort(first, function(one, other)
    return one[1] < other[1] or (one[1] == other[1] and one[2] < other[2])
  end)
  for at = 1, excess do
    call('HDEL', KEYS[1], first[at][2])
  end
end
return 1
