package gateway

import (
	"context"

	"go.opentelemetry.io/otel/trace"
)

// hasSpan reports whether a request has a span, be it one that is recorded elsewhere alone. Few
// requests have, and to find that out takes a walk through all that the context holds.
func hasSpan(ctx context.Context) bool {
	span := trace.SpanFromContext(ctx)
	return span.IsRecording() || span.SpanContext().IsValid()
}

// startSpan is startSpan for a call.
func (c *call) startSpan(ctx context.Context, name string) (context.Context, func()) {
	if !c.traced {
		return ctx, func() {}
	}
	return startSpan(ctx, name)
}

// withSpan returns detached, which hides from a source what observes the calls of the request,
// during which a forced vend is made: else interim answers of a token endpoint or a remote source
// would reach the caller. Only the span of ctx is kept.
func (c *call) withSpan(detached, ctx context.Context) context.Context {
	if !c.traced {
		return detached
	}
	return trace.ContextWithSpan(detached, trace.SpanFromContext(ctx))
}

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
