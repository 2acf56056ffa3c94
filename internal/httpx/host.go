package httpx

import "net"

// WithoutPort returns the name or address of a Host header, without its port and the brackets of an
// IPv6 address that has one.
func WithoutPort(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return host
}
