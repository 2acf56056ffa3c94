package command

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/manager"
)

// progressEvery is how often a line says how far it has come.
const progressEvery = 2 * time.Second

// summary is what became of many grants, as commands print it.
type summary struct {
	Revoked int `json:"revoked"`
	// Nothing had nothing that could be revoked: they were pending, or their grant had ended that way
	// before.
	Nothing int `json:"nothing_to_revoke"`
	// Stay are those that no provider can be asked to revoke, or that did not confirm it.
	Stay   []grantRow `json:"valid_at_provider"`
	Failed []grantRow `json:"failed"`

	done, total int
	out         io.Writer
	now         func() time.Time
	shown       time.Time
}

// grantRow names a connection.
type grantRow struct {
	Connection string `json:"connection"`
	User       string `json:"user"`
	App        string `json:"app"`
	Name       string `json:"name"`
	// Why says what kept a provider from revoking it.
	Why string `json:"why"`
}

func newSummary(counts []connect.AppCount, out io.Writer, now func() time.Time) *summary {
	s := &summary{Stay: []grantRow{}, Failed: []grantRow{}, out: out, now: now, shown: now()}
	for _, c := range counts {
		s.total += c.Connections
	}
	return s
}

// add counts one connection, and says now and then how far it has come.
func (s *summary) add(e manager.Ended) {
	row := grantRow{e.ID, e.User, e.App, e.Name, ""}
	s.done++
	switch {
	case e.Err != nil:
		row.Why = e.Err.Error()
		s.Failed = append(s.Failed, row)
	case e.Grant == manager.Revoked:
		s.Revoked++
	case e.Grant == manager.Stays:
		row.Why = "the provider has no way to revoke it"
		s.Stay = append(s.Stay, row)
	case e.Grant == manager.Unconfirmed:
		row.Why = "the provider did not confirm that it ended it"
		s.Stay = append(s.Stay, row)
	default:
		s.Nothing++
	}
	if now := s.now(); now.Sub(s.shown) >= progressEvery {
		s.shown = now
		// The summary tells what a line that cannot be written would have.
		_, _ = fmt.Fprintf(s.out, "%d of %d connections done, %d failed\n", s.done, max(s.total, s.done), len(s.Failed))
	}
}

// print prints the summary.
func (s *summary) print(w io.Writer, asJSON bool) error {
	if asJSON {
		return printJSON(w, s)
	}
	rows := [][]string{
		{"revoked at the provider", strconv.Itoa(s.Revoked)},
		{"nothing to revoke", strconv.Itoa(s.Nothing)},
		{"still valid at the provider", strconv.Itoa(len(s.Stay))},
		{"failed", strconv.Itoa(len(s.Failed))},
	}
	if err := printTable(w, []string{"GRANTS", "NUMBER"}, rows); err != nil {
		return err
	}
	for _, list := range []struct {
		title string
		rows  []grantRow
	}{
		{"Still valid: withdraw these at the provider", s.Stay}, {"Failed", s.Failed},
	} {
		if err := printGrants(w, list.title, list.rows); err != nil {
			return err
		}
	}
	return nil
}

func printGrants(w io.Writer, title string, grants []grantRow) error {
	if len(grants) == 0 {
		return nil
	}
	if _, err := fmt.Fprintf(w, "\n%s:\n", title); err != nil {
		return err
	}
	rows := make([][]string, 0, len(grants))
	for _, g := range grants {
		rows = append(rows, []string{g.Connection, g.User, g.App, g.Name, g.Why})
	}
	return printTable(w, []string{"CONNECTION", "USER", "APP", "NAME", "WHY"}, rows)
}
