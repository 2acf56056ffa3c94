// Package outage loses the database server under gateways, and brings it back, with the real thing.
package outage

import (
	"testing"

	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/tests/services"
)

func TestMain(m *testing.M) {
	harness.Main(services.WithShutdown(closing{m}))
}

// closing removes what was built when the tests have ended.
type closing struct{ m *testing.M }

func (c closing) Run() int {
	defer harness.RemoveBuilds()
	return c.m.Run()
}

// must returns what a call returned, and ends the test if that failed.
func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
