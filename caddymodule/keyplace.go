package caddymodule

// keyPlace is where in a request its key was found.
type keyPlace uint8

const (
	// inAuthorization is what HTTP clients strip when they follow a redirect to another host.
	inAuthorization keyPlace = iota
	// inKeyHeader is [keyHeader], which they carry along.
	inKeyHeader
	// inPlacement is a place of the app's own, other than Authorization.
	inPlacement
)
