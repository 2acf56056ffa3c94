package pgserver

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// TestProbePause: a server that starts, or that a pooler cannot reach, is back within moments.
func TestProbePause(t *testing.T) {
	code := func(code string) error { return fmt.Errorf("connecting: %w", &pgconn.PgError{Code: code}) }
	for _, c := range []struct {
		err  error
		want time.Duration
	}{
		{errors.New("connection refused"), probeEvery},
		{context.DeadlineExceeded, probeEvery},
		{code("57P03"), probeEvery},
		{code("08P01"), probeEvery}, // server_login_retry of PgBouncer
		{code(badPassword), probeRefused},
		{code(noDatabase), probeRefused},
		{ErrReadOnly, probeEvery},
	} {
		if got := probePause(c.err); got != c.want {
			t.Errorf("%v: %s, want %s", c.err, got, c.want)
		}
	}
}
