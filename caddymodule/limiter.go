package caddymodule

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/vendgate/vendgate/caddymodule/internal/secretref"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/policy/redislimit"
)

// Limiter says where budgets are counted: in this process, exactly, or in a Redis, so that all
// gateways with the same one share them.
type Limiter struct {
	// Type is `redis`, of version 6.2 or later, or Valkey. Default: each process counts for itself.
	Type string `json:"type,omitempty"`
	// URL is a reference, `{env.NAME}` or `{file./path}`, to the address of Redis, which holds a
	// password: `redis://USER:PASSWORD@HOST:6379/0`, `rediss://…` with TLS,
	// `unix://USER:PASSWORD@/PATH`, `redis+cluster://USER:PASSWORD@HOST:6379?addr=HOST2:6379`, or
	// `redis+sentinel://USER:PASSWORD@HOST:26379/0?master_name=NAME&addr=HOST2:26379`, where
	// `sentinel_username` and `sentinel_password` are Sentinel's own. Required with `redis`. Another
	// address in a reload makes another limiter, whose budgets are those of that Redis.
	URL string `json:"url,omitempty"`
	// OnFailure is what becomes of calls while Redis is away. `local` gives each gateway its part of
	// every budget, which is the budget divided by the gateways last seen, from the last known level
	// on: under uneven load it refuses calls that the shared budget would have let pass. `closed`
	// refuses calls that draw on a budget, with 429 and `Retry-After`. `open` bounds nothing. Default:
	// `local`.
	OnFailure string `json:"on_failure,omitempty"`
}

// redisLimiter is the type of the one limiter that has options.
const redisLimiter = "redis"

// parse reads `limiter redis { … }`.
func (l *Limiter) parse(d *caddyfile.Dispenser) error {
	if err := named(d, &l.Type, "redis { … }"); err != nil {
		return err
	}
	if err := parseBlock(d, options{"url": secret(&l.URL), "on_failure": text(&l.OnFailure)}); err != nil {
		return err
	}
	return located(d, l.check())
}

// check finds what is wrong without reading a secret.
func (l *Limiter) check() error {
	ways := []string{string(redislimit.Local), string(redislimit.Closed), string(redislimit.Open)}
	switch {
	case l.Type == "" && (l.URL != "" || l.OnFailure != ""):
		return errors.New("limiter has no type: write redis")
	case l.Type == "":
		return nil
	case l.Type != redisLimiter:
		return fmt.Errorf("limiter %q: write redis, or leave the limiter out to count budgets in this process", l.Type)
	case l.URL == "":
		return errors.New("limiter redis: url is missing: write url {env.REDIS_URL}")
	case l.OnFailure != "" && !slices.Contains(ways, l.OnFailure):
		return fmt.Errorf("limiter redis: on_failure %q: write local, closed or open", l.OnFailure)
	}
	return nil
}

// limiters holds the limiter by what it counts in, and usages what this process counts whatever the
// limiter is, so that both outlive reloads.
var limiters, usages = caddy.NewUsagePool(), caddy.NewUsagePool()

type pooledLimiter struct{ policy.Limiter }

func (l pooledLimiter) Destruct() error {
	if redis, ok := l.Limiter.(*redislimit.Limiter); ok {
		return redis.Close()
	}
	return nil
}

type pooledUsages struct{ *policy.Usages }

func (pooledUsages) Destruct() error { return nil }

// openLimiter connects to nothing: a configuration that is only validated must not.
func (g *assembly) openLimiter(l *Limiter) error {
	shared, _, err := usages.LoadOrNew("usages", func() (caddy.Destructor, error) {
		return pooledUsages{policy.NewUsages()}, nil
	})
	if err != nil {
		return err
	}
	g.onClose(func() error { _, err := usages.Delete("usages"); return err })
	used := shared.(pooledUsages).Usages
	key, open := "memory", func() (caddy.Destructor, error) { return pooledLimiter{policy.NewMemory(used)}, nil }
	if l.Type == redisLimiter {
		url, err := secretref.Resolve(l.URL)
		if err != nil {
			return fmt.Errorf("limiter redis: url: %w", err)
		}
		address := strings.TrimSpace(url.Reveal())
		key = fmt.Sprintf("redis %x", sha256.Sum256([]byte(address)))
		open = func() (caddy.Destructor, error) {
			made, err := redislimit.New(redislimit.Options{URL: address, Usages: used, Observer: g.metrics.LimiterObserver()})
			return pooledLimiter{made}, err
		}
		if err := g.metrics.ObserveLimiter(); err != nil {
			return err
		}
	}
	limiter, _, err := limiters.LoadOrNew(key, open)
	if err != nil {
		return fmt.Errorf("limiter redis: %w", err)
	}
	g.limiter = limiter.(pooledLimiter).Limiter
	g.onClose(func() error { return g.closeLimiter(key) })
	return nil
}

// releaseTimeout bounds how long a reload waits for Redis to take back what is unused.
const releaseTimeout = time.Second

// closeLimiter lets go of the limiter. If another configuration goes on with it, what was leased
// under the budgets of this one goes back.
func (g *assembly) closeLimiter(key string) error {
	deleted, err := limiters.Delete(key)
	if redis, ok := g.limiter.(*redislimit.Limiter); ok && !deleted {
		ctx, cancel := context.WithTimeout(context.Background(), releaseTimeout)
		defer cancel()
		redis.Release(ctx)
	}
	return err
}

// startLimiter connects to Redis, if there is one, and lets the limiter log as this configuration
// does.
func (g *assembly) startLimiter(ctx context.Context, l *Limiter) error {
	redis, ok := g.limiter.(*redislimit.Limiter)
	if !ok {
		return nil
	}
	redis.Use(redislimit.OnFailure(cmp.Or(l.OnFailure, string(redislimit.Local))), g.log)
	if err := redis.Start(ctx); err != nil {
		return fmt.Errorf("limiter redis: %w", err)
	}
	return nil
}

// limiterReason is why budgets are not shared at the moment; empty if they are. shares is false
// where each process counts for itself.
func (g *assembly) limiterReason() (reason string, shares bool) {
	redis, ok := g.limiter.(*redislimit.Limiter)
	if !ok {
		return "", false
	}
	return redis.Degraded(), true
}
