package operator

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/vendgate/vendgate/connect"
)

// ParseEvent reads the name of an event; the empty text is any. It knows every event, so that a
// mistyped one does not look like one that never happened: its error lists them.
func ParseEvent(text string) (connect.Event, error) {
	known := append([]connect.Event{"", connect.KeysetRotated}, connect.TenantEvents...)
	if e := connect.Event(text); slices.Contains(known, e) {
		return e, nil
	}
	var names strings.Builder
	for _, e := range known[1:] {
		names.WriteString(" " + string(e))
	}
	return "", fmt.Errorf("write one of%s", names.String())
}

// ParseSince reads a duration before now, such as 90m or 7d, or a time in RFC 3339; the empty text
// is the zero time. Its error says what to write.
func ParseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := caddy.ParseDuration(text); err == nil && d > 0 {
		return now.Add(-d), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, errors.New("write a duration like 90m or 7d, or a time like 2026-01-02T15:04:05Z")
	}
	return at, nil
}

// AuditEntry is a row of the audit trail as commands and the admin API print it.
type AuditEntry struct {
	ID         int64         `json:"id"`
	At         time.Time     `json:"at"`
	Event      connect.Event `json:"event"`
	Tenant     string        `json:"tenant"`
	Actor      string        `json:"actor"`
	Request    string        `json:"request_id"`
	Connection string        `json:"connection_id"`
	User       string        `json:"user"`
	App        string        `json:"app"`
	Detail     string        `json:"detail"`
}

// AuditEntries returns the entries of rows, in their order, and an empty list of none.
func AuditEntries(rows []connect.AuditRow) []AuditEntry {
	list := make([]AuditEntry, 0, len(rows))
	for _, r := range rows {
		list = append(list,
			AuditEntry{r.ID, r.At, r.Event, r.Tenant, r.Actor, r.Request, r.Connection, r.User, r.App, r.Detail})
	}
	return list
}
