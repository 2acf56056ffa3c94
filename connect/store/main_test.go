package store

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/vendgate/vendgate/tests/services"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(services.WithShutdown(m))
}
