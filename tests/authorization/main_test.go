// Package authorization runs whole gateways over a real authorization server: refreshes, rotation,
// revocation, crashes, chains of gateways, and the count of vends.
package authorization

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/vendgate/vendgate/tests/harness"
)

func TestMain(m *testing.M) {
	cleanup := goleak.Cleanup(func(code int) {
		harness.RemoveBuilds()
		os.Exit(code)
	})
	goleak.VerifyTestMain(m, append(harness.LeakOptions(), cleanup)...)
}
