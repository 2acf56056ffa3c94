package api_test

import (
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

// gone is the one answer about every connection that is not the caller's, byte for byte.
const gone = `{"status":"error","message":"no such ` +
	`connection","data":{"code":"connection_deleted","origin":"vending"},"error":{"code":"connection_deleted","type":"vendgate_error","message":"no such connection"}}`

var (
	token = connect.GrantValues{AccessToken: "ya29.one", RefreshToken: "1//one", TokenType: "Bearer"}
	keys  = connect.GrantValues{Fields: []vending.Field{{Name: "api_key", Value: "sk-one"}, {Name: "account", Value: "a"}}}
)

// TestConnectionStates: what is said of a connection in each state of its life, byte for byte.
func TestConnectionStates(t *testing.T) {
	const (
		made  = `"created_at":"2026-03-01T12:00:00Z"`
		still = `"updated_at":"2026-03-01T12:00:00Z"`
		ends  = `"expires_at":"2026-03-03T12:00:00Z"`
		none  = `"expires_at":null`
	)
	for name, c := range map[string]struct {
		bring func(*stage) string // returns the connection's id
		want  string              // what follows its id
	}{
		"imported": {func(s *stage) string { return s.imported("mail", vending.OAuth, token) },
			`"name":"Work ` +
				`mail","app":{"id":"mail","slug":"mail","name":"Mail"},"status":"active","via_link":false,"needs_reconnection":false,"refresh_pending":false,"verified":false,"fields":{},` + made + `,` + still + `,` + none},
		"with an open field": {func(s *stage) string { return s.imported("key", vending.APIKey, keys) },
			`"name":"Work ` +
				`key","app":{"id":"key","slug":"key","name":"Key"},"status":"active","via_link":false,"needs_reconnection":false,"refresh_pending":false,"verified":false,"fields":{"account":"a"},` + made + `,` + still + `,` + none},
		"of an app that left the catalog": {func(s *stage) string { return s.imported("left", vending.OAuth, token) },
			`"name":"Work ` +
				`left","app":{"id":"left","slug":"left","name":"left"},"status":"active","via_link":false,"needs_reconnection":false,"refresh_pending":false,"verified":false,"fields":{},` + made + `,` + still + `,` + none},
		"pending": {func(s *stage) string { return s.linked("mail", "Mine").ConnectionID },
			`"name":"Mine","app":{"id":"mail","slug":"mail","name":"Mail"},"status":"pending","via_link":true,"needs_reconnection":false,"refresh_pending":false,"verified":false,"fields":{},` + made + `,` + still + `,` + ends},
		"imported as pending": {func(s *stage) string {
			id, err := s.store.ImportConnection(s.Context(), connect.Connection{Tenant: "acme", User: alice, App: "mail",
				Status: connect.Pending, AuthType: vending.OAuth}, connect.Grant{})
			if err != nil {
				s.Fatal(err)
			}
			return id
		},
			`"name":"mail","app":{"id":"mail","slug":"mail","name":"Mail"},"status":"pending","via_link":false,"needs_reconnection":false,"refresh_pending":false,"verified":false,"fields":{},` + made + `,` + still + `,` + none},
		"completed": {func(s *stage) string {
			l := s.linked("mail", "Mine")
			s.passed.Store(int64(time.Minute))
			s.complete(l, vending.OAuth, token)
			return l.ConnectionID
		},
			`"name":"Mine","app":{"id":"mail","slug":"mail","name":"Mail"},"status":"active","via_link":true,"needs_reconnection":false,"refresh_pending":false,"verified":false,"fields":{},` + made + `,"updated_at":"2026-03-01T12:01:00Z",` + none},
		"verified": {func(s *stage) string {
			l := s.linked("mail", "Mine")
			if _, err := s.store.CompleteLink(s.Context(), connect.DigestOf(l.RequestToken), connect.Digest{}, vending.OAuth,
				connect.NewGrant(token).Verify()); err != nil {
				s.Fatal(err)
			}
			return l.ConnectionID
		},
			`"name":"Mine","app":{"id":"mail","slug":"mail","name":"Mail"},"status":"active","via_link":true,"needs_reconnection":false,"refresh_pending":false,"verified":true,"fields":{},` + made + `,` + still + `,` + none},
		"rejected": {func(s *stage) string {
			l := s.linked("mail", "Mine")
			if _, err := s.store.RejectLink(s.Context(), connect.DigestOf(l.RequestToken), connect.Digest{}); err != nil {
				s.Fatal(err)
			}
			return l.ConnectionID
		},
			`"name":"Mine","app":{"id":"mail","slug":"mail","name":"Mail"},"status":"rejected","via_link":true,"needs_reconnection":false,"refresh_pending":false,"verified":false,"fields":{},` + made + `,` + still + `,` + none},
		"expired": {func(s *stage) string {
			l := s.linked("mail", "Mine")
			s.passed.Store(int64(connect.LinkLifetime))
			return l.ConnectionID
		},
			`"name":"Mine","app":{"id":"mail","slug":"mail","name":"Mail"},"status":"expired","via_link":true,"needs_reconnection":false,"refresh_pending":false,"verified":false,"fields":{},` + made + `,` + still + `,` + none},
		"refresh pending": {func(s *stage) string {
			id := s.imported("mail", vending.OAuth, token)
			s.post("/connections/"+id+"/request-link", "")
			return id
		},
			`"name":"Work ` +
				`mail","app":{"id":"mail","slug":"mail","name":"Mail"},"status":"active","via_link":false,"needs_reconnection":false,"refresh_pending":true,"verified":false,"fields":{},` + made + `,` + still + `,` + ends},
		"needs reconnection": {func(s *stage) string {
			id := s.imported("mail", vending.OAuth, token)
			if _, err := s.store.UpdateGrant(s.Context(), id, 1, connect.NewGrant(token), true); err != nil {
				s.Fatal(err)
			}
			return id
		},
			`"name":"Work ` +
				`mail","app":{"id":"mail","slug":"mail","name":"Mail"},"status":"active","via_link":false,"needs_reconnection":true,"refresh_pending":false,"verified":false,"fields":{},` + made + `,` + still + `,` + none},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			id := c.bring(s)
			connection := `{"id":"` + id + `",` + c.want + `}`
			want := `{"status":"success","message":"connection found","data":` + connection + `}`
			if got := s.get("/connections/" + id); got.status != 200 || got.body != want {
				t.Errorf("%d %s\nwant %s", got.status, got.body, want)
			}
			want = `{"status":"success","message":"connections found","data":{"connections":[` + connection +
				`],"page":1,"limit":20,"total":1}}`
			if got := s.get("/connections"); got.body != want {
				t.Errorf("in a list: %s\nwant %s", got.body, want)
			}
		})
	}
}

// TestNotYours: of an unknown connection, another end user's and another tenant's, every call says
// the same, and changes nothing.
func TestNotYours(t *testing.T) {
	s := newStage(t)
	id := s.imported("mail", vending.OAuth, token)
	for _, call := range []struct{ method, path string }{
		{"GET", ""}, {"DELETE", ""}, {"POST", "/request-link"}, {"POST", "/token"}, {"PUT", "/holds/mine"},
		{"DELETE", "/holds/mine"},
	} {
		for name, who := range map[string]struct{ tenant, user, id string }{
			"unknown": {"acme", alice, "conn_x"}, "other tenant": {"evil", alice, id}, "other end user": {"acme", bob, id},
			"not text": {"acme", alice, "%ff%00"}, "a pattern": {"acme", alice, "conn_%25"},
		} {
			got := s.call(who.tenant, who.user, call.method, "/connections/"+who.id+call.path, nil)
			if got.status != 404 || got.body != gone {
				t.Errorf("%s %s, %s: %d %s", call.method, call.path, name, got.status, got.body)
			}
		}
	}
	if got := s.call("evil", alice, "GET", "/connections", nil); !strings.Contains(got.body,
		`"connections":[],"page":1,"limit":20,"total":0`) {
		t.Errorf("another tenant lists %s", got.body)
	}
	if got := s.call("acme", bob, "GET", "/connections", nil); !strings.Contains(got.body,
		`"connections":[],"page":1,"limit":20,"total":0`) {
		t.Errorf("another end user lists %s", got.body)
	}
	if got := s.post("/connections/"+id+"/token", ""); got.status != 200 {
		t.Errorf("after all that: %d %s", got.status, got.body)
	}
}

func TestListConnections(t *testing.T) {
	s := newStage(t)
	var ids []string
	for i, app := range []string{"mail", "key", "mail"} {
		s.passed.Store(int64(time.Duration(i) * time.Second))
		ids = append(ids, s.linked(app, "One").ConnectionID)
	}
	s.passed.Store(int64(3 * time.Second))
	lost := s.imported("mail", vending.OAuth, token)
	if _, err := s.store.UpdateGrant(t.Context(), lost, 1, connect.NewGrant(token), true); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]struct {
		ids   []string
		total int
	}{
		"?needs_reconnection=true":                 {[]string{lost}, 1},
		"?needs_reconnection=true&app_id=key":      {nil, 0},
		"?needs_reconnection=true&app_id=mail":     {[]string{lost}, 1},
		"?needs_reconnection=false":                {[]string{ids[2], ids[1], ids[0]}, 3},
		"?needs_reconnection=false&limit=1&page=2": {[]string{ids[1]}, 3},
		"":                      {[]string{lost, ids[2], ids[1], ids[0]}, 4},
		"?app_id=mail":          {[]string{lost, ids[2], ids[0]}, 3},
		"?app_id=&page=&limit=": {[]string{lost, ids[2], ids[1], ids[0]}, 4},
		"?needs_reconnection=":  {[]string{lost, ids[2], ids[1], ids[0]}, 4},
		"?app_id=unknown":       {nil, 0},
		"?app_id=%25":           {nil, 0},
		"?limit=2":              {[]string{lost, ids[2]}, 4},
		"?limit=2&page=2":       {[]string{ids[1], ids[0]}, 4},
		"?limit=2&page=3":       {nil, 4},
		"?page=2147483647":      {nil, 4},
		"?user=" + bob:          {[]string{lost, ids[2], ids[1], ids[0]}, 4},
	} {
		var got struct {
			Connections []struct{ ID string }
			Total       int
		}
		s.get("/connections"+query).data(t, &got)
		var found []string
		for _, c := range got.Connections {
			found = append(found, c.ID)
		}
		if strings.Join(found, " ") != strings.Join(want.ids, " ") || got.Total != want.total {
			t.Errorf("%q: %v of %d, want %v of %d", query, found, got.Total, want.ids, want.total)
		}
	}
}

func TestListConnectionsRefuses(t *testing.T) {
	s := newStage(t)
	const want = "needs_reconnection: must be true or false"
	for _, query := range []string{"?needs_reconnection=maybe", "?needs_reconnection=True&app_id=mail"} {
		if got := s.get("/connections" + query); got.status != 400 || !strings.Contains(got.body, want) ||
			strings.Contains(got.body, "maybe") {
			t.Errorf("%s: %d %s", query, got.status, got.body)
		}
	}
	if got := s.get("/connections?needs_reconnection=true&needs_reconnection=false"); got.status != 400 ||
		!strings.Contains(got.body, "needs_reconnection: occurs more than once") {
		t.Errorf("twice: %d %s", got.status, got.body)
	}
}
