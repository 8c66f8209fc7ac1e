-- Takes series in while there is room. KEYS: sorted set. ARGV: now, time before which they are
-- forgotten, how many there may be, lifetime, series. Returns 1 or 0 for each.
local now, forgotten, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local lifetime = tonumber(ARGV[4])
if not now or not forgotten or not most or not lifetime then
  return redis.error_reply('admit_series: not a number')
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', forgotten)
local count = redis.call('ZCARD', KEYS[1])
local answers = {}
for index = 5, #ARGV do
  local at = redis.call('ZSCORE', KEYS[1], ARGV[index])
  if at or count < most then
    if not at then
      count = count + 1
    end
    redis.call('ZADD', KEYS[1], math.max(now, tonumber(at or '0')), ARGV[index])
    answers[#answers + 1] = 1
  else
    answers[#answers + 1] = 0
  end
end
redis.call('PEXPIRE', KEYS[1], lifetime)
return answers
