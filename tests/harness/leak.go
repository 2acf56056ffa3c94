package harness

import "go.uber.org/goleak"

// LeakOptions are the goroutines that outlive a gateway by design of the libraries below it.
func LeakOptions() []goleak.Option {
	return []goleak.Option{
		// certmagic keeps its lock file fresh until it next wakes and finds the file gone.
		goleak.IgnoreAnyFunction("github.com/caddyserver/certmagic.keepLockfileFresh"),
	}
}
