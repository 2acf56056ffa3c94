package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/vendgate/vendgate/vending"
)

// ErrUnavailable says that the database server cannot be reached, or does not answer. While that is
// known, calls return it at once. It wraps a *vending.Error with `upstream_unavailable`.
var ErrUnavailable = errors.New("the database server is unavailable")

// retryAfter is what callers are told to wait for: the server is tried more often than that.
const retryAfter = 2 * time.Second

// unavailable is ErrUnavailable with its cause.
type unavailable struct{ answer *vending.Error }

func newUnavailable(cause error) *unavailable {
	e := vending.Errorf(vending.UpstreamUnavailable, cause)
	e.RetryAfter = retryAfter
	return &unavailable{e}
}

func (u *unavailable) Error() string {
	return ErrUnavailable.Error() + ": " + u.answer.Err.Error()
}

func (u *unavailable) Unwrap() []error { return []error{ErrUnavailable, u.answer} }

// PostgreSQL's error codes (https://www.postgresql.org/docs/current/errcodes-appendix.html).
const (
	pgReadOnly         = "25006"
	pgUndefinedParam   = "42704"
	pgNoStatement      = "26000"
	pgStatementExists  = "42P05"
	pgSerialization    = "40001"
	pgDeadlock         = "40P01"
	pgTooMany          = "53300"
	pgLockNotAvailable = "55P03"
	pgNoRight          = "42501"
	pgNoTable          = "42P01"
	pgNoColumn         = "42703"
	pgBadPassword      = "28P01" //nolint:gosec // no password, but a code
	pgBadRole          = "28000"
	pgNoDatabase       = "3D000"
)

// Classes of them.
const (
	pgConnectionClass = "08" // which PgBouncer uses for whatever it cannot do
	pgShutdownClass   = "57P"
)

// pgCode returns the code of an error of the server, or "".
func pgCode(err error) string {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return ""
	}
	return e.Code
}

// errSlow is the cause of a context that ended because the server did not answer in time.
var errSlow = errors.New("the server does not answer")

// isLost reports whether err says that the server is away, no longer takes writes, or does not
// answer; and not that a statement failed, or that the caller left. ctx is that of the call.
func isLost(ctx context.Context, err error) bool {
	var connect *pgconn.ConnectError
	var network net.Error
	switch code := pgCode(err); {
	case err == nil, errors.Is(err, ErrUnavailable):
		return false
	case errors.Is(context.Cause(ctx), errSlow):
		return true
	case ctx.Err() != nil: // the caller's own time, or leave
		return false
	case code != "":
		return strings.HasPrefix(code, pgConnectionClass) || strings.HasPrefix(code, pgShutdownClass) ||
			code == pgTooMany || code == pgReadOnly || errors.As(err, &connect)
	default:
		return errors.As(err, &connect) || errors.As(err, &network) || errors.Is(err, pgconn.ErrConnClosed) ||
			errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
	}
}

// isConflict reports whether the server ended a transaction for the sake of another one, and would
// take it now; or had closed the connection before, and has seen nothing of it.
func isConflict(err error) bool {
	switch pgCode(err) {
	case pgSerialization, pgDeadlock:
		return true
	}
	return errors.Is(err, driver.ErrBadConn)
}

// refusal is an error of its own text that is another's too.
type refusal struct {
	text string
	is   error
}

func (r *refusal) Error() string { return r.text }

func (r *refusal) Unwrap() error { return r.is }
