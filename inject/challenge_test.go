package inject

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestWithoutDiscovery(t *testing.T) {
	for name, tt := range map[string]struct {
		lines, want []string
	}{
		"alone": {[]string{`Bearer resource_metadata="https://p.example/.well-known/x"`}, []string{`Bearer`}},
		"first": {[]string{`Bearer resource_metadata="https://p.example/x",  scope="a b"`},
			[]string{`Bearer scope="a b"`}},
		"last": {[]string{`Bearer error="invalid_token" , resource_metadata="https://p.example/x"`},
			[]string{`Bearer error="invalid_token" `}},
		"between": {[]string{`Bearer realm="a", resource_metadata="https://p.example/x",scope="b"`},
			[]string{`Bearer realm="a",scope="b"`}},
		"several challenges": {
			[]string{`Basic realm="a, resource_metadata=x", Bearer resource_metadata="u", Digest nonce="n"`},
			[]string{`Basic realm="a, resource_metadata=x", Bearer, Digest nonce="n"`}},
		"then a scheme alone": {[]string{`Bearer resource_metadata="u", Negotiate`}, []string{`Bearer, Negotiate`}},
		"then a token68": {[]string{`Bearer resource_metadata="u", Negotiate YWJj==, Basic realm="r"`},
			[]string{`Bearer, Negotiate YWJj==, Basic realm="r"`}},
		"behind a token68": {[]string{`Negotiate YWJj==, Bearer realm="r", resource_metadata="u"`},
			[]string{`Negotiate YWJj==, Bearer realm="r"`}},
		"in each of two": {[]string{`Bearer resource_metadata="u", a="1", DPoP algs="ES256", resource_metadata="v"`},
			[]string{`Bearer a="1", DPoP algs="ES256"`}},
		"twice":           {[]string{`Bearer resource_metadata="u", resource_metadata="v"`}, []string{`Bearer`}},
		"in upper case":   {[]string{`bearer RESOURCE_Metadata="u", a=b`}, []string{`bearer a=b`}},
		"spaces around =": {[]string{`Bearer resource_metadata = "u", a=b`}, []string{`Bearer a=b`}},
		"token as value":  {[]string{`Bearer resource_metadata=u, a=b`}, []string{`Bearer a=b`}},
		"URL without quotes": {[]string{`Bearer a="b", resource_metadata=https://p.example/x?y=z`},
			[]string{`Bearer a="b"`}},
		"escaped quote":        {[]string{`Bearer resource_metadata="a\", b=\"c", d="e"`}, []string{`Bearer d="e"`}},
		"quote without end":    {[]string{`Bearer a="b", resource_metadata="https://p.example`}, []string{`Bearer a="b"`}},
		"set off by a space":   {[]string{`Bearer a="b" resource_metadata="u", c="d"`}, []string{`Bearer a="b", c="d"`}},
		"set off by spaces":    {[]string{`Bearer resource_metadata="u" a="b"`}, []string{`Bearer a="b"`}},
		"empty elements":       {[]string{`Bearer , , resource_metadata="u",, a="b"`}, []string{`Bearer , ,, a="b"`}},
		"encoded":              {[]string{`Bearer resource_metadata*=utf-8''u, a="b"`}, []string{`Bearer a="b"`}},
		"on a line of its own": {[]string{`Bearer a="b"`, `resource_metadata="u"`}, []string{`Bearer a="b"`}},
		"begins a line":        {[]string{`resource_metadata="u", c="d"`}, []string{`c="d"`}},
		"another's name": {[]string{`Bearer x_resource_metadata="u", resource_metadata_uri="v"`},
			[]string{`Bearer x_resource_metadata="u", resource_metadata_uri="v"`}},
		"in a quoted string": {[]string{`Bearer error_description="no \"resource_metadata=\" here, resource_metadata=x"`},
			[]string{`Bearer error_description="no \"resource_metadata=\" here, resource_metadata=x"`}},
		"none": {[]string{`Bearer realm="a"  ,scope="b"`, `Basic`},
			[]string{`Bearer realm="a"  ,scope="b"`, `Basic`}},
		"too often": {[]string{`Bearer ` + strings.Repeat(`x resource_metadata=x,y z `, 4<<10), `Basic`},
			[]string{`Basic`}},
		"odd": {[]string{`=,"=" ,,= "a`, `"`, `=`}, []string{`=,"=" ,,= "a`, `"`, `=`}},
	} {
		t.Run(name, func(t *testing.T) {
			h := http.Header{wwwAuthenticate: slices.Clone(tt.lines)}
			withoutDiscovery(h)
			if got := h[wwwAuthenticate]; !slices.Equal(got, tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

func FuzzWithoutDiscovery(f *testing.F) {
	f.Add(`Bearer resource_metadata="u", a="b"`)
	f.Add(`a="b" resource_metadata = u resource_metadata`)
	f.Fuzz(func(t *testing.T, line string) {
		once := withoutParam(line)
		if again := withoutParam(once); again != once {
			t.Errorf("%q became %q and then %q", line, once, again)
		}
		if len(once) > len(line) {
			t.Errorf("%q grew to %q", line, once)
		}
	})
}
