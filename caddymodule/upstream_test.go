package caddymodule_test

import (
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/vendgate/vendgate/caddymodule"
)

func TestTransportPool(t *testing.T) {
	pool := caddymodule.Pools()["transports"]
	base := caddymodule.Upstream{IdleConnections: 7}
	other := caddymodule.Upstream{IdleConnections: 7, IdleTimeout: caddy.Duration(time.Second)}
	open := func(u caddymodule.Upstream, allow ...string) (any, string) {
		t.Helper()
		rt, key, err := u.Open(allow)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if _, err := pool.Delete(key); err != nil {
				t.Error(err)
			}
		})
		return rt, key
	}
	first, key := open(base, "10.0.0.0/8", "127.0.0.0/8")
	for name, tt := range map[string]struct {
		upstream caddymodule.Upstream
		allow    []string
		shared   bool
	}{
		"the same":         {base, []string{"10.0.0.0/8", "127.0.0.0/8"}, true},
		"another order":    {base, []string{"127.0.0.0/8", "10.0.0.0/8"}, true},
		"one twice":        {base, []string{"127.0.0.0/8", "10.0.0.0/8", "10.0.0.0/8"}, true},
		"fewer":            {base, []string{"10.0.0.0/8"}, false},
		"none":             {base, nil, false},
		"more":             {base, []string{"10.0.0.0/8", "127.0.0.0/8", "fd00::/8"}, false},
		"another duration": {other, []string{"10.0.0.0/8", "127.0.0.0/8"}, false},
		"another bound":    {caddymodule.Upstream{IdleConnections: 8}, []string{"10.0.0.0/8", "127.0.0.0/8"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			before, _ := pool.References(key)
			rt, k, err := tt.upstream.Open(tt.allow)
			if err != nil {
				t.Fatal(err)
			}
			if (rt == first) != tt.shared {
				t.Errorf("shared: %t", rt == first)
			}
			if n, _ := pool.References(key); tt.shared && n != before+1 || !tt.shared && n != before {
				t.Errorf("references went from %d to %d", before, n)
			}
			if last, err := pool.Delete(k); err != nil || last == tt.shared {
				t.Errorf("given back: the last one %t, %v", last, err)
			}
		})
	}
	if _, _, err := base.Open([]string{"10.0.0.0"}); err == nil || !strings.Contains(err.Error(), `allow_private "10.0.0.0": write a CIDR`) {
		t.Errorf("an address without a length: %v", err)
	}
}
