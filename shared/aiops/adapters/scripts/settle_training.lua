-- Ends a lease: the request is served and forgotten, or given back until later.
-- KEYS: requests, claims, due. ARGV: series, token, requested at, due (empty: it is served).
-- Returns 1, or 0 where the lease is somebody else's by now.
local call = redis.call
if #ARGV ~= 4 or not tonumber(ARGV[3]) or (ARGV[4] ~= '' and not tonumber(ARGV[4])) then
  return redis.error_reply('settle_training: arguments')
end
local attempts, token = string.match(call('HGET', KEYS[2], ARGV[1]) or '', '^(%d+):(.*)$')
if token ~= ARGV[2] then
  return 0
end
local stored = call('HGET', KEYS[1], ARGV[1])
local asked, due, body = string.match(stored or '', '^(%d+):(%d+):(.*)$')
local newer = stored and tonumber(asked) > tonumber(ARGV[3])
if not stored or (ARGV[4] == '' and not newer) then
  call('HDEL', KEYS[1], ARGV[1])
  call('HDEL', KEYS[2], ARGV[1])
  call('ZREM', KEYS[3], ARGV[1])
  return 1
end
if ARGV[4] == '' then
  call('HDEL', KEYS[2], ARGV[1])
else
  -- What is given back was no attempt.
  call('HSET', KEYS[2], ARGV[1], string.format('%d', tonumber(attempts) - 1) .. ':')
  if not newer then
    due = ARGV[4]
    call('HSET', KEYS[1], ARGV[1], asked .. ':' .. due .. ':' .. body)
  end
end
call('ZADD', KEYS[3], due, ARGV[1])
return 1
