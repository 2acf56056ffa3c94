// Package providers holds the gateway against what providers really answer. A stand-in answers as
// their documentation and public reports say, one row a behaviour, and each row goes the whole way:
// a link, the end user at the provider, a call through the program that users run. Beside it are
// servers that none of us wrote: git's own over HTTP, and a WordPress.
package providers

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
