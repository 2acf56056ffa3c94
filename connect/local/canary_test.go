package local

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect/store"
)

// TestNoTokenOnDisk refreshes, is refused, and looks for canaries in the log and in every file.
func TestNoTokenOnDisk(t *testing.T) {
	p := startProvider(t)
	dir := t.TempDir()
	var log bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	store, err := store.Open(t.Context(), store.Options{Dir: dir, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	s := newSource(t, p, store, func(o *Options) { o.Logger = logger })
	for range 3 { // the second finds its refresh token used
		_, _ = s.Vend(t.Context(), request(importApp(t, store, "gmail", grantFor(-time.Second))))
	}
	s.Close()
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if p.asked() != 3 {
		t.Fatalf("%d calls, want 3", p.asked())
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(content, []byte("canary")) {
			t.Errorf("a canary stands in %s", e.Name())
		}
	}
	if strings.Contains(log.String(), "canary") {
		t.Error("a canary stands in the log")
	}
}

func BenchmarkVend(b *testing.B) {
	p := startProvider(b)
	store := openStore(b, b.TempDir())
	s := newSource(b, p, store)
	r := request(importApp(b, store, "gmail", grantFor(time.Hour)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Vend(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
}
