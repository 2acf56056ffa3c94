// Package hostile attacks a running gateway. What a case claims is read from the bytes that the
// upstream got, or did not get, and from the bytes that came back; never from the gateway's own
// idea of them.
package hostile

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
