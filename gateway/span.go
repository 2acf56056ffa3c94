package gateway

import (
	"context"

	"go.opentelemetry.io/otel/trace"
)

// startSpan begins a span if the request has one that is recorded, and nothing otherwise. Spans
// carry no attributes: the [Event] says the rest.
func startSpan(ctx context.Context, name string) (context.Context, func()) {
	parent := trace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return ctx, func() {}
	}
	ctx, span := parent.TracerProvider().Tracer("github.com/vendgate/vendgate").Start(ctx, name)
	return ctx, func() { span.End() }
}
