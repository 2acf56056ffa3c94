package main

import (
	"net/http"
	"net/http/httputil"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect"
	localsource "github.com/vendgate/vendgate/connect/local"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/inject"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
)

func BenchmarkFloorEmptyHandler(b *testing.B) {
	newFloor(b).serve(b, http.HandlerFunc(answerEmpty))
}

func BenchmarkFloorTransport(b *testing.B) {
	f := newFloor(b)
	measure(b, func() { _, _ = f.upstream.RoundTrip(f.request) })
}

func BenchmarkFloorEmptyReverseProxy(b *testing.B) {
	f := newFloor(b)
	f.serve(b, &httputil.ReverseProxy{Transport: &f.upstream, BufferPool: newBuffers(),
		Rewrite: func(*httputil.ProxyRequest) {}})
}

func BenchmarkFloorStop(b *testing.B) {
	f := newFloor(b)
	f.status = 0
	f.serve(b, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { stop() }))
}

func BenchmarkFloorParse(b *testing.B) {
	measure(b, func() {
		if _, ours, err := policy.ParseTarget(http.MethodGet, floorTarget, "/proxy"); !ours || err != nil {
			b.Fatal(err)
		}
	})
}

func withoutKey(b *testing.B) *floor {
	f := newFloor(b)
	f.request.Header.Del("Authorization")
	return f
}

func withoutUser(b *testing.B) *floor {
	f := newFloor(b)
	f.request.Header.Del("X-User-Email")
	return f
}

func withoutCapability(b *testing.B) *floor {
	f := newFloor(b)
	f.tenant.Capabilities = []policy.Capability{policy.CapApps}
	return f
}

func BenchmarkFloorAtAuthenticate(b *testing.B) { withoutKey(b).refused(b, false) }

func BenchmarkFloorAtAuthenticateAlone(b *testing.B) { withoutKey(b).refused(b, true) }

func BenchmarkFloorAtIdentify(b *testing.B) { withoutUser(b).refused(b, false) }

func BenchmarkFloorAtIdentifyAlone(b *testing.B) { withoutUser(b).refused(b, true) }

func BenchmarkFloorAtPermit(b *testing.B) { withoutCapability(b).refused(b, false) }

func BenchmarkFloorAtPermitAlone(b *testing.B) { withoutCapability(b).refused(b, true) }

func refusedBySource(b *testing.B) *floor {
	f := newFloor(b)
	f.source = refusing{}
	return f
}

func BenchmarkFloorBySource(b *testing.B) { refusedBySource(b).refused(b, false) }

func BenchmarkFloorBySourceAlone(b *testing.B) { refusedBySource(b).refused(b, true) }

func BenchmarkFloorAtSpend(b *testing.B) {
	f := newFloor(b)
	f.limiter, f.status = stopping{f.limiter}, 0
	f.run(b)
}

func BenchmarkFloorAtVend(b *testing.B) {
	f := newFloor(b)
	f.source, f.status = ending{}, 0
	f.run(b)
}

func BenchmarkFloorAtInject(b *testing.B) {
	f := newFloor(b)
	f.source, f.status = ending{f.source}, 0
	f.run(b)
}

func BenchmarkFloorInject(b *testing.B) {
	app, _ := floorCatalog(b).App(floorApp.Slug)
	placement, err := inject.NewPlacement(app)
	if err != nil {
		b.Fatal(err)
	}
	f := newFloor(b)
	transport := &inject.Transport{Base: &f.upstream}
	credential := vending.NewOAuth(app.Slug, token, "Bearer", time.Time{})
	path, query, _ := strings.Cut(strings.TrimPrefix(floorTarget, "/proxy/c1/bench"), "?")
	measure(b, func() {
		x, err := inject.NewInjection(placement, credential, path, query, true, nil)
		if err != nil {
			b.Fatal(err)
		}
		x.Guard(inject.NewKey(floorKey))
		if _, err := transport.RoundTrip(f.request.WithContext(inject.WithInjection(b.Context(), x))); err != nil {
			b.Fatal(err)
		}
		x.Forget()
	})
}

func BenchmarkFloorServedStatic(b *testing.B) { newFloor(b).run(b) }

func BenchmarkFloorServedLocal(b *testing.B) {
	s, err := store.Open(b.Context(), store.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	grant := connect.NewGrant(connect.GrantValues{AccessToken: token, Expiry: time.Now().Add(24 * time.Hour)})
	id, err := s.ImportConnection(b.Context(), connect.Connection{Tenant: floorTenant, User: user, App: floorApp.Slug,
		AuthType: vending.OAuth}, grant)
	if err != nil {
		b.Fatal(err)
	}
	apps := floorCatalog(b)
	source := localsource.New(localsource.Options{Store: s, Catalog: apps.App})
	defer source.Close()
	f := newFloor(b)
	f.source = source
	f.request.RequestURI = strings.Replace(floorTarget, "/c1/", "/"+id+"/", 1)
	f.run(b)
}
