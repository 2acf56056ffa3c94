package inject

import (
	"strings"

	"github.com/vendgate/vendgate/catalog"
)

// defaultPrefix is where gateways take calls unless they are told otherwise.
const defaultPrefix = "/proxy/"

// MayCallGateway reports whether the call's address could be that of a call of a gateway. By path,
// `{prefix}/{connection_id}/{app}/…`, it holds the default prefix or, behind another segment, the
// slug of an app for which isApp holds, to whatever server decodes it. By host, `{app}.gw.example`,
// the first label is such a slug. Only such a call can be a part of a loop over gateways.
func (x *Injection) MayCallGateway(isApp func(slug string) bool) bool {
	label, _, _ := strings.Cut(x.host, ".")
	if slug, _, _ := strings.Cut(label, catalog.LabelSeparator); isApp(strings.ToLower(slug)) {
		return true
	}
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
