-- Keeps one request per series: the later one, due at the earlier of two times.
-- KEYS: requests, claims, due. ARGV: series, requested at, due, request, lifetime (ms), most.
-- Returns 1, or 0 where there are too many already.
local call = redis.call
local asked, due = tonumber(ARGV[2]), tonumber(ARGV[3])
if #ARGV ~= 6 or not asked or not due or (tonumber(ARGV[5]) or 0) <= 0 or not tonumber(ARGV[6]) then
  return redis.error_reply('add_training: arguments')
end
local stored = call('HGET', KEYS[1], ARGV[1])
if not stored and call('HLEN', KEYS[1]) >= tonumber(ARGV[6]) then
  return 0
end
local kept, when = ARGV[2] .. ':', ARGV[3]
local body = ARGV[4]
if stored then
  local its_asked, its_due, its_body = string.match(stored, '^(%d+):(%d+):(.*)$')
  if tonumber(its_asked) >= asked then
    kept, body = its_asked .. ':', its_body
  end
  if tonumber(its_due) < due then
    when = its_due
  end
end
call('HSET', KEYS[1], ARGV[1], kept .. when .. ':' .. body)
-- Who works on it has it until the lease ends, whatever is asked meanwhile.
if not string.match(call('HGET', KEYS[2], ARGV[1]) or '', '^%d+:.') then
  call('ZADD', KEYS[3], when, ARGV[1])
end
for _, key in ipairs(KEYS) do
  call('PEXPIRE', key, ARGV[5])
end
return 1
