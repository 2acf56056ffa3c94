package redislimit

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/vendgate/vendgate/policy"
)

//go:embed take.lua
var takeSource string

//go:embed nodes.lua
var nodesSource string

// Scripts are sent by their digest; a server that does not know one yet is sent its text.
var (
	takeScript  = redis.NewScript(takeSource)
	nodesScript = redis.NewScript(nodesSource)
)

// unit is how many parts of take.lua make one unit, and micros how many microseconds a minute has.
const unit = 60_000_000

// request is what take.lua is asked of one bucket.
type request struct {
	name   string
	budget policy.Budget
	// want is how many units a lease should have, and least how many are spent at once.
	want, least int
	// back are unused units of leases that were given at since, in Redis's microseconds, or later.
	back  int
	since int64
	// debit is what this node spent while Redis was away, and seed what it knows to be spent, in
	// parts, for a Redis that has lost the bucket.
	debit int
	seed  int64
	known bool
}

// answer is what take.lua says of one bucket.
type answer struct {
	granted int
	spent   int64         // in parts
	wait    time.Duration // until one unit is left, after what was granted
	known   bool
}

// share divides what is left, where that is less than a tenth, into leases so small that together
// they are a small part of it; below share units, the lease is zero, and only what a request waits
// for is given.
const share = 16

// call runs take.lua for buckets of one tenant. now is the time in Redis's microseconds.
func (l *Limiter) call(ctx context.Context, requests []request) (answers []answer, now int64, err error) {
	keys, args := make([]string, len(requests)), make([]any, 1, 1+9*len(requests))
	args[0] = l.driven()
	for i, r := range requests {
		keys[i] = r.name
		args = append(args, int(r.budget), r.want, r.least, share*l.Nodes(), r.back, r.since, r.debit, r.seed, flag(r.known))
	}
	start := time.Now()
	ctx, cancel := context.WithTimeout(ctx, l.o.Timeout)
	defer cancel()
	numbers, err := takeScript.Run(ctx, l.client, keys, args...).Int64Slice()
	l.o.Observer.Call(time.Since(start))
	if err != nil {
		return nil, 0, err
	}
	if len(numbers) != 1+4*len(requests) {
		return nil, 0, fmt.Errorf("the script answered %d numbers for %d budgets", len(numbers), len(requests))
	}
	answers = make([]answer, len(requests))
	for i, r := range requests {
		n := numbers[1+4*i:]
		answers[i] = answer{int(n[0]), n[1], time.Duration(n[2]) * time.Microsecond, n[3] == 1}
		if !answers[i].fits(r) {
			return nil, 0, fmt.Errorf("the script granted %d units, with more to come in %d µs", n[0], n[2])
		}
	}
	return answers, numbers[0], nil
}

// fits refuses what take.lua never answers, and another in its place might: a grant without bound,
// or neither a unit nor a time to ask again, so that requests would ask without a pause.
func (a answer) fits(r request) bool {
	return a.granted >= 0 && a.granted <= max(r.want, r.least) && a.spent >= 0 &&
		(a.granted >= min(r.least, 1) || a.wait > 0)
}

// flag is a boolean in Redis.
func flag(set bool) int {
	if set {
		return 1
	}
	return 0
}

// driven is the time of a test that drives the clock, or 0 for Redis's own.
func (l *Limiter) driven() int64 {
	if l.clock == nil {
		return 0
	}
	return l.clock().UnixMicro()
}

func (l *Limiter) now() time.Time {
	if l.clock == nil {
		return time.Now()
	}
	return l.clock()
}
