package hostile

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/tests/harness"
)

// keyed is a fleet whose connections have caller keys.
type keyed struct {
	*fleet
	// keys are those of tenant alpha by connection; second is another one of c-key.
	keys   map[string]string
	second string
}

// declared are further places of the key, which every app of a keyed fleet declares.
const declared = "\nkey_places {\nheaders X-Sdk-Key X-Sdk-Session\nquery sdk_key\n}\nallow_http\n"

// keyedConnections are those that caller keys are made for.
var keyedConnections = []string{
	"c-key", "c-plain", "c-query", "c-bot", "c-basic", "c-bearer", "c-signed", "c-raw", "c-forge", "c-fickle", "c-home",
	"c-many", "c-bucket", "c-passing",
}

// signedApps are apps of the keyed fleet alone: one with every place, and one of Amazon's.
const signedApps = `app bucket {
	auth_type api_key
	field access_key_id ID
	field secret_access_key Secret secret
	upstream http://{up}
	sign aws_sigv4 {
		service s3
		region eu-west-1
	}
	allow_http
	allow_private 127.0.0.0/8
}
`

// newKeyed makes the keys before the gateway starts; more are blocks beside vendgate's.
func newKeyed(t *testing.T, proxy string) *keyed {
	t.Helper()
	f := &fleet{up: harness.NewUpstream(t, harness.OK), evil: harness.NewUpstream(t, harness.OK), duplex: newDuplex(t)}
	dir := filepath.Join(t.TempDir(), "store")
	k := &keyed{fleet: f, keys: make(map[string]string)}
	k.mint(t, dir)
	config := strings.ReplaceAll(f.config(t)+strings.ReplaceAll(signedApps, "{up}", f.up.Addr), "\nallow_http\n", declared)
	config = strings.Replace(config, "source static {\n", "source static {\n"+
		"connection c-many {\ntenant alpha\nuser *\napp many\nfield a "+harness.Secret(t, "HOSTILE_KEY", credHeader)+
		"\nfield b "+harness.Secret(t, "HOSTILE_B", "b-value")+"\nfield c "+harness.Secret(t, "HOSTILE_C", "c-value")+"\n}\n"+
		"connection c-bucket {\ntenant alpha\nuser *\napp bucket\nfield access_key_id AKIDALPHA\nfield secret_access_key "+
		harness.Secret(t, "HOSTILE_AWS", "alpha-aws-77f8")+"\n}\n", 1)
	f.Gateway = harness.Start(t, "data_dir "+dir+"\n"+config+"source local\n", proxy, longLines)
	return k
}

func (k *keyed) mint(t *testing.T, dir string) {
	t.Helper()
	store, err := store.Open(t.Context(), store.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}()
	if _, err := store.CreateTenant(t.Context(), connect.Tenant{ID: "alpha", Email: "dev@alpha.example"}); err != nil {
		t.Fatal(err)
	}
	for _, connection := range append([]string{"c-key"}, keyedConnections...) {
		key, _, err := store.CreateCallerKey(t.Context(),
			connect.CallerKey{Tenant: "alpha", User: harness.Alice, Connection: connection}, false)
		if err != nil {
			t.Fatal(err)
		}
		if k.second == "" {
			k.second = key.Reveal()
			continue
		}
		k.keys[connection] = key.Reveal()
	}
}

// expand fills in the addresses and the keys: {ck} is c-key's, {ck2} its second, {ck:NAME} another
// connection's.
func (k *keyed) expand() *strings.Replacer {
	pairs := []string{"{up}", k.up.Addr, "{evil}", k.evil.Addr, "{gw}", k.Addr, "{ck}", k.keys["c-key"], "{ck2}", k.second}
	for connection, key := range k.keys {
		pairs = append(pairs, "{ck:"+connection+"}", key)
	}
	return strings.NewReplacer(pairs...)
}

// log is what our handlers can do anything about: Caddy logs by itself, at DEBUG, a request without
// a host, and in the access log a header that it drops for the underscore in its name.
func (k *keyed) log() string {
	lines := slices.Collect(strings.Lines(k.Log()))
	return strings.Join(slices.DeleteFunc(lines, func(line string) bool {
		return strings.Contains(line, "rfc9112 forbids empty Host") || strings.Contains(line, `"host":"",`) ||
			strings.Contains(line, `"X_api_key"`)
	}), "")
}

// checkKeys looks for a caller key in a text.
func (k *keyed) checkKeys(t *testing.T, where, text string) {
	t.Helper()
	for _, line := range slices.Collect(strings.Lines(text)) {
		k.checkLine(t, where, line)
	}
}

func (k *keyed) checkLine(t *testing.T, where, text string) {
	t.Helper()
	for _, key := range append([]string{k.second}, slices.Collect(maps.Values(k.keys))...) {
		if random := strings.TrimPrefix(key, "ck_"); strings.Contains(strings.ToLower(text), strings.ToLower(random)) {
			t.Errorf("%s has a caller key: %.600q", where, text)
		}
		for alignment := range 3 {
			if strings.Contains(text, inBase64(key, alignment)) {
				t.Errorf("%s has a caller key in base64: %.600q", where, text)
			}
		}
	}
}
