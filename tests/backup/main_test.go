// Package backup runs the real program's commands on stores: as several users, on a full disk,
// while gateways run.
package backup

import (
	"os"
	"testing"

	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/tests/services"
)

func TestMain(m *testing.M) {
	code := services.WithShutdown(m).Run()
	harness.RemoveBuilds()
	os.Exit(code)
}
