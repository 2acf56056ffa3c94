package gateway

import (
	"context"

	"go.opentelemetry.io/otel/trace"
)

// hasSpan reports whether a request has a span, also one that only another process records. Few
// requests have one, and the look-up walks through all values of the context.
func hasSpan(ctx context.Context) bool {
	span := trace.SpanFromContext(ctx)
	return span.IsRecording() || span.SpanContext().IsValid()
}

// span is startSpan, without its look-up for a call that has no span.
func (c *call) span(ctx context.Context, name string) (context.Context, func()) {
	if !c.traced {
		return ctx, func() {}
	}
	return startSpan(ctx, name)
}

// withSpan returns detached with the span of ctx, and with nothing else of it. A forced vend is
// made during the call to the provider, whose observers are in ctx: through these, interim answers
// of a token endpoint or a remote source would reach the caller.
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
