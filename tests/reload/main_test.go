package reload

import (
	"testing"

	"github.com/vendgate/vendgate/tests/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }
