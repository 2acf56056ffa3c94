// Package processlog logs for what outlives a configuration, such as the store, which is shared by
// one configuration and the next. It must never hold on to a configuration's own logger: that is
// closed with it.
package processlog

import (
	"context"
	"log/slog"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap/exp/zapslog"
)

// New returns a logger that writes to Caddy's default logger, as the configuration that runs at the
// time of a message has it. The name says who logs.
func New(name string) *slog.Logger { return slog.New(handler{name: name}) }

type handler struct {
	name string
	// with adds attributes and groups to a new handler, oldest first.
	with []func(slog.Handler) slog.Handler
}

// noTrace: errors here are of the surroundings, and a trace would tell nothing of those.
const noTrace slog.Level = 127

func (h handler) now() slog.Handler {
	var to slog.Handler = zapslog.NewHandler(caddy.Log().Core(), zapslog.WithName(h.name),
		zapslog.AddStacktraceAt(noTrace))
	for _, add := range h.with {
		to = add(to)
	}
	return to
}

// Enabled implements slog.Handler.
func (h handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.now().Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (h handler) Handle(ctx context.Context, r slog.Record) error { return h.now().Handle(ctx, r) }

// WithAttrs implements slog.Handler.
func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return h.and(func(to slog.Handler) slog.Handler { return to.WithAttrs(attrs) })
}

// WithGroup implements slog.Handler.
func (h handler) WithGroup(name string) slog.Handler {
	return h.and(func(to slog.Handler) slog.Handler { return to.WithGroup(name) })
}

func (h handler) and(add func(slog.Handler) slog.Handler) slog.Handler {
	h.with = append(h.with[:len(h.with):len(h.with)], add)
	return h
}
