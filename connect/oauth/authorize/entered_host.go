package authorize

import (
	"strings"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
)

// enteredHost is the host that an end user entered, or a part of it.
type enteredHost struct {
	// field is the one that it was entered into; empty for an app with hosts of its own.
	field string
	// host is the whole name, and any says that the end user chooses all of it: there may be
	// no such API.
	host string
	any  bool
}

// enteredHostOf is where the verify request of app goes with v.
func enteredHostOf(app *catalog.App, v connect.GrantValues) (s enteredHost) {
	if app.Verify == nil || app.Verify.Host != "" {
		return enteredHost{}
	}
	value := valueIn(v.Fields)
	for _, f := range app.Asked() {
		_, entered := value(f.Name)
		if entered && len(f.Options) == 0 && strings.Contains(hostIn(app.Upstream), "{"+f.Name+"}") {
			s.field, s.any = f.Name, f.Kind == catalog.KindHost
			break
		}
	}
	if s.field == "" {
		return enteredHost{}
	}
	s.host = app.FilledHost(value)
	return s
}

// isHostName reports whether host can be shown: a name with a port or without.
func isHostName(host string) bool {
	const most = 253 + len(":65535")
	return host != "" && len(host) <= most &&
		strings.Trim(strings.ToLower(host), "abcdefghijklmnopqrstuvwxyz0123456789.-:") == ""
}
