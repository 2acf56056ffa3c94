package telemetry

import (
	"testing"

	"go.uber.org/zap/zapcore"

	"github.com/vendgate/vendgate/policy"
)

// TestShownConnection: a key that a caller wrote in the place of a connection is in no log.
func TestShownConnection(t *testing.T) {
	const digits = "Ds6mSXOx7wtwXtgkslm5CNl6XvUWUFS8Fj6Is1vWfIP"
	for named, shown := range map[string]string{
		"conn_5bv7ucvypoSU4epmJ97Gv6":            "conn_5bv7ucvypoSU4epmJ97Gv6",
		policy.KeyPrefix + digits:                redacted,
		"x-" + policy.CallerKeyPrefix + digits:   redacted,
		"%70k_live_" + digits + " (wrong place)": redacted,
	} {
		e := &loggedEvent{Connection: named}
		enc := zapcore.NewMapObjectEncoder()
		if err := e.MarshalLogObject(enc); err != nil {
			t.Fatal(err)
		}
		placed, _ := e.placeholder("vendgate.connection")
		if enc.Fields["connection"] != shown || placed != shown {
			t.Errorf("%s: %v and %v", named, enc.Fields["connection"], placed)
		}
	}
}
