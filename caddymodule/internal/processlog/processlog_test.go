package processlog

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	_ "github.com/caddyserver/caddy/v2/modules/logging" // the file that the test logs to
)

// TestFollowsTheConfiguration logs by one logger under two configurations, each with its own file.
func TestFollowsTheConfiguration(t *testing.T) {
	dir := t.TempDir()
	log := New("vendgate.store").With("store", "/data").WithGroup("check").With("took", "1s")
	for _, name := range []string{"first", "second"} {
		file := filepath.Join(dir, name)
		writer, err := json.Marshal(map[string]string{"output": "file", "filename": file})
		if err != nil {
			t.Fatal(err)
		}
		err = caddy.Run(&caddy.Config{
			Admin: &caddy.AdminConfig{Disabled: true, Config: &caddy.ConfigSettings{Persist: new(bool)}},
			Logging: &caddy.Logging{Logs: map[string]*caddy.CustomLog{
				"default": {BaseLog: caddy.BaseLog{WriterRaw: writer, Level: "INFO"}},
			}},
		})
		if err != nil {
			t.Fatal(err)
		}
		log.Debug("too much of " + name)
		log.Info("in order of "+name, "pages", 7)
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		got := string(text)
		for _, want := range []string{"vendgate.store", "in order of " + name, `"store":"/data"`, `"took":"1s"`,
			`"pages":7`} {
			if !strings.Contains(got, want) {
				t.Errorf("%s lacks %s", got, want)
			}
		}
		if strings.Contains(got, "too much") {
			t.Errorf("it logs below its level: %s", got)
		}
	}
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
}
