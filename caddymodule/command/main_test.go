package command_test

import (
	"testing"

	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/tests/services"
)

func TestMain(m *testing.M) { harness.Main(services.WithShutdown(m)) }
