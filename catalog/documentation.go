package catalog

import (
	"errors"
	"fmt"
	"net/url"
	"time"
)

// documentation checks where the entry's facts come from, and when they were compared.
func (c checker) documentation() error {
	if c.Docs != "" {
		u, err := url.Parse(c.Docs)
		if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
			return errors.New("docs must be an https address of the provider's: write it like " +
				"https://developers.example.com/auth")
		}
	}
	switch _, err := time.Parse(time.DateOnly, c.Checked); {
	case c.Checked == "":
		return nil
	case c.Docs == "":
		return errors.New("checked is the day on which docs was read, and there is no docs: write it")
	case err != nil:
		return fmt.Errorf("checked %q is invalid: write a day like 2026-11-30", c.Checked)
	}
	return nil
}
