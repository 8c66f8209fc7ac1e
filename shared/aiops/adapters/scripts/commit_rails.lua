-- Stores a document if its revision is still the one that was read.
-- KEYS: document (hash). ARGV: expected revision, document (JSON), lifetime (ms).
-- Returns 1 if stored, 0 if the revision differs. Everything is checked before the first write.
local revision, lifetime = tonumber(ARGV[1]), tonumber(ARGV[3])
if #ARGV ~= 3 or not revision or not lifetime or lifetime <= 0 then
  return redis.error_reply('commit_rails: revision and lifetime must be numbers')
end
if tonumber(redis.call('HGET', KEYS[1], 'revision') or '0') ~= revision then
  return 0
end
redis.call('HSET', KEYS[1], 'revision', revision + 1, 'state', ARGV[2])
redis.call('PEXPIRE', KEYS[1], lifetime)
return 1
