-- Takes units of the buckets KEYS, which are one tenant's, and gives unused ones back.
--
-- A bucket counts what was spent, as policy.Bucket does, in parts of which UNIT make one unit: a
-- budget of N units a minute gives N parts back each microsecond, so that all of it is in integers.
-- ARGV[1] is the time in microseconds, or 0 for this server's own, which is what gateways send:
-- their clocks differ. Nine arguments for each key follow.
local UNIT = 60000000
local now = tonumber(ARGV[1])
if now == 0 then
	local time = redis.call('TIME')
	now = time[1] * 1000000 + time[2]
end

-- restore returns what is still spent of a stored bucket, by the rates it was stored with. What was
-- spent above the budget comes back at the rate of peak, the largest budget that it was spent of.
local function restore(b)
	local passed = math.max(0, now - b.latest)
	b.latest = math.max(now, b.latest)
	local above = b.spent - b.budget * UNIT
	if above > 0 then
		local needs = math.ceil(above / b.peak)
		if passed <= needs then
			b.spent = math.max(b.budget * UNIT, b.spent - b.peak * passed)
			return
		end
		b.spent, passed = b.budget * UNIT, passed - needs
	end
	b.spent = b.spent - b.budget * passed
	if b.spent <= 0 then
		b.spent, b.full = 0, now
	end
end

-- adjust changes the budget and keeps what was spent.
local function adjust(b, budget)
	if b.budget == budget then
		return
	end
	if b.spent <= b.budget * UNIT then
		b.peak = b.budget
	end
	b.budget, b.peak = budget, math.max(b.peak, budget)
end

-- ends is how many microseconds pass until no more than rest is spent.
local function ends(b, rest)
	if b.spent <= rest then
		return 0
	end
	local above = math.max(0, b.spent - b.budget * UNIT)
	return math.ceil(above / b.peak) + math.ceil((b.spent - above - rest) / b.budget)
end

local answer = { now }
for i, key in ipairs(KEYS) do
	local a = {}
	for j = 1, 9 do
		a[j] = tonumber(ARGV[(i - 1) * 9 + 1 + j])
	end
	local budget, want, least, share = a[1], a[2], a[3], a[4]
	local back, since, debit, seed, known = a[5], a[6], a[7], a[8], a[9]

	local b = { spent = seed, latest = now, budget = budget, peak = budget, full = 0, known = 0 }
	local stored = redis.call('GET', key)
	if stored then
		local spent, latest, was, peak, full, k = string.match(stored, '^(%d+) (%d+) (%d+) (%d+) (%d+) (%d)$')
		b.spent, b.latest, b.budget = tonumber(spent), tonumber(latest), tonumber(was)
		b.peak, b.full, b.known = tonumber(peak), tonumber(full), tonumber(k)
		restore(b)
		adjust(b, budget)
		b.spent = b.spent + debit * UNIT
		if b.full <= since then -- else they have come back by themselves: the bucket was full in between
			b.spent = math.max(0, b.spent - back * UNIT)
		end
	end
	b.known = math.max(b.known, known)

	local left = math.max(0, math.floor((budget * UNIT - b.spent) / UNIT))
	local n = math.min(want, math.floor(budget / 20))
	if left * 10 < budget then
		n = math.min(want, math.floor(left / share))
	end
	n = math.min(math.max(n, least), left)
	b.spent = b.spent + n * UNIT

	if b.spent > 0 then
		redis.call('SET', key, string.format('%.0f %.0f %.0f %.0f %.0f %.0f', b.spent, b.latest, b.budget, b.peak,
			b.full, b.known), 'PX', string.format('%.0f', math.ceil(ends(b, 0) / 1000) + 1))
	elseif stored then
		redis.call('DEL', key)
	end
	answer[#answer + 1] = n
	answer[#answer + 1] = b.spent
	answer[#answer + 1] = ends(b, (budget - 1) * UNIT)
	answer[#answer + 1] = b.known
end
return answer
