package caddymodule

import (
	"context"

	"go.opentelemetry.io/otel/trace"
)

// startSpan begins a span if Caddy's `tracing` records this request, and nothing otherwise. Spans
// carry no attributes: the access log has the facts.
func startSpan(ctx context.Context, name string) (context.Context, func()) {
	parent := trace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return ctx, func() {}
	}
	ctx, span := parent.TracerProvider().Tracer("github.com/vendgate/vendgate").Start(ctx, name)
	return ctx, func() { span.End() }
}
