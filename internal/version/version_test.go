package version

import (
	"runtime/debug"
	"testing"
)

func TestRead(t *testing.T) {
	caddy := &debug.Module{Path: caddyModule, Version: "v2.11.9"}
	ours := debug.Module{Path: module, Version: "v1.2.3"}
	stamped := []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: "true"}}
	for name, c := range map[string]struct {
		build *debug.BuildInfo
		want  Info
	}{
		"own program": {
			&debug.BuildInfo{Main: ours, Deps: []*debug.Module{caddy}, Settings: stamped},
			Info{"v1.2.3", "abc+modified", "v2.11.9"},
		},
		"another program, whose commit is not ours": {
			&debug.BuildInfo{Main: debug.Module{Path: "caddy", Version: "(devel)"}, Deps: []*debug.Module{caddy, &ours},
				Settings: stamped},
			Info{"v1.2.3", unknown, "v2.11.9"},
		},
		"replaced by a folder": {
			&debug.BuildInfo{Deps: []*debug.Module{{Path: module, Version: "v1.0.0", Replace: &debug.Module{Path: "../x"}}}},
			Info{unknown, unknown, unknown},
		},
		"nothing known": {nil, Info{unknown, unknown, unknown}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := read(c.build); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
	t.Run("a release says it itself", func(t *testing.T) {
		version, commit = "v9.9.9", "def"
		defer func() { version, commit = "", "" }()
		got := read(&debug.BuildInfo{Main: ours, Deps: []*debug.Module{caddy}, Settings: stamped})
		if want := (Info{"v9.9.9", "def", "v2.11.9"}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}
