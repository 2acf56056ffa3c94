package pgserver

import (
	"context"
	"time"
)

// readTimeout bounds a read of one row: proxied requests wait for it.
const readTimeout = 2 * time.Second

// Read reads one row into dest, in one round trip: the statement is prepared once for each
// connection. Without a row it is sql.ErrNoRows. A connection that had been closed meanwhile is no
// reason to refuse a call.
func (v *Server) Read(ctx context.Context, query string, args []any, dest ...any) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := v.Up(); err != nil {
		return err
	}
	for i, a := range args {
		if text, ok := a.(string); ok {
			args[i] = storable(text)
		}
	}
	ctx, cancel := ownTime(ctx, readTimeout)
	defer cancel()
	err := v.pool.QueryRow(ctx, query, args...).Scan(dest...)
	if err != nil && ctx.Err() == nil && isLost(ctx, err) {
		v.pool.Reset()
		err = v.pool.QueryRow(ctx, query, args...).Scan(dest...)
	}
	return v.Observe(ctx, err)
}

// ownTime returns a context that ends after patience, or when ctx has no more time; not when ctx is
// cancelled: a client that hangs up would cost the connection to the server, which is worth more
// than the rest of a short read.
func ownTime(ctx context.Context, patience time.Duration) (context.Context, context.CancelFunc) {
	own := context.WithoutCancel(ctx)
	if at, ok := ctx.Deadline(); ok && time.Until(at) < patience {
		return context.WithDeadline(own, at)
	}
	return WithPatience(own, patience)
}
