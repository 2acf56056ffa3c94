package harness

import (
	"fmt"
	"os"

	"go.uber.org/goleak"
)

// LeakOptions are the goroutines that outlive a gateway by design of the libraries below it.
func LeakOptions() []goleak.Option {
	return []goleak.Option{
		// certmagic keeps its lock file fresh until it next wakes and finds the file gone.
		goleak.IgnoreAnyFunction("github.com/caddyserver/certmagic.keepLockfileFresh"),
	}
}

// Main is the TestMain of a package whose tests run Caddy: it keeps Caddy's data away from the home
// directory of the user who runs the tests, and fails if a goroutine is left at the end.
func Main(m goleak.TestingM) {
	dir, err := os.MkdirTemp("", "vendgate-test-")
	for _, name := range []string{"XDG_DATA_HOME", "XDG_CONFIG_HOME"} {
		if err == nil {
			err = os.Setenv(name, dir)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	leaks := append(LeakOptions(), goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(dir)
		os.Exit(code)
	}))
	goleak.VerifyTestMain(m, leaks...)
}
