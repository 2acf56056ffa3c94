-- Announces the node ARGV[1], or takes it out where ARGV[2] is 0, and returns how many nodes were
-- announced within the last ARGV[3] seconds, by this server's clock. It writes, so that a read-only
-- replica does not pass for a Redis that budgets can be counted on.
local now = tonumber(redis.call('TIME')[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[3]))
if ARGV[2] == '0' then
	redis.call('ZREM', KEYS[1], ARGV[1])
else
	redis.call('ZADD', KEYS[1], now, ARGV[1])
end
redis.call('EXPIRE', KEYS[1], tonumber(ARGV[3]) * 10)
return redis.call('ZCARD', KEYS[1])
