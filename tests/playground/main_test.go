// Package playground does what a newcomer does: it starts the real `vendgate playground`, copies
// what it prints into a shell, and ends it with Ctrl-C. It also holds the documents to what
// the program has.
package playground

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
