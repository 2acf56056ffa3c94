package pgserver

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
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

// ErrReadOnly is of a server that takes no writes.
var ErrReadOnly = errors.New("the database server is read-only, like a replica: name the primary, or all of them " +
	"with target_session_attrs=read-write in the URL")

// retryAfter is what callers are told to wait for: the server is tried more often than that.
const retryAfter = 2 * time.Second

// unavailable is ErrUnavailable with its cause.
type unavailable struct{ answer *vending.Error }

func newUnavailable(cause error) *unavailable {
	e := vending.Errorf(vending.UpstreamUnavailable, cause)
	e.RetryAfter, e.Logged = retryAfter, true
	return &unavailable{e}
}

// known is u for those who come later: another try within the same call would be told the same.
func (u *unavailable) known() *unavailable {
	answer := *u.answer
	answer.Final = true
	return &unavailable{&answer}
}

func (u *unavailable) Error() string {
	return ErrUnavailable.Error() + ": " + u.answer.Err.Error()
}

func (u *unavailable) Unwrap() []error { return []error{ErrUnavailable, u.answer} }

// PostgreSQL's error codes (https://www.postgresql.org/docs/current/errcodes-appendix.html).
const (
	NotAvailable = "55P03" // a lock, in time
	NoRight      = "42501"

	connectionClass = "08"  // which PgBouncer uses for whatever it cannot do
	shutdownClass   = "57P" // or starting up
	readOnly        = "25006"
	undefinedParam  = "42704"
	serialization   = "40001"
	deadlock        = "40P01"
	tooMany         = "53300"
	badPassword     = "28P01"
	badRole         = "28000"
	noDatabase      = "3D000"
)

// Code returns the code of an error of the server, or "".
func Code(err error) string {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return ""
	}
	return e.Code
}

// errSlow is the cause of a context that ended because the server did not answer in time.
var errSlow = errors.New("the server does not answer")

// slow is errSlow of a call that began at that time.
type slow struct{ since time.Time }

func (*slow) Error() string { return errSlow.Error() }

func (*slow) Is(target error) bool { return target == errSlow }

// isLost reports whether err says that the server is away, no longer takes writes, or does not
// answer; and not that a statement failed, or that the caller left. ctx is that of the call.
func isLost(ctx context.Context, err error) bool {
	var connect *pgconn.ConnectError
	var network *net.OpError // not net.Error, which any of the system's errors is
	switch code := Code(err); {
	case err == nil, errors.Is(err, ErrUnavailable):
		return false
	case errors.Is(context.Cause(ctx), errSlow):
		return true
	case ctx.Err() != nil: // the caller's own time, or leave
		return false
	case code != "":
		return strings.HasPrefix(code, connectionClass) || strings.HasPrefix(code, shutdownClass) ||
			code == tooMany || code == readOnly || errors.As(err, &connect)
	default:
		return errors.As(err, &connect) || errors.As(err, &network) || errors.Is(err, pgconn.ErrConnClosed) ||
			errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
	}
}

// IsConflict reports whether the server ended a transaction for the sake of another one, and would
// take it now; or had closed the connection before, and has seen nothing of it.
func IsConflict(err error) bool {
	switch Code(err) {
	case serialization, deadlock:
		return true
	}
	return errors.Is(err, driver.ErrBadConn)
}

// Explain says what to do about a server that cannot be reached at all.
func Explain(err error) error {
	var dns *net.DNSError
	advice := ""
	switch code := Code(err); {
	case code == badPassword, code == badRole:
		advice = "check the role and its password in the URL"
	case code == noDatabase:
		advice = "check the name of the database in the URL, or make it by createdb"
	case code == undefinedParam:
		advice = "check the spelling of the parameters in the URL"
	case code == tooMany:
		advice = "raise max_connections of the server, or lower pool_max_conns in the URL"
	case errors.As(err, &dns):
		advice = "check the host in the URL"
	}
	if advice == "" {
		return err
	}
	return fmt.Errorf("%s: %w", advice, err)
}
