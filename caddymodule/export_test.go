package caddymodule

import (
	"net/http"

	"github.com/caddyserver/caddy/v2"
)

// Pools are what outlives a configuration, by name.
func Pools() map[string]*caddy.UsagePool {
	return map[string]*caddy.UsagePool{
		"stores": stores, "transports": transports, "limiters": limiters, "collectors": collectors,
	}
}

// Over is TenantPolicy.over.
func (p TenantPolicy) Over(defaults TenantPolicy) TenantPolicy { return p.over(defaults) }

// Open opens the pooled transport, as an app of the gateway does.
func (u *Upstream) Open(allow []string) (any, string, error) { return u.open(allow) }

// Plain is the http.Transport of a pooled one.
func Plain(rt any) *http.Transport { return rt.(transport).Transport }
