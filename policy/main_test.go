package policy

import (
	"errors"
	"testing"

	"go.uber.org/goleak"

	"github.com/vendgate/vendgate/vending"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// code returns the code of a refusal by the gateway; empty for no error.
func code(t *testing.T, err error) vending.Code {
	t.Helper()
	if err == nil {
		return ""
	}
	var e *vending.Error
	if !errors.As(err, &e) || e.Origin != vending.FromGateway {
		t.Fatalf("%T %v is no refusal of the gateway", err, err)
	}
	return e.Code
}
