package gateway

import (
	"context"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// TestSpans: a recorded request gets a child span, one that nobody records costs nothing, and no
// span says anything but its name.
func TestSpans(t *testing.T) {
	ctx, end := startSpan(context.Background(), "vendgate.vend")
	end()
	if ctx != context.Background() {
		t.Error("an unrecorded request got a span")
	}
	recorder := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	t.Cleanup(func() { _ = provider.Shutdown(context.Background()) })
	parent, root := provider.Tracer("caddy").Start(context.Background(), "request")
	_, end = startSpan(parent, "vendgate.vend")
	end()
	root.End()
	spans := recorder.Ended()
	if len(spans) != 2 || spans[0].Name() != "vendgate.vend" ||
		spans[0].Parent().SpanID() != root.SpanContext().SpanID() || len(spans[0].Attributes()) != 0 {
		t.Errorf("recorded %v", spans)
	}
}
