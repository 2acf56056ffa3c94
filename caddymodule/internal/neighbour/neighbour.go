// Package neighbour warns of a second gateway on the same store and at the same address. The kernel
// lets both listen (SO_REUSEPORT), and gives the calls now to the one and now to the other, which
// may have another configuration. Either alone, a shared store or a shared address, is as it should
// be.
//
// It must never keep a gateway from starting.
package neighbour

import (
	"errors"
	"log/slog"
	"net"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/vendgate/vendgate/internal/presence"
)

// Warn says in dir, the directory of the store, that a gateway of the configuration of ctx works
// there, and logs which others listen where it does. Close the note when the configuration ends.
func Warn(ctx caddy.Context, dir string, log *slog.Logger) *presence.Note {
	self := presence.Self(listeners(ctx))
	note, err := presence.Leave(dir, self) // before looking: of two that start at once, one sees the other
	if err != nil {
		log.Warn("other gateways on this store will not know of this one", "data_dir", dir, "error", err)
	}
	others, err := presence.Others(dir)
	if err != nil {
		log.Warn("not all gateways on this store are known", "data_dir", dir, "error", err)
	}
	for _, other := range others {
		if other.Network != self.Network {
			continue
		}
		if shared := overlap(self.Listeners, other.Listeners); len(shared) > 0 {
			log.Warn("another gateway has the same store and listens at the same address, so that each gets a part of the "+
				"calls; stop one of them, unless that is on purpose",
				"other", other.String(), "pid", other.PID, "started", other.Started, "listeners", shared, "data_dir", dir)
		}
	}
	return note
}

// listeners are the addresses of all servers of the configuration, one a port. Sockets that were
// handed over are not among them: they are this process's own.
func listeners(ctx caddy.Context) (found []string) {
	app, err := ctx.AppIfConfigured("http")
	http, ok := app.(*caddyhttp.App)
	if err != nil || !ok {
		return nil
	}
	for _, server := range http.Servers {
		for _, listen := range server.Listen {
			addr, err := caddy.ParseNetworkAddress(caddy.NewReplacer().ReplaceAll(listen, ""))
			if err != nil || addr.IsFdNetwork() {
				continue
			}
			if addr.IsUnixNetwork() {
				found = append(found, addr.String())
				continue
			}
			for _, one := range addr.Expand() {
				found = append(found, one.String())
			}
		}
	}
	return found
}

// overlap returns those of the addresses that others listen at too.
func overlap(addresses, others []string) (shared []string) {
	for _, a := range addresses {
		for _, b := range others {
			if same(a, b) {
				shared = append(shared, a)
				break
			}
		}
	}
	return shared
}

// same reports whether two addresses, as Caddy writes them, can get the same connection.
func same(a, b string) bool {
	networkA, hostA, portA, errA := caddy.SplitNetworkAddress(a)
	networkB, hostB, portB, errB := caddy.SplitNetworkAddress(b)
	if errors.Join(errA, errB) != nil || portA != portB || family(networkA) != family(networkB) {
		return false
	}
	return hostA == hostB || portA != "" && (isWildcard(hostA) || isWildcard(hostB))
}

// family is the network without its version of IP: that a host has anyway.
func family(network string) string {
	if network == "" {
		return "tcp"
	}
	return strings.TrimRight(network, "46")
}

func isWildcard(host string) bool {
	ip := net.ParseIP(host)
	return host == "" || ip != nil && ip.IsUnspecified()
}
