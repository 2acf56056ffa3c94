package cluster

import (
	"context"
	"fmt"
	"strings"
	"testing"

	// toxiproxy breaks connections on purpose: it is what the field tests its clients with.
	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"

	"github.com/vendgate/vendgate/tests/harness"
)

// proxy stands between a node and a service.
type proxy struct {
	// addr is what the node dials.
	addr string

	t     testing.TB
	proxy *toxiproxy.Proxy
}

// newProxy starts a proxy before an address.
func newProxy(t testing.TB, upstream string) *proxy {
	t.Helper()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	p := &proxy{t: t, proxy: toxiproxy.NewProxy(server, t.Name(), harness.FreeAddr(t), upstream)}
	if err := p.proxy.Start(); err != nil {
		t.Fatal(err)
	}
	p.addr = p.proxy.Listen
	t.Cleanup(func() {
		p.heal()
		p.proxy.Stop()
	})
	return p
}

// cut closes all connections and refuses new ones, as a service whose process is gone.
func (p *proxy) cut() { p.proxy.Stop() }

// restore lets connections through again after a cut.
func (p *proxy) restore() {
	p.t.Helper()
	if err := p.proxy.Start(); err != nil {
		p.t.Fatal(err)
	}
}

// hang takes what is sent and lets nothing come back, as a machine that does not answer.
// Connections stay open.
func (p *proxy) hang() { p.toxic("hang", "timeout", `{"timeout":0}`) }

// slow holds back each answer by so many milliseconds.
func (p *proxy) slow(milliseconds int) {
	p.toxic("slow", "latency", fmt.Sprintf(`{"latency":%d}`, milliseconds))
}

// reset resets each connection (RST) at its first answer.
func (p *proxy) reset() { p.toxic("reset", "reset_peer", `{"timeout":0}`) }

// heal ends hang, slow and reset. Connections that hung are closed.
func (p *proxy) heal() { p.proxy.Toxics.ResetToxics(context.Background()) }

// toward has new connections go to another address, as after a failover, and closes the others.
func (p *proxy) toward(addr string) {
	p.t.Helper()
	p.proxy.Stop()
	p.proxy.Upstream = addr
	p.restore()
}

func (p *proxy) toxic(name, kind, attributes string) {
	p.t.Helper()
	_, err := p.proxy.Toxics.AddToxicJson(strings.NewReader(fmt.Sprintf(
		`{"name":%q,"type":%q,"stream":"downstream","attributes":%s}`, name, kind, attributes)))
	if err != nil {
		p.t.Fatal(err)
	}
}
