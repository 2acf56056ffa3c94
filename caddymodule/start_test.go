package caddymodule_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/catalog"
)

// BenchmarkStart provisions a gateway with the verified apps, with those of the community besides,
// and with a file of a thousand apps of the operator. What it allocates is more than what stays;
// see TestStartIsSmall.
func BenchmarkStart(b *testing.B) {
	file := thousandApps(b)
	for name, option := range map[string]string{
		"verified": "", "community": "catalog {\ncommunity\n}\n", "file": "catalog {\nfile " + file + "\n}\n",
	} {
		b.Run(name, func(b *testing.B) {
			caddyfile := "{\nvendgate {\nsource static\n" + option + "}\n}\n"
			b.ReportAllocs()
			for b.Loop() {
				if err := validate(caddyfile); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// thousandApps writes a catalog file.
func thousandApps(tb testing.TB) string {
	tb.Helper()
	var lines strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&lines,
			`{"slug":"shop-%d","name":"Shop","auth_type":"api_key","upstream":"https://shop-%d.example.com/v1","fields":[{"name":"api_key","secret":true}],"placement":{"query":{"key":"{api_key}"}},"verify":{"path":"/me"}}`+"\n", i, i)
	}
	file := filepath.Join(tb.TempDir(), "apps.jsonl")
	if err := os.WriteFile(file, []byte(lines.String()), 0o600); err != nil {
		tb.Fatal(err)
	}
	return file
}

// TestStartIsSmall: the index over all embedded apps stays below 4 MiB, because an app is read when
// it is first asked for.
func TestStartIsSmall(t *testing.T) {
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	if _, err := catalog.Embedded("*"); err != nil { // what all catalogs share
		t.Fatal(err)
	}
	before := heap()
	all, err := catalog.Embedded("*")
	if err != nil {
		t.Fatal(err)
	}
	if grown := int64(heap()) - int64(before); grown > 4<<20 || len(all.Slugs()) < 800 {
		t.Errorf("%d apps take %d bytes", len(all.Slugs()), grown)
	}
	runtime.KeepAlive(all)
}
