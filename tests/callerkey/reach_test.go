package callerkey

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

// TestForms: a caller key is taken wherever a tenant key is, and reaches the provider from nowhere.
func TestForms(t *testing.T) {
	s := newScene(t, "")
	key, _ := s.mint(nil)
	for name, lines := range map[string][]string{
		"bearer":                 {bearer(key)},
		"bearer in lower case":   {"authorization: bearer " + key},
		"token":                  {"Authorization: token " + key},
		"basic":                  {basic(key, "")},
		"basic with a password":  {basic(key, "x:y")},
		"header":                 {"X-Vendgate-Key: " + key},
		"header beside an SDK's": {"X-Vendgate-Key: " + key, "Authorization: Bearer sk-of-the-sdk"},
		"header beside itself": {"X-Vendgate-Key: " + key, bearer(key), "Proxy-Authorization: Bearer " + key,
			"Cookie: k=" + key},
		"as the password":          {basic("", key)},
		"as basic's password":      {basic("api", key)},
		"other scheme":             {"Authorization: Digest " + key},
		"the app's header":         {"X-Api-Key: " + key},
		"with its user":            {bearer(key), "x-user-email: alice@example.com"},
		"with its user, as typed":  {bearer(key), "X-USER-EMAIL:  Alice@Example.com "},
		"with its user, by header": {"X-Vendgate-Key: " + key, "X-User-Email: alice@example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			s.t = t
			s.mustPass(s.raw(append([]string{"GET /proxy/" + s.mine + "/key/v1/x?q=1 HTTP/1.1"}, lines...)...), key)
		})
	}
}

// TestKeysThatAreNone: only the very key is one, and only where keys stand.
func TestKeysThatAreNone(t *testing.T) {
	s := newScene(t, "")
	key, id := s.mint(nil)
	path := "/proxy/" + s.mine + "/key/v1"
	for name, c := range map[string]struct {
		line  string
		lines []string
		code  vending.Code
	}{
		"unknown":            {path, []string{bearer("ck_" + strings.Repeat("x", 43))}, vending.InvalidTenantKey},
		"prefix alone":       {path, []string{bearer("ck_")}, vending.InvalidTenantKey},
		"cut":                {path, []string{bearer(key[:len(key)-1])}, vending.InvalidTenantKey},
		"longer":             {path, []string{bearer(key + "0")}, vending.InvalidTenantKey},
		"other case":         {path, []string{bearer(strings.ToUpper(key))}, vending.InvalidTenantKey},
		"space inside":       {path, []string{bearer(" " + key)}, vending.InvalidTenantKey},
		"without its prefix": {path, []string{bearer(strings.TrimPrefix(key, "ck_"))}, vending.InvalidTenantKey},
		"as a tenant's": {path, []string{bearer("pk_live_" + strings.TrimPrefix(key, "ck_"))},
			vending.InvalidTenantKey},
		"both prefixes":       {path, []string{bearer("pk_live_" + key)}, vending.InvalidTenantKey},
		"its public id":       {path, []string{bearer(id)}, vending.InvalidTenantKey},
		"public id as key":    {path, []string{bearer("ck_" + id)}, vending.InvalidTenantKey},
		"none":                {path, nil, vending.InvalidTenantKey},
		"in the query":        {path + "?key=" + key + "&access_token=" + key, nil, vending.InvalidTenantKey},
		"in a cookie":         {path, []string{"Cookie: key=" + key}, vending.InvalidTenantKey},
		"in the path":         {"/proxy/" + key + "/key/v1", nil, vending.InvalidTenantKey},
		"twice":               {path, []string{bearer(key), bearer(key)}, vending.InvalidRequest},
		"header twice":        {path, []string{"X-Vendgate-Key: " + key, "X-Vendgate-Key: " + key}, vending.InvalidRequest},
		"a wrong header wins": {path, []string{"X-Vendgate-Key: wrong", bearer(key)}, vending.InvalidTenantKey},
		"an empty header":     {path, []string{"X-Vendgate-Key:", bearer(key)}, vending.InvalidTenantKey},
	} {
		t.Run(name, func(t *testing.T) {
			s.t = t
			a := s.raw(append([]string{"GET " + c.line + " HTTP/1.1"}, c.lines...)...)
			s.mustRefuse(a, c.code.Status(), c.code, key)
		})
	}
}

// TestOtherConnections: no spelling of the path reaches another connection, and none tells whether
// there is one.
func TestOtherConnections(t *testing.T) {
	s := newScene(t, "")
	key, _ := s.mint(nil)
	const gone, refused = vending.ConnectionDeleted, vending.InvalidRequest
	cases := map[string]struct {
		target string
		code   vending.Code
	}{
		"none there":            {"/proxy/conn_none/key/x", gone},
		"of the static source":  {"/proxy/c1/key/x", gone},
		"any":                   {"/proxy/*/key/x", gone},
		"own":                   {"/proxy/~/key/x", gone},
		"percent":               {"/proxy/%25/key/x", gone},
		"other case":            {"/proxy/" + strings.ToUpper(s.mine) + "/key/x", gone},
		"cut":                   {"/proxy/" + s.mine[:len(s.mine)-1] + "/key/x", gone},
		"longer":                {"/proxy/" + s.mine + "x/key/x", gone},
		"with a space":          {"/proxy/" + s.mine + "%20/key/x", gone},
		"with a parameter":      {"/proxy/" + s.mine + ";a=b/key/x", gone},
		"with NUL":              {"/proxy/" + s.mine + "%00/key/x", refused},
		"encoded twice":         {"/proxy/%2563" + s.mine[1:] + "/key/x", gone},
		"empty":                 {"/proxy//key/x", refused},
		"of an app that is not": {"/proxy/" + s.second + "/nothing/x", gone},
		"of another app":        {"/proxy/" + s.second + "/other/x", gone},
	}
	for name, other := range map[string]string{"same user's": s.second, "another user's": s.bobs,
		"another tenant's": s.evils} {
		for spelling, target := range map[string]string{
			"":                     "/proxy/" + other + "/key/x",
			" encoded":             "/proxy/%63" + other[1:] + "/key/x",
			" after mine":          "/proxy/" + s.mine + "%2f" + other + "/key/x",
			" before mine":         "/proxy/" + other + "%2f" + s.mine + "/key/x",
			" with parameter":      "/proxy/" + other + ";" + s.mine + "/key/x",
			" with query":          "/proxy/" + other + "/key/x?connection=" + s.mine + "&connection_id=" + s.mine,
			" with doubled prefix": "/proxy/" + other + "/key/proxy/" + s.mine + "/key/x",
		} {
			cases[name+spelling] = struct {
				target string
				code   vending.Code
			}{target, gone}
		}
		for spelling, target := range map[string]string{
			" by dots":           "/proxy/" + s.mine + "/../" + other + "/key/x",
			" by encoded dots":   "/proxy/" + s.mine + "/%2e%2e/" + other + "/key/x",
			" by encoded slash":  "/proxy/" + s.mine + "/..%2f" + other + "/key/x",
			" by double dots":    "/proxy/" + s.mine + "/key/%252e%252e/%252e%252e/" + other + "/key/x",
			" by backslash":      "/proxy/" + s.mine + "%5c.." + "%5c" + other + "/key/x",
			" in absolute form":  "http://" + s.Addr + "/proxy/" + other + "/key/x",
			" by doubled slash":  "/proxy//" + other + "/key/x",
			" behind a fragment": "/proxy/" + other + "/key/x#/proxy/" + s.mine + "/key/x",
		} {
			cases[name+spelling] = struct {
				target string
				code   vending.Code
			}{target, refused}
		}
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s.t = t
			for _, method := range []string{"GET", "POST"} {
				a := s.raw(method+" "+c.target+" HTTP/1.1", bearer(key), "Content-Length: 0")
				s.mustRefuse(a, c.code.Status(), c.code, key)
			}
		})
	}
	t.Run("mine, encoded once", func(t *testing.T) {
		s.t = t
		s.mustPass(s.get("/proxy/%63"+s.mine[1:]+"/key/x", key), key)
	})
	t.Run("by headers that replace the path", func(t *testing.T) {
		s.t = t
		for _, name := range []string{"X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Uri", "X-Forwarded-Path"} {
			a := s.get("/proxy/"+s.mine+"/key/x", key, name+": /proxy/"+s.second+"/key/x", "X-Connection-Id: "+s.second)
			s.mustPass(a, key)
			if len(a.sent) == 1 && !strings.HasPrefix(a.sent[0], "GET /x HTTP/1.1\r\n") {
				t.Errorf("the provider got %q", a.sent[0])
			}
		}
	})
	t.Run("in a second request of the same connection", func(t *testing.T) {
		s.t = t
		s.up.Got()
		text := s.pipeline(key)
		if strings.Count(text, "200 OK") != 1 || strings.Count(text, "connection_deleted") < 1 {
			t.Errorf("answered %q", text)
		}
		if sent := s.up.Got(); len(sent) != 1 || !strings.Contains(sent[0], mineCredential) {
			t.Errorf("the provider got %d requests", len(sent))
		}
	})
}

// TestUsers: the end user may be left out, and may not be another.
func TestUsers(t *testing.T) {
	s := newScene(t, "")
	key, _ := s.mint(nil)
	for name, c := range map[string]struct {
		lines []string
		code  vending.Code
	}{
		"another":    {[]string{"x-user-email: bob@example.com"}, vending.ConnectionDeleted},
		"unheard of": {[]string{"x-user-email: nobody@example.com"}, vending.ConnectionDeleted},
		"empty":      {[]string{"x-user-email:"}, vending.InvalidUserEmail},
		"no address": {[]string{"x-user-email: alice"}, vending.InvalidUserEmail},
		"twice": {[]string{"x-user-email: alice@example.com", "x-user-email: alice@example.com"},
			vending.InvalidUserEmail},
		"two in one":        {[]string{"x-user-email: alice@example.com, bob@example.com"}, vending.InvalidUserEmail},
		"another, quoted":   {[]string{`x-user-email: "alice"@example.com`}, vending.InvalidUserEmail},
		"with display name": {[]string{"x-user-email: Alice <alice@example.com>"}, vending.InvalidUserEmail},
	} {
		t.Run(name, func(t *testing.T) {
			s.t = t
			s.mustRefuse(s.get("/proxy/"+s.mine+"/key/x", key, c.lines...), c.code.Status(), c.code, key)
		})
	}
	t.Run("another's connection by its user", func(t *testing.T) {
		s.t = t
		s.mustRefuse(s.get("/proxy/"+s.bobs+"/key/x", key, "x-user-email: bob@example.com"), http.StatusNotFound,
			vending.ConnectionDeleted, key)
	})
}

// TestNarrowing: the key's bounds come on top of the tenant's, and neither widens the other.
func TestNarrowing(t *testing.T) {
	s := newScene(t, "rule key allow GET POST /v1/**\nrule key deny /v1/secret/**")
	narrow, _ := s.mint(func(k *connect.CallerKey) {
		k.Methods, k.Paths = []string{"GET", "DELETE"}, []string{"/v1/models/**", "/v1/secret/**", "/v2/**", "/v1/a b"}
	})
	wide, _ := s.mint(nil)
	own, _ := s.mint(func(k *connect.CallerKey) { k.Apps = []string{"key"} })
	foreign, _ := s.mint(func(k *connect.CallerKey) { k.Apps = []string{"other"} })
	const denied = vending.PolicyDenied
	for name, c := range map[string]struct {
		key, line string
		lines     []string
		code      vending.Code
	}{
		"both permit":             {narrow, "GET /key/v1/models/x", nil, ""},
		"both permit, a space":    {narrow, "GET /key/v1/a%20b", nil, ""},
		"the tenant's method":     {narrow, "POST /key/v1/models/x", nil, denied},
		"the key's method":        {narrow, "DELETE /key/v1/models/x", nil, denied},
		"the tenant's path":       {narrow, "GET /key/v1/files", nil, denied},
		"the key's path":          {narrow, "GET /key/v2/x", nil, denied},
		"the tenant's deny":       {narrow, "GET /key/v1/secret/x", nil, denied},
		"HEAD is judged as GET":   {narrow, "HEAD /key/v1/models/x", nil, ""},
		"path in another case":    {narrow, "GET /key/v1/MODELS/x", nil, denied},
		"path behind a parameter": {narrow, "GET /key/v1/files;/v1/models/x", nil, denied},
		"encoded path":            {narrow, "GET /key/%76%31/models/x", nil, ""},
		"encoded slash":           {narrow, "GET /key/v1/models%2F..%2ffiles", nil, vending.InvalidRequest},
		"encoded twice":           {narrow, "GET /key/v1/models/%2578", nil, vending.InvalidRequest},
		"override":                {narrow, "GET /key/v1/models/x", []string{"X-HTTP-Method-Override: POST"}, denied},
		"override, other name":    {narrow, "GET /key/v1/models/x", []string{"X-Method-Override: delete"}, denied},
		"override, underscores":   {narrow, "GET /key/v1/models/x", []string{"x_http_method: PATCH"}, ""}, // Caddy drops it
		"override among others":   {narrow, "GET /key/v1/models/x", []string{"X-HTTP-Method-Override: GET, DELETE"}, denied},
		"override in the query":   {narrow, "GET /key/v1/models/x?_method=DELETE", nil, denied},
		"override, odd spelling":  {narrow, "GET /key/v1/models/x?a=1;%5fMethod[]=delete", nil, denied},
		"no override":             {narrow, "GET /key/v1/models/x?method=track.love", nil, ""},
		"another route":           {narrow, "GET /key/v1/models/x?rest_route=/wp/v2/users", nil, vending.InvalidRequest},
		"override to the same":    {narrow, "GET /key/v1/models/x", []string{"X-HTTP-Method-Override: GET"}, ""},
		"second override": {narrow, "GET /key/v1/models/x", []string{"X-HTTP-Method: GET", "X-HTTP-Method: PUT"},
			denied},
		"no bounds of its own":     {wide, "POST /key/v1/files", nil, ""},
		"no more than the tenant":  {wide, "GET /key/v2/x", nil, denied},
		"no bounds, tenant's deny": {wide, "GET /key/v1/secret/x", nil, denied},
		"its app":                  {own, "GET /key/v1/x", nil, ""},
		"another app":              {own, "GET /other/v1/x", nil, denied},
		"another app, unbounded":   {wide, "GET /other/v1/x", nil, vending.AppMismatch},
		"only another app":         {foreign, "GET /key/v1/x", nil, denied},
		"only another, and it is":  {foreign, "GET /other/v1/x", nil, vending.AppMismatch},
		"an app that is not":       {wide, "GET /nothing/v1/x", nil, vending.UnknownApp},
		"TRACE":                    {wide, "TRACE /key/v1/x", nil, vending.InvalidRequest},
	} {
		t.Run(name, func(t *testing.T) {
			s.t = t
			method, path, _ := strings.Cut(c.line, " ")
			a := s.raw(append([]string{method + " /proxy/" + s.mine + path + " HTTP/1.1", bearer(c.key)}, c.lines...)...)
			if c.code == "" {
				s.mustPass(a, c.key)
				if strings.Contains(strings.Join(a.sent, ""), "PATCH") {
					t.Error("the provider is told of a method that nobody may use")
				}
			} else {
				s.mustRefuse(a, c.code.Status(), c.code, c.key)
			}
		})
	}
}

// TestTenantsOwnBounds: what the tenant may not do, its caller keys may not.
func TestTenantsOwnBounds(t *testing.T) {
	for name, c := range map[string]struct {
		acme string
		code vending.Code
	}{
		"capability": {"capabilities apps connections delete", vending.CapabilityDisabled},
		"apps":       {"apps other", vending.PolicyDenied},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, c.acme)
			key, _ := s.mint(nil)
			s.mustRefuse(s.get("/proxy/"+s.mine+"/key/x", key), c.code.Status(), c.code, key)
		})
	}
}

// TestBudget: a key has its own beside the tenant's, which does not pay for what that refuses.
func TestBudget(t *testing.T) {
	s := newScene(t, "budget token 6")
	small, _ := s.mint(func(k *connect.CallerKey) { k.Budget = 1 })
	free, _ := s.mint(nil)
	path := "/proxy/" + s.mine + "/key/x"
	s.mustPass(s.get(path, small), small)
	for range 20 {
		a := s.get(path, small)
		s.mustRefuse(a, http.StatusTooManyRequests, vending.RateLimited, small)
		if wait, err := strconv.Atoi(a.retryAfter); err != nil || wait < 1 || wait > 61 {
			t.Fatalf("Retry-After is %q", a.retryAfter)
		}
	}
	if text := s.raw("GET /metrics HTTP/1.1").body; !strings.Contains(text,
		`caddy_vendgate_budget_refusals_total{budget="caller_key"} 20`) {
		t.Error("the metrics do not count what the key's budget refused")
	}
	passed := 0
	a := s.get(path, free)
	for ; a.status == http.StatusOK && passed < 50; a = s.get(path, free) {
		passed++
	}
	s.mustRefuse(a, http.StatusTooManyRequests, vending.RateLimited, free)
	if passed < 5 || !strings.Contains(a.body, "the token budget") {
		t.Errorf("%d calls passed of the five that the tenant had left, then %s", passed, a.body)
	}
}

// TestBudgetOfADeadConnection: an agent that goes on calling a connection that vends nothing is
// held by its own budget.
func TestBudgetOfADeadConnection(t *testing.T) {
	s := newScene(t, "budget token 1000")
	key, _ := s.mint(func(k *connect.CallerKey) { k.User, k.Connection, k.Budget = "alice@example.com", "conn_dead", 2 })
	codes := make(map[string]int)
	for range 10 {
		codes[s.get("/proxy/conn_dead/key/x", key).code]++
	}
	if codes["connection_deleted"] != 2 || codes["rate_limited"] != 8 {
		t.Errorf("answered %v", codes)
	}
}
