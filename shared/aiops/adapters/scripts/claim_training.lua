-- Leases requests that are due: nobody else is given them until the lease ends.
-- KEYS: requests, claims, due. ARGV: now, end of the lease, limit, token, lifetime (ms).
-- Returns request and how often it was claimed before, by turns.
local call = redis.call
local now, lease, limit = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
if #ARGV ~= 5 or not now or not lease or not limit or ARGV[4] == '' or (tonumber(ARGV[5]) or 0) <= 0 then
  return redis.error_reply('claim_training: arguments')
end
local found = {}
for _, series in ipairs(call('ZRANGEBYSCORE', KEYS[3], '-inf', ARGV[1], 'LIMIT', '0', ARGV[3])) do
  local stored = call('HGET', KEYS[1], series)
  if stored then
    local before = string.match(call('HGET', KEYS[2], series) or '', '^(%d+):') or '0'
    local attempts = string.format('%d', tonumber(before) + 1)
    call('HSET', KEYS[2], series, attempts .. ':' .. ARGV[4])
    call('ZADD', KEYS[3], ARGV[2], series)
    found[#found + 1] = string.match(stored, '^%d+:%d+:(.*)$')
    found[#found + 1] = tonumber(before)
  else
    call('ZREM', KEYS[3], series)
  end
end
for _, key in ipairs(KEYS) do
  call('PEXPIRE', key, ARGV[5])
end
return found
