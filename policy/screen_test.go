package policy

import (
	"net/http"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/vending"
)

// part makes one part of a form.
func part(header string) string {
	return "--b\r\nContent-Disposition: form-data; " + header + "\r\n\r\nDELETE\r\n--b--\r\n"
}

var bodyCases = map[string]struct {
	contentType, body string
	want, known       vending.Code
}{
	"a form":                 {"application/x-www-form-urlencoded", "a=1&b=_method", "", ""},
	"_method":                {"application/x-www-form-urlencoded", "a=1&_method=DELETE", deniedCode, deniedCode},
	"_method, last and bare": {"application/x-www-form-urlencoded", "a=1&_method", deniedCode, deniedCode},
	"_method, encoded": {"Application/X-WWW-Form-URLEncoded; charset=UTF-8", "a&%5F%6dethod%5b%5d=DELETE",
		deniedCode, deniedCode},
	"ASP.NET MVC": {"application/x-www-form-urlencoded", "X-HTTP-Method-Override=DELETE", deniedCode,
		deniedCode},
	"rest_route":         {"application/x-www-form-urlencoded", "rest%5Broute=/wp/v2/users", "", invalidCode},
	"declared":           {"application/x-www-form-urlencoded", "batch=[]", "", deniedCode},
	"data of monitors":   {"application/x-www-form-urlencoded", "http_method=2&method=x&path=/a", "", ""},
	"a value with signs": {"application/x-www-form-urlencoded", "a=b=_method=c", "", ""},
	"UTF-16": {"application/x-www-form-urlencoded; charset=utf-16",
		"_\x00m\x00e\x00t\x00h\x00o\x00d\x00=\x00", deniedCode, deniedCode},
	"a name that NUL cuts": {"application/x-www-form-urlencoded", "_method\x00x=DELETE", deniedCode, deniedCode},
	"a name in IIS' escapes": {"application/x-www-form-urlencoded", "X-HTTP-Method-Overrid%u0065=DELETE", deniedCode,
		deniedCode},
	"a percent sign before one": {"application/x-www-form-urlencoded", "%%5Fmethod=DELETE", deniedCode, deniedCode},
	"EBCDIC":                    {"application/x-www-form-urlencoded; charset=IBM037", "a=b", invalidCode, invalidCode},
	"UTF-7":                     {"application/json; charset=utf-7", "{}", invalidCode, invalidCode},
	"no type: a form":           {"", "_method=DELETE", deniedCode, deniedCode},
	"no type: JSON":             {"", `{"_method":"DELETE"}`, deniedCode, deniedCode},
	"another type":              {"application/octet-stream", "_method=DELETE", "", ""},
	"XML":                       {"application/xml", "<_method/>", "", ""},
	"parts":                     {"multipart/form-data; boundary=b", part(`name="file"; filename="_method"`), "", ""},
	"a part":                    {"multipart/form-data; boundary=b", part(`name="_method"`), deniedCode, deniedCode},
	"a part, no quotes":         {"multipart/form-data; boundary=b", part(`NAME=_method`), deniedCode, deniedCode},
	"a part, single quotes":     {"multipart/form-data; boundary=b", part(`name='_method'`), deniedCode, deniedCode},
	"a part, open quote":        {"multipart/form-data; boundary=b", part(`name="_method`), deniedCode, deniedCode},
	"a part, escaped":           {"multipart/form-data; boundary=b", part(`name="\_meth\od"`), deniedCode, deniedCode},
	"a part, percent":           {"multipart/form-data; boundary=b", part(`name="%5Fmethod"`), deniedCode, deniedCode},
	"a part, extended": {"multipart/form-data; boundary=b", part(`name*=utf-8''%5fmethod`), deniedCode,
		deniedCode},
	"a part, in pieces": {"multipart/form-data; boundary=b", part(`name*0="_me"; name*1="thod"`), invalidCode,
		invalidCode},
	"a part, encoded word": {"multipart/form-data; boundary=b", part(`name="=?utf-8?B?X21ldGhvZA==?="`),
		invalidCode, invalidCode},
	"a part, extended, language": {"multipart/form-data; boundary=b", part(`name*=utf-8'en'%5fmethod`), deniedCode,
		deniedCode},
	"a part, name behind a dash": {"multipart/form-data; boundary=b", part(`x-name="_method"`), deniedCode, deniedCode},
	"a part, name in another":    {"multipart/form-data; boundary=b", part(`x="a;name=_method"`), deniedCode, deniedCode},
	"a part, ended by any sign":  {"multipart/form-data; boundary=b", part(`name=_method/x`), deniedCode, deniedCode},
	"a part, ended by a quote":   {"multipart/form-data; boundary=b", part(`name=_method"x`), deniedCode, deniedCode},
	"a part, named twice":        {"multipart/form-data; boundary=b", part(`name=name=_method`), deniedCode, deniedCode},
	"a part, data beside": {"multipart/form-data; boundary=b", part(`name="a"; filename="x-method-override.txt"`),
		"", ""},
	"a part, a longer name": {"multipart/form-data; boundary=b", part(`name="_method_x-method-override-n"`), "", ""},
	"a part, cut by NUL": {"multipart/form-data; boundary=b", part("name=\"_method\x00x\""), deniedCode,
		deniedCode},
	"a part, UTF-16": {"multipart/form-data; boundary=b", part("n\x00a\x00m\x00e\x00=\x00\"\x00_method"),
		deniedCode, deniedCode},
	"a part, by its id alone": {"multipart/form-data; boundary=b",
		"--b\r\nContent-ID: _method\r\n\r\nDELETE\r\n--b--\r\n", deniedCode, deniedCode},
	"a part, by its id, folded": {"multipart/form-data; boundary=b",
		"--b\r\nContent-ID:\r\n _method\r\n\r\nDELETE\r\n--b--\r\n", deniedCode, deniedCode},
	"a part, by its id, open end": {"multipart/form-data; boundary=b", "--b\r\ncontent-id:_method", deniedCode,
		deniedCode},
	"a part with an id": {"multipart/related; boundary=b", "--b\r\nContent-ID: <part1@x>\r\n\r\n--b--\r\n", "",
		""},
	"a mail's attachment": {"multipart/related; boundary=b",
		part("filename*0=a\r\nContent-Type: text/x;\r\n\tname=\"=?utf-8?Q?=C3=A4?=\""), "", ""},
	"a folded header": {"multipart/form-data; boundary=b", part("x=y\r\n\t; name*0=a"), invalidCode,
		invalidCode},
	"a part, folded header": {"multipart/form-data; boundary=b", part("x=y;\r\n\tname=\"_method\""), deniedCode,
		deniedCode},
	"a part, bare line feeds": {"multipart/form-data; boundary=b",
		"--b\ncontent-disposition: form-data; name=_method\n\nDELETE\n--b--\n", deniedCode, deniedCode},
	"a part, long header": {"multipart/form-data; boundary=b",
		part(strings.Repeat("x", 40<<10) + `; name="_method"`), deniedCode, deniedCode},
	"a part, behind a lookalike": {"multipart/form-data; boundary=b",
		"content-dispositcontent-disposition: form-data; name=_method\r\n\r\n", deniedCode, deniedCode},
	"a part, header without end": {"multipart/form-data; boundary=b", `Content-Disposition: form-data; name="_method"`,
		deniedCode, deniedCode},
	"a part, rest_route": {"multipart/mixed; boundary=b", part(`name="rest_route"`), "", invalidCode},
	"JSON": {"application/json",
		`{"a":{"_method":1},"method":"DELETE","path":"/x","httpMethod":"PUT","b":["_method"]}`, "", ""},
	"JSON, _method": {"application/json", `{"a":"\"{[","b":[{"c":1}],"_method":"DELETE"}`, deniedCode,
		deniedCode},
	"JSON, escaped": {"application/vnd.api+json", "\ufeff {\"\\u005fm\\u0065thod\": 1}", deniedCode,
		deniedCode},
	"JSON, declared":          {"application/json", `{"batch":[]}`, "", deniedCode},
	"JSON, declared, deep":    {"application/json", `{"a":[1,{"b":2,"options":{"c":[],"batch":1}}]}`, "", deniedCode},
	"JSON, declared, a value": {"application/json", `{"a":["batch",{"b":"batch"}]}`, "", ""},
	"JSON, too deep":          {"application/json", strings.Repeat(`{"a":`, 2000), invalidCode, invalidCode},
	"JSON as text":            {"text/plain", `{"_method":"DELETE"}`, deniedCode, deniedCode},
	"JSON, an array":          {"application/json", `[{"_method":"DELETE"}]`, "", ""},
	"JSON, a string":          {"application/json", `"_method"`, "", ""},
	"JSON, after its end":     {"application/json", `{"a":1} {"_method":1}`, "", ""},
	"JSON, UTF-16": {"application/json; charset=utf-16le",
		"{\x00\"\x00_\x00m\x00e\x00t\x00h\x00o\x00d\x00\"\x00:\x001\x00}\x00", invalidCode, invalidCode},
	"JSON, UTF-16, a byte that looks like a quote": {
		"application/json; charset=utf-16be",
		"\x00{\x00\"\x00a\x00\"\x00:\x00\"\x22\x01\x00\"\x00,\x00\"\x00_\x00m\x00e\x00t\x00h\x00o\x00d\x00\"\x00:\x001\x00}",
		invalidCode, invalidCode,
	},
	"no type: a file that begins with NUL": {"", "\x00\x00\x00\x18ftypmp42{\x00", "", ""},
	"a type that says both": {"application/json; x=form-urlencoded", `_method=DELETE`, deniedCode,
		deniedCode},
	"text": {"text/plain", `_method=DELETE`, "", ""},
	"a form, a long value before": {"application/x-www-form-urlencoded",
		"a=" + strings.Repeat("%41", 50<<10) + "&_method=1", deniedCode, deniedCode},
	"a form, a long name": {"application/x-www-form-urlencoded", strings.Repeat("_method", 10<<10) + "=1",
		"", ""},
	"a form, spaces before": {"application/x-www-form-urlencoded",
		strings.Repeat("%20", 10<<10) + "_method=1", deniedCode, deniedCode},
}

// TestScreen writes each body at once and byte by byte.
func TestScreen(t *testing.T) {
	for name, c := range bodyCases {
		t.Run(name, func(t *testing.T) {
			for s, want := range map[*Steering]vending.Code{new(Steering): c.want, declared: c.known} {
				for _, chunk := range []int{1, 7, len(c.body)} {
					if got := screened(t, s, c.contentType, c.body, chunk); got != want {
						t.Errorf("by %d bytes: %q, want %q", chunk, got, want)
					}
				}
			}
		})
	}
}

func screened(t *testing.T, s *Steering, contentType, body string, chunk int) vending.Code {
	t.Helper()
	header := http.Header{}
	if contentType != "" {
		header["Content-Type"] = []string{contentType}
	}
	screen, err := s.Screen(Call{App: "app", Header: header}, Rules{allow("app", "", "POST")})
	if err != nil || screen == nil {
		return code(t, err)
	}
	for rest := body; rest != "" && err == nil; rest = rest[min(chunk, len(rest)):] {
		_, err = screen.Write([]byte(rest[:min(chunk, len(rest))]))
	}
	if err == nil {
		err = screen.Close()
	}
	return code(t, err)
}

func TestScreenRefuses(t *testing.T) {
	const form, json = "application/x-www-form-urlencoded", "application/json"
	for name, c := range map[string]struct {
		types, codings []string
		want, known    vending.Code
	}{
		"two types":       {[]string{form, json}, nil, invalidCode, invalidCode},
		"compressed form": {[]string{form}, []string{"gzip"}, invalidCode, invalidCode},
		"compressed JSON": {[]string{json}, []string{"gzip"}, "", ""},
		"another coding":  {[]string{json}, []string{"br"}, invalidCode, invalidCode},
		"two codings":     {[]string{json}, []string{"gzip", "gzip"}, invalidCode, invalidCode},
		"identity":        {[]string{form}, []string{"Identity"}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			call := Call{App: "app", Header: http.Header{"Content-Type": c.types, "Content-Encoding": c.codings}}
			for s, want := range map[*Steering]vending.Code{new(Steering): c.want, declared: c.known} {
				if _, err := s.Screen(call, Rules{deny("app", "/x")}); code(t, err) != want {
					t.Errorf("%v, want %q", err, want)
				}
				if screen, err := s.Screen(call, Rules{allow("app", "")}, nil); screen != nil || err != nil {
					t.Errorf("without bounds: %v, %v", screen, err)
				}
			}
		})
	}
}
