package connect

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// Filter says which connections to list. An empty Tenant, User or App means any, so a caller that
// answers a tenant must set Tenant, and User too under the Platform API.
type Filter struct {
	Tenant, User, App string
	// Status is one of the four, or empty for any.
	Status Status
	// NeedsReconnection is whether the grant has ended, or nil for either.
	NeedsReconnection *bool
	// Search is looked for in name, end user and app, literally and in any case (of ASCII letters),
	// and is how an id may begin: most short texts occur somewhere in a random id.
	Search string
	// Page and Limit are as [CheckPage] takes them.
	Page, Limit int
}

// ParseStatus reads the word by which the lists of commands and pages are narrowed: one of the four
// statuses, `needs_reconnection`, or nothing for any.
func ParseStatus(word string) (status Status, needsReconnection *bool, ok bool) {
	if word == "needs_reconnection" {
		ended := true
		return "", &ended, true
	}
	status = Status(word)
	return status, nil, word == "" || status.Valid()
}

// maxSearch bounds a search, in bytes. SQLite would not take a pattern of more than 50,000.
const maxSearch = 254

// check fills in the defaults of f, and reports what is wrong with it.
func (f *Filter) check() error {
	if !isPlain(f.Search, maxSearch) { // and to LIKE, a NUL would end the pattern
		return invalid(fmt.Sprintf("search: must be at most %d bytes of text without control characters", maxSearch))
	}
	return CheckPage(&f.Page, &f.Limit)
}

// AuditFilter says which rows of the audit trail to read. Empty fields mean any, so a caller that
// answers a tenant must set Tenant.
type AuditFilter struct {
	Tenant, Connection string
	Event              Event
	// Since leaves out what is older; the zero time means nothing.
	Since time.Time
	// Page and Limit are as [CheckPage] takes them.
	Page, Limit int
}

// DefaultLimit and MaxLimit bound the entries of a page.
const (
	DefaultLimit = 20
	MaxLimit     = 100
)

// CheckPage fills in the defaults of a page of a list: page counts from 1, and limit is 1…100
// entries a page; 0 means 1 and 20. Any other is a *vending.Error with `invalid_request`.
func CheckPage(page, limit *int) error {
	if *page == 0 {
		*page = 1
	}
	if *limit == 0 {
		*limit = DefaultLimit
	}
	switch {
	case *page < 1:
		return invalidNumber("page", math.MaxInt32)
	case *limit < 1 || *limit > MaxLimit:
		return invalidNumber("limit", MaxLimit)
	}
	return nil
}

// ParsePage is [CheckPage] of the texts of a query; an empty one means the default.
func ParsePage(pageText, limitText string) (page, limit int, err error) {
	if page, err = parseNumber("page", pageText, 1, math.MaxInt32); err != nil {
		return 0, 0, err
	}
	limit, err = parseNumber("limit", limitText, DefaultLimit, MaxLimit)
	return page, limit, err
}

func parseNumber(name, text string, fallback int, most uint64) (int, error) {
	if text == "" {
		return fallback, nil
	}
	n, err := strconv.ParseUint(text, 10, 31) // Atoi would take a sign
	if err != nil || n < 1 || n > most {
		return 0, invalidNumber(name, most)
	}
	return int(n), nil // #nosec G115 -- of 31 bits
}

func invalidNumber(name string, most uint64) error {
	return invalid(fmt.Sprintf("%s: must be a whole number from 1 to %d", name, most))
}

// pageOffset returns how many entries come before a page that was checked. One that would overflow
// lies past every row.
func pageOffset(page, limit int) int {
	if page-1 > math.MaxInt32/MaxLimit {
		return math.MaxInt32
	}
	return (page - 1) * limit
}
