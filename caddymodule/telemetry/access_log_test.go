package telemetry

import (
	"slices"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// TestLoggerNamesOddHosts are hosts that no request through a Caddyfile's matchers can have.
func TestLoggerNamesOddHosts(t *testing.T) {
	logs := &caddyhttp.ServerLogConfig{DefaultLoggerName: "fallback",
		LoggerNames: map[string]caddyhttp.StringArray{"*.test": {"wild"}, "": {"none"}}}
	for host, want := range map[string]string{".test": "fallback", "": "none", "a.test.": "fallback",
		"[::1]:80": "fallback", "A.TEST:1": "wild"} {
		if got := loggerNames(t.Context(), logs, host); !slices.Equal(got, []string{want}) {
			t.Errorf("%q: %v, want %s", host, got, want)
		}
	}
	logs.SkipHosts, logs.SkipUnmappedHosts = []string{"skip.other"}, false
	for host, want := range map[string]bool{"skip.other": false, "skip.other:80": false, "a.test": true, "other": true} {
		if got := logsHost(logs, host); got != want {
			t.Errorf("%q: %t", host, got)
		}
	}
	logs.SkipUnmappedHosts = true
	if logsHost(logs, "other") || !logsHost(logs, "a.test") {
		t.Error("hosts without a logger are to be skipped, and only those")
	}
}
