// Package version says which Vendgate, built from what, a program holds.
package version

import (
	"runtime/debug"
	"sync"
)

// Set by a release, which may be built outside of a checkout:
// -ldflags "-X github.com/vendgate/vendgate/internal/version.version=v1.2.3 -X ….commit=HASH".
var version, commit string

const (
	module      = "github.com/vendgate/vendgate"
	caddyModule = "github.com/caddyserver/caddy/v2"
	unknown     = "unknown"
)

// Info is what is known of a build. Members that are not known are "unknown".
type Info struct {
	// Version is a release's, like v1.2.3, or Go's name for what is between two releases.
	Version string
	// Commit is the full hash, followed by "+modified" if files differed from it.
	Commit string
	// Caddy is the version of the Caddy module, like v2.11.9.
	Caddy string
}

// Get returns the build's. It works in Vendgate's own program, and in another Caddy that has
// Vendgate's modules; there is no commit in the latter, but where the version has one.
var Get = sync.OnceValue(func() Info {
	build, _ := debug.ReadBuildInfo()
	return read(build)
})

func read(build *debug.BuildInfo) Info {
	i := Info{Version: version, Commit: commit}
	if build != nil {
		i.addModules(build)
		i.addCommit(build)
	}
	for _, field := range []*string{&i.Version, &i.Commit, &i.Caddy} {
		if *field == "" {
			*field = unknown
		}
	}
	return i
}

func (i *Info) addModules(build *debug.BuildInfo) {
	for _, m := range append(build.Deps, &build.Main) {
		found := m.Version
		if m.Replace != nil {
			found = m.Replace.Version
		}
		switch {
		case m.Path == caddyModule:
			i.Caddy = found
		case m.Path == module && i.Version == "":
			i.Version = found
		}
	}
}

// addCommit reads the commit that Go stamped, which is the main module's.
func (i *Info) addCommit(build *debug.BuildInfo) {
	if i.Commit != "" || build.Main.Path != module {
		return
	}
	var modified string
	for _, s := range build.Settings {
		switch {
		case s.Key == "vcs.revision":
			i.Commit = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			modified = "+modified"
		}
	}
	if i.Commit != "" {
		i.Commit += modified
	}
}
