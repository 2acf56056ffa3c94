package inject

import "strings"

// defaultPrefix is where gateways take calls unless they are told otherwise.
const defaultPrefix = "/proxy/"

// MayCallGateway reports whether the call's path could be that of a call of a gateway,
// `{prefix}/{connection_id}/{app}/…`, to whatever server decodes it: it holds the default prefix
// or, behind another segment, the slug of an app for which isApp holds. Only such a call can be a
// part of a loop over gateways.
func (x *Exchange) MayCallGateway(isApp func(slug string) bool) bool {
	for path := x.base + x.path; ; {
		if holdsCall(path, isApp) {
			return true
		}
		decoded := lenientDecode(path)
		if decoded == path {
			return false
		}
		path = decoded
	}
}

func holdsCall(path string, isApp func(string) bool) bool {
	path = strings.ToLower(path)
	if strings.Contains(path, defaultPrefix) {
		return true
	}
	segments := 0
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "" {
			continue
		}
		if segments++; segments > 1 && isApp(segment) {
			return true
		}
	}
	return false
}
